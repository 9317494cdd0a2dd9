"""Knows how records and rulings look to a person. Does not fetch or decide anything."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from rich import box
from rich.console import Console
from rich.table import Table

from switch.billing.money import show_micros
from switch.billing.verdict import JudgedCall
from switch.call.record import AttemptRecord
from switch.settings.load import position_of
from switch.settings.problem import Position
from switch.simulation.route_query import RouteAnswer


def calls_table(calls: Sequence[JudgedCall]) -> Table:
    """One row a call: what happened, and what it is worth. Fits eighty columns; `--json` has the rest."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("UTC", no_wrap=True)
    table.add_column("caller", no_wrap=True)
    for heading in ("campaign", "lines tried", "final state"):
        table.add_column(heading, overflow="fold")
    for heading in ("talk s", "owed", "earned"):
        table.add_column(heading, justify="right", no_wrap=True)
    for judged in calls:
        record, verdict = judged.record, judged.verdict
        table.add_row(
            _clock(record.invited_us),
            record.ani,
            record.campaign or record.did,
            "\n".join(_attempt(attempt) for attempt in record.attempts) or "-",
            record.final_state.value,
            f"{record.connected_ms / 1000:.3f}",
            show_micros(verdict.revenue_micros),
            show_micros(verdict.payout_micros),
            style="green" if verdict.billable else "",
        )
    return table


def _attempt(attempt: AttemptRecord) -> str:
    return f"{attempt.line} {attempt.outcome.value}"


def _clock(utc_us: int) -> str:
    return f"{datetime.fromtimestamp(utc_us / 1_000_000, tz=UTC):%m-%d %H:%M:%S}"


def show_ruling(out: Console, answer: RouteAnswer, positions: Mapping[str, Position]) -> None:
    """The ruling, then why: one line per rule that was looked at, with the file and line it stands in."""
    out.print(f"[bold]{answer.did}[/] from {answer.ani} at {answer.at}")
    out.print(f"[bold]→ {answer.outcome}[/]")
    for reason in answer.reasons:
        figures = " ".join(f"{name}={value}" for name, value in reason["read"].items())
        where = position_of(positions, reason["rule"])
        place = f"  [dim]{where.file}:{where.line}[/]" if where else ""
        out.print(f"  {reason['rule']}: {reason['verdict']}" + (f"  [dim]{figures}[/]" if figures else "") + place, highlight=False)
