"""PURE. Adds up what the ledger says of calls, step by step, so that a counter is the sum of all steps so far.

All of it comes from the ledger, from its first call on: a monitor that is started again counts from where it was.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

from switch.ledger.monitoring import (
    ANSWER_MS,
    JITTER_MS,
    LOSS,
    MOS,
    RING_MS,
    TALK_MS,
    QualityTally,
    Spread,
    Tally,
)

OTHER = "other"
"""Stands for what is not in the config, or in no list of ours, any more: a label has a bounded number of values."""


def _none(bounds: Collection[float]) -> Callable[[], Spread]:
    return lambda: Spread(counts=(0,) * len(bounds), number=0, total=0.0)


class Tallies:
    """`calls`: by outcome. `causes`: calls by what ended them. `attempts`: by line and outcome; lines that the config has no more are still
    there. `revenue_micros`, `payout_micros`: as calls were judged, without later corrections. Of quality, all is by codec."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.causes: Counter[str] = Counter()
        self.attempts: Counter[tuple[str, str]] = Counter()
        self.revenue_micros = 0
        self.payout_micros = 0
        self.talk = _none(TALK_MS)()
        self.ring = _none(RING_MS)()
        self.answer = _none(ANSWER_MS)()
        self.loss: defaultdict[tuple[str, str], Spread] = defaultdict(_none(LOSS))
        self.jitter: defaultdict[str, Spread] = defaultdict(_none(JITTER_MS))
        self.mos: defaultdict[tuple[str, str], Spread] = defaultdict(_none(MOS))

    def add(self, tally: Tally) -> None:
        for calls in tally.calls:
            self.calls[calls.outcome] += calls.calls
            self.causes[calls.cause] += calls.calls
            self.revenue_micros += calls.revenue_micros
            self.payout_micros += calls.payout_micros
            self.talk += calls.talk
        for attempts in tally.attempts:
            self.attempts[attempts.line, attempts.outcome] += attempts.attempts
            self.ring += attempts.ring
            self.answer += attempts.answer

    def add_quality(self, found: Iterable[QualityTally]) -> None:
        for codec in found:
            self.loss[codec.codec, "received"] += codec.loss
            self.loss[codec.codec, "sent"] += codec.sent_loss
            self.jitter[codec.codec] += codec.jitter
            self.mos[codec.codec, "received"] += codec.mos
            self.mos[codec.codec, "sent"] += codec.sent_mos


def bounded(counts: Mapping[str, int], known: Collection[str]) -> dict[str, int]:
    """Returns the same counts with `other` for names that are not known. Those that never came are there with 0: what is 1 at first sight
    is no rise to Prometheus."""
    found = dict.fromkeys(known, 0)
    for name, number in counts.items():
        key = name if name in known else OTHER
        found[key] = found.get(key, 0) + number
    return found
