"""How calls and rulings look to a person. Nothing is fetched or decided here."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from routing.zone import Zone
from switch.billing.money import show_micros
from switch.billing.verdict import JudgedCall
from switch.call.cause import TREATMENT, Cause
from switch.call.record import AttemptRecord, CallRecord
from switch.output import Column, Table, width, write_lines

NOTHING = "-"
HEADINGS = ("date", "call", "caller", "number", "publisher", "campaign", "final_state", "lines_tried")
FIGURES = ("talk_s", "owed", "earned")
WIDE = (19, 16, 12, 12, 14, 14, 25, 24, 8, 7, 7)
NARROW = (16, 12, 16, 19, 7)
"""The least widths of the columns of both tables while calls are followed, where it is not known yet what comes."""


def show_calls_table(calls: Sequence[JudgedCall], clock: Zone) -> None:
    """One row a call, on one line where the terminal is wide enough, or where it is none; else on three or so."""
    wide = _wide_table(calls, clock)
    table = wide if wide.fits(width()) else _narrow_table(calls, clock)
    table.show()


def show_followed_calls(calls: Sequence[JudgedCall], clock: Zone, *, headings: bool) -> None:
    """The same, in columns that stay where they are as calls come. `headings`: before the first of them."""
    room = width()
    fits = _wide_table([], clock, least=WIDE).fits(room)
    table = _wide_table(calls, clock, least=WIDE) if fits else _narrow_table(calls, clock, least=NARROW)
    write_lines(table.lines(room) if headings else table.rows(room))


def local(utc_us: int, clock: Zone, *, to: str = "seconds") -> str:
    """`2026-03-02 14:00:05`; `to` minutes or milliseconds."""
    return datetime.fromtimestamp(utc_us / 1_000_000, clock).replace(tzinfo=None).isoformat(" ", timespec=to)


def _wide_table(calls: Sequence[JudgedCall], clock: Zone, *, least: Sequence[int] = ()) -> Table:
    """`least`: least widths of its columns, 0 where there are none."""
    date, *texts = HEADINGS
    columns = [Column(f"{date} {clock.key}"), *(Column(each) for each in texts), *(Column(each, right=True) for each in FIGURES)]
    table = Table(columns, least=least)
    for judged in calls:
        table.add_row(*_cells(judged, clock), style=_style(judged))
    return table


def _cells(judged: JudgedCall, clock: Zone) -> tuple[str, ...]:
    record, verdict = judged.record, judged.verdict
    return (
        local(record.invited_us, clock),
        record.call_id,
        " ".join(_callers(record)),
        record.did,
        record.publisher or NOTHING,
        record.campaign or NOTHING,
        f"{record.final_state}{_detail(record)}",
        ", ".join(_attempt(attempt) for attempt in record.attempts) or NOTHING,
        f"{record.connected_ms / 1000:.3f}",
        show_micros(verdict.revenue_micros),
        show_micros(verdict.payout_micros),
    )


def _narrow_table(calls: Sequence[JudgedCall], clock: Zone, *, least: Sequence[int] = ()) -> Table:
    """For eighty columns: what belongs together stands below each other."""
    headings = (
        [f"date {clock.key}", "call"],
        ["caller", "number"],
        ["publisher", "campaign"],
        ["final state, talk,", "lines tried"],
    )
    table = Table([*(Column(heading) for heading in headings), Column(["owed", "earned"], right=True)], least=least)
    for judged in calls:
        record, verdict = judged.record, judged.verdict
        state = f"{words(record.final_state)}{_detail(record)}"
        table.add_row(
            [local(record.invited_us, clock, to="minutes"), record.call_id],
            [*_callers(record), record.did],
            [record.publisher or NOTHING, record.campaign or NOTHING],
            [state, f"{record.connected_ms / 1000:.3f} s", *(_attempt(each) for each in record.attempts)],
            [show_micros(verdict.revenue_micros), show_micros(verdict.payout_micros)],
            style=_style(judged),
        )
    return table


_SEVERAL = frozenset(state for state, number in Counter(each.state for each in TREATMENT.values()).items() if number > 1)
"""The final states that several causes end in."""
_USUAL = frozenset({Cause.CALLER_HUNG_UP, Cause.LINE_FAILED})


def _detail(record: CallRecord) -> str:
    """The cause, where the final state leaves it open."""
    detail = record.ended_detail
    is_open = record.final_state in _SEVERAL and detail != record.final_state and detail not in _USUAL
    return f": {words(detail)}" if is_open else ""


def words(name: str) -> str:
    """`caller left while ringing` of `caller_left_while_ringing`."""
    return name.replace("_", " ")


def _callers(record: CallRecord) -> tuple[str, ...]:
    """The caller's number, and below it that it was kept from lines."""
    return (record.ani or NOTHING, *(("(private)",) if record.tags.get("privacy") else ()))


def _attempt(attempt: AttemptRecord) -> str:
    return f"{attempt.line} {words(attempt.outcome)}"


def _style(judged: JudgedCall) -> str:
    return "green" if judged.verdict.billable else ""


def read_text(read: Mapping[str, object], clock: Zone) -> str:
    """What a rule read, `name value` each; what is empty is left out. Instants are local, durations in seconds, exact amounts."""
    return ", ".join(_figure(name, value, clock) for name, value in read.items() if value not in ("", None))


def _figure(name: str, value: object, clock: Zone) -> str:
    name, _, owner = name.partition("/")
    if owner:  # `resting_until_us/acme-east`
        rest = "not resting" if (name, value) == ("resting_until_us", 0) else _figure(name, value, clock)
        return f"{owner} {rest}"
    stem, _, unit = name.rpartition("_")
    if isinstance(value, int) and not isinstance(value, bool):
        match unit:
            case "us":
                return f"{'at' if stem == 'utc' else words(stem)} {local(value, clock) if value else 'never'}"
            case "ms":
                return f"{words(stem)} {value / 1000:g} s"
            case "micros":
                return f"{words(stem)} {show_micros(value)}"
    return f"{words(name)} {value_text(value)}"


def value_text(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return " ".join(value_text(each) for each in value)
        case _:
            return str(value)
