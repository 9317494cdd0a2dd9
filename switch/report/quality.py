"""How well audio arrived, by dimension: a call is as good as the worse direction of what counts of it.

What counts is the audio between us and whom a row names: of a line its leg, of a trunk the caller's, else that of all legs. Scores of the
two scales of the E-model are kept apart (`media.emodel`).
"""

from collections.abc import Sequence

import polars as pl

from media.emodel import LOW_MOS
from switch.ledger.columns import LedgerColumns
from switch.report.query import ReportQuery

CALLER_LEG = 0
_HIGHER, _LOWER = ("loss", "jitter_ms"), ("mos_narrowband", "mos_wideband")
_TYPES = {"call_id": pl.String, "attempt": pl.Int64, **dict.fromkeys((*_HIGHER, *_LOWER), pl.Float64)}


def with_quality(calls: pl.DataFrame, columns: LedgerColumns, query: ReportQuery) -> pl.DataFrame:
    """`calls` as `ReportData` has them, and of each what is known of its audio: `measured`, and what `_worst` says. Null: nothing is."""
    legs = pl.concat([pl.DataFrame(schema=_TYPES), *(pl.DataFrame(block, schema=_TYPES) for block in columns.media(query.period))])
    if query.per_attempt:
        key = ["call_id", "attempt"]
    else:
        key = ["call_id"]
        legs = legs.filter(attempt=CALLER_LEG) if "trunk" in query.by else legs
    return calls.join(legs.group_by(key).agg(pl.lit(value=True).alias("measured"), *_worst()), on=key, how="left")


def in_row(units: pl.DataFrame) -> Sequence[pl.Expr]:
    """Of a call of which several lines are in one row; none where no quality was read."""
    return [pl.col("measured").any(), *_worst()] if "measured" in units.columns else []


def sums() -> list[pl.Expr]:
    """The metrics."""
    return [
        pl.col("measured").sum().cast(pl.Int64).alias("measured_calls"),
        *(pl.col(name).mean() for name in (*_HIGHER, *_LOWER)),
        *((pl.col(name) < LOW_MOS).mean().alias(name.replace("mos", "low")) for name in _LOWER),
    ]


def _worst() -> list[pl.Expr]:
    return [pl.col(_HIGHER).max(), pl.col(_LOWER).min()]
