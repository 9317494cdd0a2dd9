"""Knows who gets the call: from the number to its campaign, through overflow, to a line, a menu, a message or a refusal, with why.

Does not know calls, clocks or caps in motion: the table, the load and the instant are passed in, and nothing is remembered between
inquiries. A call that asks again asks with a longer `tried`, and the walk starts over at the number's campaign:

- A campaign that is paused or closed offers nobody. An open one has its menu entered first, unless the caller has been through one
  or a line has been tried: a caller is qualified once, and never after a phone has rung.
- Then its lines are hunted (`routing.hunt`). The first eligible one is the answer, even when an earlier inquiry of the same call
  had moved on to an overflow: a better place that has come free is taken.
- When nobody of the campaign takes the call, the cause is that of the last line tried among its own lines, whatever else is closed
  or full by now. So a later inquiry of the call leaves the campaign by the same door as the earlier one did, and goes on where
  that one stopped. (Lines that two campaigns share count for both: trying one for either is an event of both.)
  Where none was tried: `closed` when the campaign or all its lines are closed or paused, `capped` when a cap bars at least one of
  them, `no_match` when it has no lines.
- The campaign's overflow for that cause says where to go. Each campaign is walked through once, `MAX_CAMPAIGNS` at most.
  An overflow to a line attempts it for the campaign it came from: that campaign's caps and terms hold, its hours do not (a line
  that takes calls after hours is what such an overflow is for). When that line is barred, what bars it is the end.
- After `MAX_ATTEMPTS` attempts nothing more is tried.
"""

from collections.abc import Mapping
from typing import assert_never

from routing import trail
from routing.hours import is_open
from routing.hunt import Scene, cause_of, hunt, try_line
from routing.ruling import Announce, Attempt, Barred, Choice, EnterMenu, Inquiry, NotRouted, Reason, Ruling
from routing.table import Campaign, NoRoute, Table, ToCampaign, ToLine, ToMessage

MAX_ATTEMPTS = 10
MAX_CAMPAIGNS = 8


def decide(table: Table, load: Mapping[str, int], inquiry: Inquiry) -> Ruling:
    """What to do with the call now. `load`: live calls per cap owner, e.g. `line:acme-east`; an owner without an entry has none."""
    number = table.numbers.get(inquiry.did)
    if number is None:
        reason = trail.asked(table, inquiry, "unknown number")
        return Ruling(choice=NotRouted(because=Barred.UNKNOWN_NUMBER), publisher=None, campaign=None, trail=(reason,))
    reasons = [trail.asked(table, inquiry, f"publisher {number.publisher}, campaign {number.campaign}")]
    name = number.campaign
    choice: Choice
    if table.publishers[number.publisher].paused:
        reasons.append(trail.paused(f"publishers.{number.publisher}"))
        choice = NotRouted(because=Barred.PUBLISHER_PAUSED)
    elif len(inquiry.tried) >= MAX_ATTEMPTS:
        reasons.append(trail.attempts_spent(len(inquiry.tried)))
        choice = NotRouted(because=inquiry.tried[-1][1])
    else:
        scene = Scene(table=table, load=load, inquiry=inquiry, tried=dict(inquiry.tried))
        choice, name = _walk(scene, name, reasons=reasons)
    return Ruling(choice=choice, publisher=number.publisher, campaign=name, trail=tuple(reasons))


def _walk(scene: Scene, start: str, *, reasons: list[Reason]) -> tuple[Choice, str]:
    """From campaign to campaign by overflow, until one has an answer; the answer, and the campaign it is made for."""
    campaign = scene.table.campaigns[start]
    walked = [start]
    while True:
        found = _ask(scene, campaign, reasons=reasons)
        if not isinstance(found, NoRoute):
            return found, campaign.name
        match campaign.overflow.get(found):
            case None:
                reasons.append(trail.nobody(campaign, found))
                return NotRouted(because=found), campaign.name
            case ToMessage(prompt=prompt) as overflow:
                reasons.append(trail.overflowed(campaign, found, overflow))
                return Announce(prompt=prompt, because=found), campaign.name
            case ToLine(line=line) as overflow:
                reasons.append(trail.overflowed(campaign, found, overflow))
                last = try_line(scene, line, campaign=campaign, reasons=reasons)
                return (NotRouted(because=last) if isinstance(last, NoRoute) else last), campaign.name
            case ToCampaign(campaign=onward) as overflow:
                barred = _barred(onward, walked)
                if barred is not None:
                    reasons.append(trail.overflow_refused(campaign, found, barred))
                    return NotRouted(because=found), campaign.name
                reasons.append(trail.overflowed(campaign, found, overflow))
                campaign = scene.table.campaigns[onward]
                walked.append(onward)
            case unknown:
                assert_never(unknown)


def _barred(onward: str, walked: list[str]) -> str | None:
    """Why the walk may not go on to campaign `onward`, or None when it may."""
    if onward in walked:
        return f"campaign {onward} has been asked already"
    if len(walked) >= MAX_CAMPAIGNS:
        return f"{MAX_CAMPAIGNS} campaigns have been asked"
    return None


def _ask(scene: Scene, campaign: Campaign, *, reasons: list[Reason]) -> EnterMenu | Attempt | NoRoute:
    """What one campaign has for the caller, overflow apart."""
    if not _is_on(campaign, scene.inquiry.utc_us, reasons=reasons):
        return cause_of(scene, campaign, bars=(NoRoute.CLOSED,))
    if campaign.menu is not None:
        if not scene.inquiry.menu_done and not scene.tried:
            reasons.append(trail.menu_entered(campaign, campaign.menu.start))
            return EnterMenu(plan=campaign.menu)
        reasons.append(trail.menu_passed(campaign, scene.inquiry))
    return hunt(scene, campaign, reasons=reasons)


def _is_on(campaign: Campaign, utc_us: int, *, reasons: list[Reason]) -> bool:
    """Whether the campaign is neither paused nor outside its hours."""
    owner = f"campaigns.{campaign.name}"
    if campaign.paused:
        reasons.append(trail.paused(owner))
        return False
    if campaign.hours is None:
        return True
    on = is_open(campaign.hours, utc_us)
    reasons.append(trail.gate(owner, campaign.hours, utc_us=utc_us, is_on=on))
    return on
