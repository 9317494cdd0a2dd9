"""Over TCP and TLS the transport sends again what is lost: transactions do not, and do not wait for what comes twice (RFC 3261 §17)."""

import pytest
from sip_world import ANSWER, NOTHING_HELD, OFFER, PATIENCE_MS, Solo, bye, header, name_of, request, response, tokens

from switch.sip.agent import UserAgent
from switch.sip.fact import EndReason, LegTerminated
from switch.sip.flow import Flow, Transport
from switch.sip.message import Request, parse

OURS = (Flow("192.0.2.1", 5060), Flow("192.0.2.1", 5060, Transport.TCP))
PEER = Flow("198.51.100.7", 5080, Transport.TCP, 1)
VIA = "SIP/2.0/TCP 198.51.100.7:5080;branch=z9hG4bKp1"


class OverTcp(Solo):
    def __init__(self) -> None:
        super().__init__()
        self.agent = UserAgent(listeners=OURS, token=tokens("a"))


@pytest.fixture
def solo() -> OverTcp:
    return OverTcp()


def call(solo: OverTcp) -> int:
    return solo.agent.invite(uri="sip:line@198.51.100.7:5080", target=PEER, caller="1", body=OFFER, now_ns=solo.now_ns)


def test_an_invite_is_sent_once_and_timer_b_ends_it(solo: OverTcp) -> None:
    leg = call(solo)
    (invite,) = solo.said()
    assert header(invite, "Via").startswith("SIP/2.0/TCP 192.0.2.1:5060;branch=")
    assert header(invite, "Contact") == "<sip:192.0.2.1:5060;transport=tcp>"
    assert solo.addresses == [PEER]
    assert solo.wait(PATIENCE_MS - 1) == []
    assert solo.facts() == []
    solo.wait(501)
    assert solo.facts() == [LegTerminated(leg=leg, why=EndReason.TIMEOUT, by_peer=False, status=None)]
    assert solo.agent.live_counts()["transactions"] == 0


def test_a_failure_is_acknowledged_and_nothing_waits_for_it_to_come_again(solo: OverTcp) -> None:
    call(solo)
    (invite,) = solo.said()
    assert solo.hear(response(invite, 486), source=PEER) == ["ACK"]
    assert solo.agent.live_counts() == NOTHING_HELD


def test_a_refusal_is_sent_once_and_ends_with_its_ack(solo: OverTcp) -> None:
    solo.hear(request("INVITE", body=OFFER, via=VIA), source=PEER)
    (invited,) = solo.facts()
    solo.agent.refuse(invited.leg, 486, solo.now_ns)
    (refusal,) = solo.said()
    assert solo.addresses == [PEER]
    assert solo.wait(PATIENCE_MS - 1) == []
    solo.hear(request("ACK", via=VIA, to_tag=header(refusal, "To").partition("tag=")[2]), source=PEER)
    assert solo.agent.live_counts()["transactions"] == 0


def test_a_200_is_sent_again_until_its_ack_comes(solo: OverTcp) -> None:
    solo.hear(request("INVITE", body=OFFER, via=VIA), source=PEER)
    (invited,) = solo.facts()
    solo.agent.answer(invited.leg, ANSWER, solo.now_ns)
    (answer,) = solo.said()
    assert solo.wait(1_500) == [(500, "200 INVITE"), (1_500, "200 INVITE")]
    tag = header(answer, "To").partition("tag=")[2]
    solo.hear(request("ACK", branch="z9hG4bKack", to_tag=tag), source=PEER)
    assert solo.wait(PATIENCE_MS) == []


def test_a_bye_is_sent_once_by_the_connection_of_the_dialog(solo: OverTcp) -> None:
    leg = call(solo)
    (invite,) = solo.said()
    solo.hear(response(invite, 200, body=ANSWER, contact="<sip:line@198.51.100.7:5080;transport=tcp>"), source=PEER)
    solo.agent.hangup(leg, solo.now_ns)
    (ended,) = solo.said()
    assert (name_of(ended), solo.addresses) == ("BYE", [PEER])
    assert solo.wait(PATIENCE_MS - 1) == []


def test_a_bye_that_comes_is_answered_and_forgotten(solo: OverTcp) -> None:
    call(solo)
    (invite,) = solo.said()
    solo.hear(response(invite, 200, body=ANSWER), source=PEER)
    tag = header(invite, "From").partition("tag=")[2]
    before = solo.agent.live_counts()["transactions"]
    over = bye(tag, from_tag="pt", call_id=header(invite, "Call-ID"), cseq=1, via=VIA)
    assert solo.hear(over, source=PEER) == ["200 BYE"]
    assert solo.agent.live_counts()["transactions"] == before


def test_a_request_without_a_length_is_refused(solo: OverTcp) -> None:
    headless = request("OPTIONS", via=VIA).replace(b"Content-Length: 0\r\n", b"")
    assert solo.hear(headless, source=PEER) == ["400 OPTIONS"]
    (oddity,) = solo.agent.oddities()
    message = parse(headless)
    assert isinstance(message, Request)
    assert oddity.call_id == header(message, "Call-ID")
    assert "no Content-Length" in oddity.what
    assert solo.hear(headless, source=PEER._replace(transport=Transport.UDP, listener=0)) == ["200 OPTIONS"]
