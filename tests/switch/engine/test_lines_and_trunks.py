"""Lines that are down, rest or decline, calls a second, and trunks that authenticate: as calls and their records see it."""

from dataclasses import replace

import pytest
from engine_world import CARRIER, EAST, MENU, START_US, STRANGER, SWITCH, WEST, World, line, plan
from sip_world import request

from media import control as mc
from routing.cap import Cap, Per
from routing.table import Health
from switch.call.record import FinalState, Outcome
from switch.engine.effect import LogPeerState, SendSip, TrustSource
from switch.engine.last_second import SECOND_US, LastSecond
from switch.engine.leg_facts import MAX_LINE_REST_S
from switch.engine.plan import Plan
from switch.engine.usage import UsageHistory
from switch.sip.digest import Credentials, DigestClient, Secret
from switch.sip.fact import Fact, InviteReceived
from switch.sip.flow import Flow, Transport
from switch.sip.message import Request, Response, parse
from switch.sip.offer_answer import offer
from switch.sip.peer import PeerProfile, Realm
from switch.sip.probe import Watch
from switch.sip.registration import Registrar
from switch.sip.strangers import Standing
from switch.sip.transaction import NS_PER_MS

EVERY_MS = 10_000
NS_PER_S = 1_000 * NS_PER_MS


def watched(with_plan: Plan) -> Plan:
    watches = tuple(
        Watch(name=f"line:{name}", uri=f"sip:{flow.host}:{flow.port}", every_ns=EVERY_MS * NS_PER_MS)
        for name, flow in (("east", EAST), ("west", WEST))
    )
    return replace(with_plan, watches=watches)


def states(world: World) -> list[tuple[str, bool]]:
    return [(effect.name, effect.is_good) for effect in world.effects if isinstance(effect, LogPeerState)]


def tried(world: World) -> list[list[tuple[str, Outcome]]]:
    return [[(attempt.line, attempt.outcome) for attempt in judged.record.attempts] for judged in world.records]


def test_a_line_that_does_not_answer_options_is_out_of_routing_and_comes_back() -> None:
    world = World(watched(plan(line("east", EAST), line("west", WEST))))
    west, east = world.line_phone(WEST), world.line_phone(EAST)
    del world._phones[EAST]
    world.engine.watch_peers(world.at())
    world.run(5 * EVERY_MS)
    assert states(world) == [("line:east", False)]
    assert not world.engine.health(world.at())["line:east"].is_up
    assert world.engine.health(world.at())["line:west"].last_status == 200
    world.call(hang_up_ms=5_000)
    world.run(10_000)
    assert tried(world) == [[("west", Outcome.ANSWERED)]]
    down = [reason for reason in world.records[0].record.trail if reason["verdict"] == "down: it does not answer OPTIONS"]
    assert [(reason["rule"], reason["read"]) for reason in down] == [("lines.east.health", {"is_down/east": 1})]
    world._phones[EAST] = east
    world.run(3 * EVERY_MS)
    assert states(world) == [("line:east", False), ("line:east", True)]
    world.call(hang_up_ms=5_000)
    world.run(10_000)
    assert tried(world)[1] == [("east", Outcome.ANSWERED)]
    assert west.facts


def test_what_is_known_of_lines_outlives_the_ledger_s_usage() -> None:
    world = World(watched(plan(line("east", EAST), line("west", WEST))))
    world.engine.watch_peers(world.at())
    world.run(5 * EVERY_MS)
    world.engine.load_usage(UsageHistory())
    assert world.engine.usage.lines_down == {"east", "west"}


def test_a_reload_without_the_probe_brings_the_line_back() -> None:
    world = World(watched(plan(line("east", EAST), line("west", WEST))))
    world.engine.watch_peers(world.at())
    world.run(5 * EVERY_MS)
    world.engine.reload(plan(line("east", EAST), line("west", WEST), version="v2"))
    world.engine.watch_peers(world.at())
    assert world.engine.usage.lines_down == frozenset()


def refusing(world: World, status: int, retry_after_s: int | None = None) -> None:
    def on_fact(fact: Fact) -> None:
        if isinstance(fact, InviteReceived):
            phone.agent.refuse(fact.leg, status, world.now_ns, retry_after_s=retry_after_s)

    phone = world.phone(EAST, on_fact)


@pytest.mark.parametrize(
    ("asked_s", "rests_s"), [(18, 18), (MAX_LINE_REST_S, MAX_LINE_REST_S), (MAX_LINE_REST_S + 1, MAX_LINE_REST_S)]
)
def test_a_line_that_asks_for_it_is_left_alone_that_long(asked_s: int, rests_s: int) -> None:
    world = World(plan(line("east", EAST), line("west", WEST)))
    refusing(world, 503, asked_s)
    world.line_phone(WEST)
    world.call(hang_up_ms=5_000)
    world.run(10_000)
    asked_us = world.engine.usage.resting_until_us("east") - rests_s * 1_000_000
    assert START_US <= asked_us <= START_US + 100_000
    world.call(hang_up_ms=5_000)
    world.run(rests_s * 1_000 - 9_900)
    world.call(hang_up_ms=5_000)
    world.run(10_000)
    assert [[name for name, _ in each] for each in tried(world)] == [["east", "west"], ["west"], ["east", "west"]]


def test_503_without_retry_after_is_a_failure_like_others() -> None:
    world = World(plan(line("east", EAST)))
    refusing(world, 503)
    world.call()
    world.run(5_000)
    assert world.engine.usage.resting_until_us("east") == 0


@pytest.mark.parametrize(("status", "outcome", "rests"), [(603, Outcome.DECLINED, False), (500, Outcome.FAILED, True)])
def test_a_decline_is_no_failure_of_health(status: int, outcome: Outcome, rests: bool) -> None:  # noqa: FBT001
    world = World(plan(line("east", EAST, health=Health(failures=1, rest_ms=60_000))))
    refusing(world, status)
    world.call()
    world.run(5_000)
    assert tried(world) == [[("east", outcome)]]
    assert (world.engine.usage.resting_until_us("east") > 0) is rests


def test_a_second_is_any_second() -> None:
    window = LastSecond()
    for at_us in (0, 1, SECOND_US - 1):
        window.add("x", at_us)
    assert [window.count("x", now_us) for now_us in (SECOND_US - 1, SECOND_US, SECOND_US + 1, 2 * SECOND_US - 1)] == [3, 2, 1, 0]
    assert window.count("y", 0) == 0


def test_a_line_beyond_its_calls_a_second_is_passed_over() -> None:
    fast = Cap(owner="line:east", limit=2, per=Per.SECOND)
    east = line("east", EAST)
    world = World(plan(replace(east, caps=(*east.caps, fast)), line("west", WEST)))
    world.line_phone(EAST)
    world.line_phone(WEST)
    for _ in range(3):
        world.call(hang_up_ms=5_000)
    world.run(1_500)
    world.call(hang_up_ms=5_000)
    world.run(20_000)
    assert sorted(name for each in tried(world) for name, _ in each) == ["east", "east", "east", "west"]
    verdicts = [reason["verdict"] for judged in world.records for reason in judged.record.trail]
    assert verdicts.count("east capped: 2 of 2 per second") == 1
    rules = {reason["rule"] for judged in world.records for reason in judged.record.trail}
    assert "lines.east.calls_per_second" in rules


def test_a_trunk_beyond_its_calls_a_second_gets_503_and_a_record() -> None:
    with_plan = plan(line("east", EAST))
    with_plan = replace(with_plan, trunks=tuple(replace(trunk, per_second=2) for trunk in with_plan.trunks))
    world = World(with_plan)
    world.line_phone(EAST)
    for _ in range(3):
        world.call(hang_up_ms=5_000)
    world.run(1_500)
    world.call(hang_up_ms=5_000)
    world.run(60_000)
    records = [judged.record for judged in world.records]
    assert sorted(record.ended_detail for record in records) == ["caller_hung_up"] * 3 + ["too_fast"]
    (refused,) = [record for record in records if record.ended_detail == "too_fast"]
    assert (refused.sip_code, refused.final_state) == (503, FinalState.REJECTED_UNAVAILABLE)
    assert (refused.publisher, refused.campaign) == ("radio", "quotes")


def test_a_refused_call_to_an_unknown_number_is_nobodys() -> None:
    world = World(plan(line("east", EAST)))
    world.call(body=b"no SDP", did="+18005550199")
    world.call(body=b"no SDP")
    world.run(60_000)
    assert [(judged.record.ended_detail, judged.record.publisher, judged.record.campaign) for judged in world.records] == [
        ("not_acceptable", None, None),
        ("not_acceptable", "radio", "quotes"),
    ]
    assert {judged.verdict.revenue_micros for judged in world.records} == {0}


@pytest.mark.parametrize(("calls", "refused"), [(2, 0), (3, 1), (4, 2)])
def test_a_trunk_beyond_its_live_calls_gets_503_and_a_record(calls: int, refused: int) -> None:
    """Callers in a menu count, and a call that ends leaves its place."""
    with_plan = plan(line("east", EAST), menu=MENU)
    with_plan = replace(with_plan, trunks=tuple(replace(trunk, max_calls=2) for trunk in with_plan.trunks))
    world = World(with_plan)
    world.line_phone(EAST)
    legs = [world.call() for _ in range(calls)]
    world.run(1_500)
    details = [judged.record.ended_detail for judged in world.records]
    assert details == ["trunk_full"] * refused
    assert {(judged.record.sip_code, judged.record.final_state) for judged in world.records} <= {
        (503, FinalState.REJECTED_UNAVAILABLE)
    }
    assert [(found.calls, found.limit) for found in world.engine.trunk_status(world.at())] == [(2, 2)]
    world.leave(legs[0])
    world.run(500)
    world.call()
    world.run(500)
    assert [judged.record.ended_detail for judged in world.records].count("trunk_full") == refused
    assert len(world.told(mc.Open)) == 3, "a call that is refused has no audio"


ACCOUNT = Realm(name="payphone", accounts={"carrier": (PeerProfile(name="carrier"), Secret("pw"))})


def dial(world: World, source: str, secret: str) -> None:
    phone = world.caller if source == "trunk" else world.phone(STRANGER, lambda _fact: None)
    phone.agent.invite(
        uri=f"sip:18005550100@{SWITCH.host}:5060",
        target=SWITCH,
        caller="+12125550199",
        body=offer(host="198.51.100.8", port=6_000, session_id=1, version=1),
        now_ns=world.now_ns,
        peer=PeerProfile(credentials=Credentials(username="carrier", secret=Secret(secret))),
    )
    world.run(60_000)


@pytest.mark.parametrize(
    ("source", "secret", "ends"),
    [
        ("trunk", "pw", ["carrier/no_answer"]),
        ("trunk", "wrong", ["carrier/unauthorized"]),
        ("stranger", "pw", ["carrier/no_answer"]),
        ("stranger", "wrong", []),
    ],
)
def test_one_record_for_each_call_of_a_trunk_that_authenticates(source: str, secret: str, ends: list[str]) -> None:
    with_plan = plan(line("east", EAST, ring_ms=5_000))
    trunks = tuple(replace(trunk, peer=PeerProfile(name="carrier", realm=ACCOUNT)) for trunk in with_plan.trunks)
    world = World(replace(with_plan, trunks=trunks, strangers=ACCOUNT))
    world.line_phone(EAST, answer_ms=None)
    dial(world, source, secret)
    assert [f"{judged.record.trunk}/{judged.record.ended_detail}" for judged in world.records] == ends
    assert world.engine.live_calls == 0


ELSEWHERE = Flow("203.0.113.77", 5060)
"""A line on an address that is no trunk's."""


@pytest.mark.parametrize("strangers", [None, ACCOUNT])
def test_what_an_address_is_while_it_has_a_call_and_without(strangers: Realm | None) -> None:
    world = World(replace(plan(line("east", ELSEWHERE)), strangers=strangers))
    world.line_phone(ELSEWHERE)
    unknown = Standing.UNKNOWN if strangers is None else Standing.MAY_AUTHENTICATE
    assert [world.engine.standing(each.host) for each in (CARRIER, ELSEWHERE, STRANGER)] == [Standing.PEER, unknown, unknown]
    world.call(hang_up_ms=20_000)
    world.run(5_000)
    assert [world.engine.standing(each.host) for each in (CARRIER, ELSEWHERE, STRANGER)] == [Standing.PEER, Standing.PEER, unknown]
    world.run(120_000)
    assert world.engine.standing(ELSEWHERE.host) is unknown


def test_the_shell_is_told_of_a_connection_whose_far_end_has_authenticated() -> None:
    world = World(replace(plan(line("east", EAST)), strangers=ACCOUNT))
    source = STRANGER._replace(transport=Transport.TLS)
    digest = DigestClient(credentials=Credentials(username="carrier", secret=Secret("pw")), token=lambda: "cn")
    asked = request("OPTIONS", contact=None)
    world.engine.datagram(asked, source, world.at())
    (challenge,) = world.engine.effects()
    assert isinstance(challenge, SendSip)
    refusal, sent = parse(challenge.data), parse(asked)
    assert isinstance(refusal, Response)
    assert isinstance(sent, Request)
    assert digest.takes(refusal, sent, tries=0)
    fields = tuple(f"{name}: {value}" for name, value in digest.fields("OPTIONS", sent.uri))
    world.engine.datagram(request("OPTIONS", contact=None, cseq=2, branch="z9hG4bK2", extra=fields), source, world.at())
    assert TrustSource(source=source) in world.engine.effects()


def test_registrations_are_shown_and_end_with_the_switch() -> None:
    registrar = Registrar(
        trunk="carrier",
        uri=f"sip:{CARRIER.host}:{CARRIER.port}",
        credentials=Credentials(username="me", secret=Secret("pw")),
    )
    world = World(replace(plan(line("east", EAST)), registrars=(registrar,)))
    world.engine.watch_peers(world.at())
    world.run(1_000)
    shown = world.engine.registrations(world.at())["carrier"]
    assert (shown.until_us, shown.status, shown.failures) == (None, 405, 1)  # a phone is no registrar
    assert shown.next_us > START_US
    assert states(world) == [("trunk:carrier", False)]
    world.engine.stop(world.at())
    assert world.engine.registrations(world.at()) == {}
