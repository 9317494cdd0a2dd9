"""Knows how a call is split among the lines that were dialled for it. Does not read anything and does not group.

Each line has its own talk, revenue and payout, by its attempt and its money rows. What is of the whole call counts for the attempt that
bears it, as when it was judged: the first that talked, else the first that answered, else the first. So money is never doubled, though a
call counts for every line. Nobody's line is null: of a call without attempts, and of money that names no line that was dialled.
"""

import polars as pl

from switch.billing.verdict import MoneyKind

NOBODY = ""
_TALKED, _ANSWERED, _NEITHER = 0, 1, 2
_MANY = 1_000
"""More than attempts of one call."""


def split(calls: pl.DataFrame, attempts: pl.DataFrame, money: pl.DataFrame) -> pl.DataFrame:
    """Rows of `calls` for each of their `attempts`, with what `money` rows say of their lines."""
    owed = _owed(money)
    dialled = (
        calls.drop("connected_ms", "connected")
        .join(_dialled(attempts), on="call_id", how="left")
        .with_columns(line=pl.col("line").fill_null(NOBODY), bears=pl.col("bears").fill_null(value=True))
    )
    units = dialled.join(owed, on=["call_id", "line"], how="left")
    stray = owed.join(dialled, on=["call_id", "line"], how="anti").with_columns(line=pl.lit(NOBODY))
    strays = calls.drop("connected_ms", "connected").join(stray, on="call_id").with_columns(bears=pl.lit(value=False))
    return (
        pl.concat([units, strays], how="diagonal")
        .join(owed.group_by("call_id").agg(owes=pl.col("owing").any(), earns=pl.col("earning").any()), on="call_id", how="left")
        .with_columns(
            line=pl.col("line").replace({NOBODY: None}),
            connected=pl.col("talked").fill_null(value=False),
            connected_ms=pl.col("connected_ms").fill_null(0),
            near_miss_seen=pl.col("near_miss") & pl.col("ended_by_line").fill_null(value=False),
            converted=_came(owing="owing", micros="line_revenue", whole="billable", of_call="owes"),
            paid=_came(owing="earning", micros="line_payout", whole="earned", of_call="earns"),
            revenue_micros=pl.col("line_revenue").fill_null(0),
            payout_micros=pl.col("line_payout").fill_null(0),
            cost_micros=pl.when("bears").then("cost_micros").otherwise(0),
        )
    )


def _dialled(attempts: pl.DataFrame) -> pl.DataFrame:
    closeness = pl.when(pl.col("talked") > 0).then(_TALKED).when(pl.col("answered") > 0).then(_ANSWERED).otherwise(_NEITHER)
    order = closeness.cast(pl.Int64) * _MANY + pl.col("attempt")
    return attempts.with_columns(
        bears=order == order.min().over("call_id"), talked=pl.col("talked") > 0, ended_by_line=pl.col("ended_by_line") > 0
    ).drop("answered")


def _owed(money: pl.DataFrame) -> pl.DataFrame:
    """What revenue and payout of each call and line come to, and whether there are such rows."""
    revenue, payout = pl.col("kind") == MoneyKind.REVENUE.value, pl.col("kind") == MoneyKind.PAYOUT.value
    amount = pl.col("amount_micros")
    return (
        money.filter(revenue | payout)
        .with_columns(line=pl.col("line").fill_null(NOBODY))
        .group_by("call_id", "line")
        .agg(
            line_revenue=amount.filter(revenue).sum(),
            line_payout=amount.filter(payout).sum(),
            owing=revenue.any(),
            earning=payout.any(),
        )
    )


def _came(*, owing: str, micros: str, whole: str, of_call: str) -> pl.Expr:
    """By the line's rows; a call whose verdict holds without any row, because its price is nothing, by the attempt that bears it."""
    free = pl.col(whole) & pl.col("bears") & ~pl.col(of_call).fill_null(value=False)
    return pl.when(pl.col(owing).fill_null(value=False)).then(pl.col(micros) > 0).otherwise(free)
