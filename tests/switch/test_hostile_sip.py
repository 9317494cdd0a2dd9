"""What peers may send without harm, in one simulated world: identities that try to inject, floods, spoofed hang-ups.

Mutated messages are in `tests/fuzz`. The world is deterministic: a message that breaks the switch here breaks it in every run.
"""

import re

import pytest
from engine_world import CARRIER, EAST, MENU, STRANGER, SWITCH, line, plan
from hostile_wire import DID_URI, METHODS, Wire, message

from media import control as mc
from switch.sip import offer_answer
from switch.sip.flow import Flow
from switch.sip.message import Request, Response


@pytest.mark.parametrize(
    "user",
    [
        "a%22b",
        "a%3E;x=%3Cb",
        "a;tag=evil",
        "a%5C%22%3Csip:x%3E",
        "%40%40evil%3A5060",
        "a%0D%0AX-Evil:%201",
        "a%00b",
        "%FF%FE",
        "9" * 2_000,
    ],
)
def test_a_callers_identity_can_not_write_into_the_lines_invite(user: str) -> None:
    invite = invite_to_the_line(f'"\\"evil\\" <sip:x@y>" <sip:{user}@198.51.100.7>;tag=ct')
    plain = invite_to_the_line("<sip:+12125550199@198.51.100.7>;tag=ct")
    assert [name for name, _ in invite.headers] == [name for name, _ in plain.headers]
    assert re.fullmatch(r'("Anonymous" )?<sip:[^<>"\s]+@[^<>"@\s]+>;tag=a[0-9a-f]+', invite.headers.get("From") or "")


def invite_to_the_line(sender: str) -> Request:
    world = Wire(plan(line("east", EAST)))
    world.hear(message(sender=sender))
    (invite,) = world.sent_to(EAST)
    assert isinstance(invite, Request)
    return invite


@pytest.mark.parametrize(
    "host", ["224.0.0.1", "255.255.255.255", "host..example", "::1", "127.0.0.1:5060", "1.2.3", "", "fe80::1%eth0", "0x7f.1"]
)
def test_audio_is_never_aimed_at_what_is_no_host(host: str) -> None:
    world = Wire(plan(line("east", EAST)))
    body = f"v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n".encode()
    world.hear(message(body=body))
    assert world.statuses() == [100, 488]
    assert world.orders == []


def test_a_host_name_as_audio_address_is_never_looked_up() -> None:
    """Audio goes to where the SIP comes from until the first packet says better."""
    world = Wire(plan(line("east", EAST), menu=MENU))
    world.hear(message(body=b"v=0\r\nc=IN IP4 media.example\r\nm=audio 4000 RTP/AVP 0\r\n"))
    assert world.statuses() == [100, 200]
    (opened,) = world.told(mc.Open)
    assert opened.peer is not None
    assert (opened.peer.host, opened.peer.port, opened.peer.learns) == (CARRIER.host, 4_000, True)


@pytest.mark.parametrize(
    "body",
    [
        b"v=0\r\nc=IN IP4 198.51.100.8\r\n" + b"m=audio 4000 RTP/AVP 0\r\n" * 600,
        b"v=0\r\nc=IN IP4 198.51.100.8\r\nm=audio 99999999999 RTP/AVP 0\r\n",
        b"v=0\r\nc=IN IP4 198.51.100.8\r\nm=audio 4000 RTP/AVP " + b"0 " * 20_000,
        b"\0" * 60_000,
    ],
)
def test_sdp_bombs_get_488(body: bytes) -> None:
    world = Wire(plan(line("east", EAST)))
    world.hear(message(body=body))
    assert world.statuses() == [100, 488]
    world.wind_down()


def test_a_stranger_hears_nothing_and_nothing_is_kept_of_it() -> None:
    world = Wire(plan(line("east", EAST)))
    for number, method in enumerate(METHODS):
        good = message(method.decode(), branch=f"z9hG4bK{number}")
        for data in (
            good,
            good[:-40],
            good.replace(b"SIP/2.0\r\n", b"SIP/3.0\r\n", 1),
            good.replace(b"To: <", b"To: <<"),
            b"\0" + good,
        ):
            world.hear(data, STRANGER)
    assert world.sent_to(STRANGER) == []
    assert world.sip.live_counts() == {"legs": 0, "dialogs": 0, "transactions": 0, "timers": 0, "hosts": 0}
    assert world.engine.live_calls == 0
    world.hear(message("OPTIONS"))  # and the carrier does hear
    assert world.statuses() == [200]


@pytest.mark.parametrize("source", [CARRIER, STRANGER])
def test_a_hang_up_with_the_wrong_tags_ends_no_call(source: Flow) -> None:
    world = Wire(plan(line("east", EAST)))
    world.line_phone(EAST, answer_ms=10)
    world.hear(message())
    world.run(100)
    ok = next(answer for answer in world.sent_to(CARRIER) if isinstance(answer, Response) and answer.status == 200)
    to = ok.headers.get("To") or ""
    world.hear(message("ACK", branch="z9hG4bKack", to=to))
    heard = len(world.sent_to(source))
    world.hear(message("BYE", branch="z9hG4bK1", cseq=2, to=f"<{DID_URI}>;tag=guess"), source)
    world.hear(message("BYE", branch="z9hG4bK2", cseq=2, to=to, sender="<sip:x@y>;tag=guess"), source)
    world.hear(message("BYE", branch="z9hG4bK3", cseq=2, to=to, call="guess"), source)
    world.hear(message("CANCEL", branch="z9hG4bKguess"), source)
    answers = [answer.status for answer in world.sent_to(source)[heard:] if isinstance(answer, Response)]
    assert answers == ([481] * 4 if source == CARRIER else [])
    assert world.engine.live_calls == 1
    world.hear(message("BYE", branch="z9hG4bK4", cseq=2, to=to))
    world.run(1_000)
    assert len(world.records) == 1


def test_a_flood_from_a_trunk_is_refused_with_records_and_forgotten() -> None:
    world = Wire(plan(line("east", EAST), max_calls=20))
    for number in range(500):
        world.hear(message(branch=f"z9hG4bK{number}", call=f"call-{number}"))
    assert world.engine.live_calls == 20
    answers = [answer for answer in world.sent_to(CARRIER) if isinstance(answer, Response) and answer.status == 503]
    assert len(answers) == 480
    assert {answer.headers.get("Retry-After") for answer in answers} == {"5"}
    assert [judged.record.sip_code for judged in world.records] == [503] * 480
    world.wind_down()
    assert len(world.records) == 500


def test_a_storm_of_one_invite_is_one_call() -> None:
    world = Wire(plan(line("east", EAST)))
    for _ in range(500):
        world.hear(message())
    assert world.engine.live_calls == 1
    assert set(world.statuses()) == {100, 180}
    assert len(world.sent_to(EAST)) == 1
    world.wind_down()


def test_a_flood_of_re_invites_moves_one_call_and_leaves_nothing_behind() -> None:
    world = Wire(plan(line("east", EAST)))
    world.line_phone(EAST, answer_ms=10)
    world.hear(message())
    world.run(100)
    to = next(a.headers.get("To") or "" for a in world.sent_to(CARRIER) if isinstance(a, Response) and a.status == 200)
    world.hear(message("ACK", branch="z9hG4bKack", to=to))
    for cseq in range(2, 500):
        body = offer_answer.offer(host="198.51.100.8", port=6_000 + 2 * cseq, session_id=1, version=cseq)
        world.hear(message(branch=f"z9hG4bK{cseq}", cseq=cseq, to=to, body=body))
        if cseq % 3 == 0:
            world.hear(message("ACK", branch=f"z9hG4bKa{cseq}", cseq=cseq, to=to))
    assert set(world.statuses()) <= {100, 180, 200, 491}
    assert world.engine.live_calls == 1
    world.wind_down()
    assert len(world.records) == 1


def test_audio_is_never_aimed_at_our_own_ports() -> None:
    world = Wire(plan(line("east", EAST)))
    world.hear(message(body=offer_answer.offer(host=SWITCH[0], port=20_002, session_id=1, version=1)))
    assert world.statuses() == [100, 488]
    world.wind_down()


def test_ringing_told_again_and_again_is_journaled_once() -> None:
    world = Wire(plan(line("east", EAST)))
    world.hear(message())
    invite = world.sent_to(EAST)[0].headers
    fields = [f"{name}: {invite.get(name)}" for name in ("Via", "From", "Call-ID", "CSeq")]
    ringing = "\r\n".join(["SIP/2.0 180 Ringing", *fields, f"To: {invite.get('To')};tag=t", "", ""]).encode()
    world.hear(ringing)
    lines = len(world.journal)
    for _ in range(50):
        world.hear(ringing)
    assert len(world.journal) == lines
    world.wind_down()


def test_a_strangers_cancel_is_ignored() -> None:
    world = Wire(plan(line("east", EAST)))
    world.hear(message())
    world.hear(message("CANCEL"), STRANGER)
    assert world.sent_to(STRANGER) == []
    assert world.engine.live_calls == 1
    world.hear(message("CANCEL"))
    assert 487 in world.statuses()
    world.wind_down()


def test_a_strangers_copy_of_an_invite_is_not_answered_again() -> None:
    world = Wire(plan(line("east", EAST)))
    world.hear(message())
    said = len(world.statuses())
    world.hear(message(), STRANGER)
    assert len(world.statuses()) == said
    assert world.sent_to(STRANGER) == []


@pytest.mark.parametrize("user", ["\U0001d7d8" * 2_000, "%C2%9B31m%E2%80%AEx", "7" * 65])
def test_a_caller_whose_name_is_too_long_or_can_not_be_printed_is_nobody(user: str) -> None:
    world = Wire(plan(line("east", EAST)))
    world.hear(message(sender=f"<sip:{user}@h>;tag=ct"))
    assert all(len(data) < 1_500 for data, _, target in world.flown if target == EAST)
    world.wind_down()
    assert [judged.record.ani for judged in world.records] == [""]


def with_hops(data: bytes, hops: int) -> bytes:
    return data.replace(b"From: ", b"Max-Forwards: %d\r\nFrom: " % hops, 1)


def test_a_call_that_goes_in_circles_ends() -> None:
    """Each lap takes a hop, and the last one is refused with a record (RFC 7332)."""
    world = Wire(plan(line("east", EAST)))
    world.hear(with_hops(message(), 2))
    (invite,) = world.sent_to(EAST)
    assert invite.headers.get("Max-Forwards") == "1"
    world.hear(with_hops(message(branch="z9hG4bKlast", call="last"), 0))
    assert 483 in world.statuses()
    assert world.records[0].record.ended_detail == "too_many_hops"
    world.wind_down()
