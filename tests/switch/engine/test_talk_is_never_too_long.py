"""Talk that did not happen must not be billed: the last packet's exact instant, callers who never acknowledged, audio nobody could hear."""

import msgspec
import pytest
from engine_world import CARRIER, EAST, World, line, plan

from media import control as mc
from switch.call.record import FinalState
from switch.engine.effect import SendSip
from switch.engine.journal_line import recover_call
from switch.sip.flow import Flow
from switch.sip.message import Headers, Request, Response, parse, serialize

IP6_SDP = b"v=0\r\no=- 1 1 IN IP6 2001:db8::8\r\ns=-\r\nc=IN IP6 2001:db8::8\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n"


class Deaf(World):
    """A caller whose ACKs are lost until `ack_from_ms`."""

    ack_from_ms: float = float("inf")

    def fly(self, data: bytes, source: Flow, target: Flow) -> None:
        if source == CARRIER and data.startswith(b"ACK") and self.now_ns < self.ack_from_ms * 1_000_000:
            return
        super().fly(data, source, target)


def ports(world: World) -> list[int]:
    """In the order opened: a caller without a menu is answered last."""
    return [order.port for order in world.orders if isinstance(order, mc.Open)]


def talk_began_ns(world: World) -> int:
    """When the caller was answered: the line's answer had to be durable first (`docs/billing.md` §2)."""
    (durable,) = [payload for _, payload in world.journal if b'"event":"AnswerDurable"' in payload]
    moment: int = msgspec.json.decode(durable)["at"]["mono_ns"]
    return moment


def test_lost_media_does_not_round_talk_up_to_the_threshold() -> None:
    world = World(plan(line("east", EAST)))
    world.line_phone(EAST)
    world.call()
    world.run(30_000)
    last_ns = talk_began_ns(world) + 9_999_200_000  # 0.8 ms short of the ten seconds that money asks for
    world.now_ns += 100_000
    world.report(mc.MediaTimeout(port=ports(world)[0], last_ns=last_ns))
    world.run(120_000)
    (judged,) = world.records
    assert judged.record.connected_ms == 9_999
    assert not judged.verdict.billable


def test_a_caller_who_never_acknowledged_is_not_billed_when_the_line_hangs_up_first() -> None:
    world = Deaf(plan(line("east", EAST)))
    world.line_phone(EAST, talk_ms=15_000)
    world.call()
    world.run(200_000)
    (judged,) = world.records
    assert judged.record.connected_ms == 0
    assert not judged.verdict.billable


def test_a_caller_who_never_acknowledged_is_not_billed_for_the_time_the_disk_took() -> None:
    world = Deaf(plan(line("east", EAST)))
    world.sync_ms = 3_000
    world.line_phone(EAST)
    world.call()
    world.run(200_000)
    assert world.records[0].record.connected_ms == 0


def test_a_caller_who_never_acknowledged_is_not_billed_after_a_crash() -> None:
    world = Deaf(plan(line("east", EAST)))
    world.line_phone(EAST)
    world.call()
    world.run(20_000)
    assert not recover_call([payload for _, payload in world.journal]).verdict.billable


def test_a_crash_adds_no_talk_after_the_last_packet() -> None:
    """Without the crash the media timeout ends this call at 5 s (`docs/billing.md` §3: talk ends by the media rule)."""
    world = World(plan(line("east", EAST)))
    world.line_phone(EAST)
    world.call()
    world.run(5_000)
    line_port, caller_port = ports(world)
    for _ in range(55):  # the worker's sign of life, each second: the caller is silent from 5 s on
        world.run(1_000)
        world.report(mc.Heartbeat(at_ns=world.now_ns, last={line_port: world.now_ns, caller_port: 5_000_000_000}))
    crashed = recover_call([payload for _, payload in world.journal])
    world.report(mc.MediaTimeout(port=caller_port, last_ns=5_000_000_000))
    world.run(60_000)
    assert crashed.record.connected_ms <= world.records[0].record.connected_ms + 1_000
    assert not crashed.verdict.billable


def test_an_answer_in_the_ack_that_can_not_be_used_leaves_nothing_to_bill() -> None:
    world = Deaf(plan(line("east", EAST)))
    world.ack_from_ms = 16_000
    world.line_phone(EAST)
    world.call(body=b"")  # so our 200 has the offer; this caller's ACK brings no answer
    world.run(200_000)
    (judged,) = world.records
    assert judged.record.ended_detail == "media_failed"
    assert not judged.verdict.billable


def test_a_minute_of_talk_survives_a_lost_ack_to_a_later_re_invite() -> None:
    world = World(plan(line("east", EAST)))
    world.line_phone(EAST)
    world.call()
    world.run(60_000)
    sent = [effect.data for effect in world.effects if isinstance(effect, SendSip)]
    ok = next(read for read in map(parse, sent) if isinstance(read, Response) and read.status == 200)
    fields = [("Via", "SIP/2.0/UDP 198.51.100.7:5080;branch=z9hG4bKagain"), ("Max-Forwards", "70")]
    fields += [(name, ok.headers.get(name) or "") for name in ("From", "To", "Call-ID")]
    fields += [("CSeq", "99 INVITE"), ("Contact", "<sip:198.51.100.7:5080>")]
    body = b"v=0\r\no=- 1 2 IN IP4 198.51.100.8\r\ns=-\r\nc=IN IP4 198.51.100.8\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n"
    world.engine.datagram(
        serialize(Request(method="INVITE", uri="sip:192.0.2.1", headers=Headers(fields), body=body)), CARRIER, world.at()
    )
    world.run(200_000)
    (judged,) = world.records
    assert judged.record.connected_ms >= 58_000
    assert judged.record.final_state is FinalState.CONVERTED


@pytest.mark.parametrize("whose", ["caller", "line"])
def test_audio_at_an_ipv6_address_is_refused_since_the_worker_can_not_send_there(whose: str) -> None:
    world = World(plan(line("east", EAST)))
    world.line_phone(EAST)
    if whose == "line":
        world.sdp_answer = lambda offer: IP6_SDP  # type: ignore[method-assign]  # noqa: ARG005
    world.call(hang_up_ms=20_000, body=IP6_SDP if whose == "caller" else None)
    world.run(200_000)
    (judged,) = world.records
    assert not judged.verdict.billable
    assert (judged.record.sip_code == 488) if whose == "caller" else (judged.record.attempts[0].outcome.value == "failed")
