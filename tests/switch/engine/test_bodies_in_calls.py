"""SDP in whatever body and message a peer puts it, as a call sees it: multipart INVITEs, early answers, refusals with words."""

from dataclasses import replace

import pytest
from engine_world import CARRIER, EAST, MENU, SWITCH, World, line, plan
from hand_written import LineByHand, aims, line_sdp, sent_to

from media import control as mc
from switch.call.record import FinalState
from switch.engine.effect import LogNat
from switch.engine.media import RtpAddress
from switch.engine.plan import Plan
from switch.sip import offer_answer
from switch.sip.message import Headers, Request, Response, serialize
from switch.sip.peer import PeerProfile

SDP = "v=0\r\no=- 1 1 IN IP4 198.51.100.8\r\ns=-\r\nc=IN IP4 198.51.100.8\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n"
ISUP = "Content-Type: application/isup;version=ansi88\r\nContent-Disposition: signal;handling=optional\r\n\r\nABC"


def multipart(*parts: str) -> bytes:
    return "".join([f"--b1\r\n{part}\r\n" for part in parts] + ["--b1--\r\n"]).encode()


def invite(body: bytes, content_type: str) -> bytes:
    fields = {
        "Via": "SIP/2.0/UDP 198.51.100.7:5080;rport;branch=z9hG4bK1",
        "Max-Forwards": "70",
        "From": "<sip:+12125550199@198.51.100.7>;tag=a",
        "To": "<sip:+18005550100@192.0.2.1>",
        "Call-ID": "x",
        "CSeq": "1 INVITE",
        "Contact": "<sip:198.51.100.7:5080>",
        "Content-Type": content_type,
    }
    return serialize(Request(method="INVITE", uri="sip:+18005550100@192.0.2.1", headers=Headers(fields.items()), body=body))


def test_the_sdp_part_of_a_multipart_invite_is_the_offer() -> None:
    world = World(plan(line("east", EAST), menu=MENU))
    body = multipart(ISUP, f"Content-Type: application/sdp\r\n\r\n{SDP}")
    world.engine.datagram(invite(body, "multipart/mixed;boundary=b1"), CARRIER, world.at())
    world.run(100)
    (opened,) = world.told(mc.Open)
    assert opened.peer is not None
    assert (opened.peer.host, opened.peer.port) == ("198.51.100.8", 6_000)
    assert [message.status for message in sent_to(world, CARRIER) if isinstance(message, Response)] == [100, 200]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [("multipart/mixed;boundary=b1", multipart(ISUP)), ("application/isup", b"ABC"), ("text/plain", SDP.encode())],
)
def test_a_body_without_sdp_is_415_with_a_record(content_type: str, body: bytes) -> None:
    world = World(plan(line("east", EAST)))
    world.engine.datagram(invite(body, content_type), CARRIER, world.at())
    world.run(40_000)
    (judged,) = world.records
    assert (judged.record.sip_code, judged.record.ended_detail) == (415, "unsupported_body")
    assert judged.record.final_state is FinalState.REJECTED_NOT_ACCEPTABLE
    refusal = next(message for message in sent_to(world, CARRIER) if isinstance(message, Response) and message.status == 415)
    assert refusal.headers.all("Accept") == ["application/sdp", "multipart/mixed"]


@pytest.mark.parametrize(
    ("sdp", "warning"),
    [
        (SDP.replace("RTP/AVP", "RTP/AVPF"), offer_answer.Incompatible.TRANSPORT),
        (SDP.replace("AVP 0", "AVP 18"), offer_answer.Incompatible.FORMAT),
        (SDP.replace("IP4 198.51.100.8", "IP6 2001:db8::1"), offer_answer.Incompatible.FAMILY),
        (SDP.replace("IP4 198.51.100.8", "IP6 fe80::1%eth0"), offer_answer.Incompatible.ADDRESS),
        (SDP.replace("IP4 198.51.100.8", "IP4 224.0.0.1"), offer_answer.Incompatible.ADDRESS),
        (SDP.replace("198.51.100.8", SWITCH.host).replace("6000", "20002"), offer_answer.Incompatible.LOOP),
        ("v=1", offer_answer.Incompatible.UNREADABLE),
    ],
)
def test_488_says_why(sdp: str, warning: offer_answer.Incompatible) -> None:
    world = World(plan(line("east", EAST)))
    world.engine.datagram(invite(sdp.encode(), "application/sdp"), CARRIER, world.at())
    world.run(40_000)
    (judged,) = world.records
    assert judged.record.sip_code == 488
    refusal = next(message for message in sent_to(world, CARRIER) if isinstance(message, Response) and message.status == 488)
    assert refusal.headers.get("Warning") == offer_answer.warning(warning, ())


class BehindNat(World):
    rtp = (RtpAddress(local="10.0.0.5", advertised=SWITCH.host),)


@pytest.mark.parametrize("host", ["10.0.0.5", SWITCH.host])
def test_behind_a_nat_both_of_our_addresses_are_a_loop(host: str) -> None:
    with_nat_off = plan(line("east", EAST))
    trunks = tuple(replace(each, peer=PeerProfile(name=each.name, nat=False)) for each in with_nat_off.trunks)
    world = BehindNat(replace(with_nat_off, trunks=trunks))
    body = SDP.replace("198.51.100.8", host).replace("6000", "20002").encode()
    world.engine.datagram(invite(body, "application/sdp"), CARRIER, world.at())
    world.run(100)
    (refusal,) = [each for each in sent_to(world, CARRIER) if isinstance(each, Response) and each.status == 488]
    assert refusal.headers.get("Warning") == offer_answer.Incompatible.LOOP


def test_sdp_in_a_183_only_is_the_answer_of_the_200() -> None:
    world = World(plan(line("east", EAST)))
    phone = LineByHand(world)
    phone.answers(183, line_sdp(4_000))
    assert aims(world) == [4_000]
    assert not world.told(mc.Bridge)
    phone.answers(200)
    assert aims(world) == [4_000, 4_000]
    assert len(world.told(mc.Bridge)) == 1
    world.run(40_000)
    assert not world.complaints


def test_a_200_without_sdp_after_no_early_answer_is_no_answer() -> None:
    world = World(plan(line("east", EAST)))
    phone = LineByHand(world)
    phone.answers(180)
    phone.answers(200)
    world.run(40_000)
    assert not world.told(mc.Bridge)
    assert [attempt.sip_code for attempt in world.records[0].record.attempts] == [200]


def test_early_sdp_that_can_not_be_used_changes_nothing() -> None:
    world = World(plan(line("east", EAST)))
    phone = LineByHand(world)
    phone.answers(183, line_sdp(4_000, formats="18"))
    phone.answers(200, line_sdp(4_000))
    assert aims(world) == [4_000]
    assert len(world.told(mc.Bridge)) == 1


def test_an_early_answer_is_no_answer_in_the_record() -> None:
    world = World(plan(line("east", EAST)))
    phone = LineByHand(world)
    phone.answers(183, line_sdp(4_000))
    world.run(5_000)
    phone.answers(486)
    world.run(40_000)
    (judged,) = world.records
    (attempt,) = judged.record.attempts
    assert (attempt.answered_us, attempt.connected_ms, judged.record.connected_ms) == (None, 0, 0)


def with_early_media() -> Plan:
    config = plan(line("east", EAST))
    numbers = {did: replace(number, early_media=True) for did, number in config.table.numbers.items()}
    return replace(config, table=replace(config.table, numbers=numbers))


def answers_of(world: World) -> list[tuple[int, bool]]:
    """Status, and whether there is SDP, of the answers to the caller's INVITE."""
    return [(each.status, bool(each.body)) for each in invite_answers(world)]


def invite_answers(world: World) -> list[Response]:
    sent = [each for each in sent_to(world, CARRIER) if isinstance(each, Response)]
    return [each for each in sent if (each.headers.get("CSeq") or "").endswith("INVITE")]


def test_early_media_is_heard_and_is_no_talk() -> None:
    world = World(with_early_media())
    phone = LineByHand(world)
    phone.answers(183, line_sdp(4_000))
    world.run(7_000)
    assert answers_of(world) == [(100, False), (183, True)]
    assert len(world.told(mc.Bridge)) == 1
    phone.answers(200, line_sdp(4_000))
    world.run(3_000)
    assert answers_of(world) == [(100, False), (183, True), (200, False)]  # the 183 was reliable: its SDP stays the answer
    world.leave(1)
    world.run(40_000)
    (attempt,) = world.records[0].record.attempts
    assert 2_900 <= attempt.connected_ms <= 3_100
    assert attempt.answer_delay_ms is not None
    assert attempt.answer_delay_ms >= 7_000


def test_without_that_setting_a_183_is_180_to_the_caller() -> None:
    world = World(plan(line("east", EAST)))
    phone = LineByHand(world)
    phone.answers(183, line_sdp(4_000))
    world.run(1_000)
    assert answers_of(world) == [(100, False), (180, False)]
    assert not world.told(mc.Bridge)


def test_a_caller_that_offers_nothing_has_no_early_media() -> None:
    world = World(with_early_media())
    phone = LineByHand(world, offer=b"")
    phone.answers(183, line_sdp(4_000))
    assert answers_of(world) == [(100, False), (180, False)]


def test_private_audio_behind_a_public_source_goes_to_the_source_and_is_logged_once() -> None:
    world = World(plan(line("east", EAST), menu=MENU))
    for _ in range(2):
        world.call(body=SDP.replace("198.51.100.8", "192.168.1.20").encode())
        world.run(100)
    peers = [opened.peer for opened in world.told(mc.Open)]
    assert [(peer.host, peer.port) for peer in peers if peer is not None] == [(CARRIER.host, 6_000)] * 2
    (logged,) = [effect for effect in world.effects if isinstance(effect, LogNat)]
    assert logged.source == CARRIER
    assert "192.168.1.20" in logged.what
