"""Finds in a config what the demo needs: a number, its menu's key, two lines and a third one for overflow; and moves it to loopback.

Any config that has such a number will do, whatever its addresses are: the demo's switch and phones have free ports of 127.0.0.1, so that
they meet no switch that runs here, and no line of the config is ever dialled where it really is.
"""

import random
import socket
from contextlib import ExitStack
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from ivr.menu import HangUp, Menu, RouteOn
from routing.cap import Per
from routing.table import Campaign, Line, NoRoute, Table, ToCampaign, TrackingNumber
from switch.billing.terms import BillableOn, Terms
from switch.deployment import Deployment, Listener
from switch.engine.media import RtpAddress
from switch.engine.plan import Plan
from switch.run import CannotStart
from switch.sip.flow import DEFAULT_PORT, Transport
from switch.sip.headers import parse_uri
from switch.sip.peer import PeerProfile
from switch.sip.sdes import SrtpMode

MAX_THRESHOLD_MS = 10_000
"""Longer talks take too long to watch."""

_NEEDED = f"""the demo needs a config like the sample: a number whose campaign
  - has a menu with a key that routes and a hang-up when the tries are used up, and no hours,
  - has two lines of different priority, each with a cap of 1 and no timer_offset,
  - overflows to another campaign when capped, to a third line,
  - has a threshold of {MAX_THRESHOLD_MS // 1000} s at most, as the other campaign has.
Without --config it takes the sample that comes with payphone."""

LOOPBACK = "127.0.0.1"
_EVERY_BIT = 0xFFFF_FFFF
RTP_PORTS = 64
"""How many ports the demo's switch has for audio: four times what its six calls take."""
RTP_ROWS = range(16_384, 32_768, RTP_PORTS)
"""Where those may begin. From 32,768 on Linux gives ports to whoever asks for any: one that lies idle between two calls would be taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatTerms:
    """What a campaign pays and earns where one talk time decides on both. `payout_micros`: the number's publisher's."""

    campaign: str
    at_least_ms: int
    revenue_micros: int
    payout_micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoConfig:
    """What of a config the demo calls. `key` leads from the menu to `first`, then `second`; when both are full, to `overflow`."""

    number: TrackingNumber
    menu: Menu
    key: str
    first: Line
    second: Line
    overflow: Line
    terms: FlatTerms
    overflow_terms: FlatTerms

    @property
    def lines(self) -> tuple[Line, Line, Line]:
        return self.first, self.second, self.overflow


def demo_config(deployment: Deployment) -> DemoConfig:
    """What the deployment offers the demo. Raises CannotStart when it hasn't all that is needed."""
    plan = deployment.plan
    config = next(filter(None, (_config_for(plan, number) for number in plan.table.numbers.values())), None)
    if config is None:
        raise CannotStart(_NEEDED)
    return config


def on_loopback(deployment: Deployment) -> Deployment:
    """The deployment with free ports of 127.0.0.1 in the place of every address: the switch's, its audio's, and one for each line.

    Every trunk's calls come from there. Raises CannotStart when ports can't be had.
    """
    plan, settings = deployment.plan, deployment.switch
    try:
        listen, *phones = _free_ports(1 + len(plan.table.lines))
        rtp_ports = _free_rtp_ports()
    except OSError as error:
        raise CannotStart(f"the demo needs free UDP ports of {LOOPBACK}: {error.strerror or error}") from error
    ports = dict(zip(plan.table.lines, phones, strict=True))
    lines = {name: replace(line, uri=f"sip:{name}@{LOOPBACK}:{ports[name]}") for name, line in plan.table.lines.items()}
    here = ((int(IPv4Address(LOOPBACK)), _EVERY_BIT),)
    trunks = tuple(replace(trunk, networks=here, networks6=(), peer=_plain(trunk.peer)) for trunk in plan.trunks)
    peers = {name: _plain(peer) for name, peer in plan.line_peers.items()}
    return Deployment(
        switch=replace(
            settings,
            listeners=(Listener(transport=Transport.UDP, address=(LOOPBACK, listen)),),
            rtp_addresses=(RtpAddress(local=LOOPBACK, advertised=LOOPBACK),),
            rtp_ports=rtp_ports,
            api=None,
            ledger_url=None,
        ),
        plan=replace(plan, trunks=trunks, line_peers=peers, table=replace(plan.table, lines=lines)),
        prompts=deployment.prompts,
    )


def _plain(peer: PeerProfile) -> PeerProfile:
    """The demo's phones do not encrypt."""
    return replace(peer, srtp=SrtpMode.OFF)


def flat_terms(terms: Terms, publisher: str) -> FlatTerms | None:
    """None where the two are not decided by one and the same talk time, or not by amounts."""
    revenue, payout = terms.revenue, terms.payout_of(publisher)
    rules = {step.rule for price in (revenue, payout) for step in price.steps}
    rule = next(iter(rules))
    if len(rules) != 1 or rule.on is not BillableOn.CONNECTED_FOR or payout.percent_bp is not None:
        return None
    if len(revenue.steps) != 1 or len(payout.steps) != 1:
        return None
    return FlatTerms(
        campaign=terms.campaign,
        at_least_ms=rule.at_least_ms,
        revenue_micros=revenue.steps[0].amount_micros,
        payout_micros=payout.steps[0].amount_micros,
    )


def address_of(line: Line) -> tuple[str, int]:
    """Where the line's phone is."""
    uri = parse_uri(line.uri)
    if uri is None:
        raise CannotStart(f"{line.name} has no usable address: {line.uri}")
    return uri.host, uri.port or DEFAULT_PORT


def _config_for(plan: Plan, number: TrackingNumber) -> DemoConfig | None:
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
    overflow_lines = _lines(plan.table, plan.table.campaigns[overflow.campaign])
    terms = flat_terms(plan.terms[campaign.name], number.publisher)
    overflow_terms = flat_terms(plan.terms[overflow.campaign], number.publisher)
    if key is None or not isinstance(menu.failed, HangUp) or len(lines) != 2 or not overflow_lines:
        return None
    if terms is None or overflow_terms is None:
        return None
    config = DemoConfig(
        number=number,
        menu=menu,
        key=key,
        first=lines[0],
        second=lines[1],
        overflow=overflow_lines[0],
        terms=terms,
        overflow_terms=overflow_terms,
    )
    return config if _is_usable(config) else None


def _lines(table: Table, campaign: Campaign) -> list[Line]:
    """The campaign's lines in the order in which they are tried; none where hours or equal priorities leave it to chance."""
    targets = sorted(campaign.targets, key=lambda target: target.priority)
    lines = [table.lines[target.line] for target in targets]
    is_certain = len({target.priority for target in targets}) == len(targets)
    is_open = not campaign.paused and not any(line.paused for line in lines)
    has_hours = campaign.hours is not None or any(line.hours for line in lines)
    return lines if is_certain and is_open and not has_hours else []


def _is_usable(config: DemoConfig) -> bool:
    return (
        all(_concurrency(line) == 1 for line in (config.first, config.second))
        and not any(line.timer_offset_ms for line in config.lines)
        and max(config.terms.at_least_ms, config.overflow_terms.at_least_ms) <= MAX_THRESHOLD_MS
        and len({line.name for line in config.lines}) == len(config.lines)
    )


def _concurrency(line: Line) -> int | None:
    """How many calls the line takes at once."""
    return min((cap.limit for cap in line.caps if cap.per is Per.CONCURRENCY), default=None)


def _free_ports(count: int) -> list[int]:
    """UDP ports that nobody had just now, each another one."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]


def _free_rtp_ports() -> tuple[int, int]:
    """The first and last of RTP_PORTS ports in a row that nobody had just now."""
    for first in random.sample(RTP_ROWS, len(RTP_ROWS)):  # so that two demos look in different places
        with ExitStack() as held:
            try:
                for port in range(first, first + RTP_PORTS, 2):
                    held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).bind((LOOPBACK, port))
            except OSError:
                continue
            return first, first + RTP_PORTS - 1
    raise OSError("no row of free ports")
