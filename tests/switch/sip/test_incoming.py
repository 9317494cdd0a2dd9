"""An incoming leg until its ACK, against a peer written by hand: RFC 3261 §8.2, §9.2, §13.3, one small test per rule."""

import pytest
from sip_world import AGAIN_MS, ANSWER, LONG_MS, OFFER, PATIENCE_MS, PEER, Solo, bye, ended, header, reinvite, request, response

from switch.sip.fact import AckReceived, EndReason, InviteReceived
from switch.sip.flow import Flow
from switch.sip.message import Response
from switch.sip.peer import DEFAULT_PEER


def test_an_invite_gets_100_at_once_and_is_told() -> None:
    solo = Solo()
    assert solo.hear(request("INVITE", body=OFFER)) == ["100 INVITE"]
    (fact,) = solo.facts()
    assert isinstance(fact, InviteReceived)
    assert (fact.source, fact.user, fact.caller, fact.call_id, fact.offer) == (
        PEER,
        "18005550100",
        "+12125550199",
        "call-1",
        OFFER,
    )


@pytest.mark.parametrize(
    ("headers", "caller"),
    [
        ([], "+12125550199"),
        (["P-Asserted-Identity: <sip:+14155550113@a.example>", "Remote-Party-ID: <sip:+14155550114@a.example>"], "+14155550113"),
        (["Remote-Party-ID: <sip:+14155550114@a.example>;party=calling"], "+14155550114"),
        (["P-Asserted-Identity: <tel:+1-212-555-0188>"], "+12125550188"),
        (["P-Asserted-Identity: <sip:a.example>", "Remote-Party-ID: <sip:+14155550114@a.example>"], "+14155550114"),
        (["Remote-Party-ID: <sip:+14155550114@a.example>;party=called"], "+12125550199"),
        (["P-Asserted-Identity: nonsense"], "+12125550199"),
    ],
)
def test_the_caller_is_pai_then_rpid_then_from(headers: list[str], caller: str) -> None:
    solo = Solo()
    solo.hear(request("INVITE", extra=headers))
    (fact,) = solo.facts()
    assert isinstance(fact, InviteReceived)
    assert fact.caller == caller


@pytest.mark.parametrize("uri", ["sip:anonymous@anonymous.invalid", "sip:Anonymous@a.example", "sip:a.example", "mailto:x"])
def test_an_anonymous_caller_is_nobody(uri: str) -> None:
    solo = Solo()
    solo.hear(request("INVITE").replace(b"sip:+12125550199@198.51.100.7", uri.encode()))
    (fact,) = solo.facts()
    assert isinstance(fact, InviteReceived)
    assert fact.caller == ""


def test_answers_echo_the_timestamp_and_make_up_none() -> None:
    """RFC 3261 §8.2.6.1: so the peer can tell the round trip, though it has sent the request several times."""
    assert header(Solo().answer_of(request("INVITE", extra=["Timestamp: 54.21"])), "Timestamp") == "54.21"
    assert Solo().answer_of(request("INVITE")).headers.all("Timestamp") == []


def test_answers_copy_what_they_must() -> None:
    solo = Solo()
    asked = request("INVITE", extra=["Via: SIP/2.0/UDP 203.0.113.9;branch=z9hG4bKfar"])
    trying = solo.answer_of(asked)
    assert trying.headers.all("Via") == [
        "SIP/2.0/UDP 198.51.100.7:5080;rport=5080;branch=z9hG4bKp1;received=198.51.100.7",
        "SIP/2.0/UDP 203.0.113.9;branch=z9hG4bKfar",
    ]
    assert header(trying, "From") == '"Peer" <sip:+12125550199@198.51.100.7>;tag=pt'
    assert header(trying, "To") == "<sip:18005550100@192.0.2.1>"
    assert (header(trying, "Call-ID"), header(trying, "CSeq")) == ("call-1", "1 INVITE")


def test_ringing_and_answer_carry_one_tag_and_our_contact() -> None:
    solo = Solo()
    solo.hear(request("INVITE"))
    solo.agent.ring(1, 0)
    solo.agent.answer(1, ANSWER, 0)
    ringing, ok = solo.said()
    assert header(ringing, "To") == header(ok, "To")
    assert ";tag=" in header(ok, "To")
    assert header(ringing, "Contact") == header(ok, "Contact") == "<sip:192.0.2.1:5060>"
    assert (ok.body, header(ok, "Content-Type")) == (ANSWER, "application/sdp")
    assert ok.headers.all("Allow") == ["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"]


def test_with_rport_answers_go_to_the_source() -> None:
    solo = Solo()
    solo.answer_of(request("OPTIONS"), source=Flow("203.0.113.50", 40000))
    assert solo.addresses == [Flow("203.0.113.50", 40000)]


@pytest.mark.parametrize(("sent_by", "port"), [("198.51.100.7:5099", 5099), ("pc33.example.com", 5060)])
def test_without_rport_answers_go_to_the_source_address_and_vias_port(sent_by: str, port: int) -> None:
    solo = Solo()
    answer = solo.answer_of(request("OPTIONS", via=f"SIP/2.0/UDP {sent_by};branch=z9hG4bK1"), source=Flow("203.0.113.50", 40000))
    assert solo.addresses == [Flow("203.0.113.50", port)]
    assert ";received=203.0.113.50" in header(answer, "Via")


def test_a_peer_cannot_choose_where_answers_go() -> None:
    solo = Solo()
    via = "SIP/2.0/UDP 198.51.100.7;received=203.0.113.66;rport=666;branch=z9hG4bK1"
    answer = solo.answer_of(request("OPTIONS", via=via))
    assert solo.addresses == [PEER]
    assert "203.0.113.66" not in header(answer, "Via")


def test_invite_retransmissions_are_absorbed() -> None:
    solo = Solo()
    invite = request("INVITE")
    solo.hear(invite)
    assert solo.hear(invite) == ["100 INVITE"]
    solo.agent.ring(1, 0)
    assert solo.names() == ["180 INVITE"]
    assert solo.hear(invite) == ["180 INVITE"]
    solo.agent.answer(1, ANSWER, 0)
    assert solo.names() == ["200 INVITE"]
    assert solo.hear(invite) == []
    assert [type(fact) for fact in solo.facts()] == [InviteReceived]


def test_ringing_is_repeated_every_minute() -> None:
    solo = Solo()
    solo.invited()
    assert solo.wait(125_000) == [(60_000, "180 INVITE"), (120_000, "180 INVITE")]
    solo.agent.answer(1, ANSWER, solo.now_ns)
    solo.names()
    assert "180 INVITE" not in [name for _, name in solo.wait(LONG_MS)]


def test_our_2xx_is_repeated_until_its_ack() -> None:
    solo = Solo()
    leg, tag = solo.invited()
    solo.agent.answer(leg, ANSWER, 0)
    assert solo.names() == ["200 INVITE"]
    assert solo.wait(4_000) == [(ms, "200 INVITE") for ms in AGAIN_MS[:3]]
    solo.hear(request("ACK", branch="z9hG4bKack", to_tag=tag, body=b"late sdp"))
    assert solo.wait(PATIENCE_MS) == []
    assert solo.facts() == [AckReceived(leg=leg, body=b"late sdp")]


def test_an_ack_with_the_invites_branch_counts() -> None:
    solo = Solo()
    leg, tag = solo.invited()
    solo.agent.answer(leg, ANSWER, 0)
    solo.hear(request("ACK", to_tag=tag))
    assert solo.facts() == [AckReceived(leg=leg, body=b"")]


def test_an_ack_with_another_cseq_does_not_count() -> None:
    solo = Solo()
    leg, tag = solo.invited()
    solo.agent.answer(leg, ANSWER, 0)
    solo.hear(request("ACK", branch="z9hG4bKack", to_tag=tag, cseq=2))
    assert solo.facts() == []


def test_a_2xx_never_acknowledged_ends_with_bye() -> None:
    solo = Solo()
    leg, _ = solo.invited()
    solo.agent.answer(leg, ANSWER, 0)
    solo.names()
    assert solo.wait(PATIENCE_MS) == [*[(ms, "200 INVITE") for ms in AGAIN_MS], (PATIENCE_MS, "BYE")]
    assert solo.facts() == [ended(leg, EndReason.NO_ACK, by_peer=False, status=200)]
    solo.finish()


def test_refusing_tells_the_reason_and_is_over() -> None:
    solo = Solo()
    leg, tag = solo.invited()
    solo.agent.refuse(leg, 503, 0, q850=34, retry_after_s=7)
    (refusal,) = solo.said()
    assert isinstance(refusal, Response)
    assert (refusal.status, header(refusal, "Reason"), header(refusal, "Retry-After")) == (503, "Q.850;cause=34", "7")
    assert solo.facts() == [ended(leg, EndReason.REFUSED, by_peer=False, status=503)]
    assert solo.hear(request("ACK", to_tag=tag)) == []
    assert solo.wait(LONG_MS) == []
    solo.finish()


def test_a_refusal_is_repeated_until_its_ack() -> None:
    solo = Solo()
    leg, _ = solo.invited()
    solo.agent.refuse(leg, 486, 0)
    assert solo.names() == ["486 INVITE"]
    assert solo.wait(LONG_MS) == [(ms, "486 INVITE") for ms in AGAIN_MS]
    finish_told = solo.facts()
    assert len(finish_told) == 1
    solo.finish()


def test_hanging_up_an_unanswered_caller_refuses() -> None:
    solo = Solo()
    leg, _ = solo.invited()
    solo.agent.hangup(leg, 0, q850=31)
    solo.agent.hangup(leg, 0)
    assert solo.names() == ["480 INVITE"]
    assert solo.facts() == [ended(leg, EndReason.REFUSED, by_peer=False, status=480)]


def test_cancel_gets_200_and_the_invite_487_with_one_tag() -> None:
    solo = Solo()
    leg, tag = solo.invited()
    solo.agent.receive(request("CANCEL", extra=["Reason: Q.850;cause=16"]), PEER, 0, peer=DEFAULT_PEER)
    ok, terminated = solo.said()
    assert header(ok, "CSeq") == "1 CANCEL"
    assert isinstance(terminated, Response)
    assert terminated.status == 487
    assert header(ok, "To") == header(terminated, "To")
    assert solo.facts() == [ended(leg, EndReason.CANCELLED, by_peer=True, status=487, q850=16)]
    assert solo.hear(request("CANCEL")) == ["200 CANCEL"]
    solo.hear(request("ACK", to_tag=tag))
    solo.finish()


def test_cancel_after_the_answer_changes_nothing() -> None:
    solo = Solo()
    leg, tag = solo.invited()
    solo.agent.answer(leg, ANSWER, 0)
    solo.names()
    assert solo.hear(request("CANCEL")) == ["200 CANCEL"]
    assert solo.facts() == []
    solo.hear(request("ACK", branch="z9hG4bKack", to_tag=tag))
    assert solo.facts() == [AckReceived(leg=leg, body=b"")]


def test_cancel_for_an_unknown_invite_gets_481() -> None:
    assert Solo().hear(request("CANCEL")) == ["481 CANCEL"]


def test_what_the_user_says_after_the_cancel_is_too_late() -> None:
    solo = Solo()
    leg, _ = solo.invited()
    solo.hear(request("CANCEL"))
    solo.agent.ring(leg, 0)
    solo.agent.answer(leg, ANSWER, 0)
    solo.agent.refuse(leg, 486, 0)
    solo.agent.hangup(leg, 0)
    assert solo.names() == []


def test_bye_in_the_early_dialog_ends_it_with_487() -> None:
    solo = Solo()
    leg, tag = solo.invited()
    assert solo.hear(bye(tag)) == ["200 BYE", "487 INVITE"]
    assert solo.facts() == [ended(leg, EndReason.BYE, by_peer=True, status=487)]
    solo.hear(request("ACK", to_tag=tag))
    solo.finish()


def test_a_second_invite_in_the_early_dialog_has_to_wait() -> None:
    solo = Solo()
    _, tag = solo.invited()
    refusal = solo.answer_of(reinvite(tag))
    assert isinstance(refusal, Response)
    assert refusal.status == 500
    assert 0 <= int(header(refusal, "Retry-After")) <= 10


def test_the_early_dialog_has_the_rules_of_every_dialog() -> None:
    solo = Solo()
    _, tag = solo.invited(cseq=5)
    assert solo.hear(request("UPDATE", branch="z9hG4bKu", to_tag=tag, cseq=6)) == ["405 UPDATE"]
    assert solo.hear(request("OPTIONS", branch="z9hG4bKo", to_tag=tag, cseq=7)) == ["200 OPTIONS"]
    assert solo.hear(bye(tag, cseq=4)) == ["500 BYE"]
    assert solo.facts() == []


def test_hanging_up_before_the_ack_waits_for_it() -> None:
    solo = Solo()
    leg, tag = solo.invited()
    solo.agent.answer(leg, ANSWER, 0)
    solo.names()
    solo.agent.hangup(leg, 0, q850=16)
    assert solo.names() == []
    solo.agent.receive(request("ACK", branch="z9hG4bKack", to_tag=tag), PEER, 0, peer=DEFAULT_PEER)
    (farewell,) = solo.said()
    assert (header(farewell, "CSeq"), header(farewell, "Reason")) == ("1 BYE", "Q.850;cause=16")
    solo.hear(response(farewell, 200))
    assert solo.facts() == [ended(leg, EndReason.BYE, by_peer=False, status=200)]
    solo.finish()


def test_hanging_up_when_the_ack_never_comes_ends_all_the_same() -> None:
    solo = Solo()
    leg, _ = solo.invited()
    solo.agent.answer(leg, ANSWER, 0)
    solo.agent.hangup(leg, 0)
    solo.names()
    assert solo.wait(PATIENCE_MS)[-1] == (PATIENCE_MS, "BYE")
    assert solo.facts() == [ended(leg, EndReason.NO_ACK, by_peer=False, status=200)]
    solo.finish()


def test_a_bye_that_crosses_our_waiting_hangup_is_the_end() -> None:
    solo = Solo()
    leg, tag = solo.invited()
    solo.agent.answer(leg, ANSWER, 0)
    solo.agent.hangup(leg, 0)
    solo.names()
    assert solo.hear(bye(tag)) == ["200 BYE"]
    assert solo.facts() == [ended(leg, EndReason.BYE, by_peer=False, status=200)]
    solo.finish()


def test_bye_before_the_ack_stops_our_2xx() -> None:
    solo = Solo()
    leg, tag = solo.invited()
    solo.agent.answer(leg, ANSWER, 0)
    solo.names()
    assert solo.hear(bye(tag)) == ["200 BYE"]
    assert solo.wait(LONG_MS) == []
    assert solo.facts() == [ended(leg, EndReason.BYE, by_peer=True, status=200)]
    solo.finish()


def test_an_unsendable_answer_ends_the_leg() -> None:
    solo = Solo()
    leg, _ = solo.invited()
    solo.agent.send_failed(Flow("203.0.113.200", 5060), 0)
    assert solo.facts() == []
    solo.agent.send_failed(PEER, 0)
    assert solo.facts() == [ended(leg, EndReason.UNREACHABLE, by_peer=False, status=None)]
    solo.finish()
