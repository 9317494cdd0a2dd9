"""PURE. Lays a call that is over out in time: what the caller went through, and each line that was dialled, to scale.

It is read from the record and the journal's events; nothing is decided.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from switch.billing.verdict import CallEvent
from switch.call.record import AttemptRecord, CallRecord

_PHASES = {
    "EnterMenu": "menu",
    "Dial": "ringing",
    "Wait": "waiting",
    "Announce": "announcement",
    "TakeMessage": "voicemail",
    "Reject": "rejected",
}
"""What a ruling's choice begins for the caller; another one is called as it is."""
_QUIET = frozenset({"InviteArrived", "CallerAcknowledged", "DeadlinePassed", "PromptEnded", "AnswerDurable"})
"""Events that are no marks: what they bring about shows."""
TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600)
"""Seconds between two marks of the scale: the least that makes few enough."""
MAX_TICKS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """`kind`: menu, waiting, ringing, whispering, talking, ... `at`, `width`: per cent of the whole call. `ms`: how long."""

    kind: str
    label: str
    at: float
    width: float
    ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that happened at an instant."""

    label: str
    at: float
    ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    name: str
    segments: tuple[Segment, ...]
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """`ticks`: the scale."""

    lanes: tuple[Lane, ...]
    ticks: tuple[Mark, ...]
    total_ms: int


class _Scale:
    """Per cent of a call that begins and ends then; an instant outside counts as the nearer end."""

    def __init__(self, begin_us: int, end_us: int) -> None:
        self.begin, self.end = begin_us, max(end_us, begin_us + 1)

    def at(self, us: int) -> float:
        return round(100 * (min(max(us, self.begin), self.end) - self.begin) / (self.end - self.begin), 3)

    def segment(self, kind: str, from_us: int, to_us: int, label: str = "") -> Segment:
        start = self.at(from_us)
        return Segment(
            kind=kind, label=label or kind, at=start, width=round(self.at(to_us) - start, 3), ms=max(0, to_us - from_us) // 1_000
        )

    def mark(self, us: int, label: str) -> Mark:
        return Mark(label=label, at=self.at(us), ms=(us - self.begin) // 1_000)


def timeline_of(
    record: CallRecord, events: Sequence[CallEvent], attempts: Sequence[AttemptRecord], *, named: bool, caller: bool = True
) -> Timeline:
    """`attempts`: those that may be shown. `named`: whether lines may be named, and marks be shown. `caller`: whether the caller's side may
    be shown; else the scale is that of the attempts."""
    whole = _Scale(record.invited_us, record.ended_us)
    ends = [each.ended_us or record.ended_us for each in attempts]
    scale = whole if caller or not attempts else _Scale(min(each.invited_us for each in attempts), max(ends))
    lanes = []
    if caller:
        marks = tuple(_marks(record, events, scale)) if named else ()
        lanes.append(Lane(name="caller", segments=tuple(_caller(record, events, scale, named=named)), marks=marks))
    lanes += [Lane(name=each.line, segments=tuple(_attempt(each, record, scale))) for each in attempts]
    return Timeline(lanes=tuple(lanes), ticks=tuple(_ticks(scale)), total_ms=(scale.end - scale.begin) // 1_000)


def _caller(record: CallRecord, events: Sequence[CallEvent], scale: _Scale, *, named: bool) -> Iterator[Segment]:
    since, kind, label = record.invited_us, "arriving", ""
    for happened in events:
        begun = _begins(happened)
        if begun is None or begun == (kind, label):
            continue
        if happened.at_us > since:
            yield scale.segment(kind, since, happened.at_us, label if named else "")
        since, (kind, label) = happened.at_us, begun
    if record.ended_us > since:
        yield scale.segment(kind, since, record.ended_us, label if named else "")


def _begins(happened: CallEvent) -> tuple[str, str] | None:
    """Returns what begins for the caller by this event, and its label; None: nothing does."""
    then = happened.facts.get("then")
    commands = [str(each).partition(" ")[0] for each in then] if isinstance(then, list | tuple) else []
    if "Bridge" in commands:
        return "talking", ""
    if "Unbridge" in commands:
        return "ending", ""
    if happened.event == "Ruled":
        choice = str(happened.facts.get("choice", ""))
        word, _, rest = choice.partition(" ")
        kind = _PHASES.get(word, word.lower() or "routing")
        return kind, f"{kind} {rest}".strip()
    return None


def _marks(record: CallRecord, events: Sequence[CallEvent], scale: _Scale) -> Iterator[Mark]:
    names = {0: "caller", **{each.number: each.line for each in record.attempts}}
    for happened in events:
        if happened.event in _QUIET or happened.event == "Ruled":
            continue
        leg = happened.facts.get("leg")
        who = f" {names.get(leg, leg)}" if isinstance(leg, int) else ""
        said = [str(value) for key in ("digit", "cause", "status", "why") if (value := happened.facts.get(key)) is not None]
        yield scale.mark(happened.at_us, " ".join([f"{_in_words(happened.event)}{who}", *said]))


def _in_words(name: str) -> str:
    """`leg ended` of `LegEnded`."""
    return "".join(f" {char.lower()}" if char.isupper() else char for char in name).strip()


def _attempt(attempt: AttemptRecord, record: CallRecord, scale: _Scale) -> Iterator[Segment]:
    end = attempt.ended_us or record.ended_us
    rang = attempt.invited_us + (attempt.pdd_ms or 0) * 1_000
    taken = min(attempt.answered_us or end, end)
    if rang > attempt.invited_us:
        yield scale.segment("dialling", attempt.invited_us, min(rang, taken))
    if taken > rang:
        yield scale.segment("ringing", rang, taken)
    if attempt.answered_us is None:
        return
    talk = attempt.talk_us or end
    if talk > attempt.answered_us:
        yield scale.segment("whispering" if attempt.talk_us else "answered", attempt.answered_us, talk)
    if attempt.talk_us is not None:
        yield scale.segment("talking", talk, attempt.talk_ended_us or end)


def _ticks(scale: _Scale) -> Iterator[Mark]:
    total_s = (scale.end - scale.begin) / 1_000_000
    step = next((each for each in TICKS if total_s / each <= MAX_TICKS), TICKS[-1])
    for number in range(int(total_s // step) + 1):
        if (seconds := number * step) <= total_s:
            yield scale.mark(scale.begin + seconds * 1_000_000, f"{seconds // 60}:{seconds % 60:02d}")
