"""Secure dialogs (RFC 3261 §8.1.1.8, §12.1.1): where the peer says sips, our Contact does."""

import pytest
from sip_world import ANSWER, OFFER, Solo, header, request, response, tokens, uri_of

from switch.sip.agent import UserAgent
from switch.sip.fact import InviteReceived
from switch.sip.flow import Flow, Transport
from switch.sip.peer import DEFAULT_PEER

OURS = Flow("192.0.2.1", 5061, Transport.TLS)
PEER = Flow("198.51.100.7", 5061, Transport.TLS)
VIA = "SIP/2.0/TLS 198.51.100.7:5061;branch=z9hG4bKp1"
SIPS = "<sips:192.0.2.1:5061>"
SIP = "<sip:192.0.2.1:5061;transport=tls>"
PLAIN_URI = "sip:18005550100@192.0.2.1"
PLAIN_CONTACT = "<sip:peer@198.51.100.7:5061;transport=tls>"


def over(listener: Flow) -> Solo:
    solo = Solo()
    solo.agent = UserAgent(listeners=(listener,), token=tokens("a"))
    return solo


@pytest.mark.parametrize(
    ("uri", "contact", "routes", "ours"),
    [
        (PLAIN_URI, PLAIN_CONTACT, (), SIP),
        ("sips:18005550100@192.0.2.1", PLAIN_CONTACT, (), SIPS),
        ("SIPS:18005550100@192.0.2.1", PLAIN_CONTACT, (), SIPS),
        (PLAIN_URI, "<sips:peer@198.51.100.7>", (), SIPS),
        (PLAIN_URI, "<sips:peer@198.51.100.7>", ("Record-Route: <sip:198.51.100.8;lr>",), SIP),
        (PLAIN_URI, PLAIN_CONTACT, ("Record-Route: <sips:198.51.100.8;lr>",), SIPS),
    ],
)
def test_the_contact_of_an_answer(uri: str, contact: str, routes: tuple[str, ...], ours: str) -> None:
    solo = over(OURS)
    invite = request("INVITE", uri=uri, via=VIA, contact=contact, extra=routes, body=OFFER)
    solo.agent.receive(invite, PEER, 0, peer=DEFAULT_PEER)
    (invited,) = solo.facts()
    assert isinstance(invited, InviteReceived)
    solo.agent.progress(invited.leg, 180, 0)
    solo.agent.answer(invited.leg, ANSWER, 0)
    _, ringing, ok = solo.said()
    assert [header(ringing, "Contact"), header(ok, "Contact")] == [ours, ours]


def test_over_udp_no_contact_says_sips() -> None:
    solo = Solo()
    solo.agent.receive(request("INVITE", uri="sips:18005550100@192.0.2.1", body=OFFER), PEER, 0, peer=DEFAULT_PEER)
    (invited,) = solo.facts()
    solo.agent.answer(invited.leg, ANSWER, 0)
    assert header(solo.said()[-1], "Contact") == "<sip:192.0.2.1:5060>"


@pytest.mark.parametrize(
    ("uri", "contact", "ours"),
    [
        ("sips:+12125550101@198.51.100.7", "<sips:line@198.51.100.7>", SIPS),
        ("sip:+12125550101@198.51.100.7:5061;transport=tls", PLAIN_CONTACT, SIP),
    ],
)
def test_the_contact_of_an_invite_and_of_a_re_invite(uri: str, contact: str, ours: str) -> None:
    solo = over(OURS)
    (target,) = solo.agent.locator.targets(uri, seed=1, now_ns=0)
    leg = solo.agent.invite(uri=uri, target=target, caller="", body=OFFER, now_ns=0)
    (invite,) = solo.said()
    solo.agent.receive(response(invite, 200, contact=contact, body=ANSWER), PEER, 0, peer=DEFAULT_PEER)
    solo.agent.offer(leg, OFFER, 0)
    ack, again = solo.said()
    assert [header(invite, "Contact"), header(again, "Contact")] == [ours, ours]
    assert uri_of(ack) == contact.strip("<>")
    assert solo.addresses == [target, target]
