"""What a sound config becomes: units, defaults, caps, hours, menus, versions, positions."""

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from ivr.menu import GoTo, HangUp, Menu, RouteOn, SayAgain
from media.transcoder import libopus
from routing.cap import Cap
from routing.table import Block, NoRoute, Target, ToCampaign, ToLine, ToMessage
from switch.billing.terms import BillableOn, Price, PriceStep, Rule, Terms
from switch.call.hold_terms import HoldTerms
from switch.codec import Codec
from switch.deployment import Deployment, Listener, SwitchSettings
from switch.engine.media import RtpAddress
from switch.engine.plan import RingbackSound
from switch.problem_text import show
from switch.settings.load import load
from switch.settings.problem import Position, Severity
from switch.settings.source import position_of
from switch.sip.digest import Algorithm
from switch.sip.flow import Transport
from switch.sip.identity import DidFrom, LineIdentity, TrunkIdentity
from switch.sip.peer import DtmfMode, LatchMode, TransferMode
from switch.sip.sdes import SrtpMode
from switch.sip.telephone import NumberFormat


def deployed(config: Path, extra: str = "", *, switch: str | None = None) -> Deployment:
    if extra:
        (config / "extra.yaml").write_text(extra)
    if switch:
        (config / "switch.yaml").write_text(switch)
    loaded = load(config)
    assert [problem for problem in loaded.problems if problem.severity is Severity.ERROR] == []
    assert loaded.deployment is not None
    return loaded.deployment


def bare(amount_micros: int) -> Price:
    """What a bare amount is: so much by the rule that is there when no other is."""
    return Price(steps=(PriceStep(rule=Rule(on=BillableOn.CONNECTED_FOR, at_least_ms=90_000), amount_micros=amount_micros),))


def test_the_base_has_no_problems(config: Path) -> None:
    assert load(config).problems == ()


def test_switch_defaults(config: Path) -> None:
    assert deployed(config).switch == SwitchSettings(
        listeners=(Listener(transport=Transport.UDP, address=("127.0.0.1", 5060)),),
        t1_ms=500,
        rtp_addresses=(RtpAddress(local="127.0.0.1", advertised="127.0.0.1"),),
        rtp_ports=(20_000, 20_999),
        rtp_quiet_ms=10_000,
        rtp_timeout_ms=60_000,
        hold_timeout_ms=1_800_000,
        workers=1,
        prompts=config.resolve() / "prompts",
        data=config.resolve().parent / "var",
        log="console",
        max_call_ms=4 * 3_600_000,
        max_calls=2_000,
    )


def test_switch_as_written(config: Path) -> None:
    text = """\
switch:
  sip: {listen: "192.0.2.1:5080", t1: 100ms}
  rtp: {address: 192.0.2.2, ports: 30000-30010, quiet: 0s, timeout: 30s, workers: 2}
  prompts: prompts
  data: /srv/payphone
  log: json
  limits: {max_call: 30m, max_calls: 2, calls_per_second: 5, drain: 0s}
trunks:
  one: {addresses: [10.1.0.0/16, 192.0.2.7]}
"""
    deployment = deployed(config, switch=text)

    switch = deployment.switch
    assert (switch.listeners[0].address, switch.t1_ms, switch.rtp_addresses, switch.rtp_ports) == (
        ("192.0.2.1", 5080),
        100,
        (RtpAddress(local="192.0.2.2", advertised="192.0.2.2"),),
        (30_000, 30_010),
    )
    assert (switch.rtp_quiet_ms, switch.rtp_timeout_ms, switch.workers, switch.log) == (0, 30_000, 2, "json")
    assert switch.data == Path("/srv/payphone")
    assert (deployment.plan.max_call_ms, deployment.plan.max_calls) == (1_800_000, 2)
    assert (deployment.plan.calls_per_second, deployment.switch.drain_ms) == (5, 0)
    (trunk,) = deployment.plan.trunks
    assert trunk.networks == (
        (int(IPv4Address("10.1.0.0")), int(IPv4Address("255.255.0.0"))),
        (int(IPv4Address("192.0.2.7")), int(IPv4Address("255.255.255.255"))),
    )


@pytest.mark.parametrize(
    ("written", "header"),
    [("", "X-Call-ID"), (", call_id_header: X-Ref", "X-Ref"), (", call_id_header: off", None), (", call_id_header: Off", None)],
)
def test_the_header_that_tells_a_line_the_calls_id(config: Path, written: str, header: str | None) -> None:
    text = f"switch:\n  sip: {{listen: 127.0.0.1:5060{written}}}\n"
    assert deployed(config, switch=text).plan.call_id_header == header


@pytest.mark.parametrize(
    "name", ["Call-ID", "call-id", "i", "From", "f", "Max-Forwards", "P-Asserted-Identity", "Session-ID", "a b", "~"]
)
def test_a_header_that_sip_uses_itself_tells_no_id(config: Path, name: str) -> None:
    (config / "switch.yaml").write_text(f"switch:\n  sip: {{listen: 127.0.0.1:5060, call_id_header: {name}}}\n")
    (problem,) = load(config).problems
    assert (Path(problem.path).name, problem.line) == ("switch.yaml", 2)
    assert problem.expected is not None


def test_who_calls_whom_is_told_as_trunk_and_line_say(config: Path) -> None:
    extra = """\
trunks:
  other: {addresses: [203.0.113.1], number_format: e164, tech_prefix: "12*", did_from: to, pass_headers: [Diversion, X-Sub]}
numbers:
  "+18885550101": {publisher: radio, campaign: quotes, show_ani: true}
advertisers:
  beta:
    lines:
      beta-a: {uri: sip:beta@127.0.0.1:5079, trusted: true, number_format: plain, pass_headers: [x-sub]}
"""
    (config / "extra.yaml").write_text(extra)
    deployment = load(config).deployment
    assert deployment is not None
    plan = deployment.plan
    assert plan.trunk_identity("other") == TrunkIdentity(
        number_format=NumberFormat.E164, tech_prefix="12*", did_from=DidFrom.TO, passes=frozenset({"diversion", "x-sub"})
    )
    assert plan.trunk_identity("carrier") == TrunkIdentity()
    assert plan.line_identities["beta-a"] == LineIdentity(
        trusted=True, number_format=NumberFormat.PLAIN, passes=frozenset({"x-sub"})
    )
    assert plan.line_identities["acme-east"] == LineIdentity()
    assert plan.show_ani == {"+18885550101"}


def test_challenges_offer_what_the_trunk_lists_in_its_order(config: Path) -> None:
    extra = """\
trunks:
  old: {addresses: any, auth: {username: old, secret: {env: HOME}, algorithms: [MD5, SHA-256]}}
  older: {addresses: [203.0.113.2], auth: {username: older, secret: {env: HOME}, algorithms: [MD5]}}
  new: {addresses: [203.0.113.3], auth: {username: new, secret: {env: HOME}}}
"""
    (config / "extra.yaml").write_text(extra)
    deployment = load(config).deployment
    assert deployment is not None
    realms = {trunk.name: trunk.peer.realm for trunk in deployment.plan.trunks}
    offers = {name: realm and realm.algorithms for name, realm in realms.items()}
    both = (Algorithm.MD5, Algorithm.SHA_256)
    assert offers == {"carrier": None, "old": both, "older": (Algorithm.MD5,), "new": both[::-1]}
    assert deployment.plan.strangers is not None
    assert deployment.plan.strangers.algorithms == both


def test_caps_are_owned_by_line_advertiser_and_campaign(config: Path) -> None:
    extra = """\
advertisers:
  beta:
    cap: 5
    lines:
      beta-main: {uri: "sip:b@127.0.0.2", cap: 2}
      beta-next: {uri: "sip:c@127.0.0.2"}
campaigns:
  extra: {lines: [beta-main, beta-next], cap: 9, revenue: 1, payout: 1}
"""
    table = deployed(config, extra).plan.table

    shared = Cap(owner="advertiser:beta", limit=5)
    assert table.lines["beta-main"].caps == (Cap(owner="line:beta-main", limit=2), shared)
    assert table.lines["beta-next"].caps == (shared,)
    assert table.campaigns["extra"].caps == (Cap(owner="campaign:extra", limit=9),)
    assert table.lines["acme-east"].caps == ()


def test_a_line(config: Path) -> None:
    extra = """\
advertisers:
  beta:
    lines:
      b: {uri: "sip:+12125550101@127.0.0.1:5071", ring: 10s, silence: 4s, timer_offset: 2500ms, hours: office, paused: true}
"""
    line = deployed(config, extra).plan.table.lines["b"]

    assert (line.advertiser, line.uri) == ("beta", "sip:+12125550101@127.0.0.1:5071")
    assert (line.ring_ms, line.silence_ms, line.timer_offset_ms, line.paused) == (10_000, 4_000, 2_500, True)
    assert line.hours is not None
    assert line.hours.zone == "America/New_York"
    assert line.hours.blocks == tuple(Block(weekday=day, start_minute=540, end_minute=1_020) for day in range(5))


def test_a_campaign_and_its_terms(config: Path) -> None:
    extra = """\
campaigns:
  extra:
    lines: [acme-west, {line: acme-east, priority: 2, weight: 3}]
    hours: office
    billable: {on: connected_for, at_least: 90s}
    revenue: 25.00
    payout: 0.0065
    payouts: {mail: 20}
    overflow:
      capped: {campaign: quotes}
      busy: {line: acme-east}
      closed: {message: goodbye}
"""
    plan = deployed(config, extra).plan

    campaign = plan.table.campaigns["extra"]
    assert campaign.targets == (Target(line="acme-west"), Target(line="acme-east", priority=2, weight=3))
    assert campaign.overflow == {
        NoRoute.CAPPED: ToCampaign(campaign="quotes"),
        NoRoute.BUSY: ToLine(line="acme-east"),
        NoRoute.CLOSED: ToMessage(prompt="goodbye"),
    }
    assert plan.terms["extra"] == Terms(
        campaign="extra", revenue=bare(25_000_000), payout=bare(6_500), payouts={"mail": bare(20_000_000)}
    )
    assert campaign.revenue_micros == 25_000_000


def test_hours_are_cut_at_midnight_and_sorted(config: Path) -> None:
    extra = """\
hours:
  bar: {zone: UTC, sun: "22:00-02:00", fri-sat: ["20:00-24:00", "00:00-01:30"]}
campaigns:
  extra: {lines: [acme-east], hours: bar, revenue: 1, payout: 1}
"""
    hours = deployed(config, extra).plan.table.campaigns["extra"].hours

    assert hours is not None
    assert [(block.weekday, block.start_minute, block.end_minute) for block in hours.blocks] == [
        (0, 0, 120),
        (4, 0, 90),
        (4, 1_200, 1_440),
        (5, 0, 90),
        (5, 1_200, 1_440),
        (6, 1_320, 1_440),
    ]


def test_daily_and_ranges_over_the_weekend(config: Path) -> None:
    extra = """\
hours:
  always: {zone: UTC, daily: 00:00-24:00}
  weekend: {zone: UTC, sat-mon: 09:00-10:00}
campaigns:
  one: {lines: [acme-east], hours: always, revenue: 1, payout: 1}
  two: {lines: [acme-east], hours: weekend, revenue: 1, payout: 1}
"""
    campaigns = deployed(config, extra).plan.table.campaigns

    always, weekend = campaigns["one"].hours, campaigns["two"].hours
    assert always is not None
    assert weekend is not None
    assert always.blocks == tuple(Block(weekday=day, start_minute=0, end_minute=1_440) for day in range(7))
    assert [block.weekday for block in weekend.blocks] == [0, 5, 6]


def test_menus_and_what_can_be_come_to_from_them(config: Path) -> None:
    extra = """\
menus:
  first:
    prompt: welcome
    invalid: sorry
    timeout: 3s
    retries: 0
    digits: 2
    keys:
      "11": {route: {interest: quote, age: 65}}
      "12": {menu: second}
      "13": {again: true}
      "**": {hangup: goodbye}
      "##": {hangup: true}
    failed: {route: {}}
  second: {prompt: welcome, keys: {"9": {menu: first}}, failed: {hangup: goodbye}}
campaigns:
  extra: {menu: first, lines: [acme-east], revenue: 1, payout: 1}
"""
    deployment = deployed(config, extra)

    assert deployment.plan.table.campaigns["extra"].menu == "first"
    plan = deployment.plan.menus["first"]
    assert (plan.start, set(plan.nodes)) == ("first", {"first", "second"})
    first, second = plan.nodes["first"], plan.nodes["second"]
    assert isinstance(first, Menu)
    assert isinstance(second, Menu)
    assert (first.prompt, first.invalid, first.timeout_ms, first.retries, first.digits) == ("welcome", "sorry", 3_000, 0, 2)
    assert first.keys == {
        "11": RouteOn(tags={"interest": "quote", "age": "65"}),
        "12": GoTo(menu="second"),
        "13": SayAgain(),
        "**": HangUp(prompt="goodbye"),
        "##": HangUp(),
    }
    assert first.failed == RouteOn()
    assert (second.timeout_ms, second.retries, second.digits, second.failed) == (5_000, 2, 1, HangUp(prompt="goodbye"))


def test_version_stays_when_only_the_writing_changes(config: Path) -> None:
    before = deployed(config).plan
    shop = (config / "shop.yaml").read_text()
    numbers = '  "+18005550100": {publisher: radio, campaign: quotes}\n'
    assert numbers in shop
    moved = shop.replace("numbers:\n" + numbers, "").replace(
        "[acme-east, acme-west]", "[{line: acme-east}, {line: acme-west, weight: 1}]"
    )
    moved = moved.replace("  radio:\n  mail: {paused: false}\n", "  mail:\n  radio: {}\n").replace("revenue: 25.00", "revenue: 25")
    (config / "shop.yaml").write_text("# a comment\n" + moved)
    (config / "numbers.yaml").write_text("numbers:\n  +18005550100:\n    campaign: quotes\n    publisher: radio\n")

    after = deployed(config).plan

    assert after == before
    assert len(after.version) == 12
    assert after.table.version == after.version


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("revenue: 25.00", "revenue: 25.01"),
        ("[acme-east, acme-west]", "[acme-west, acme-east]"),
        ("{again: true}", "{hangup: true}"),
        ("mail: {paused: false}", "mail: {paused: true}"),
        ("09:00-17:00", "09:00-17:01"),
    ],
)
def test_version_changes_with_the_meaning(config: Path, old: str, new: str) -> None:
    shop = (config / "shop.yaml").read_text().replace('{"1": {route: {}}}', '{"1": {route: {}}, "2": {again: true}}')
    shop = shop.replace("    menu: qualify", "    menu: qualify\n    hours: office")
    (config / "shop.yaml").write_text(shop)
    before = deployed(config).plan.version
    assert old in shop
    (config / "shop.yaml").write_text(shop.replace(old, new))

    assert deployed(config).plan.version != before


def test_version_changes_with_the_switch(config: Path) -> None:
    before = deployed(config).plan.version
    switch = (config / "switch.yaml").read_text()

    assert deployed(config, switch=switch.replace("5060", "5070")).plan.version != before


def test_positions_of_rules(config: Path) -> None:
    (config / "extra.yaml").write_text("""\
campaigns:
  extra:
    lines: [acme-east]
    revenue: 1
    payout: 1
    overflow:
      capped: {line: acme-west}
""")
    positions = load(config).positions

    assert positions["campaigns.extra.overflow.capped"] == Position(file="config/extra.yaml", line=7, column=7)
    assert positions["lines.acme-east"] == Position(file="config/shop.yaml", line=11, column=7)
    assert positions["lines.acme-east.uri"] == Position(file="config/shop.yaml", line=11, column=19)
    assert positions["numbers.+18005550100"] == Position(file="config/shop.yaml", line=5, column=3)
    assert position_of(positions, "lines.acme-east.hours") == positions["lines.acme-east"]
    assert position_of(positions, "limits.attempts") is None


def test_a_paused_advertiser_pauses_all_its_lines_and_the_place_is_known(config: Path) -> None:
    (config / "extra.yaml").write_text(
        "advertisers:\n  beta:\n    paused: true\n    lines: {b-one: {uri: sip:b@192.0.2.9}, b-two: {uri: sip:c@192.0.2.9}}\n"
    )
    loaded = load(config)

    assert loaded.deployment is not None
    lines = loaded.deployment.plan.table.lines
    assert {name for name, line in lines.items() if line.advertiser_paused} == {"b-one", "b-two"}
    assert position_of(loaded.positions, "advertisers.beta.paused") == Position(file="config/extra.yaml", line=3, column=5)


def test_session_timers_of_trunks_and_lines(config: Path) -> None:
    extra = """
trunks:
  off: {addresses: [203.0.113.99], session_timer: off}
  short: {addresses: [203.0.113.98], session_timer: 90s, auth: {username: a, secret: "an unguessable one"}}
  plain: {addresses: [203.0.113.97]}
advertisers:
  beta:
    lines:
      beta-1: {uri: "sip:a@192.0.2.10", session_timer: 10m}
      beta-2: {uri: "sip:b@192.0.2.10", session_timer: off}
      beta-3: {uri: "sip:c@192.0.2.10"}
"""
    plan = deployed(config, extra).plan
    trunks = {trunk.name: trunk.peer.session_expires_s for trunk in plan.trunks}
    assert (trunks["off"], trunks["short"], trunks["plain"]) == (None, 90, 1_800)
    lines = {name: peer.session_expires_s for name, peer in plan.line_peers.items() if name.startswith("beta")}
    assert lines == {"beta-1": 600, "beta-2": None, "beta-3": 1_800}


def test_a_line_may_transfer_only_where_it_says_so_and_only_to_hosts_of_its_advertiser(config: Path) -> None:
    extra = """
advertisers:
  beta:
    lines:
      beta-1: {uri: "sip:a@192.0.2.10", transfers: follow}
      beta-2: {uri: "sip:b@PBX.beta.example:5070", transfers: refuse}
      beta-3: {uri: "sip:c@192.0.2.10:5072"}
"""
    plan = deployed(config, extra).plan
    lines = {name: (peer.transfers, peer.redirects) for name, peer in plan.line_peers.items() if name.startswith("beta")}
    hosts = ("192.0.2.10", "pbx.beta.example")
    assert lines == {
        "beta-1": (TransferMode.FOLLOW, hosts),
        "beta-2": (TransferMode.REFUSE, hosts),
        "beta-3": (TransferMode.REFUSE, hosts),
    }
    assert {trunk.peer.transfers for trunk in plan.trunks} == {TransferMode.REFUSE}


@pytest.mark.parametrize("there", [True, False])
def test_opus_takes_a_library_of_the_machine(
    config: Path,
    monkeypatch: pytest.MonkeyPatch,
    there: bool,  # noqa: FBT001 a column
) -> None:
    found = libopus.load()
    monkeypatch.setattr(libopus, "load", lambda: found if there else None)
    (config / "extra.yaml").write_text("trunks:\n  wide: {addresses: [203.0.113.99], codecs: [G722, OPUS]}\n")
    problems = [show(problem) for problem in load(config).problems if problem.severity is Severity.ERROR]
    assert len(problems) == (0 if there else 1)
    assert all("extra.yaml:2:52" in each and "libopus0" in each for each in problems)


def test_codecs_and_dtmf_of_trunks_and_lines(config: Path) -> None:
    extra = """
trunks:
  listed: {addresses: [203.0.113.99], codecs: [PCMA, PCMU], dtmf: info, max_calls: 30}
  plain: {addresses: [203.0.113.97]}
advertisers:
  beta:
    lines:
      beta-1: {uri: "sip:a@192.0.2.10", codecs: [PCMA], dtmf: rtp}
      beta-2: {uri: "sip:b@192.0.2.10", dtmf: auto}
"""
    plan = deployed(config, extra).plan
    trunks = {trunk.name: (trunk.peer.codecs, trunk.peer.dtmf) for trunk in plan.trunks}
    assert trunks["listed"] == ((Codec.PCMA, Codec.PCMU), DtmfMode.INFO)
    assert trunks["plain"] == ((), DtmfMode.AUTO)
    limits = {trunk.name: trunk.max_calls for trunk in plan.trunks}
    assert (limits["listed"], limits["plain"]) == (30, None)
    lines = {name: (peer.codecs, peer.dtmf) for name, peer in plan.line_peers.items() if name.startswith("beta")}
    assert lines == {"beta-1": ((Codec.PCMA,), DtmfMode.RTP), "beta-2": ((), DtmfMode.AUTO)}


def test_where_audio_of_trunks_and_lines_may_come_from(config: Path) -> None:
    extra = """
trunks:
  anywhere: {addresses: [203.0.113.99], latch: any-first-seconds, nat_rebind: follow}
  plain: {addresses: [203.0.113.97]}
advertisers:
  beta:
    lines:
      beta-1: {uri: "sip:a@192.0.2.10", latch: strict}
"""
    plan = deployed(config, extra).plan
    peers = {trunk.name: trunk.peer for trunk in plan.trunks} | dict(plan.line_peers)
    latches = {name: (peers[name].latch, peers[name].follows_nat) for name in ("anywhere", "plain", "beta-1")}
    assert latches == {
        "anywhere": (LatchMode.ANY_FIRST_SECONDS, True),
        "plain": (LatchMode.HOST, False),
        "beta-1": (LatchMode.STRICT, False),
    }


@pytest.mark.parametrize(
    ("of_switch", "night"), [("", {"night": "welcome"}), ("rtp: {hold_music: sorry}", {"night": "welcome", "quotes": "sorry"})]
)
def test_hold_music_is_the_campaigns_else_the_switchs(config: Path, of_switch: str, night: dict[str, str]) -> None:
    extra = "campaigns:\n  night: {lines: [acme-east], hold_music: welcome, revenue: 10.00, payout: 5.00}\n"
    if of_switch:
        switch = config / "switch.yaml"
        switch.write_text(switch.read_text().replace("switch:\n", f"switch:\n  {of_switch}\n"))
    found = deployed(config, extra).plan.hold_music
    assert {name: prompt for name, prompt in found.items() if name in ("night", "quotes")} == night


@pytest.mark.parametrize(
    ("of_switch", "written", "night", "quotes"),
    [
        ("", "", RingbackSound(country="us"), RingbackSound(country="us")),
        ("rtp: {ringback: fr}", "ringback: gb, ", RingbackSound(country="gb"), RingbackSound(country="fr")),
        ("rtp: {ringback: {country: no}}", "ringback: no, ", RingbackSound(country="no"), RingbackSound(country="no")),
        (
            "rtp: {ringback: {prompt: sorry}}",
            "ringback: {country: gb}, ",
            RingbackSound(country="gb"),
            RingbackSound(prompt="sorry"),
        ),
        ("", "ringback: {prompt: welcome}, ", RingbackSound(prompt="welcome"), RingbackSound(country="us")),
    ],
)
def test_ringback_is_the_campaigns_else_the_switchs(
    config: Path, of_switch: str, written: str, night: RingbackSound, quotes: RingbackSound
) -> None:
    extra = f"campaigns:\n  night: {{lines: [acme-east], {written}revenue: 10.00, payout: 5.00}}\n"
    if of_switch:
        switch = config / "switch.yaml"
        switch.write_text(switch.read_text().replace("switch:\n", f"switch:\n  {of_switch}\n"))
    found = deployed(config, extra).plan.ringback
    assert (found["night"], found["quotes"]) == (night, quotes)


def test_what_is_heard_in_a_hold_queue(config: Path) -> None:
    extra = """
campaigns:
  night:
    lines: [acme-east]
    revenue: 10.00
    payout: 5.00
    overflow:
      capped: {hold: {places: 3, wait: 2m, music: welcome}}
      busy: {hold: {places: 3, wait: 2m, announce: welcome, every: 10s}}
      closed: {hold: {places: 3, wait: 2m, announce: sorry, every: 10m}}
      failed: {hold: {places: 3, wait: 2m}}
"""
    found = deployed(config, extra).plan.holds["night"]
    assert found == {
        NoRoute.CAPPED: HoldTerms(music="welcome"),
        NoRoute.BUSY: HoldTerms(announce=("welcome",), every_ms=10_000),
        NoRoute.CLOSED: HoldTerms(announce=("sorry",), every_ms=600_000),
    }


def test_srtp_of_trunks_and_lines(config: Path) -> None:
    extra = """
trunks:
  encrypted: {addresses: [203.0.113.99], srtp: required}
  plain: {addresses: [203.0.113.97]}
advertisers:
  beta:
    lines:
      beta-1: {uri: "sip:a@192.0.2.10", srtp: optional}
      beta-2: {uri: "sip:a@192.0.2.11", srtp: off}
"""
    plan = deployed(config, extra).plan
    peers = {trunk.name: trunk.peer for trunk in plan.trunks} | dict(plan.line_peers)
    assert {name: peers[name].srtp for name in ("encrypted", "plain", "beta-1", "beta-2")} == {
        "encrypted": SrtpMode.REQUIRED,
        "plain": SrtpMode.OFF,
        "beta-1": SrtpMode.OPTIONAL,
        "beta-2": SrtpMode.OFF,
    }
