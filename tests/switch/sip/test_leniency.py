"""What nobody needs condemns no message: a 200, a BYE, a CANCEL, an ACK with dirt in it do what they are for, and the dirt is told once."""

import pytest
from sip_world import OURS, PEER, Solo, bye, header, reinvite, request, response

from switch.sip.fact import (
    AckReceived,
    AnswerReceived,
    EndReason,
    InviteReceived,
    LegTerminated,
    PeerBehindNat,
    PeerOddity,
    ProvisionalReceived,
)
from switch.sip.flow import Flow
from switch.sip.message import Response
from switch.sip.peer import DEFAULT_PEER

DIRT = {
    "a Latin-1 octet in a header nobody reads": b"Server: B\xf6ro PBX",
    "a Latin-1 octet in Reason": b'Reason: Q.850;cause=16;text="Lib\xe9ration"',
    "a line without a colon": b"BogusHeader",
    "a line that is no header": b"%% hello: there %%",
    "an open quote in a list": b'History-Info: "open <sip:a@b>, <sip:c@d>',
    "an open quote in Contact": b'm: "open <sip:a@b>, <sip:c@d>',
    "an open bracket in Record-Route": b"Record-Route: <sip:a@b>, <sip:c@d",
    "a value of more than 16 KiB": b"Identity: " + b"x" * 16_385,
    "NUL": b"Subject: a\0b",
    "a bare carriage return": b"Subject: a\rb",
    "a bare line feed": b"Subject: a\nb",
    "more than 256 lines": b"\r\n".join([b"X-Many: 1"] * 300),
}
WIDE = {
    "256 headers": b"\r\n".join([b"X-Many: 1"] * 240),
    "a value of 16 KiB": b"Identity: " + b"x" * 16_384,
    "UTF-8": "Server: Büro \u517b".encode(),
}
LINE = Flow("203.0.113.21", 5060)


def with_line(data: bytes, line: bytes) -> bytes:
    """`data` with a line before its last header (so that what comes behind 256 lines is only Content-Length: 0)."""
    head, length, rest = data.partition(b"Content-Length")
    return head + line + b"\r\n" + length + rest


EVERY = pytest.mark.parametrize("dirt", [*DIRT.values(), *WIDE.values()], ids=[*DIRT, *WIDE])


def told(solo: Solo) -> list[PeerOddity | PeerBehindNat]:
    return solo.agent.oddities()


@EVERY
def test_an_invite(dirt: bytes) -> None:
    solo = Solo()
    assert solo.hear(with_line(request("INVITE"), dirt)) == ["100 INVITE"]
    (invited,) = solo.facts()
    assert isinstance(invited, InviteReceived)
    assert invited.reject_status is None
    assert len(told(solo)) == (dirt in DIRT.values())


@EVERY
def test_a_180_and_the_200_of_a_line(dirt: bytes) -> None:
    solo = Solo()
    leg, invite = solo.calling()
    assert solo.hear(with_line(response(invite, 180), dirt)) == []
    assert solo.hear(with_line(response(invite, 200), dirt)) == ["ACK"]
    assert solo.facts() == [
        ProvisionalReceived(leg=leg, status=180, body=b"", to_tag="pt"),
        AnswerReceived(leg=leg, body=b"", to_tag="pt"),
    ]
    assert len(told(solo)) == 2 * (dirt in DIRT.values())


@EVERY
def test_a_refusal_of_a_line(dirt: bytes) -> None:
    solo = Solo()
    leg, invite = solo.calling()
    assert solo.hear(with_line(response(invite, 486), dirt)) == ["ACK"]
    (ended,) = solo.facts()
    assert isinstance(ended, LegTerminated)
    assert (ended.leg, ended.why, ended.status) == (leg, EndReason.REFUSED, 486)


@EVERY
@pytest.mark.parametrize("stranger", [False, True], ids=["trunk", "line"])
def test_a_bye(dirt: bytes, stranger: bool) -> None:  # noqa: FBT001 a parameter of the test
    solo = Solo()
    leg, tag = solo.in_call()
    assert solo.hear(with_line(bye(tag), dirt), peer=None if stranger else DEFAULT_PEER) == ["200 BYE"]
    (ended,) = solo.facts()
    assert isinstance(ended, LegTerminated)
    assert (ended.leg, ended.why, ended.by_peer) == (leg, EndReason.BYE, True)
    assert len(told(solo)) == (dirt in DIRT.values())
    solo.finish()


@EVERY
def test_a_cancel(dirt: bytes) -> None:
    solo = Solo()
    leg, _ = solo.invited()
    assert solo.hear(with_line(request("CANCEL"), dirt)) == ["200 CANCEL", "487 INVITE"]
    (ended,) = solo.facts()
    assert isinstance(ended, LegTerminated)
    assert (ended.leg, ended.why) == (leg, EndReason.CANCELLED)


@EVERY
def test_an_ack(dirt: bytes) -> None:
    solo = Solo()
    leg, tag = solo.invited()
    solo.agent.answer(leg, b"v=0", solo.now_ns)
    solo.said()
    assert solo.hear(with_line(request("ACK", branch="z9hG4bKack", to_tag=tag), dirt)) == []
    assert solo.facts() == [AckReceived(leg=leg, body=b"")]


@EVERY
def test_a_re_invite_and_options(dirt: bytes) -> None:
    solo = Solo()
    _, tag = solo.in_call()
    data = with_line(request("INVITE", branch="z9hG4bKre", to_tag=tag, cseq=2), dirt)
    assert solo.hear(data) == ["100 INVITE"]
    assert solo.hear(with_line(request("OPTIONS", branch="z9hG4bKo"), dirt)) == ["200 OPTIONS"]


@pytest.mark.parametrize("name", ["From", "To", "Via"])
def test_what_is_echoed_comes_back_octet_for_octet(name: str) -> None:
    values = {
        "From": b'From: "J\xfcrgen \x80" <sip:+12125550199@198.51.100.7>;tag=pt',
        "To": b"To: B\xfcro <sip:18005550100@192.0.2.1>",
        "Via": b"Via: SIP/2.0/UDP 198.51.100.7:5080;x=\xfc;branch=z9hG4bKp1",
    }
    lines = request("INVITE").split(b"\r\n")
    data = b"\r\n".join(values[name] if line.startswith(f"{name}:".encode()) else line for line in lines)
    solo = Solo()
    solo.agent.receive(data, PEER, 0, peer=DEFAULT_PEER)
    (trying,) = [wire for wire, _, _ in solo.agent.to_send()]
    assert values[name] in trying
    (invited,) = solo.facts()
    solo.agent.answer(invited.leg, b"v=0", 0)
    solo.agent.hangup(invited.leg, 0, q850=None)
    solo.hear(request("ACK", branch="z9hG4bKack"))
    answered = [wire for wire, _, _ in solo.agent.to_send()]
    assert all(values[name] in wire for wire in answered)


def test_our_bye_has_the_display_names_of_the_dialog() -> None:
    solo = Solo()
    data = request("INVITE").replace(b'"Peer"', b'"J\xfcrgen"')
    solo.agent.receive(data, PEER, 0, peer=DEFAULT_PEER)
    (invited,) = solo.facts()
    solo.agent.answer(invited.leg, b"v=0", 0)
    ok = solo.said()[-1]
    tag = header(ok, "To").partition("tag=")[2]
    solo.hear(request("ACK", branch="z9hG4bKack", to_tag=tag).replace(b'"Peer"', b'"J\xfcrgen"'))
    solo.agent.hangup(invited.leg, 0, q850=None)
    ((wire, _, _),) = solo.agent.to_send()
    assert b'To: "J\xfcrgen" <sip:+12125550199@198.51.100.7>;tag=pt\r\n' in wire


@pytest.mark.parametrize(
    "contact", [b"<sip:J\xfcrgen@198.51.100.7:5080>", b"<sip:a%00b@198.51.100.7>", b"<sip:%FF@198.51.100.7;x=%0A>"]
)
def test_a_contact_that_is_no_text_is_called_as_it_is(contact: bytes) -> None:
    solo = Solo()
    data = request("INVITE").replace(b"<sip:peer@198.51.100.7:5080>", contact)
    solo.agent.receive(data, PEER, 0, peer=DEFAULT_PEER)
    (invited,) = solo.facts()
    assert isinstance(invited, InviteReceived)
    assert invited.reject_status is None
    solo.agent.answer(invited.leg, b"v=0", 0)
    tag = header(solo.said()[-1], "To").partition("tag=")[2]
    solo.hear(request("ACK", branch="z9hG4bKack", to_tag=tag))
    solo.agent.hangup(invited.leg, 0, q850=None)
    ((wire, _, _),) = solo.agent.to_send()
    assert wire.startswith(b"BYE " + contact[1:-1] + b" SIP/2.0\r\n")


def test_an_invite_without_a_usable_contact_is_refused() -> None:
    solo = Solo()
    solo.hear(request("INVITE", contact='"open <sip:a@b>, <sip:c@d>'))
    (invited,) = solo.facts()
    assert isinstance(invited, InviteReceived)
    assert invited.reject_status == 400


def test_a_bye_that_requires_an_extension_ends_the_call() -> None:
    solo = Solo()
    _, tag = solo.in_call()
    assert solo.hear(bye(tag, extra=["Require: nothing-we-know", "Content-Type: x/y"], body=b"?")) == ["200 BYE"]


def test_line_feeds_alone_make_a_call() -> None:
    solo = Solo()
    head, blank, body = request("INVITE", extra=["Content-Type: application/sdp"], body=b"v=0\r\n").partition(b"\r\n\r\n")
    assert solo.hear((head + blank).replace(b"\r\n", b"\n") + body) == ["100 INVITE"]
    (invited,) = solo.facts()
    assert isinstance(invited, InviteReceived)
    assert invited.offer == b"v=0\r\n"
    assert solo.agent.oddities() == []


def test_the_sender_of_an_oddity_is_named_with_its_call() -> None:
    solo = Solo()
    solo.hear(with_line(request("INVITE", call_id="c-9"), b"Bogus\r\nSubject: \xff"))
    what = "unreadable header line; not UTF-8: Subject"
    assert told(solo) == [PeerOddity(source=PEER, what=what, call_id="c-9")]
    assert told(solo) == []
    assert solo.agent.statistics.snapshot()["oddity"] == {PEER.host: 1}


def test_what_is_told_is_bounded() -> None:
    solo = Solo()
    for number in range(150):
        solo.hear(
            with_line(request("OPTIONS", branch=f"z9hG4bK{number}", call_id="c" * 900), b"X" * 900 + b': "'.replace(b'"', b"\0"))
        )
    oddities = told(solo)
    assert len(oddities) == 100
    assert {(len(each.what) <= 200, len(each.call_id)) for each in oddities} == {(True, 200)}
    assert solo.agent.statistics.snapshot()["oddity"] == {PEER.host: 150}


def test_malformed_of_a_trunk_is_answered_told_and_counted() -> None:
    solo = Solo()
    assert solo.hear(request("OPTIONS").replace(b"CSeq: 1", b"CSeq: x")) == ["400 OPTIONS"]
    assert solo.hear(request("OPTIONS").replace(b"OPTIONS", b"SIP/2.0 999 X", 1)) == []
    assert solo.hear(b"\x80\x00 noise") == []
    assert [each.what for each in told(solo)] == ["no usable CSeq", "unreadable start line", "unreadable start line"]
    counted = solo.agent.statistics.snapshot()
    assert counted["malformed_request"] == counted["refused_400"] == {PEER.host: 1}
    assert counted["malformed_other"] == {PEER.host: 2}


def test_malformed_of_a_line_is_told_while_it_is_called_and_then_it_is_a_stranger() -> None:
    solo = Solo()
    leg, invite = solo.calling()
    broken = response(invite, 200).replace(b"CSeq: 1", b"CSeq: x")
    assert solo.hear(broken, peer=None) == []
    assert [each.what for each in told(solo)] == ["no usable CSeq"]
    assert solo.hear(request("BYE", call_id=""), peer=None) == ["400 BYE"]
    told(solo)
    solo.hear(response(invite, 486))
    assert [type(fact) for fact in solo.facts()] == [LegTerminated]
    assert leg == 1
    assert solo.hear(request("BYE", call_id=""), peer=None) == []
    assert told(solo) == []
    assert solo.agent.statistics.snapshot()["malformed_response"] == {PEER.host: 1}
    assert solo.agent.statistics.snapshot()["stranger"] == {PEER.host: 1}


@pytest.mark.parametrize("branch", ["z9hG4bK", "", "old"])
def test_two_calls_with_a_branch_that_identifies_nothing_are_two(branch: str) -> None:
    solo = Solo()
    assert solo.hear(request("INVITE", branch=branch)) == ["100 INVITE"]
    assert solo.hear(request("INVITE", branch=branch, call_id="call-2")) == ["100 INVITE"]
    assert len(solo.facts()) == 2


REFUSED = {
    "an unknown method": (request("BREW"), 501, "Allow"),
    "a method we do not support": (request("MESSAGE"), 405, "Allow"),
    "a required extension": (request("OPTIONS", extra=["Require: x"]), 420, "Unsupported"),
    "an unknown scheme": (request("OPTIONS", uri="isbn:123"), 416, ""),
    "no URI": (request("OPTIONS", uri="sip:a@b@c"), 400, ""),
    "a start line that is too long": (request("OPTIONS", uri="sip:" + "u" * 8_200), 414, ""),
    "no dialog": (request("BYE", to_tag="none"), 481, ""),
}


@pytest.mark.parametrize(("data", "status", "named"), REFUSED.values(), ids=REFUSED)
def test_refusals_are_counted_by_status(data: bytes, status: int, named: str) -> None:
    solo = Solo()
    answer = solo.answer_of(data)
    assert isinstance(answer, Response)
    assert answer.status == status
    assert not named or named in answer.headers
    assert solo.agent.statistics.snapshot()[f"refused_{status}"] == {PEER.host: 1}
    assert solo.hear(data, peer=None) == []


BODIES = {
    "an unknown type": (["Content-Type: text/plain"], 415, ("Accept", "application/sdp")),
    "an encoding": (["Content-Type: application/sdp", "e: gzip"], 415, ("Accept-Encoding", "identity")),
    "SDP in capitals with parameters": (["c: Application / SDP ; charset=utf-8"], None, None),
    "the encoding that is none": (["Content-Type: application/sdp", "Content-Encoding: Identity"], None, None),
    "no type": ([], None, None),
    "a body that may be ignored": (["Content-Type: text/plain", "Content-Disposition: x; handling = Optional"], None, None),
    "no SDP accepted": (["Accept: text/plain, application/isup;q=1"], 406, None),
    "no SDP accepted, by its q": (["Accept: application/sdp;q=0.0, text/plain"], 406, None),
    "SDP accepted": (["Accept: text/plain, Application/SDP;q=0.1"], None, None),
    "all accepted": (["Accept: */*"], None, None),
    "all of application accepted": (["Accept: application/*;q=0.5"], None, None),
    "an Accept of nothing": (["Accept:"], None, None),
}


@pytest.mark.parametrize(("extra", "status", "named"), BODIES.values(), ids=BODIES)
def test_bodies_of_an_invite(extra: list[str], status: int | None, named: tuple[str, str] | None) -> None:
    solo = Solo()
    solo.hear(request("INVITE", extra=extra, body=b"v=0\r\n"))
    (invited,) = solo.facts()
    assert isinstance(invited, InviteReceived)
    assert invited.reject_status == status
    if status is not None:
        solo.agent.refuse(invited.leg, 404, 0)
        (answer,) = solo.said()
        assert isinstance(answer, Response)
        assert answer.status == status
        assert named is None or header(answer, named[0]) == named[1]


def test_the_body_of_a_re_invite_is_judged_too() -> None:
    solo = Solo()
    _, tag = solo.in_call()
    assert solo.hear(reinvite(tag, extra=["Content-Type: text/plain"])) == ["415 INVITE"]
    assert OURS.port == 5060
