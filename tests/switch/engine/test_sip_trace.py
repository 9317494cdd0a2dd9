"""Which SIP messages are kept of which call: the whole engine over simulated SIP, and the bounds of the recorder alone."""

from dataclasses import replace

import pytest
from engine_world import CARRIER, EAST, SWITCH, WEST, World, line, plan

from switch.call.moment import Moment
from switch.engine import sip_trace
from switch.engine.sip_trace import (
    HEAD_MESSAGES,
    LINGER_NS,
    MAX_CALL_OCTETS,
    MAX_MESSAGES,
    MAX_OCTETS,
    MAX_PENDING,
    PENDING_NS,
    SipTrace,
    TraceMode,
    TraceRecorder,
)
from switch.sip.digest import Credentials, Secret
from switch.sip.peer import PeerProfile, Realm

PEER = CARRIER
LINGER_MS = LINGER_NS // 1_000_000


def at(ms: int) -> Moment:
    return Moment(mono_ns=ms * 1_000_000, utc_us=ms * 1_000)


def names(trace: SipTrace) -> list[str]:
    """`<` came, `>` was sent: the method or the status."""
    sent, data = trace.messages[::4], trace.messages[3::4]
    lines = [each.split(b"\r\n", 1)[0].decode() for each in data if isinstance(each, bytes)]
    words = [text.split()[1] if text.startswith("SIP/2.0") else text.split()[0] for text in lines]
    return [f"{'>' if is_sent else '<'}{word}" for is_sent, word in zip(sent, words, strict=True)]


def swept(world: World) -> list[SipTrace]:
    """What is to be kept once all calls have been over for long enough."""
    world.engine.traces.sweep(world.at())
    world.run(world.now_ns // 1_000_000 + LINGER_MS)
    return world.engine.traces.sweep(world.at())


def world_of(mode: TraceMode, **changes: object) -> World:
    return World(replace(plan(line("east", EAST), line("west", WEST)), trace=mode, **changes))  # type: ignore[arg-type]


def test_a_call_has_the_messages_of_all_its_legs() -> None:
    world = world_of(TraceMode.ALL)
    world.line_phone(EAST, status=486)
    world.line_phone(WEST)
    world.call(hang_up_ms=20_000)
    world.run(25_000)
    (trace,) = swept(world)
    assert names(trace) == [
        "<INVITE", ">100", ">INVITE", "<100", "<486", ">ACK", ">181", ">INVITE", "<100", "<180", ">180", "<200", ">ACK", ">200", "<ACK",
        "<BYE", ">200", ">BYE", "<200",
    ]  # fmt: skip
    (judged,) = world.records
    assert trace.call_id == judged.record.call_id
    assert trace.record is judged.record
    assert [each.partition("-")[0] for each in trace.sip_call_ids[1:]] == [trace.call_id] * 2


@pytest.mark.parametrize(("mode", "kept"), [(TraceMode.ALL, 1), (TraceMode.FAILED, 0), (TraceMode.OFF, 0)])
def test_of_a_call_that_went_well_messages_are_kept_where_all_are(mode: TraceMode, kept: int) -> None:
    world = world_of(mode)
    world.line_phone(EAST)
    world.call(hang_up_ms=20_000)
    world.run(25_000)
    assert len(world.records) == 1
    assert len(swept(world)) == kept
    assert world.engine.traces.by_sip == {}


@pytest.mark.parametrize(("mode", "kept"), [(TraceMode.ALL, 1), (TraceMode.FAILED, 1), (TraceMode.OFF, 0)])
def test_of_a_call_that_did_not_connect_they_are_kept(mode: TraceMode, kept: int) -> None:
    world = world_of(mode)
    world.line_phone(EAST, status=486)
    world.line_phone(WEST, status=486)
    world.call()
    world.run(5_000)
    found = swept(world)
    assert len(found) == kept
    assert [names(trace)[-2:] for trace in found] == [[">486", "<ACK"]] * kept


def test_of_a_call_that_broke_off_in_talk_they_are_kept() -> None:
    """Its caller never acknowledges the 200."""
    world = world_of(TraceMode.FAILED)
    world.line_phone(EAST)
    world.engine.datagram(invite(1), PEER, world.at())
    world.run(60_000)
    (judged,) = world.records
    assert judged.record.ended_detail == "caller_no_ack"
    (trace,) = swept(world)
    assert names(trace).count(">200") > 5


def invite(number: int, *, call_id: str = "") -> bytes:
    lines = [
        "INVITE sip:+18005550100@192.0.2.1 SIP/2.0",
        f"Via: SIP/2.0/UDP {PEER.host}:{PEER.port};branch=z9hG4bKtrace{number}",
        f"From: <sip:+12125550199@198.51.100.7>;tag=f{number}",
        "To: <sip:+18005550100@192.0.2.1>",
        f"Call-ID: {call_id or number}",
        f"CSeq: {number} INVITE",
        "Contact: <sip:198.51.100.7:5080>",
        "Max-Forwards: 70",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def test_a_call_that_is_refused_at_once_has_its_ack() -> None:
    world = world_of(TraceMode.FAILED)
    world.engine.drain(world.at())
    world.call()
    world.run(1_000)
    (trace,) = swept(world)
    assert names(trace) == ["<INVITE", ">100", ">503", "<ACK"]


def test_a_challenge_before_the_call_is_in_its_trace() -> None:
    realm = Realm(name="sip.example.com", accounts={"anna": (PeerProfile(name="carrier"), Secret("secret"))})
    built = plan(line("east", EAST))
    trunk = replace(built.trunks[0], peer=PeerProfile(name="carrier", realm=realm))
    world = World(replace(built, trunks=(trunk,), max_calls=0))
    world.caller.agent.invite(
        uri="sip:18005550100@192.0.2.1",
        target=SWITCH,
        caller="+12125550199",
        body=b"",
        now_ns=world.now_ns,
        peer=PeerProfile(credentials=Credentials(username="anna", secret=Secret("secret"))),
    )
    world.run(1_000)
    (trace,) = swept(world)
    assert names(trace) == ["<INVITE", ">401", "<ACK", "<INVITE", ">100", ">503", "<ACK"]


def test_an_invite_that_became_no_call_is_handed_out_when_its_time_is_over() -> None:
    realm = Realm(name="sip.example.com", accounts={})
    built = plan(line("east", EAST))
    trunk = replace(built.trunks[0], peer=PeerProfile(name="carrier", realm=realm))
    world = World(replace(built, trunks=(trunk,)))
    world.engine.datagram(invite(1), PEER, world.at())
    world.run(PENDING_NS // 1_000_000 - 1)
    assert world.engine.traces.sweep(world.at()) == []
    world.run(PENDING_NS // 1_000_000)
    (trace,) = world.engine.traces.sweep(world.at())
    assert (trace.call_id, trace.sip_call_ids) == ("", ["1"])
    assert names(trace)[:2] == ["<INVITE", ">401"]
    assert world.engine.traces.by_sip == {}


def test_a_call_id_that_comes_again_after_a_refusal_is_another_call() -> None:
    world = world_of(TraceMode.FAILED)
    world.line_phone(EAST, status=486)
    world.line_phone(WEST, status=486)
    world.engine.datagram(invite(1, call_id="again"), PEER, world.at())
    world.run(1_000)
    world.engine.datagram(invite(2, call_id="again"), PEER, world.at())
    world.run(2_000)
    first, second = swept(world)
    assert [names(each)[:2] for each in (first, second)] == [["<INVITE", ">100"]] * 2
    assert [each.call_id for each in (first, second)] == [judged.record.call_id for judged in world.records]


def test_each_message_is_mirrored_once_with_the_id_of_its_call() -> None:
    world = world_of(TraceMode.OFF)
    world.engine.traces.is_mirrored = True
    world.line_phone(EAST)
    world.call(hang_up_ms=20_000)
    world.run(2_000)
    first = list(world.engine.traces.mirror())
    assert list(world.engine.traces.mirror()) == []
    world.run(25_000)
    then = list(world.engine.traces.mirror())
    (judged,) = world.records
    assert {call_id for call_id, *_ in first + then} == {judged.record.call_id}
    assert len(first) + len(then) == 14
    assert swept(world) == []
    assert world.engine.traces.by_sip == {}


# the bounds


def filled(recorder: TraceRecorder, sip_call_id: str, messages: list[bytes]) -> SipTrace:
    trace = recorder.of_invite(sip_call_id, b"INVITE x", at(0))
    assert trace is not None
    for data in messages:
        trace.messages.extend((False, at(0), PEER, data))
    return trace


@pytest.mark.parametrize("more", [0, 1])
def test_beyond_so_many_messages_the_oldest_after_the_first_ones_gives_way(more: int) -> None:
    recorder = TraceRecorder(TraceMode.ALL)
    trace = filled(recorder, "c", [b"%d" % number for number in range(MAX_MESSAGES + more)])
    recorder.sweep(at(1))
    assert (trace.count, trace.dropped) == (MAX_MESSAGES, more)
    data = trace.messages[3::4]
    assert data[HEAD_MESSAGES - 1] == b"%d" % (HEAD_MESSAGES - 1)
    assert data[HEAD_MESSAGES] == b"%d" % (HEAD_MESSAGES + more)
    assert data[-1] == b"%d" % (MAX_MESSAGES + more - 1)


@pytest.mark.parametrize("more", [0, 1])
def test_beyond_so_many_octets_of_one_call_messages_give_way(more: int) -> None:
    recorder = TraceRecorder(TraceMode.ALL)
    trace = filled(recorder, "c", [b"x" * 1_024] * 255 + [b"x" * (1_024 + more)])
    assert trace.octets == MAX_CALL_OCTETS + more
    recorder.sweep(at(1))
    assert (trace.count, trace.dropped) == (256 - more, more)


@pytest.mark.parametrize("more", [0, 1])
def test_beyond_so_many_octets_of_all_calls_those_that_are_over_go_and_then_the_greatest(
    more: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sip_trace, "MAX_OCTETS", 3_000)
    assert MAX_OCTETS == 64 * 1024 * 1024
    recorder = TraceRecorder(TraceMode.ALL)
    for number, octets in enumerate([1_000, 1_500, 500 + more]):
        filled(recorder, f"c{number}", [b"x" * octets])
        recorder.begin(f"c{number}", f"call{number}")
    recorder.end("call2", None)
    assert [trace.call_id for trace in recorder.sweep(at(1))] == ["call2"] * more
    filled(recorder, "c3", [b"x" * (500 + more)])
    recorder.begin("c3", "call3")
    recorder.sweep(at(2))
    assert [recorder.find(f"call{number}").dropped for number in (0, 1, 3)] == [0, more, 0]  # type: ignore[union-attr]


@pytest.mark.parametrize("more", [0, 1])
def test_beyond_so_many_invites_that_wait_for_their_call_the_oldest_is_forgotten(more: int) -> None:
    recorder = TraceRecorder(TraceMode.ALL)
    for number in range(MAX_PENDING + more):
        filled(recorder, str(number), [])
    assert (recorder.find("0") is None) is bool(more)
    assert len(recorder.by_sip) == MAX_PENDING


def test_a_call_that_is_over_takes_messages_for_a_while() -> None:
    recorder = TraceRecorder(TraceMode.ALL)
    filled(recorder, "c", [b"x"])
    recorder.begin("c", "call")
    recorder.end("call", None)
    assert recorder.sweep(at(1)) == []
    assert recorder.sweep(at(LINGER_MS)) == []
    (trace,) = recorder.sweep(at(LINGER_MS + 1))
    assert trace.call_id == "call"
    assert recorder.find("call") is None


def test_what_is_left_at_the_end_is_handed_out_at_once() -> None:
    recorder = TraceRecorder(TraceMode.FAILED)
    filled(recorder, "c", [b"x"])
    recorder.begin("c", "call")
    recorder.end("call", None)
    filled(recorder, "d", [b"x"])
    assert [trace.call_id for trace in recorder.sweep(at(1), is_last=True)] == ["call", ""]
