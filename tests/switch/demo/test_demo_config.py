"""The demo finds what it needs in the sample config, and says so when a config has not got it."""

import socket
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ivr.menu import GoTo, HangUp, Menu, MenuPlan, RouteOn
from routing.cap import Cap
from routing.table import Campaign, Line, NoRoute, Publisher, Table, Target, ToCampaign, TrackingNumber
from switch.billing.terms import Price, PriceStep, Rule, Terms
from switch.demo.config import FlatTerms, address_of, demo_config, flat_terms, on_loopback
from switch.deployment import Deployment, Listener
from switch.engine.media import RtpAddress
from switch.engine.plan import Plan, Trunk
from switch.run import CannotStart
from switch.settings.load import load
from switch.sip.flow import Transport
from switch.sip.peer import PeerProfile
from switch.sip.sdes import SrtpMode

SAMPLE = Path(__file__).parents[3] / "config"
MENU = Menu(name="m", prompt="p", keys={"2": HangUp(), "7": RouteOn()})
NAMES = ("one", "two", "three")


def line(name: str, port: int, **changes: Any) -> Line:
    line = Line(name=name, advertiser="a", uri=f"sip:1@127.0.0.1:{port}", caps=(Cap(owner=f"line:{name}", limit=1),))
    return replace(line, **changes)


def deployment(*lines: Line, at_least_ms: int = 3_000, menu: Menu = MENU, **campaign: Any) -> Deployment:
    """The smallest one that will do, but for what is given."""
    built = load(SAMPLE).deployment
    assert built is not None
    sold = Campaign(
        name="sold",
        menu="m",
        targets=(Target(line="two", priority=2), Target(line="one", priority=1)),
        overflow={NoRoute.CAPPED: ToCampaign(campaign="other")},
    )
    default = {name: line(name, 7000 + number) for number, name in enumerate(NAMES)}
    table = Table(
        version="v",
        numbers={"+1": TrackingNumber(did="+1", publisher="p", campaign="sold")},
        publishers={"p": Publisher(name="p")},
        campaigns={"sold": replace(sold, **campaign), "other": Campaign(name="other", targets=(Target(line="three"),))},
        lines=default | {each.name: each for each in lines},
    )
    revenue, payout = (
        Price(steps=(PriceStep(rule=Rule(at_least_ms=at_least_ms), amount_micros=amount_micros),)) for amount_micros in (2, 1)
    )
    terms = {name: Terms(campaign=name, revenue=revenue, payout=payout) for name in ("sold", "other")}
    menus = {"m": MenuPlan(start="m", nodes={"m": menu})}
    plan = Plan(version="v", table=table, terms=terms, menus=menus, trunks=(), max_call_ms=1, max_calls=1)
    return Deployment(switch=built.switch, plan=plan)


def test_the_sample_has_what_the_demo_needs() -> None:
    sample = load(SAMPLE).deployment
    assert sample is not None
    config = demo_config(sample)
    assert config.number.campaign == config.terms.campaign
    assert config.overflow_terms.campaign != config.terms.campaign
    assert len({address_of(line) for line in config.lines}) == 3


def test_lines_are_in_order_of_priority_and_the_key_is_one_that_routes() -> None:
    config = demo_config(deployment())
    assert tuple(line.name for line in config.lines) == NAMES
    assert config.key == "7"
    assert address_of(config.first) == ("127.0.0.1", 7000)


@pytest.mark.parametrize(
    "unfit",
    [
        deployment(at_least_ms=10_001),
        deployment(tiers={}, menu=replace(MENU, keys={"1": GoTo(menu="m")})),
        deployment(menu=replace(MENU, keys={"1": HangUp()})),
        deployment(menu=replace(MENU, failed=RouteOn())),
        deployment(overflow={}),
        deployment(paused=True),
        deployment(targets=(Target(line="one"),)),
        deployment(targets=(Target(line="one"), Target(line="two"))),
        deployment(line("one", 7000, caps=())),
        deployment(line("two", 7001, timer_offset_ms=1)),
        deployment(line("three", 7002, paused=True)),
    ],
)
def test_unfit_config_is_refused_before_any_phone_rings(unfit: Deployment) -> None:
    with pytest.raises(CannotStart, match="like the sample"):
        demo_config(unfit)


def test_talks_of_ten_seconds_are_still_watched() -> None:
    assert demo_config(deployment(at_least_ms=10_000)).terms.at_least_ms == 10_000


def test_a_line_plays_one_part_only() -> None:
    with pytest.raises(CannotStart, match="like the sample"):
        demo_config(deployment(overflow={NoRoute.CAPPED: ToCampaign(campaign="sold")}))


def test_nothing_is_dialled_or_listened_to_where_the_config_says() -> None:
    fit = deployment(line("one", 7000, uri="sip:1@192.0.2.1:7000"), line("four", 7003, uri="sip:1@192.0.2.1"))
    away = replace(
        fit.switch,
        listeners=(Listener(transport=Transport.UDP, address=("192.0.2.9", 5060)),),
        rtp_addresses=(RtpAddress(local="192.0.2.9", advertised="192.0.2.9"),),
        ledger_url="postgresql://a@b/c",
    )
    trunk = Trunk(name="carrier", networks=((0xC6336407, 0xFFFFFFFF),))

    moved = on_loopback(replace(fit, switch=away, plan=replace(fit.plan, trunks=(trunk,))))

    addresses = [moved.switch.listeners[0].address, *(address_of(each) for each in moved.plan.table.lines.values())]
    assert {host for host, _ in addresses} == {"127.0.0.1"}
    assert len({port for _, port in addresses}) == len(addresses) == 5
    assert [each.local for each in moved.switch.rtp_addresses] == ["127.0.0.1"]
    assert (moved.switch.api, moved.switch.ledger_url) == (None, None)
    assert moved.plan.trunk_of("127.0.0.1") is not None
    assert moved.plan.trunk_of("127.0.0.2") is None
    assert demo_config(moved).number == demo_config(fit).number


def test_the_demos_phones_do_not_encrypt() -> None:
    fit = deployment()
    peer = PeerProfile(srtp=SrtpMode.REQUIRED)
    trunk = Trunk(name="carrier", networks=((0xC6336407, 0xFFFFFFFF),), peer=peer)
    moved = on_loopback(replace(fit, plan=replace(fit.plan, trunks=(trunk,), line_peers={"one": peer}))).plan
    assert [moved.trunks[0].peer.srtp, moved.line_peers["one"].srtp] == [SrtpMode.OFF] * 2


def test_audio_has_a_row_of_ports_that_nobody_uses() -> None:
    first, last = on_loopback(deployment()).switch.rtp_ports
    assert (first % 2, last - first + 1) == (0, 64)
    assert last < 32_768  # Linux gives that and those above to whoever asks for any port
    with ExitStack() as held:
        for port in range(first, last + 1, 2):
            held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).bind(("127.0.0.1", port))


def test_the_payout_is_the_publishers_own_where_agreed() -> None:
    def price(amount_micros: int) -> Price:
        return Price(steps=(PriceStep(rule=Rule(at_least_ms=5_000), amount_micros=amount_micros),))

    terms = Terms(campaign="sold", revenue=price(25), payout=price(18), payouts={"mail-three": price(1)})
    assert flat_terms(terms, "radio-one") == FlatTerms(campaign="sold", at_least_ms=5_000, revenue_micros=25, payout_micros=18)
    assert flat_terms(terms, "mail-three") == FlatTerms(campaign="sold", at_least_ms=5_000, revenue_micros=25, payout_micros=1)
