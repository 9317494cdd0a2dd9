"""Knows in which order the lines of a campaign are hunted. Does not know which of them may take the call.

Lower priorities come first; inside one, the tier's sort decides:

- `weight`: a weighted shuffle that every machine draws alike. A tier is a row of tickets, `weight` of them per target; a ticket is drawn,
  its holder is next, and the draw goes on among those left. That gives each target the first place with probability weight / total,
  the second with weight / what is left, and so on. Everything is integer arithmetic on a SHAKE-256 stream over seed, campaign and
  priority. The textbook keys, `-ln(u) / weight`, lean on the C library's logarithm, whose last bit differs between machines: two
  machines could hunt the same call differently. Tickets are drawn from 64 bits, so the bias of the remainder is below
  total weight / 2^64.
- `round_robin`: as configured, going on behind the line of the tier that was dialled last, and round.
- `least_recent`: by when each was last dialled, those that never were first; among equals as configured.
- `performance`: by what a call is worth to the line (`routing.bidder`), the most first; among equals by the weighted shuffle.

The order is that of all targets, eligible or not: by weight, a call keeps its order however many of its lines were tried or are full
by then.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import shake_256
from itertools import accumulate, groupby
from operator import attrgetter
from struct import unpack

from routing.table import Target

TICKET_BYTES = 8

_priority = attrgetter("priority")


def tiers(targets: Iterable[Target]) -> Iterator[tuple[int, list[Target]]]:
    """The targets of each priority as configured, lower priorities first."""
    for priority, tier in groupby(sorted(targets, key=_priority), key=_priority):
        yield priority, list(tier)


def by_weight(tier: Sequence[Target], *, campaign: str, seed: int) -> Iterator[Target]:
    """The weighted shuffle of one tier, drawn as far as it is asked for."""
    left = list(tier)
    label = f"{seed}/{campaign}/{left[0].priority}"
    stream = shake_256(label.encode()).digest(TICKET_BYTES * len(left))
    weights = [target.weight for target in left]
    each = weights[0]
    is_even = weights.count(each) == len(weights)
    for draw in unpack(f">{len(left)}Q", stream):
        if is_even:  # the common case: the holder of a ticket is known without a look at the others
            holder = draw % (each * len(left)) // each
        else:
            ends = list(accumulate(weights))
            holder = bisect_right(ends, draw % ends[-1])
            del weights[holder]
        yield left.pop(holder)


def round_robin(tier: Sequence[Target], last: str | None) -> list[Target]:
    """`last`: the line that was dialled last; one that is not in the tier (any more) leaves it as configured."""
    start = next((place for place, target in enumerate(tier, start=1) if target.line == last), 0)
    return [*tier[start:], *tier[:start]]


def least_recent(tier: Sequence[Target], last_us: Mapping[str, int]) -> list[Target]:
    """`last_us`: by line, when it was last dialled; 0: never."""
    return sorted(tier, key=lambda target: last_us[target.line])


def by_worth(tier: Iterable[Target], worth_micros: Mapping[str, int]) -> list[Target]:
    """`tier` comes shuffled, which is the order of equals."""
    return sorted(tier, key=lambda target: -worth_micros[target.line])
