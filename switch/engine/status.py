"""Counts what trunks and lines did since the start, and defines what the engine shows of itself. Nothing is decided by these counts."""

from collections import Counter
from collections.abc import Collection

import msgspec

from switch.call.record import CallRecord, FinalState


class TrunkStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One trunk. `calls`: live. `total_calls`: since the start, live ones included. `refused`: of these, those that were rejected at once.
    `malformed`: messages of its addresses that could not be used, or were read past an error. `last_seen_us`: UTC, of its last message."""

    name: str
    calls: int
    total_calls: int
    refused: int
    malformed: int
    last_seen_us: int | None


class LineStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One line. `calls`: live, ringing ones included. `total_calls`: since the start. `resting_until_us`: UTC, until when it is not tried
    after failures. `last_result`, `last_result_us`: the outcome of its last attempt whose call is over, and when it was dialled."""

    name: str
    advertiser: str
    calls: int
    total_calls: int
    resting_until_us: int | None
    last_result: str | None
    last_result_us: int | None


class TrafficCounts:
    """What happened on each trunk and line of the config."""

    __slots__ = ("_line_calls", "_refused", "_results", "_seen_us", "_trunk_calls")

    def __init__(self) -> None:
        self._trunk_calls: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._line_calls: Counter[str] = Counter()
        self._results: dict[str, tuple[str, int]] = {}
        self._seen_us: dict[str, int] = {}

    def saw_trunk(self, trunk: str, utc_us: int) -> None:
        self._seen_us[trunk] = utc_us

    def add_record(self, record: CallRecord) -> None:
        """A call is over."""
        self._trunk_calls[record.trunk] += 1
        if record.final_state in _REJECTED:
            self._refused[record.trunk] += 1
        for attempt in record.attempts:
            self._line_calls[attempt.line] += 1
            self._results[attempt.line] = (attempt.outcome.value, attempt.invited_us)

    def keep(self, *, trunks: Collection[str], lines: Collection[str]) -> None:
        """Forgets what the config no longer has."""
        for counts, names in (
            (self._trunk_calls, trunks),
            (self._refused, trunks),
            (self._seen_us, trunks),
            (self._line_calls, lines),
            (self._results, lines),
        ):
            for gone in counts.keys() - names:
                del counts[gone]

    def trunk(self, name: str, *, live: int, malformed: int) -> TrunkStatus:
        return TrunkStatus(
            name=name,
            calls=live,
            total_calls=self._trunk_calls[name] + live,
            refused=self._refused[name],
            malformed=malformed,
            last_seen_us=self._seen_us.get(name),
        )

    def line(self, name: str, advertiser: str, *, live: int, resting_until_us: int | None) -> LineStatus:
        result, result_us = self._results.get(name, (None, None))
        return LineStatus(
            name=name,
            advertiser=advertiser,
            calls=live,
            total_calls=self._line_calls[name] + live,
            resting_until_us=resting_until_us,
            last_result=result,
            last_result_us=result_us,
        )


_REJECTED = frozenset(state for state in FinalState if state.value.startswith("rejected_"))
