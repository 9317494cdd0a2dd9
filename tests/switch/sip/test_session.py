"""An answered leg, against a peer written by hand: re-INVITE and BYE (RFC 3261 §12.2, §14, §15), one small test per rule."""

import pytest
from sip_world import (
    AGAIN_MS,
    ANSWER,
    LONG_MS,
    NOTHING_HELD,
    OFFER,
    PATIENCE_MS,
    PEER,
    Solo,
    bye,
    ended,
    header,
    reinvite,
    request,
    response,
)

from switch.sip.fact import AckReceived, EndReason, LegTerminated, OfferReceived
from switch.sip.message import Response


def test_the_peers_bye_ends_the_call_once() -> None:
    solo = Solo()
    leg, tag = solo.in_call()
    hung_up = bye(tag, extra=["Reason: SIP;cause=200", "Reason: Q.850;cause=16"])
    assert solo.hear(hung_up) == ["200 BYE"]
    assert solo.hear(hung_up) == ["200 BYE"]
    assert solo.facts() == [ended(leg, EndReason.BYE, by_peer=True, status=200, q850=16)]
    solo.agent.hangup(leg, 0)
    assert solo.names() == []
    solo.finish()


def test_our_bye_ends_with_its_answer() -> None:
    solo = Solo()
    leg, _ = solo.in_call()
    solo.agent.hangup(leg, 0, q850=16)
    solo.agent.hangup(leg, 0)
    (farewell,) = solo.said()
    assert header(farewell, "Reason") == "Q.850;cause=16"
    solo.hear(response(farewell, 100))
    assert solo.facts() == []
    solo.hear(response(farewell, 481))
    assert solo.facts() == [ended(leg, EndReason.BYE, by_peer=False, status=200)]
    solo.finish()


def test_our_bye_without_an_answer_ends_with_timer_f() -> None:
    solo = Solo()
    leg, _ = solo.in_call()
    solo.agent.hangup(leg, 0)
    solo.names()
    assert solo.wait(PATIENCE_MS - 1) == [(ms, "BYE") for ms in AGAIN_MS]
    assert solo.facts() == []
    solo.wait(1)
    assert solo.facts() == [ended(leg, EndReason.BYE, by_peer=False, status=200)]
    solo.finish()


@pytest.mark.parametrize("order", ["bye first", "answer first"])
def test_byes_that_cross_are_both_answered_and_end_once(order: str) -> None:
    solo = Solo()
    leg, tag = solo.in_call()
    solo.agent.hangup(leg, 0)
    (farewell,) = solo.said()
    if order == "bye first":
        assert solo.hear(bye(tag)) == ["200 BYE"]
        solo.hear(response(farewell, 200))
    else:
        solo.hear(response(farewell, 200))
        assert solo.hear(bye(tag)) == ["200 BYE"]
    assert solo.facts() == [ended(leg, EndReason.BYE, by_peer=False, status=200)]
    solo.finish()


def test_a_lower_cseq_gets_500() -> None:
    solo = Solo()
    _, tag = solo.in_call()
    assert solo.hear(request("OPTIONS", branch="z9hG4bKo", to_tag=tag, cseq=9)) == ["200 OPTIONS"]
    assert solo.hear(bye(tag, cseq=8)) == ["500 BYE"]
    assert solo.facts() == []
    assert solo.hear(bye(tag, cseq=10, branch="z9hG4bKbye2")) == ["200 BYE"]


def test_a_reinvite_is_offered_and_accepted() -> None:
    solo = Solo()
    leg, tag = solo.in_call()
    assert solo.hear(reinvite(tag)) == ["100 INVITE"]
    assert solo.facts() == [OfferReceived(leg=leg, offer=OFFER)]
    solo.agent.accept(leg, ANSWER, 0)
    (ok,) = solo.said()
    assert (ok.body, header(ok, "Contact"), header(ok, "CSeq")) == (ANSWER, "<sip:192.0.2.1:5060>", "2 INVITE")
    assert solo.wait(500) == [(500, "200 INVITE")]
    solo.hear(request("ACK", branch="z9hG4bKack2", to_tag=tag, cseq=2))
    assert solo.wait(PATIENCE_MS) == []
    assert solo.facts() == [AckReceived(leg=leg, body=b"")]


def test_a_reinvite_that_is_declined_leaves_the_call() -> None:
    solo = Solo()
    leg, tag = solo.in_call()
    solo.hear(reinvite(tag))
    solo.agent.decline(leg, 488, 0)
    assert solo.names() == ["488 INVITE"]
    solo.hear(request("ACK", branch="z9hG4bKre", to_tag=tag, cseq=2))
    solo.facts()
    solo.agent.accept(leg, ANSWER, 0)
    assert solo.wait(LONG_MS) == []
    assert solo.facts() == []
    assert solo.hear(bye(tag, cseq=3)) == ["200 BYE"]


def test_a_second_reinvite_while_one_is_unanswered_gets_500() -> None:
    solo = Solo()
    leg, tag = solo.in_call()
    solo.hear(reinvite(tag))
    refusal = solo.answer_of(reinvite(tag, branch="z9hG4bKre2", cseq=3))
    assert isinstance(refusal, Response)
    assert refusal.status == 500
    assert "Retry-After" in refusal.headers
    solo.agent.accept(leg, ANSWER, 0)
    assert solo.names() == ["200 INVITE"]


def test_a_reinvite_before_the_ack_gets_491() -> None:
    solo = Solo()
    leg, tag = solo.invited()
    solo.agent.answer(leg, ANSWER, 0)
    solo.names()
    assert solo.hear(reinvite(tag)) == ["491 INVITE"]


def test_a_reinvite_while_our_invite_is_pending_gets_491() -> None:
    solo = Solo()
    _, invite = solo.calling()
    ours = header(invite, "From").partition("tag=")[2]
    call_id = header(invite, "Call-ID")
    assert solo.hear(reinvite(ours, call_id=call_id)) == ["491 INVITE"]
    assert solo.hear(bye(ours, call_id=call_id)) == ["481 BYE"]


def test_a_reinvite_can_be_cancelled() -> None:
    solo = Solo()
    leg, tag = solo.in_call()
    solo.hear(reinvite(tag))
    solo.facts()
    assert solo.hear(request("CANCEL", branch="z9hG4bKre", to_tag=tag, cseq=2)) == ["200 CANCEL", "487 INVITE"]
    solo.agent.accept(leg, ANSWER, 0)
    assert solo.names() == []
    assert solo.facts() == []
    assert solo.hear(bye(tag, cseq=3)) == ["200 BYE"]


def test_a_reinvite_that_became_unreachable_leaves_the_call() -> None:
    solo = Solo()
    leg, tag = solo.in_call()
    solo.hear(reinvite(tag))
    solo.facts()
    solo.agent.send_failed(PEER, 0)
    solo.agent.accept(leg, ANSWER, 0)
    assert solo.wait(LONG_MS) == []
    assert solo.facts() == []
    assert solo.hear(bye(tag, cseq=3)) == ["200 BYE"]


def test_an_accepted_reinvite_never_acknowledged_ends_the_call() -> None:
    solo = Solo()
    leg, tag = solo.in_call()
    solo.hear(reinvite(tag))
    solo.agent.accept(leg, ANSWER, 0)
    solo.facts()
    assert solo.wait(PATIENCE_MS)[-1] == (PATIENCE_MS, "BYE")
    assert solo.facts() == [ended(leg, EndReason.NO_ACK, by_peer=False, status=200)]
    solo.finish()


@pytest.mark.parametrize("who", ["peer", "we"])
def test_hanging_up_answers_a_pending_reinvite(who: str) -> None:
    solo = Solo()
    leg, tag = solo.in_call()
    solo.hear(reinvite(tag))
    if who == "peer":
        assert solo.hear(bye(tag, cseq=3)) == ["200 BYE", "487 INVITE"]
    else:
        solo.agent.hangup(leg, 0)
        assert solo.names() == ["487 INVITE", "BYE"]
    solo.wait(LONG_MS)
    assert [type(fact) for fact in solo.facts()] == [OfferReceived, LegTerminated]
    assert solo.agent.live_counts() == NOTHING_HELD


def test_after_a_call_its_dialog_is_unknown() -> None:
    solo = Solo()
    _, tag = solo.in_call()
    solo.hear(bye(tag))
    assert solo.hear(request("OPTIONS", branch="z9hG4bKo", to_tag=tag, cseq=3)) == ["481 OPTIONS"]
