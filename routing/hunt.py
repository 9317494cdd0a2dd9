"""PURE. Which line of a campaign is dialled next: the order inside a priority, who is eligible, and why nobody is.

A line is asked in this order, and the first bar is the one that counts: it was tried for this call; its filter or the campaign's repeat
rule keeps the call from it (`no_match`: a caller whom nobody wants does not wait for a place); it is paused or closed (`closed`); it is
unhealthy and rests, or down (`failed`); a cap is full (`capped`). A cap is full when what counts against it and what this attempt would
add, one or in revenue the most the call may earn, is more than its limit. The caps of campaign, publisher,
number and trunk bar all lines alike and are looked at once, before the lines.

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
from routing.override import NO_OVERRIDES, OverridesInForce
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
"""For one call, so that no more lines ring at once either."""
NO_TIER = 0
"""The priority of a line that the menu or an overflow names: it is in no tier. Configured ones begin at 1."""

_BY_WEIGHT = Tier()
_BY_PRECEDENCE = (NoRoute.CAPPED, NoRoute.CLOSED, NoRoute.FAILED, NoRoute.NO_MATCH)
# Members of an enum are found slowly in Python 3.11, and a hunt asks for these up to fifty times.
_CAPPED = NoRoute.CAPPED
_REVENUE = Counts.REVENUE


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingContext:
    """What one ruling looks at. `tried`: the inquiry's tried lines by name.

    `closed_hours`: what has been found out about opening hours already, by their `id` (the table outlives the ruling, and hours can't be
    hashed): what the trail says where they are closed now, else None. Many lines keep the same hours.
    `in_force`: the overrides; `told`: the numbers of those limits that the trail has named already.
    """

    table: Table
    load: Load
    inquiry: Inquiry
    tried: Mapping[str, NoRoute]
    closed_hours: dict[int, str | None] = field(default_factory=dict)
    in_force: OverridesInForce = NO_OVERRIDES
    told: set[int] = field(default_factory=set)

    def limited(self, caps: tuple[Cap, ...], *, reasons: list[Reason]) -> tuple[Cap, ...]:
        """Returns the caps with the limits of the moment. Each override is named once in a ruling, where its cap is first met."""
        limits = self.in_force.limits
        if not limits:
            return caps
        for cap in caps:
            override = limits.get(cap.key)
            if override is not None and override.number not in self.told:
                self.told.add(override.number)
                reasons.append(trail.overridden(override))
        return tuple([self.in_force.limited(cap) for cap in caps])


@dataclass(frozen=True, slots=True, kw_only=True)
class HuntContext:
    """The call as one campaign sees it. `shared`: the caps that every attempt for it counts against, whichever line it is.

    `past`: None where the campaign has no rule for repeats.
    """

    routing: RoutingContext
    campaign: Campaign
    shared: tuple[Cap, ...]
    tags: Mapping[str, Scalar]
    past: RepeatHistory | None


@dataclass(slots=True, kw_only=True)
class _LineCheck:
    """Lines of a campaign being looked at, one after the other.

    `also`: caps to check besides each line's own. `taken`: what attempts that are made at the same time add to caps, by key.
    `read`: the figures read for the line at hand.
    """

    context: HuntContext
    reasons: list[Reason]
    also: tuple[Cap, ...] = ()
    taken: dict[str, int] = field(default_factory=dict)
    read: dict[str, int] = field(default_factory=dict)


def hunt(context: HuntContext, *, reasons: list[Reason]) -> Dial | NoRoute:
    """The first eligible line of an open campaign, or as many of its tier as may ring together; or why there is none."""
    ended = _hunt_ended(context, reasons=reasons)
    if ended is not None:
        return ended
    shared = _LineCheck(context=context, reasons=reasons)
    full = _first_full(shared, context.shared)
    if full is not None:
        owner = full.owner.replace(":", " ", 1)
        reasons.append(trail.capped(owner, full, taken=0, revenue_micros=context.campaign.revenue_micros, read=shared.read))
        return cause_of(context, bars={NoRoute.CAPPED})
    reasons.append(trail.hunting(context.campaign, context.routing.inquiry.seed, shared.read))
    bars: set[NoRoute] = set()
    hunted: Sequence[Target] = context.campaign.targets
    if context.past is not None and context.past.only is not None:  # a repeat that goes to the same line
        hunted = [target for target in hunted if target.line == context.past.only]
    for priority, targets in tiers(hunted):
        tier = context.campaign.tiers.get(priority, _BY_WEIGHT)
        found = _eligible(
            context, _ordered(context, targets, sort=tier.sort, reasons=reasons), tier=tier, bars=bars, reasons=reasons
        )
        if found:
            return Dial(attempts=tuple(found))
    return cause_of(context, bars=bars)


def try_line(context: HuntContext, name: str, *, reasons: list[Reason]) -> Dial | NoRoute:
    """An attempt at a line that was named outright, or what bars it."""
    tried = context.routing.inquiry.tried
    if len(tried) >= MAX_ATTEMPTS:
        reasons.append(trail.attempts_spent(len(tried)))
        return context.routing.tried.get(name, tried[-1][1])
    line = context.routing.table.lines[name]
    bar = _check_line(_LineCheck(context=context, reasons=reasons, also=context.shared), line)
    return Dial(attempts=(_attempt(context, line, priority=NO_TIER, reasons=reasons),)) if bar is None else bar


def cause_of(context: HuntContext, *, bars: set[NoRoute]) -> NoRoute:
    """Why nobody of the campaign takes the call, when `bars` is all that was found among its lines.

    What happened outweighs what was found: once a line of this campaign was tried, the last one tried says why.
    """
    outcomes = _past_outcomes(context)
    if outcomes:
        return outcomes[-1]
    return next((cause for cause in _BY_PRECEDENCE if cause in bars), NoRoute.NO_MATCH)


def _past_outcomes(context: HuntContext) -> list[NoRoute]:
    """How the attempts at this campaign's lines ended, in order."""
    tried = context.routing.inquiry.tried
    if not tried:
        return []
    names = {target.line for target in context.campaign.targets}
    return [why for line, why in tried if line in names]


def _hunt_ended(context: HuntContext, *, reasons: list[Reason]) -> NoRoute | None:
    """Why no more lines of the campaign are to be dialled for this call, whichever they are; None: they may be."""
    tried = context.routing.inquiry.tried
    if len(tried) >= MAX_ATTEMPTS:
        reasons.append(trail.attempts_spent(len(tried)))
        return (_past_outcomes(context) or [tried[-1][1]])[-1]
    left = dict(context.campaign.retry)
    if left:
        for why in _past_outcomes(context):
            left[why] = left.get(why, MAX_ATTEMPTS) - 1
            if left[why] <= 0:
                reasons.append(trail.retry_spent(context.campaign, why))
                return why
    return None


def _ordered(context: HuntContext, targets: Sequence[Target], *, sort: Sort, reasons: list[Reason]) -> Iterable[Target]:
    """One tier in the order it is hunted. What that takes of the load goes to the trail."""
    load, campaign, priority = context.routing.load, context.campaign, targets[0].priority
    shuffled = by_weight(targets, campaign=campaign.name, seed=context.routing.inquiry.seed)
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
            worth_micros = {target.line: worth(bidder, target.line, context.tags) for target in targets}
            read = {f"worth_micros/{line}": micros for line, micros in worth_micros.items()}
            ordered = by_worth(shuffled, worth_micros)
        case unknown:
            assert_never(unknown)
    reasons.append(trail.sorted_by(campaign, priority, sort=sort, read=read))
    return ordered


def _eligible(
    context: HuntContext, targets: Iterable[Target], *, tier: Tier, bars: set[NoRoute], reasons: list[Reason]
) -> list[Attempt]:
    """The first line that may take the call, or, where the tier rings together, the first so many as the call has attempts left.

    Attempts made at once take places from each other: what those before it add to a cap is not there for the next one.
    """
    room = MAX_ATTEMPTS - len(context.routing.inquiry.tried) if tier.together else 1
    lines = context.routing.table.lines
    check = _LineCheck(context=context, reasons=reasons)
    found: list[Attempt] = []
    for target in targets:
        line = lines[target.line]
        bar = _check_line(check, line)
        if bar is not None:
            bars.add(bar)
            continue
        found.append(_attempt(context, line, priority=target.priority, reasons=reasons))
        if len(found) == room:
            break
        check.also = context.shared
        for cap in found[-1].caps:
            check.taken[cap.key] = check.taken.get(cap.key, 0) + _demand(cap, context.campaign)
    return found


def _check_line(check: _LineCheck, line: Line) -> NoRoute | None:
    """What bars the line; None: it may take the call. Appends one reason."""
    read = check.read = {}
    bar = _barred_by(check, line)
    if bar is not None:
        return bar
    routing, caps = check.context.routing, line.caps
    if routing.in_force.limits:
        caps = routing.limited(caps, reasons=check.reasons)
    full = _first_full(check, caps + check.also)
    if full is None:
        check.reasons.append(trail.chosen(line, read))
        return None
    taken = check.taken.get(full.key, 0)
    check.reasons.append(
        trail.capped(line.name, full, taken=taken, revenue_micros=check.context.campaign.revenue_micros, read=read)
    )
    return _CAPPED


def _barred_by(check: _LineCheck, line: Line) -> NoRoute | None:
    """What bars the line, caps apart. Appends a reason if anything does."""
    context = check.context
    routing = context.routing
    if line.name in routing.tried:
        check.reasons.append(trail.tried_before(line, routing.tried[line.name]))
        return routing.tried[line.name]
    if line.filter is not None:
        tags = _tags_of(context, line)
        if not holds(line.filter, tags):
            check.reasons.append(trail.filtered(f"lines.{line.name}", line.filter, tags=tags, is_match=False))
            return NoRoute.NO_MATCH
    if context.past is not None and context.past.bars(line):
        check.reasons.append(trail.repeat_barred(context.campaign, line, context.past.rule.route))
        return NoRoute.NO_MATCH
    if line.advertiser_paused or line.paused:
        check.reasons.append(trail.paused(f"advertisers.{line.advertiser}" if line.advertiser_paused else f"lines.{line.name}"))
        return NoRoute.CLOSED
    in_force = routing.in_force
    if in_force.pauses and (pause := in_force.pause_of(line)) is not None:
        check.reasons.append(trail.overridden(pause))
        return NoRoute.CLOSED
    if line.hours is not None:
        closed_hours = _closed(routing, line.hours)
        if closed_hours is not None:
            check.reasons.append(trail.gate(f"lines.{line.name}", closed_hours, utc_us=routing.inquiry.utc_us))
            return NoRoute.CLOSED
    until_us = routing.load.resting_until_us(line.name)
    if line.health is not None or until_us:
        check.read[f"resting_until_us/{line.name}"] = until_us
        if until_us > routing.inquiry.utc_us:
            check.reasons.append(trail.resting(line, check.read))
            return NoRoute.FAILED
    if routing.load.is_down(line.name):
        check.read[f"is_down/{line.name}"] = 1
        check.reasons.append(trail.down(line, check.read))
        return NoRoute.FAILED
    return None


def _closed(routing: RoutingContext, hours: Hours) -> str | None:
    """What the trail says of hours that are closed now; None: they are open."""
    key = id(hours)
    if key not in routing.closed_hours:
        utc_us = routing.inquiry.utc_us
        routing.closed_hours[key] = None if is_open(hours, utc_us) else trail.closed(hours, utc_us)
    return routing.closed_hours[key]


def _tags_of(context: HuntContext, line: Line) -> Mapping[str, Scalar]:
    """The call's tags as this line's filter reads them: where repeats are told line by line, `repeat` is the line's own."""
    if context.past is None:
        return context.tags
    is_repeat = context.past.is_repeat_for(line)
    return context.tags if context.tags["repeat"] is is_repeat else {**context.tags, "repeat": is_repeat}


def _first_full(check: _LineCheck, caps: Sequence[Cap]) -> Cap | None:
    """The first cap without room for one more attempt. What is read to find out goes to `check.read`."""
    routing, read, taken = check.context.routing, check.read, check.taken
    used, utc_us = routing.load.used, routing.inquiry.utc_us
    for cap in caps:
        key = cap.key
        read[key] = figure = used(cap, utc_us)
        if taken:
            figure += taken.get(key, 0)
        adds = 1 if cap.counts is not _REVENUE else check.context.campaign.revenue_micros
        if figure + adds > cap.limit:
            return cap
    return None


def _demand(cap: Cap, campaign: Campaign) -> int:
    """What one attempt for the campaign may add to the cap."""
    return campaign.revenue_micros if cap.counts is _REVENUE else 1


def _attempt(context: HuntContext, line: Line, *, priority: int, reasons: list[Reason]) -> Attempt:
    return Attempt(
        line=line.name,
        advertiser=line.advertiser,
        campaign=context.campaign.name,
        priority=priority,
        uri=line.uri,
        ring_ms=line.ring_ms,
        silence_ms=line.silence_ms,
        timer_offset_ms=line.timer_offset_ms,
        caps=context.routing.limited(line.caps, reasons=reasons) + context.shared,
        revenue_micros=context.campaign.revenue_micros,
        recover_ms=context.campaign.recover_ms,
        accept=line.accept,
        repeat=context.past is not None and context.past.is_repeat_for(line),
    )
