"""RFC 3261 §12: what a request inside a dialog looks like and where it goes, seen from outside."""

from typing import Any

import pytest
from sip_world import ANSWER, OFFER, PEER, Solo, header, request, response, uri_of

from switch.sip.flow import Flow
from switch.sip.message import Message
from switch.sip.peer import DEFAULT_PEER

LOOSE = ["Record-Route: <sip:203.0.113.1;lr>", "Record-Route: <sip:203.0.113.2:5070;lr>"]
STRICT = ["Record-Route: <sip:203.0.113.1>", "Record-Route: <sip:203.0.113.2:5070;lr>"]


def bye_of_callee(*, contact: str = "<sip:peer@198.51.100.7:5080>", extra: list[str] | None = None) -> tuple[Message, Flow]:
    """Our BYE in a call that came with these headers, and where it went."""
    solo = Solo()
    solo.agent.receive(request("INVITE", contact=contact, extra=extra or []), PEER, 0, peer=DEFAULT_PEER)
    (invited,) = solo.facts()
    solo.agent.answer(invited.leg, ANSWER, 0)
    tag = header(solo.said()[-1], "To").partition("tag=")[2]
    solo.hear(request("ACK", branch="z9hG4bKack", to_tag=tag))
    solo.agent.hangup(invited.leg, 0)
    (bye,) = solo.said()
    return bye, solo.addresses[0]


def ack_and_bye_of_caller(*, contact: str, extra: list[str]) -> tuple[Message, Message, list[Flow]]:
    """Our ACK and BYE in a call whose 2xx had these headers, and where they went."""
    solo = Solo()
    leg, invite = solo.calling()
    solo.agent.receive(response(invite, 200, contact=contact, extra=extra), PEER, 0, peer=DEFAULT_PEER)
    (ack,) = solo.said()
    addresses = solo.addresses
    solo.agent.hangup(leg, 0)
    (bye,) = solo.said()
    return ack, bye, addresses + solo.addresses


def test_callee_without_routes_sends_to_the_contact() -> None:
    bye, address = bye_of_callee(contact="<sip:peer@198.51.100.9:5090;x=y>")
    assert (uri_of(bye), address) == ("sip:peer@198.51.100.9:5090;x=y", Flow("198.51.100.9", 5090))
    assert bye.headers.all("Route") == []


def test_callee_keeps_the_route_order_and_loose_routes() -> None:
    bye, address = bye_of_callee(extra=LOOSE)
    assert uri_of(bye) == "sip:peer@198.51.100.7:5080"
    assert bye.headers.all("Route") == ["<sip:203.0.113.1;lr>", "<sip:203.0.113.2:5070;lr>"]
    assert address == Flow("203.0.113.1", 5060)


def test_caller_turns_the_routes_round_for_ack_and_bye() -> None:
    ack, bye, addresses = ack_and_bye_of_caller(contact="<sip:peer@198.51.100.9>", extra=LOOSE)
    for message in (ack, bye):
        assert uri_of(message) == "sip:peer@198.51.100.9"
        assert message.headers.all("Route") == ["<sip:203.0.113.2:5070;lr>", "<sip:203.0.113.1;lr>"]
    assert addresses == [Flow("203.0.113.2", 5070)] * 2


def test_a_strict_router_gets_itself_as_request_uri_and_the_target_last() -> None:
    bye, address = bye_of_callee(extra=STRICT)
    assert uri_of(bye) == "sip:203.0.113.1"
    assert bye.headers.all("Route") == ["<sip:203.0.113.2:5070;lr>", "<sip:peer@198.51.100.7:5080>"]
    assert address == Flow("203.0.113.1", 5060)


@pytest.mark.parametrize("extra", [[], ["Record-Route: <sip:proxy.example.com;lr>"]], ids=["contact", "route"])
def test_where_the_next_hop_is_a_name_requests_go_where_the_dialog_came_from(extra: list[str]) -> None:
    _, address = bye_of_callee(contact="<sip:peer@phones.example.com>", extra=extra)
    assert address == PEER


def test_what_a_request_uri_must_not_have_is_cut_from_a_contact() -> None:
    bye, _ = bye_of_callee(contact="<sip:peer@198.51.100.9;method=INVITE;x=y?Subject=hi>")
    assert uri_of(bye) == "sip:peer@198.51.100.9;x=y"


def test_a_contact_in_ipv6_is_out_of_reach_and_the_peer_is_not() -> None:
    _, address = bye_of_callee(contact="<sip:peer@[2001:db8::1]:5062>")
    assert address == PEER


@pytest.mark.parametrize("host", ["peer.example", "192.0.2.256", "192.0.2.09", "192.0.2", "192.0.2.1.1", "1921.0.2.1"])
def test_a_contact_that_is_no_ipv4_literal_is_out_of_reach_and_the_peer_is_not(host: str) -> None:
    _, address = bye_of_callee(contact=f"<sip:peer@{host}:5062>")
    assert address == PEER


@pytest.mark.parametrize("host", ["0.0.0.0", "9.10.99.100", "199.200.249.250", "255.255.255.255"])
def test_a_contact_in_ipv4_is_where_we_send(host: str) -> None:
    _, address = bye_of_callee(contact=f"<sip:peer@{host}:5062>")
    assert address == Flow(host, 5062)


def test_unreadable_routes_are_left_out() -> None:
    bye, _ = bye_of_callee(extra=["Record-Route: <mailto:someone>", "Record-Route: <sip:203.0.113.1;lr>"])
    assert bye.headers.all("Route") == ["<sip:203.0.113.1;lr>"]


def test_callee_bye_swaps_from_and_to_and_starts_its_own_cseq() -> None:
    bye, _ = bye_of_callee()
    assert header(bye, "From").startswith("<sip:18005550100@192.0.2.1>;tag=a")
    assert header(bye, "To") == '"Peer" <sip:+12125550199@198.51.100.7>;tag=pt'
    assert (header(bye, "Call-ID"), header(bye, "CSeq")) == ("call-1", "1 BYE")


def test_caller_ack_has_the_invites_cseq_and_bye_the_next() -> None:
    ack, bye, _ = ack_and_bye_of_caller(contact="<sip:peer@198.51.100.9>", extra=[])
    assert (header(ack, "CSeq"), header(bye, "CSeq")) == ("1 ACK", "2 BYE")
    assert header(ack, "To") == header(bye, "To") == "<sip:line@198.51.100.7:5080>;tag=pt"
    assert header(ack, "Via") != header(bye, "Via")


def test_a_reinvite_that_is_accepted_moves_the_target() -> None:
    solo = Solo()
    leg, tag = solo.in_call()
    solo.hear(request("INVITE", branch="z9hG4bKre", to_tag=tag, cseq=2, contact="<sip:peer@198.51.100.8:5099>", body=OFFER))
    solo.agent.accept(leg, ANSWER, 0)
    solo.agent.hangup(leg, 0)
    bye = solo.said()[-1]
    assert uri_of(bye) == "sip:peer@198.51.100.8:5099"
    assert solo.addresses[-1] == Flow("198.51.100.8", 5099)


def test_a_reinvite_that_is_declined_leaves_the_target() -> None:
    solo = Solo()
    leg, tag = solo.in_call()
    solo.hear(request("INVITE", branch="z9hG4bKre", to_tag=tag, cseq=2, contact="<sip:peer@198.51.100.8:5099>", body=OFFER))
    solo.agent.decline(leg, 488, 0)
    solo.agent.hangup(leg, 0)
    assert uri_of(solo.said()[-1]) == "sip:peer@198.51.100.7:5080"


def test_answers_copy_the_record_route_in_order() -> None:
    solo = Solo()
    solo.agent.receive(request("INVITE", extra=LOOSE), PEER, 0, peer=DEFAULT_PEER)
    (invited,) = solo.facts()
    solo.agent.answer(invited.leg, ANSWER, 0)
    ok = solo.said()[-1]
    assert ok.headers.all("Record-Route") == ["<sip:203.0.113.1;lr>", "<sip:203.0.113.2:5070;lr>"]


@pytest.mark.parametrize(
    "other", [{"call_id": "call-2"}, {"from_tag": "other"}, {"to_tag": "other"}], ids=["Call-ID", "From tag", "To tag"]
)
def test_a_dialog_is_named_by_call_id_and_both_tags(other: dict[str, Any]) -> None:
    solo = Solo()
    _, tag = solo.in_call()
    names = {"to_tag": tag, **other}
    assert solo.hear(request("BYE", branch="z9hG4bKbye", cseq=2, **names)) == ["481 BYE"]
    assert solo.hear(request("BYE", branch="z9hG4bKbye2", cseq=2, to_tag=tag)) == ["200 BYE"]
