"""Knows in which order a campaign's lines are hunted and which of them may take the call now. Does not know overflow or menus.

The order is a weighted shuffle that every machine draws alike. A tier (the targets of one priority) is a row of tickets, `weight`
of them per target; a ticket is drawn, its holder is next, and the draw goes on among those left. That gives each target the first
place with probability weight / total, the second with weight / what is left, and so on. Everything is integer arithmetic on a
SHAKE-256 stream over seed, campaign and priority. The textbook keys, `-ln(u) / weight`, lean on the C library's logarithm, whose
last bit differs between machines: two machines could hunt the same call differently. Tickets are drawn from 64 bits, so the bias of
the remainder is below total weight / 2^64.

The draw is over all targets, eligible or not: a call keeps its order however many of its lines were tried or are full by then.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import shake_256
from itertools import accumulate, groupby
from operator import attrgetter
from struct import unpack

from routing import trail
from routing.hours import is_open
from routing.ruling import Attempt, Inquiry, Reason
from routing.table import Campaign, Cap, Line, NoRoute, Table, Target

TICKET_BYTES = 8

_priority = attrgetter("priority")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What one ruling looks at. `tried`: the inquiry's tried lines by name."""

    table: Table
    load: Mapping[str, int]
    inquiry: Inquiry
    tried: Mapping[str, NoRoute]


def hunt(scene: Scene, campaign: Campaign, *, reasons: list[Reason]) -> Attempt | NoRoute:
    """The first eligible line of an open campaign, or why there is none. Appends a reason per line looked at."""
    reasons.append(trail.hunting(campaign, scene.inquiry.seed))
    bars: list[NoRoute] = []
    for target in hunt_order(campaign, scene.inquiry.seed):
        found = try_line(scene, target.line, campaign=campaign, reasons=reasons)
        if isinstance(found, Attempt):
            return found
        bars.append(found)
    return cause_of(scene, campaign, bars=bars)


def try_line(scene: Scene, name: str, *, campaign: Campaign, reasons: list[Reason]) -> Attempt | NoRoute:
    """An attempt at this line for `campaign`, or what bars it. Appends one reason."""
    line = scene.table.lines[name]
    utc_us = scene.inquiry.utc_us
    if line.name in scene.tried:
        reasons.append(trail.tried_before(line, scene.tried[line.name]))
        return scene.tried[line.name]
    if line.paused:
        reasons.append(trail.line_paused(line))
        return NoRoute.CLOSED
    if line.hours is not None and not is_open(line.hours, utc_us):
        reasons.append(trail.line_closed(line, line.hours, utc_us))
        return NoRoute.CLOSED
    caps = line.caps + campaign.caps
    full, live = _first_full(caps, scene.load)
    if full is not None:
        reasons.append(trail.cap_full(line, full, live))
        return NoRoute.CAPPED
    reasons.append(trail.chosen(line, live))
    return _attempt(line, campaign, caps=caps)


def cause_of(scene: Scene, campaign: Campaign, *, bars: Sequence[NoRoute]) -> NoRoute:
    """Why nobody of `campaign` takes the call, when `bars` is all that was found among its lines.

    What happened outweighs what was found: once a line of this campaign was tried, the last one tried says why.
    """
    names = {target.line for target in campaign.targets}
    happened = [why for line, why in scene.inquiry.tried if line in names]
    if happened:
        return happened[-1]
    if not bars:
        return NoRoute.NO_MATCH
    return NoRoute.CAPPED if NoRoute.CAPPED in bars else NoRoute.CLOSED


def hunt_order(campaign: Campaign, seed: int) -> Iterator[Target]:
    """All targets of the campaign in the order this seed hunts them, drawn as far as they are asked for."""
    for priority, tier in groupby(sorted(campaign.targets, key=_priority), key=_priority):
        yield from _shuffled(tuple(tier), f"{seed}/{campaign.name}/{priority}")


def _shuffled(tier: Sequence[Target], label: str) -> Iterator[Target]:
    left = list(tier)
    weights = [target.weight for target in left]
    stream = shake_256(label.encode()).digest(TICKET_BYTES * len(left))
    for draw in unpack(f">{len(left)}Q", stream):
        ends = list(accumulate(weights))
        holder = bisect_right(ends, draw % ends[-1])
        del weights[holder]
        yield left.pop(holder)


def _first_full(caps: Sequence[Cap], load: Mapping[str, int]) -> tuple[Cap | None, Mapping[str, int]]:
    """The first cap without a free place, and the live counts read to find out."""
    live: dict[str, int] = {}
    for cap in caps:
        live[cap.owner] = load.get(cap.owner, 0)
        if live[cap.owner] >= cap.limit:
            return cap, live
    return None, live


def _attempt(line: Line, campaign: Campaign, *, caps: tuple[Cap, ...]) -> Attempt:
    return Attempt(
        line=line.name,
        advertiser=line.advertiser,
        campaign=campaign.name,
        uri=line.uri,
        ring_ms=line.ring_ms,
        silence_ms=line.silence_ms,
        timer_offset_ms=line.timer_offset_ms,
        caps=caps,
    )
