"""Keeps what each line did in a period, and draws what it does in a call that was not sent to it then.

Drawn by the call's own seed and the line's name, so that two runs agree.
"""

from dataclasses import dataclass, field, replace
from hashlib import blake2b

from switch.call.record import EndedBy
from switch.simulation.call_script import DEFAULT_LINE_SCRIPT, LineBehaviour, LineScript
from switch.simulation.recorded_call import RecordedAttempt, RecordedCall

MAX_KEPT = 1_000
"""Attempts remembered of one line, and of all lines together: a sample of those there were, each as likely to be in it."""
ALL = ""
"""Stands for all lines together."""
Talk = tuple[int, EndedBy]


@dataclass(slots=True, kw_only=True)
class _LineProfile:
    """`done`: what it was seen to do. `talks`: how long it talked, and who ended it. `number`: how many attempts were looked at."""

    done: list[LineScript] = field(default_factory=list)
    talks: list[Talk] = field(default_factory=list)
    number: int = 0


class LineProfiles:
    """Takes all attempts first (`add`), then answers (`resolved`)."""

    def __init__(self) -> None:
        self._of: dict[str, _LineProfile] = {}

    def add(self, line: str, seen: RecordedAttempt, *, seed: int) -> None:
        """What came of an answer to a caller who hung up at once is not known, and says nothing of the line."""
        conduct = seen.conduct
        if conduct is None or (conduct.behaviour is LineBehaviour.ANSWERS and conduct.accepts and not seen.talked):
            return
        for name in (line, ALL):
            _keep(self._of.setdefault(name, _LineProfile()), conduct, talked=seen.talked, seed=seed)

    def knows(self, line: str) -> bool:
        return line in self._of

    def resolved(self, line: str, seen: RecordedAttempt | None, *, seed: int) -> LineScript:
        """What it does in the call with that seed. `seen`: what it did there; None: it was not dialled for it."""
        habit = self._of.get(line) or self._of.get(ALL) or _LineProfile()
        if seen is not None and seen.conduct is not None:
            return (
                seen.conduct
                if seen.talked or seen.conduct.behaviour is not LineBehaviour.ANSWERS
                else _talking(habit, seen.conduct, line, seed)
            )
        rang_ms = 0 if seen is None else seen.rang_ms
        ways = habit.done if seen is None else [each for each in habit.done if _goes_on(each, rang_ms)]
        if not ways:
            return DEFAULT_LINE_SCRIPT if seen is None else LineScript(behaviour=LineBehaviour.RINGS)
        drawn = ways[_draw(seed, line) % len(ways)]
        return drawn if drawn.accepts or drawn.behaviour is not LineBehaviour.ANSWERS else _talking(habit, drawn, line, seed)


@dataclass(frozen=True, slots=True)
class ProfiledLines:
    """How every line behaves in one call: as it did where it was dialled for it, else as drawn from its profile."""

    call: RecordedCall
    habits: LineProfiles

    def __call__(self, line: str) -> LineScript:
        return self.habits.resolved(line, self.call.seen.get(line), seed=self.call.seed)


def _keep(habit: _LineProfile, conduct: LineScript, *, talked: bool, seed: int) -> None:
    """A reservoir: the newcomer takes the place of one that was kept, or none's."""
    habit.number += 1
    place = len(habit.done) if len(habit.done) < MAX_KEPT else _draw(seed, f"{habit.number}") % habit.number
    if place < MAX_KEPT:
        habit.done[place : place + 1] = [conduct]
        if talked:
            talk = (conduct.talk_ms, conduct.ended_by)
            if len(habit.talks) < MAX_KEPT:
                habit.talks.append(talk)
            else:
                habit.talks[place] = talk


def _talking(habit: _LineProfile, conduct: LineScript, line: str, seed: int) -> LineScript:
    """It answered, and did not come to talk: if it does now, it talks for a time drawn from its profile."""
    if not habit.talks:
        return conduct
    talk_ms, ended_by = habit.talks[_draw(seed, f"{line}/talk") % len(habit.talks)]
    return replace(conduct, talk_ms=talk_ms, ended_by=ended_by)


def _goes_on(conduct: LineScript, rang_ms: int) -> bool:
    """Whether a line that does this would still be ringing by then."""
    match conduct.behaviour:
        case LineBehaviour.RINGS:
            return True
        case LineBehaviour.SILENT:
            return False
        case _:
            return conduct.after_ms > rang_ms


def _draw(seed: int, what: str) -> int:
    return int.from_bytes(blake2b(f"{seed}/{what}".encode(), digest_size=8).digest(), "big")
