"""Decides who gets the call: from the number to its campaign, through overflow, to lines, a menu, a message, voicemail, a hold queue or a
refusal.

Keeps no calls, clocks or counters: the table, the load and the instant are passed in, and nothing is remembered between
inquiries. Only a number in service of a publisher who is not paused is served. What an override pauses is paused as if the config said
so: a number that is paused is not in service. A call that asks again asks with a longer `tried`, and the
walk starts over at the number's campaign:

- A campaign that is paused or closed offers nobody. An open one refuses a repeat when it is to (`routing.repeat`). Then its menu is
  entered, unless the caller has been through one or a line has been tried: a caller is qualified once, and never after a phone has rung.
- The campaign's filter is asked when no menu is to be entered (any more), since the menu may set what it reads. A call that it does not
  take is `no_match`.
- A line that the menu transfers to is attempted for the campaign of the menu: the first of the walk that has one and comes this far. It
  is attempted instead of that campaign's lines, and what bars it is the cause that the campaign is left by.
- Otherwise its lines are hunted (`routing.hunt`). The first eligible one is the answer (or all of its tier, where they ring together),
  even when an earlier inquiry of the same call had moved on to an overflow: a better place that has come free is taken. The hunt ends
  early when as many attempts at its lines ended in one way as `retry` allows.
- When nobody of the campaign takes the call, the cause is that of the last line tried among its own lines, whatever else is closed
  or full by now. So a later inquiry of the call leaves the campaign by the same overflow as the earlier one did, and goes on where
  that one stopped. (Lines that two campaigns share count for both: trying one for either is an event of both.)
  Where none was tried: `capped` when a cap bars at least one of them; else `closed` when the campaign or one of them is closed or
  paused; else `failed` when one of them is unhealthy; else `no_match`.
- The campaign's overflow for that cause says where to go. Each campaign is walked through once, `MAX_CAMPAIGNS` at most.
  An overflow to a line attempts it for the campaign it came from: that campaign's caps and terms hold, its hours and its filter do not
  (a line that takes calls after hours is what such an overflow is for). When that line is barred, what bars it is the end.
- An overflow to a hold queue keeps the caller for a while, unless all places are taken (`queue_full`) or the caller has waited long
  enough (`waited_too_long`); for these two the same campaign's overflow is asked again, once for each cause. Routing is asked anew
  about a held caller every `AGAIN_MS`; a line that was tried stays tried, so what comes free is lines that were full or closed. A held
  caller is in one queue as far as can be told here: the time held counts for every hold queue the walk comes to, and no other place
  is needed.
- After `MAX_ATTEMPTS` attempts nothing more is dialled, and nobody is held. The walk goes on by the causes of what was tried, so that a
  message is still heard.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from msgspec.structs import replace

from routing import trail
from routing.expression import Scalar, holds
from routing.hours import is_open
from routing.hunt import MAX_ATTEMPTS, HuntContext, RoutingContext, cause_of, hunt, try_line
from routing.load import Load
from routing.override import OverridesInForce
from routing.repeat import RepeatHistory, repeat_history
from routing.ruling import Announce, Choice, Dial, EnterMenu, Inquiry, NotRouted, Reason, RejectReason, Ruling, Voicemail, Wait
from routing.table import (
    Campaign,
    NoRoute,
    NumberState,
    Table,
    ToCampaign,
    ToHold,
    ToLine,
    ToMessage,
    ToVoicemail,
    TrackingNumber,
)
from routing.tags import call_tags, campaign_tags

MAX_CAMPAIGNS = 8
AGAIN_MS = 5_000
"""How often it is looked whether somebody can take a caller who waits."""


def decide(table: Table, load: Load, inquiry: Inquiry) -> Ruling:
    """What to do with the call now."""
    number = table.numbers.get(inquiry.did)
    tags: Mapping[str, Scalar] = call_tags(number, inquiry)
    if number is None:
        unknown = NotRouted(because=RejectReason.UNKNOWN_NUMBER)
        reason = trail.asked(table, inquiry, "unknown number")
        return Ruling(choice=unknown, publisher=None, campaign=None, trail=(reason,), tags=tags)
    reasons = [trail.asked(table, inquiry, f"publisher {number.publisher}, campaign {number.campaign}")]
    in_force = load.in_force(inquiry.utc_us)
    barred = _reject_reason(table, number, in_force, reasons=reasons)
    choice: Choice
    if barred is not None:
        choice, campaign = NotRouted(because=barred), number.campaign
    else:
        routing = RoutingContext(table=table, load=load, inquiry=inquiry, tried=dict(inquiry.tried), in_force=in_force)
        walk = _Walk(routing=routing, number=number, tags=tags, reasons=reasons, walked=[], transfer=inquiry.line)
        choice, context = _walk_campaigns(walk)
        if isinstance(choice, Dial) and number.early_media:
            choice = replace(choice, early_media=True)
        campaign, tags = context.campaign.name, context.tags
    return Ruling(choice=choice, publisher=number.publisher, campaign=campaign, trail=tuple(reasons), tags=tags)


@dataclass(slots=True, kw_only=True)
class _Walk:
    """How far one ruling has come. `tags`: the call's own. `walked`: campaigns by name. `transfer`: the menu's line, not yet asked."""

    routing: RoutingContext
    number: TrackingNumber
    tags: Mapping[str, Scalar]
    reasons: list[Reason]
    walked: list[str]
    transfer: str | None


def _reject_reason(
    table: Table, number: TrackingNumber, in_force: OverridesInForce, *, reasons: list[Reason]
) -> RejectReason | None:
    """Why the number's calls are served by no campaign at all, or None when they are."""
    if number.state is not NumberState.ASSIGNED:
        reasons.append(trail.not_in_service(number.did, number.state))
        return RejectReason.NUMBER_NOT_IN_SERVICE
    if table.publishers[number.publisher].paused:
        reasons.append(trail.paused(f"publishers.{number.publisher}"))
        return RejectReason.PUBLISHER_PAUSED
    if not in_force.pauses:
        return None
    if (override := in_force.pauses.get(f"number:{number.did}")) is not None:
        reasons.append(trail.overridden(override))
        return RejectReason.NUMBER_NOT_IN_SERVICE
    if (override := in_force.pauses.get(f"publisher:{number.publisher}")) is not None:
        reasons.append(trail.overridden(override))
        return RejectReason.PUBLISHER_PAUSED
    return None


def _walk_campaigns(walk: _Walk) -> tuple[Choice, HuntContext]:
    """From campaign to campaign by overflow, until one has an answer; the answer, and the campaign it is made for."""
    name = walk.number.campaign
    while True:
        walk.walked.append(name)
        context = _context(walk, walk.routing.table.campaigns[name])
        found = _ask_campaign(walk, context)
        answer = _overflow(walk, context, found) if isinstance(found, NoRoute) else found
        if not isinstance(answer, ToCampaign):
            return answer, context
        name = answer.campaign


def _context(walk: _Walk, campaign: Campaign) -> HuntContext:
    """The call as `campaign` sees it."""
    routing, inquiry = walk.routing, walk.routing.inquiry
    past = _repeat_history(walk, campaign)
    publisher = routing.table.publishers[walk.number.publisher]
    return HuntContext(
        routing=routing,
        campaign=campaign,
        shared=routing.limited(
            campaign.caps + publisher.caps + walk.number.caps + routing.table.trunk_caps.get(inquiry.trunk, ()),
            reasons=walk.reasons,
        ),
        tags={**walk.tags, **campaign_tags(campaign, inquiry), "repeat": past is not None and past.is_repeat},
        past=past,
    )


def _repeat_history(walk: _Walk, campaign: Campaign) -> RepeatHistory | None:
    """What the caller is to a campaign that has a rule for repeats. Anonymous callers are nobody twice."""
    if campaign.repeat is None:
        return None
    table, inquiry = walk.routing.table, walk.routing.inquiry
    is_anonymous = walk.tags.get("anonymous") is True
    paid = (
        () if is_anonymous else [each for each in walk.routing.load.paid(inquiry.ani) if each.call_id != (inquiry.call_id or None)]
    )
    past = repeat_history(campaign.repeat, paid, table=table, campaign=campaign, did=inquiry.did, utc_us=inquiry.utc_us)
    walk.reasons.append(trail.repeat(campaign, past, is_anonymous=is_anonymous))
    return past


def _ask_campaign(walk: _Walk, context: HuntContext) -> EnterMenu | Dial | NotRouted | NoRoute:
    """What one campaign has for the caller, overflow apart."""
    campaign, inquiry, reasons = context.campaign, walk.routing.inquiry, walk.reasons
    if not _is_available(walk, campaign):
        return cause_of(context, bars={NoRoute.CLOSED})
    if context.past is not None and context.past.is_rejected:
        return NotRouted(because=RejectReason.REPEAT)
    if campaign.menu is not None:
        if not inquiry.menu_done and not inquiry.tried:
            reasons.append(trail.menu_entered(campaign, campaign.menu))
            return EnterMenu(menu=campaign.menu, tags=context.tags)
        reasons.append(trail.menu_passed(campaign, inquiry))
    if not _passes_filter(context, reasons=reasons):
        return cause_of(context, bars={NoRoute.NO_MATCH})
    if campaign.menu is not None and walk.transfer is not None:
        line, walk.transfer = walk.transfer, None
        reasons.append(trail.transferred(campaign, line))
        return try_line(context, line, reasons=reasons)
    return hunt(context, reasons=reasons)


def _is_available(walk: _Walk, campaign: Campaign) -> bool:
    """Whether the campaign is neither paused nor outside its hours."""
    owner, utc_us, reasons = f"campaigns.{campaign.name}", walk.routing.inquiry.utc_us, walk.reasons
    if campaign.paused:
        reasons.append(trail.paused(owner))
        return False
    override = walk.routing.in_force.pauses.get(f"campaign:{campaign.name}")
    if override is not None:
        reasons.append(trail.overridden(override))
        return False
    if campaign.hours is None:
        return True
    is_available = is_open(campaign.hours, utc_us)
    at_hours = trail.opened(campaign.hours, utc_us) if is_available else trail.closed(campaign.hours, utc_us)
    reasons.append(trail.gate(owner, at_hours, utc_us=utc_us))
    return is_available


def _passes_filter(context: HuntContext, *, reasons: list[Reason]) -> bool:
    """Whether the campaign takes calls like this one."""
    expression = context.campaign.filter
    if expression is None:
        return True
    is_match = holds(expression, context.tags)
    reasons.append(trail.filtered(f"campaigns.{context.campaign.name}", expression, tags=context.tags, is_match=is_match))
    return is_match


def _overflow(walk: _Walk, context: HuntContext, because: NoRoute) -> Choice | ToCampaign:
    """Where the campaign sends a caller whom nobody takes."""
    campaign, reasons = context.campaign, walk.reasons
    overflow = campaign.overflow.get(because)
    if overflow is None:
        reasons.append(trail.nobody(campaign, because))
        return NotRouted(because=because)
    if isinstance(overflow, ToHold):
        return _hold(walk, context, overflow, because=because)
    if isinstance(overflow, ToCampaign):
        barred = _barred_overflow(overflow.campaign, walk.walked)
        if barred is not None:
            reasons.append(trail.overflow_refused(campaign, because, barred))
            return NotRouted(because=because)
    reasons.append(trail.overflowed(campaign, because, overflow))
    match overflow:
        case ToCampaign():
            return overflow
        case ToMessage(prompt=prompt):
            return Announce(prompt=prompt, because=because)
        case ToVoicemail() as terms:
            return Voicemail(terms=terms, because=because)
        case ToLine(line=line):
            last = try_line(context, line, reasons=reasons)
            return NotRouted(because=last) if isinstance(last, NoRoute) else last
        case unknown:
            assert_never(unknown)


def _barred_overflow(onward: str, walked: Sequence[str]) -> str | None:
    """Why the walk may not go on to campaign `onward`, or None when it may."""
    if onward in walked:
        return f"campaign {onward} has been asked already"
    if len(walked) >= MAX_CAMPAIGNS:
        return f"{MAX_CAMPAIGNS} campaigns have been asked"
    return None


def _hold(walk: _Walk, context: HuntContext, hold: ToHold, *, because: NoRoute) -> Choice | ToCampaign:
    """Keep the caller waiting; or, when that can't be or was done for long enough, return where the campaign sends the caller then."""
    campaign, inquiry, reasons = context.campaign, walk.routing.inquiry, walk.reasons
    if len(inquiry.tried) >= MAX_ATTEMPTS:
        reasons.append(trail.overflow_refused(campaign, because, "nobody is held when attempts are used up"))
        return NotRouted(because=because)
    if inquiry.held_ms is None:
        waiting = walk.routing.load.waiting(campaign.name)
        place = waiting + 1
        reasons.append(trail.queue(campaign, because, places=hold.places, waiting=waiting))
        over = NoRoute.QUEUE_FULL if waiting >= hold.places else None
    else:
        place = walk.routing.load.place(campaign.name, inquiry.call_id)
        reasons.append(trail.held(campaign, because, wait_ms=hold.wait_ms, held_ms=inquiry.held_ms, place=place))
        over = NoRoute.WAITED_TOO_LONG if inquiry.held_ms >= hold.wait_ms else None
    if over is None:
        again_ms = min(AGAIN_MS, hold.wait_ms - (inquiry.held_ms or 0))
        return Wait(campaign=campaign.name, because=because, again_ms=again_ms, position=place)
    if over is because:  # a hold queue for those who did not get into one, or waited in one too long
        reasons.append(trail.overflow_refused(campaign, over, "its overflow has been asked already"))
        return NotRouted(because=over)
    return _overflow(walk, context, over)
