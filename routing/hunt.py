"""PURE. Which line of a campaign is dialled next: the order inside a priority, who is eligible, and why nobody is.

A line is asked in this order, and the first bar is the one that counts: it was tried for this call; its filter or the campaign's repeat
rule keeps the call from it (`no_match`: a caller whom nobody wants does not wait for a place); it is paused or closed (`closed`); it is
unhealthy and rests (`failed`); a cap is full (`capped`). A cap is full when what counts against it and what this attempt would add, one
or in revenue the most the call may earn, is more than its limit. The caps of campaign, publisher, number and trunk bar all lines alike
and are looked at once, before the lines.

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
from dataclasses import dataclass, field
from hashlib import shake_256
from itertools import accumulate, groupby
from operator import attrgetter
from struct import unpack
from typing import assert_never

from routing import trail
from routing.bidder import PastRevenue, worth
from routing.cap import Cap, Counts
from routing.expression import Scalar, holds
from routing.hours import is_open
from routing.load import Load
from routing.repeat import RepeatHistory
from routing.ruling import Attempt, Dial, Inquiry, Reason
from routing.table import Campaign, Hours, Line, NoRoute, Sort, Table, Target, Tier

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


MAX_ATTEMPTS = 10
"""For one call."""
MAX_TOGETHER = 10
"""Lines that ring at once."""
OUTSIDE = 0
"""The priority of a line that the menu or an overflow names: it is in no tier. Configured ones begin at 1."""

_BY_WEIGHT = Tier()
_WEIGHTIEST_FIRST = (NoRoute.CAPPED, NoRoute.CLOSED, NoRoute.FAILED, NoRoute.NO_MATCH)
# Members of an enum are found slowly in Python 3.11, and a hunt asks for these up to fifty times.
_CAPPED = NoRoute.CAPPED
_REVENUE = Counts.REVENUE


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingContext:
    """What one ruling looks at. `tried`: the inquiry's tried lines by name.

    `shut`: what has been found out about opening hours already, by their `id` (the table outlives the ruling, and hours can't be hashed):
    what the trail says where they are closed now, else None. Many lines keep the same hours.
    """

    table: Table
    load: Load
    inquiry: Inquiry
    tried: Mapping[str, NoRoute]
    shut: dict[int, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HuntContext:
    """The call as one campaign sees it. `shared`: the caps that every attempt for it counts against, whichever line it is.

    `past`: None where the campaign has no rule for repeats.
    """

    scene: RoutingContext
    campaign: Campaign
    shared: tuple[Cap, ...]
    tags: Mapping[str, Scalar]
    past: RepeatHistory | None


@dataclass(slots=True, kw_only=True)
class _Look:
    """Lines of a case being looked at, one after the other.

    `also`: caps to look at besides each line's own. `taken`: what attempts that are made at the same time add to caps, by key.
    `read`: the figures read for the line at hand.
    """

    case: HuntContext
    reasons: list[Reason]
    also: tuple[Cap, ...] = ()
    taken: dict[str, int] = field(default_factory=dict)
    read: dict[str, int] = field(default_factory=dict)


def hunt(case: HuntContext, *, reasons: list[Reason]) -> Dial | NoRoute:
    """The first eligible line of an open campaign, or as many of its tier as may ring together; or why there is none."""
    ended = _ended(case, reasons=reasons)
    if ended is not None:
        return ended
    shared = _Look(case=case, reasons=reasons)
    full = _first_full(shared, case.shared)
    if full is not None:
        owner = full.owner.replace(":", " ", 1)
        reasons.append(trail.capped(owner, full, taken=0, revenue_micros=case.campaign.revenue_micros, read=shared.read))
        return cause_of(case, bars={NoRoute.CAPPED})
    reasons.append(trail.hunting(case.campaign, case.scene.inquiry.seed, shared.read))
    bars: set[NoRoute] = set()
    hunted: Sequence[Target] = case.campaign.targets
    if case.past is not None and case.past.only is not None:  # a repeat that goes to the same line
        hunted = [target for target in hunted if target.line == case.past.only]
    for priority, targets in tiers(hunted):
        tier = case.campaign.tiers.get(priority, _BY_WEIGHT)
        found = _first(case, _ordered(case, targets, sort=tier.sort, reasons=reasons), tier=tier, bars=bars, reasons=reasons)
        if found:
            return Dial(attempts=tuple(found))
    return cause_of(case, bars=bars)


def try_line(case: HuntContext, name: str, *, reasons: list[Reason]) -> Dial | NoRoute:
    """An attempt at a line that was named outright, or what bars it."""
    tried = case.scene.inquiry.tried
    if len(tried) >= MAX_ATTEMPTS:
        reasons.append(trail.attempts_spent(len(tried)))
        return case.scene.tried.get(name, tried[-1][1])
    line = case.scene.table.lines[name]
    bar = _look(_Look(case=case, reasons=reasons, also=case.shared), line)
    return Dial(attempts=(_attempt(case, line, priority=OUTSIDE),)) if bar is None else bar


def cause_of(case: HuntContext, *, bars: set[NoRoute]) -> NoRoute:
    """Why nobody of the campaign takes the call, when `bars` is all that was found among its lines.

    What happened outweighs what was found: once a line of this campaign was tried, the last one tried says why.
    """
    happened = _happened(case)
    if happened:
        return happened[-1]
    return next((cause for cause in _WEIGHTIEST_FIRST if cause in bars), NoRoute.NO_MATCH)


def _happened(case: HuntContext) -> list[NoRoute]:
    """How the attempts at this campaign's lines ended, in order."""
    tried = case.scene.inquiry.tried
    if not tried:
        return []
    names = {target.line for target in case.campaign.targets}
    return [why for line, why in tried if line in names]


def _ended(case: HuntContext, *, reasons: list[Reason]) -> NoRoute | None:
    """Why no more lines of the campaign are to be dialled for this call, whichever they are; None: they may be."""
    tried = case.scene.inquiry.tried
    if len(tried) >= MAX_ATTEMPTS:
        reasons.append(trail.attempts_spent(len(tried)))
        return (_happened(case) or [tried[-1][1]])[-1]
    left = dict(case.campaign.retry)
    if left:
        for why in _happened(case):
            left[why] = left.get(why, MAX_ATTEMPTS) - 1
            if left[why] <= 0:
                reasons.append(trail.retry_spent(case.campaign, why))
                return why
    return None


def _ordered(case: HuntContext, targets: Sequence[Target], *, sort: Sort, reasons: list[Reason]) -> Iterable[Target]:
    """One tier in the order it is hunted. What that takes of the load goes to the trail."""
    load, campaign, priority = case.scene.load, case.campaign, targets[0].priority
    shuffled = by_weight(targets, campaign=campaign.name, seed=case.scene.inquiry.seed)
    read: dict[str, Scalar]
    match sort:
        case Sort.WEIGHT:
            return shuffled
        case Sort.ROUND_ROBIN:
            last = load.last_line(campaign.name, priority)
            read = {} if last is None else {f"last_line/{campaign.name}/{priority}": last}
            ordered = round_robin(targets, last)
        case Sort.LEAST_RECENT:
            last_us = {target.line: load.last_attempt_us(target.line) for target in targets}
            read = {f"last_attempt_us/{line}": at_us for line, at_us in last_us.items()}
            ordered = least_recent(targets, last_us)
        case Sort.PERFORMANCE:
            bidder = PastRevenue(load=load, campaign=campaign.name)
            worth_micros = {target.line: worth(bidder, target.line, case.tags) for target in targets}
            read = {f"worth_micros/{line}": micros for line, micros in worth_micros.items()}
            ordered = by_worth(shuffled, worth_micros)
        case unknown:
            assert_never(unknown)
    reasons.append(trail.sorted_by(campaign, priority, sort=sort, read=read))
    return ordered


def _first(case: HuntContext, targets: Iterable[Target], *, tier: Tier, bars: set[NoRoute], reasons: list[Reason]) -> list[Attempt]:
    """The first line that may take the call, or the first `MAX_TOGETHER` where the tier rings together.

    Attempts made at once take places from each other: what those before it add to a cap is not there for the next one.
    """
    room = min(MAX_TOGETHER, MAX_ATTEMPTS - len(case.scene.inquiry.tried)) if tier.together else 1
    lines = case.scene.table.lines
    look = _Look(case=case, reasons=reasons)
    found: list[Attempt] = []
    for target in targets:
        line = lines[target.line]
        bar = _look(look, line)
        if bar is not None:
            bars.add(bar)
            continue
        found.append(_attempt(case, line, priority=target.priority))
        if len(found) == room:
            break
        look.also = case.shared
        for cap in found[-1].caps:
            look.taken[cap.key] = look.taken.get(cap.key, 0) + _adds(cap, case.campaign)
    return found


def _look(look: _Look, line: Line) -> NoRoute | None:
    """What bars the line; None: it may take the call. Appends one reason."""
    read = look.read = {}
    bar = _bar(look, line)
    if bar is not None:
        return bar
    full = _first_full(look, line.caps + look.also)
    if full is None:
        look.reasons.append(trail.chosen(line, read))
        return None
    taken = look.taken.get(full.key, 0)
    look.reasons.append(trail.capped(line.name, full, taken=taken, revenue_micros=look.case.campaign.revenue_micros, read=read))
    return _CAPPED


def _bar(look: _Look, line: Line) -> NoRoute | None:
    """What bars the line, caps apart. Appends a reason if anything does."""
    case = look.case
    scene = case.scene
    if line.name in scene.tried:
        look.reasons.append(trail.tried_before(line, scene.tried[line.name]))
        return scene.tried[line.name]
    if line.filter is not None:
        tags = _tags_for(case, line)
        if not holds(line.filter, tags):
            look.reasons.append(trail.filtered(f"lines.{line.name}", line.filter, tags=tags, is_match=False))
            return NoRoute.NO_MATCH
    if case.past is not None and case.past.bars(line):
        look.reasons.append(trail.repeat_barred(case.campaign, line, case.past.rule.route))
        return NoRoute.NO_MATCH
    if line.advertiser_paused or line.paused:
        look.reasons.append(trail.paused(f"advertisers.{line.advertiser}" if line.advertiser_paused else f"lines.{line.name}"))
        return NoRoute.CLOSED
    if line.hours is not None:
        shut = _shut(scene, line.hours)
        if shut is not None:
            look.reasons.append(trail.gate(f"lines.{line.name}", shut, utc_us=scene.inquiry.utc_us))
            return NoRoute.CLOSED
    if line.health is not None:
        look.read[f"resting_until_us/{line.name}"] = until_us = scene.load.resting_until_us(line.name)
        if until_us > scene.inquiry.utc_us:
            look.reasons.append(trail.resting(line, look.read))
            return NoRoute.FAILED
    return None


def _shut(scene: RoutingContext, hours: Hours) -> str | None:
    """What the trail says of hours that are closed now; None: they are open."""
    key = id(hours)
    if key not in scene.shut:
        utc_us = scene.inquiry.utc_us
        scene.shut[key] = None if is_open(hours, utc_us) else trail.closed(hours, utc_us)
    return scene.shut[key]


def _tags_for(case: HuntContext, line: Line) -> Mapping[str, Scalar]:
    """The call's tags as this line's filter reads them: where repeats are told line by line, `repeat` is the line's own."""
    if case.past is None:
        return case.tags
    is_repeat = case.past.is_repeat_for(line)
    return case.tags if case.tags["repeat"] is is_repeat else {**case.tags, "repeat": is_repeat}


def _first_full(look: _Look, caps: Sequence[Cap]) -> Cap | None:
    """The first cap without room for one more attempt. What is read to find out goes to `look.read`."""
    scene, read, taken = look.case.scene, look.read, look.taken
    used, utc_us = scene.load.used, scene.inquiry.utc_us
    for cap in caps:
        key = cap.key
        read[key] = figure = used(cap, utc_us)
        if taken:
            figure += taken.get(key, 0)
        adds = 1 if cap.counts is not _REVENUE else look.case.campaign.revenue_micros
        if figure + adds > cap.limit:
            return cap
    return None


def _adds(cap: Cap, campaign: Campaign) -> int:
    """What one attempt for the campaign may add to the cap."""
    return campaign.revenue_micros if cap.counts is _REVENUE else 1


def _attempt(case: HuntContext, line: Line, *, priority: int) -> Attempt:
    return Attempt(
        line=line.name,
        advertiser=line.advertiser,
        campaign=case.campaign.name,
        priority=priority,
        uri=line.uri,
        ring_ms=line.ring_ms,
        silence_ms=line.silence_ms,
        timer_offset_ms=line.timer_offset_ms,
        caps=line.caps + case.shared,
        revenue_micros=case.campaign.revenue_micros,
        recover_ms=case.campaign.recover_ms,
        accept=line.accept,
        repeat=case.past is not None and case.past.is_repeat_for(line),
    )
