"""Knows how lines have fared: when each was dialled last, who had his turn, which are unwell, what they earn. Does not know caps."""

from collections import deque
from typing import assert_never

from routing.table import Health
from switch.call.record import Outcome

RECENT_ATTEMPTS = 50
"""Over how many of its attempts for a campaign a line's worth is averaged."""


class LineBook:
    __slots__ = ("_earned", "_failures", "_last_attempt_us", "_last_line", "_resting_until_us")

    def __init__(self) -> None:
        self._last_attempt_us: dict[str, int] = {}
        self._last_line: dict[tuple[str, int], str] = {}
        self._failures: dict[str, int] = {}
        self._resting_until_us: dict[str, int] = {}
        self._earned: dict[tuple[str, str], deque[int]] = {}

    def attempted(self, line: str, *, campaign: str, priority: int, at_us: int) -> None:
        self._last_attempt_us[line] = max(at_us, self._last_attempt_us.get(line, 0))
        self._last_line[campaign, priority] = line

    def answered(self, line: str) -> None:
        """It is well: whatever went wrong before is forgotten."""
        self._failures.pop(line, None)
        self._resting_until_us.pop(line, None)

    def ended(self, line: str, outcome: Outcome, *, health: Health | None, at_us: int) -> None:
        """How an attempt went. After a rest one more failure is enough for the next: only an answer ends the row."""
        match outcome:
            case Outcome.BUSY | Outcome.DECLINED:
                self.answered(line)
            case Outcome.FAILED | Outcome.SILENT:
                row = self._failures[line] = self._failures.get(line, 0) + 1
                if health is not None and row >= health.failures:
                    self._resting_until_us[line] = at_us + health.rest_ms * 1_000
            case Outcome.ANSWERED | Outcome.NO_ANSWER | Outcome.LOST_RACE | Outcome.ABANDONED:
                pass  # its answer was told when talk began; the others say nothing of the line
            case _:
                assert_never(outcome)

    def earned(self, campaign: str, line: str, *, revenue_micros: int) -> None:
        """What an attempt that is over came to."""
        recent = self._earned.get((campaign, line))
        if recent is None:
            recent = self._earned[campaign, line] = deque(maxlen=RECENT_ATTEMPTS)
        recent.append(revenue_micros)

    def last_attempt_us(self, line: str) -> int:
        return self._last_attempt_us.get(line, 0)

    def last_line(self, campaign: str, priority: int) -> str | None:
        return self._last_line.get((campaign, priority))

    def resting_until_us(self, line: str) -> int:
        return self._resting_until_us.get(line, 0)

    def worth_micros(self, campaign: str, line: str) -> int:
        recent = self._earned.get((campaign, line))
        return sum(recent) // len(recent) if recent else 0
