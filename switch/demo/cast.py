"""Knows what the demo needs of a config, and finds it there: a number, its menu's key, two lines and a third one for overflow.

Does not know names or figures of the sample: another config that has such a number will do.
"""

import ipaddress
from dataclasses import dataclass

from ivr.menu import HangUp, Menu, RouteOn
from routing.cap import Per
from routing.table import Campaign, Line, NoRoute, Table, ToCampaign, TrackingNumber
from switch.billing.terms import BillableOn, Terms
from switch.engine.plan import Plan
from switch.run import CannotStart
from switch.settings.plan import Deployment
from switch.sip.message import Address
from switch.sip.requests import DEFAULT_PORT
from switch.sip.uri import parse_uri

MAX_THRESHOLD_MS = 10_000
"""Nobody wants to watch longer talks."""

_NEEDED = f"""the demo needs a config like the sample in config/: a number whose campaign
  - has a menu with a key that routes and a hang-up when the tries are used up, and no hours,
  - has two lines of different priority, each with a cap of 1 and no timer_offset,
  - overflows to another campaign when capped, to a third line,
  - has a threshold of {MAX_THRESHOLD_MS // 1000} s at most, as the other campaign has,
and the switch and all three lines have addresses of their own on loopback"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """What a campaign pays and earns where one talk time decides on both. `payout_micros`: the number's publisher's."""

    campaign: str
    at_least_ms: int
    revenue_micros: int
    payout_micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who and what the demo plays with. `key` leads from the menu to `first`, then `second`; when both are full, to `spare`."""

    number: TrackingNumber
    menu: Menu
    key: str
    first: Line
    second: Line
    spare: Line
    deal: Deal
    spare_deal: Deal

    @property
    def lines(self) -> tuple[Line, Line, Line]:
        return self.first, self.second, self.spare


def cast_of(deployment: Deployment) -> Cast:
    """What the deployment offers the demo. Raises CannotStart when it hasn't all that is needed."""
    plan = deployment.plan
    casts = [_cast(plan, number) for number in plan.table.numbers.values() if _is_loopback(deployment.switch.listen[0])]
    cast = next(filter(None, casts), None)
    if cast is None:
        raise CannotStart(_NEEDED)
    return cast


def deal_of(terms: Terms, publisher: str) -> Deal | None:
    """None where the two are not decided by one and the same talk time, or not by amounts."""
    revenue, payout = terms.revenue, terms.payout_of(publisher)
    rules = {step.rule for price in (revenue, payout) for step in price.steps}
    rule = next(iter(rules))
    if len(rules) != 1 or rule.on is not BillableOn.CONNECTED_FOR or payout.percent_bp is not None:
        return None
    if len(revenue.steps) != 1 or len(payout.steps) != 1:
        return None
    return Deal(
        campaign=terms.campaign,
        at_least_ms=rule.at_least_ms,
        revenue_micros=revenue.steps[0].amount_micros,
        payout_micros=payout.steps[0].amount_micros,
    )


def address_of(line: Line) -> Address:
    """Where the line's phone is."""
    uri = parse_uri(line.uri)
    if uri is None:
        raise CannotStart(f"{line.name} has no usable address: {line.uri}")
    return uri.host, uri.port or DEFAULT_PORT


def _cast(plan: Plan, number: TrackingNumber) -> Cast | None:
    campaign = plan.table.campaigns[number.campaign]
    overflow = campaign.overflow.get(NoRoute.CAPPED)
    if campaign.menu is None or not isinstance(overflow, ToCampaign):
        return None
    nodes = plan.menus[campaign.menu]
    menu = nodes.nodes[nodes.start]
    if not isinstance(menu, Menu):
        return None
    key = next((key for key, outcome in menu.keys.items() if isinstance(outcome, RouteOn)), None)
    lines = _lines(plan.table, campaign)
    spares = _lines(plan.table, plan.table.campaigns[overflow.campaign])
    deal = deal_of(plan.terms[campaign.name], number.publisher)
    spare_deal = deal_of(plan.terms[overflow.campaign], number.publisher)
    if key is None or not isinstance(menu.failed, HangUp) or len(lines) != 2 or not spares or deal is None or spare_deal is None:
        return None
    cast = Cast(
        number=number,
        menu=menu,
        key=key,
        first=lines[0],
        second=lines[1],
        spare=spares[0],
        deal=deal,
        spare_deal=spare_deal,
    )
    return cast if _is_playable(cast) else None


def _lines(table: Table, campaign: Campaign) -> list[Line]:
    """The campaign's lines in the order in which they are tried; none where hours or equal priorities leave it to chance."""
    targets = sorted(campaign.targets, key=lambda target: target.priority)
    lines = [table.lines[target.line] for target in targets]
    is_certain = len({target.priority for target in targets}) == len(targets)
    is_open = not campaign.paused and not any(line.paused for line in lines)
    has_hours = campaign.hours is not None or any(line.hours for line in lines)
    return lines if is_certain and is_open and not has_hours else []


def _is_playable(cast: Cast) -> bool:
    addresses = {address_of(line) for line in cast.lines}
    return (
        all(_room(line) == 1 for line in (cast.first, cast.second))
        and not any(line.timer_offset_ms for line in cast.lines)
        and max(cast.deal.at_least_ms, cast.spare_deal.at_least_ms) <= MAX_THRESHOLD_MS
        and len(addresses) == len(cast.lines)
        and all(_is_loopback(host) for host, _ in addresses)
    )


def _room(line: Line) -> int | None:
    """How many calls the line takes at once."""
    return min((cap.limit for cap in line.caps if cap.per is Per.CONCURRENCY), default=None)


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback
