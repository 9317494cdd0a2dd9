"""Calls to lines whose host is a name: where they go, what a name that is not resolved does, and who calls from a registrar's name."""

from dataclasses import replace

import pytest
from engine_world import CARRIER, EAST, STRANGER, SWITCH, WEST, World, line, plan
from hand_written import sent_to
from simulated_network import Phone

from media import control as mc
from switch.call.record import FinalState, Outcome
from switch.engine.effect import LogPeer, SendSip
from switch.engine.plan import Trunk
from switch.sip.fact import EndReason, InviteReceived, LegTerminated
from switch.sip.flow import Flow, Listeners, Transport
from switch.sip.locator import MAX_UDP_BYTES
from switch.sip.message import Request, serialize
from switch.sip.message import parse as parse_sip
from switch.sip.peer import PeerProfile
from switch.sip.requests import answer
from switch.sip.targets import Name, Server

NAME = Name("acme.example")
SILENCE_MS = 2_000
NOWHERE = Flow("198.51.100.31", 5060)


def named(*, ring_ms: int = 20_000) -> World:
    east = replace(line("east", EAST, silence_ms=SILENCE_MS, ring_ms=ring_ms), uri="sip:east@acme.example")
    return World(plan(east))


def resolve(world: World, *targets: Flow) -> None:
    servers = tuple(
        Server(transport=each.transport, addresses=(each.host,), port=each.port, priority=number)
        for number, each in enumerate(targets)
    )
    world.engine.resolved(NAME, servers)


def invites_to(world: World, target: Flow) -> int:
    """How many INVITEs went there, repeated ones too."""
    sent = [parse_sip(effect.data) for effect in world.effects if isinstance(effect, SendSip) and effect.target == target]
    return sum(isinstance(message, Request) and message.method == "INVITE" for message in sent)


def test_a_call_goes_to_the_first_target() -> None:
    world = named()
    resolve(world, EAST, WEST)
    world.line_phone(EAST)
    world.line_phone(WEST)
    world.call(hang_up_ms=20_000)
    world.run(60_000)
    (judged,) = world.records
    assert judged.record.final_state is FinalState.CONVERTED
    assert (invites_to(world, EAST), invites_to(world, WEST)) == (1, 0)


def test_silent_targets_are_left_one_after_the_other_in_one_attempt() -> None:
    world = named()
    resolve(world, NOWHERE, WEST, EAST)
    world.line_phone(EAST)
    world.call(hang_up_ms=30_000)
    world.run(90_000)
    (judged,) = world.records
    (attempt,) = judged.record.attempts
    assert (judged.record.final_state, attempt.outcome) == (FinalState.CONVERTED, Outcome.ANSWERED)
    assert attempt.answer_delay_ms is not None
    assert 2 * SILENCE_MS < attempt.answer_delay_ms < 3 * SILENCE_MS
    told = [effect.what for effect in world.effects if isinstance(effect, LogPeer)]
    assert told == [
        "udp:198.51.100.31:5060 is silent: its INVITE goes to udp:198.51.100.22:5060",
        "udp:198.51.100.22:5060 is silent: its INVITE goes to udp:198.51.100.21:5060",
    ]
    assert world.engine.statistics() == {"failover": {NOWHERE.host: 1, WEST.host: 1}}
    assert any(b'"target":"udp:198.51.100.21:5060"' in payload for _, payload in world.journal)


def test_audio_behind_a_nat_is_where_the_target_is_that_answers() -> None:
    world = named()
    resolve(world, NOWHERE, EAST)
    phone = world.phone(EAST, lambda _fact: None)
    world.call(hang_up_ms=15_000)
    world.run(SILENCE_MS + 1_000)
    (invited,) = [fact for fact in phone.facts if isinstance(fact, InviteReceived)]
    phone.agent.answer(invited.leg, world.sdp_answer(invited.offer).replace(b"198.51.100.99", b"10.1.2.3"), world.now_ns)
    world.run(5_000)
    assert EAST.host in [order.peer.host for order in world.told(mc.SetRemote)]


def test_the_next_call_goes_past_a_target_that_was_silent() -> None:
    world = named()
    resolve(world, NOWHERE, EAST)
    world.line_phone(EAST)
    for _ in range(2):
        world.call(hang_up_ms=15_000)
        world.run(16_000)
    first, second = (judged.record.attempts[0].answer_delay_ms or 0 for judged in world.records)
    assert first > SILENCE_MS > second


def test_all_targets_silent_is_a_silent_line() -> None:
    world = named()
    resolve(world, NOWHERE, WEST)
    world.call()
    world.run(90_000)
    (judged,) = world.records
    (attempt,) = judged.record.attempts
    assert attempt.outcome is Outcome.SILENT
    assert [invites_to(world, target) > 0 for target in (NOWHERE, WEST)] == [True, True]
    assert world.sip.live_counts()["legs"] == 0


def test_the_ring_time_bounds_all_targets_together() -> None:
    world = named(ring_ms=3_000)
    resolve(world, NOWHERE, WEST, EAST)
    world.line_phone(EAST)
    world.call()
    world.run(90_000)
    (judged,) = world.records
    assert judged.record.attempts[0].outcome is Outcome.NO_ANSWER
    assert invites_to(world, EAST) == 0


@pytest.mark.parametrize("asked", [False, True], ids=["DNS not heard yet", "DNS knows no address"])
def test_a_name_that_is_not_resolved_fails_at_once_and_the_hunt_goes_on(asked: bool) -> None:  # noqa: FBT001
    first = replace(line("first", EAST), uri="sip:first@acme.example")
    world = World(plan(first, line("west", WEST)))
    if asked:
        resolve(world)
    world.line_phone(WEST)
    world.call(hang_up_ms=20_000)
    world.run(60_000)
    (judged,) = world.records
    assert [(each.line, each.outcome) for each in judged.record.attempts] == [("first", Outcome.FAILED), ("west", Outcome.ANSWERED)]
    assert [each.what for each in world.complaints] == ["line first: no address is known for sip:first@acme.example"]


def test_a_name_that_is_resolved_later_is_called_then() -> None:
    world = named()
    world.line_phone(EAST)
    world.call()
    world.run(10_000)
    resolve(world, EAST)
    world.call(hang_up_ms=15_000)
    world.run(60_000)
    assert [judged.record.attempts[0].outcome for judged in world.records] == [Outcome.FAILED, Outcome.ANSWERED]


def test_a_reload_forgets_what_it_does_not_name() -> None:
    world = named()
    before = world.engine.plan
    resolve(world, EAST)
    world.engine.reload(plan(line("west", WEST)))
    world.engine.reload(before)
    world.call()
    world.run(60_000)
    assert world.records[0].record.attempts[0].outcome is Outcome.FAILED


# a trunk's registrar by name


def test_calls_from_a_registrars_addresses_are_its_trunks() -> None:
    trunk = Trunk(name="retail", networks=(), names=(NAME,))
    world = World(replace(plan(line("east", EAST)), trunks=(trunk,)))
    world.line_phone(EAST)
    world.call()
    world.run(40_000)
    assert world.records == []
    resolve(world, CARRIER)
    world.call(hang_up_ms=15_000)
    world.run(60_000)
    assert [judged.record.trunk for judged in world.records] == ["retail"]
    resolve(world, STRANGER)
    world.call()
    world.run(60_000)
    assert len(world.records) == 1


def test_what_a_registrars_addresses_send_malformed_counts_as_its_trunks() -> None:
    world = World(replace(plan(line("east", EAST)), trunks=(Trunk(name="retail", networks=(), names=(NAME,)),)))
    resolve(world, CARRIER)
    world.engine.datagram(
        b"INVITE sip:+18005550100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7\r\n\r\n", CARRIER, world.at()
    )
    (trunk,) = world.engine.trunk_status(world.at())
    assert trunk.malformed == 1


# a network on which answers come late


@pytest.mark.parametrize("seed", range(12))
def test_however_late_answers_come_one_phone_talks_and_nothing_is_left(seed: int) -> None:
    """Delays of up to three times the silence: late rings and answers of targets that were given up are the rule."""
    east = replace(line("east", EAST, silence_ms=SILENCE_MS, ring_ms=15_000), uri="sip:east@acme.example")
    world = World(plan(east), seed=seed, loss=0.05, doubling=0.05, delay_ms=(5, 3 * SILENCE_MS // 2))
    resolve(world, EAST, WEST)
    phones = [world.line_phone(target, answer_ms=200) for target in (EAST, WEST)]
    for _ in range(10):
        world.call(hang_up_ms=40_000)
        world.run(3_000)
    world.run(300_000)
    assert len(world.records) == len({judged.record.call_id for judged in world.records})
    assert all(len(judged.record.attempts) <= 1 for judged in world.records)
    assert world.engine.live_calls == 0
    ends = [fact.why for phone in phones for fact in phone.facts if isinstance(fact, LegTerminated)]
    assert len(ends) > len(world.records)
    assert EndReason.NO_ACK not in ends
    assert [phone.agent.live_counts()["legs"] for phone in phones] == [0, 0]
    assert set(world.sip.live_counts().values()) == {0}
    assert sum(isinstance(effect, LogPeer) for effect in world.effects) > 0


def answer_behind_a_nat(world: World, phone: Phone) -> str:
    """The phone's answer names a private address. Returns where its audio is sent."""
    (invited,) = [fact for fact in phone.facts if isinstance(fact, InviteReceived)]
    phone.agent.answer(invited.leg, world.sdp_answer(invited.offer).replace(b"198.51.100.99", b"10.1.2.3"), world.now_ns)
    world.run(1_000)
    return world.told(mc.SetRemote)[-1].peer.host


def test_audio_behind_a_nat_is_where_a_redirection_led() -> None:
    with_east = plan(line("east", EAST))
    world = World(replace(with_east, line_peers={"east": PeerProfile(name="east", redirects=(WEST.host,))}))
    phone = world.phone(WEST, lambda _fact: None)
    world.call(hang_up_ms=15_000)
    world.run(20)
    invite = sent_to(world, EAST)[0]
    assert isinstance(invite, Request)
    moved = answer(invite, 302, tag="l1", listeners=Listeners((EAST,), user_agent=""), extra=(("Contact", f"<sip:{WEST.host}>"),))
    world.engine.datagram(serialize(moved), EAST, world.at())
    world.run(1_000)
    assert answer_behind_a_nat(world, phone) == WEST.host


class WithTcp(World):
    listeners = (SWITCH, SWITCH._replace(transport=Transport.TCP))


def test_audio_behind_a_nat_is_where_a_large_invite_went() -> None:
    east = replace(line("east", EAST), uri="sip:east@acme.example")
    world = WithTcp(replace(plan(east), call_id_header="X-" + "x" * MAX_UDP_BYTES))
    over_tcp = WEST._replace(transport=Transport.TCP)
    resolve(world, EAST, over_tcp)
    phone = world.phone(over_tcp, lambda _fact: None)
    world.call(hang_up_ms=15_000)
    world.run(1_000)
    assert answer_behind_a_nat(world, phone) == WEST.host
