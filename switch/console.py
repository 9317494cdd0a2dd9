"""How calls and rulings look to a person. Nothing is fetched or decided here."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from routing.zone import Zone
from switch.billing.money import show_cents
from switch.billing.verdict import JudgedCall
from switch.call.record import AttemptRecord
from switch.output import Column, Table, width

NOTHING = "-"
HEADINGS = ("date", "call", "caller", "number", "publisher", "campaign", "final_state", "lines_tried")
FIGURES = ("talk_s", "owed", "earned")
WIDTHS = (19, 16, 12, 12, 14, 14, 25, 24, 8, 7, 7)
"""Of the columns while calls are followed, where it is not known yet what comes."""


def show_calls_table(calls: Sequence[JudgedCall], clock: Zone) -> None:
    """One row a call, on one line where the terminal is wide enough, or where it is none; else on three or so."""
    wide = _wide_table(calls, clock)
    if wide.fits(width()):
        wide.show()
    else:
        _narrow_table(calls, clock).show()


def call_row(judged: JudgedCall, clock: Zone) -> Iterator[str]:
    """The cells of a call, padded, for a line of its own."""
    for cell, wide in zip(_cells(judged, clock), WIDTHS, strict=True):
        yield cell.ljust(wide)


def local(utc_us: int, clock: Zone, *, to: str = "seconds") -> str:
    """`2026-03-02 14:00:05`; `to` minutes or milliseconds."""
    return datetime.fromtimestamp(utc_us / 1_000_000, clock).replace(tzinfo=None).isoformat(" ", timespec=to)


def _wide_table(calls: Sequence[JudgedCall], clock: Zone) -> Table:
    date, *texts = HEADINGS
    table = Table(
        [Column(f"{date} {clock.key}"), *(Column(each) for each in texts), *(Column(each, right=True) for each in FIGURES)]
    )
    for judged in calls:
        table.add_row(*_cells(judged, clock), style=_style(judged))
    return table


def _cells(judged: JudgedCall, clock: Zone) -> tuple[str, ...]:
    record, verdict = judged.record, judged.verdict
    return (
        local(record.invited_us, clock),
        record.call_id,
        record.ani or NOTHING,
        record.did,
        record.publisher or NOTHING,
        record.campaign or NOTHING,
        record.final_state.value,
        ", ".join(_attempt(attempt) for attempt in record.attempts) or NOTHING,
        f"{record.connected_ms / 1000:.3f}",
        show_cents(verdict.revenue_micros),
        show_cents(verdict.payout_micros),
    )


def _narrow_table(calls: Sequence[JudgedCall], clock: Zone) -> Table:
    """For eighty columns: what belongs together stands below each other."""
    headings = (["date", "call"], ["caller", "number"], ["publisher", "campaign"], ["final state, talk,", "lines tried"])
    table = Table([*(Column(heading) for heading in headings), Column(["owed", "earned"], right=True)])
    for judged in calls:
        record, verdict = judged.record, judged.verdict
        table.add_row(
            [local(record.invited_us, clock, to="minutes"), record.call_id],
            [record.ani or NOTHING, record.did],
            [record.publisher or NOTHING, record.campaign or NOTHING],
            [words(record.final_state), f"{record.connected_ms / 1000:.3f} s", *(_attempt(each) for each in record.attempts)],
            [show_cents(verdict.revenue_micros), show_cents(verdict.payout_micros)],
            style=_style(judged),
        )
    return table


def words(name: str) -> str:
    """`caller left while ringing` of `caller_left_while_ringing`."""
    return name.replace("_", " ")


def _attempt(attempt: AttemptRecord) -> str:
    return f"{attempt.line} {words(attempt.outcome)}"


def _style(judged: JudgedCall) -> str:
    return "green" if judged.verdict.billable else ""


def read_text(read: Mapping[str, object], clock: Zone) -> str:
    """What a rule read, `name value` each; what is empty is left out. Instants are local, durations in seconds, amounts in cents."""
    return ", ".join(_figure(name, value, clock) for name, value in read.items() if value not in ("", None))


def _figure(name: str, value: object, clock: Zone) -> str:
    stem, _, unit = name.rpartition("_")
    if isinstance(value, int) and not isinstance(value, bool):
        match unit:
            case "us":
                return f"{'at' if stem == 'utc' else words(stem)} {local(value, clock)}"
            case "ms":
                return f"{words(stem)} {value / 1000:g} s"
            case "micros":
                return f"{words(stem)} {show_cents(value)}"
    return f"{words(name)} {value_text(value)}"


def value_text(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return " ".join(value_text(each) for each in value)
        case _:
            return str(value)
