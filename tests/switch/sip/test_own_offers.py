"""Requests of our own inside a session, against a peer written by hand: what becomes of them when they are refused or the call ends."""

import pytest
from sip_world import ANSWER, LONG_MS, OFFER, PATIENCE_MS, Solo, bye, header, name_of, request, response

from switch.sip.fact import AnswerReceived, EndReason, LegTerminated, OfferReceived, ProvisionalReceived
from switch.sip.message import Message

REFRESHED = "Session-Expires: 90;refresher=uac"
UPDATE_TOO = "Allow: INVITE, ACK, BYE, UPDATE"
REFRESH_MS = 45_000
EXPIRY_MS = 60_000


@pytest.mark.parametrize("who", ["we", "the peer"])
def test_a_reinvite_that_was_only_heard_is_not_waited_for_after_the_call(who: str) -> None:
    """Its peer answered 100, and nothing after that: no timer of the transaction's would ever end it."""
    solo = Solo()
    leg, tag = solo.in_call()
    solo.agent.offer(leg, OFFER, solo.now_ns)
    (invite,) = solo.said()
    solo.hear(response(invite, 100))
    if who == "we":
        solo.agent.hangup(leg, solo.now_ns)
        (over,) = solo.said()
        solo.hear(response(over, 200))
    else:
        assert solo.hear(bye(tag)) == ["200 BYE"]
    assert [type(fact) for fact in solo.facts()] == [LegTerminated]
    sent = solo.wait(LONG_MS)
    assert sent[0] == (PATIENCE_MS, "CANCEL")
    assert {name for _, name in sent} == {"CANCEL"}
    solo.finish()


def test_a_reinvite_answered_after_the_call_is_acknowledged() -> None:
    solo = Solo()
    leg, tag = solo.in_call()
    solo.agent.offer(leg, OFFER, solo.now_ns)
    (invite,) = solo.said()
    solo.hear(bye(tag))
    solo.facts()
    assert solo.hear(response(invite, 200, body=ANSWER)) == ["ACK"]
    assert solo.hear(response(invite, 200, body=ANSWER)) == ["ACK"]
    solo.finish()


@pytest.mark.parametrize("status", [405, 488, 500, 501])
@pytest.mark.parametrize("allow", [UPDATE_TOO, "Allow: INVITE, ACK, BYE"])
def test_a_refused_refresh_is_tried_again_while_there_is_time(status: int, allow: str) -> None:
    solo = Solo()
    leg, _, _ = solo.out_call(extra=[REFRESHED, allow])
    solo.said()
    solo.wait(REFRESH_MS - 1)
    assert solo.names() == []
    refresh = next_request(solo)
    assert name_of(refresh) == ("UPDATE" if allow == UPDATE_TOO else "INVITE")
    solo.hear(response(refresh, status))
    again = next_request(solo)
    assert name_of(again) == ("INVITE" if status in (405, 501) else name_of(refresh))
    assert solo.hear(response(again, 200, body=ANSWER, extra=[REFRESHED])) == (["ACK"] if name_of(again) == "INVITE" else [])
    solo.wait(REFRESH_MS - 1)
    assert solo.facts() == []
    solo.agent.hangup(leg, solo.now_ns)


def test_a_session_that_is_never_refreshed_ends_in_its_time() -> None:
    solo = Solo()
    leg, _, _ = solo.out_call(extra=[REFRESHED])
    solo.said()
    start_ns = solo.now_ns
    for _ in range(2):
        solo.hear(response(next_request(solo), 500))
    over = next_request(solo)
    assert (name_of(over), solo.now_ns - start_ns) == ("BYE", EXPIRY_MS * 1_000_000)
    assert solo.facts() == [LegTerminated(leg=leg, why=EndReason.EXPIRED, by_peer=False, status=200)]
    solo.hear(response(over, 200))
    solo.finish()


def test_a_refresh_repeats_what_an_early_update_was_answered_with() -> None:
    solo = Solo()
    leg, invite = solo.calling()
    solo.hear(response(invite, 183, extra=["Require: 100rel", "RSeq: 1"], body=ANSWER))
    update = request(
        "UPDATE",
        branch="z9hG4bKup",
        to_tag=header(invite, "From").partition("tag=")[2],
        call_id=header(invite, "Call-ID"),
        cseq=5,
        body=OFFER,
    )
    solo.hear(update)
    solo.agent.accept(leg, b"v=0 newer", solo.now_ns)
    assert solo.names() == ["200 UPDATE"]
    solo.hear(response(invite, 200, extra=[REFRESHED]))
    assert [type(fact) for fact in solo.facts()] == [ProvisionalReceived, OfferReceived, AnswerReceived]
    refresh = next_request(solo)
    while name_of(refresh) != "INVITE":  # the PRACK, which is not answered here
        refresh = next_request(solo)
    assert refresh.body == b"v=0 newer"


def next_request(solo: Solo) -> Message:
    """What is sent at the next alarm at which anything is."""
    while True:
        due_ns = solo.agent.next_deadline()
        assert due_ns is not None
        solo.now_ns = max(solo.now_ns, due_ns)
        solo.agent.tick(solo.now_ns)
        if said := solo.said():
            return said[0]
