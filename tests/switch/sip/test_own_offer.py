"""Requests of our own inside a session (RFC 3261 §14.1, RFC 4028 §7.4), against a peer written by hand: glare, refusals, refreshes, and
what becomes of them when the call ends."""

import pytest
from sip_world import ANSWER, LONG_MS, OFFER, PATIENCE_MS, PEER, Solo, bye, ended, header, name_of, reinvite, response

from switch.sip.digest import Credentials, Secret
from switch.sip.fact import (
    EndReason,
    LegTerminated,
    OfferAccepted,
    OfferRefused,
)
from switch.sip.message import Message
from switch.sip.own_offer import MAX_OFFER_TRIES
from switch.sip.peer import DEFAULT_PEER, PeerProfile
from switch.sip.transaction import NS_PER_MS

REFRESHED = "Session-Expires: 90;refresher=uac"
UPDATE_TOO = "Allow: INVITE, ACK, BYE, UPDATE"
REFRESH_MS = 45_000
EXPIRY_MS = 60_000


def offered(body: bytes = OFFER) -> tuple[Solo, int, Message]:
    """A call of ours in which we offer, and the re-INVITE."""
    solo = Solo()
    leg, _, _ = solo.out_call()
    solo.agent.offer(leg, body, solo.now_ns)
    (invite,) = solo.said()
    return solo, leg, invite


def next_request(solo: Solo) -> tuple[int, Message]:
    """The first message of the next alarm that sends anything, and after how many ms it went out."""
    start_ns = solo.now_ns
    while (due_ns := solo.agent.next_deadline()) is not None:
        solo.now_ns = max(solo.now_ns, due_ns)
        solo.agent.tick(solo.now_ns)
        if said := solo.said():
            return (solo.now_ns - start_ns) // NS_PER_MS, said[0]
    raise AssertionError


def test_an_offer_is_accepted_and_acknowledged_and_again_when_the_200_comes_again() -> None:
    solo, leg, invite = offered()
    assert (header(invite, "CSeq"), invite.body) == ("2 INVITE", OFFER)
    assert solo.hear(response(invite, 200, body=ANSWER)) == ["ACK"]
    assert solo.hear(response(invite, 200, body=ANSWER)) == ["ACK"]
    assert solo.facts() == [OfferAccepted(leg=leg, body=ANSWER)]


def test_a_refused_offer_leaves_the_session() -> None:
    solo, leg, invite = offered()
    assert solo.hear(response(invite, 488)) == ["ACK"]
    assert solo.facts() == [OfferRefused(leg=leg, status=488)]
    solo.agent.offer(leg, OFFER, 0)
    (second,) = solo.said()
    solo.agent.offer(leg, b"v=0 passed over", 0)
    solo.agent.offer(leg, b"v=0 the newest", 0)
    assert solo.names() == []
    solo.agent.receive(response(second, 200, body=ANSWER), PEER, 0, peer=DEFAULT_PEER)
    _, third = solo.said()
    assert third.body == b"v=0 the newest"


@pytest.mark.parametrize("status", [408, 481])
def test_a_peer_that_lost_the_dialog_ends_it(status: int) -> None:
    solo, leg, invite = offered()
    assert solo.hear(response(invite, status)) == ["ACK", "BYE"]
    assert solo.facts() == [ended(leg, EndReason.EXPIRED, by_peer=False, status=200)]
    solo.finish()


def test_a_silent_peer_ends_it_after_64_t1() -> None:
    solo, leg, _ = offered()
    solo.wait(PATIENCE_MS - 1)
    assert solo.facts() == []
    assert [name for _, name in solo.wait(1)] == ["BYE"]
    assert solo.facts() == [ended(leg, EndReason.EXPIRED, by_peer=False, status=200)]
    solo.finish()


def test_glare_is_tried_again_after_the_owners_time_and_so_often_at_most() -> None:
    solo, leg, invite = offered()
    for _ in range(MAX_OFFER_TRIES - 1):
        assert solo.hear(response(invite, 491)) == ["ACK"]
        assert solo.facts() == []
        after_ms, invite = next_request(solo)
        assert 2_100 <= after_ms <= 4_000
    assert solo.hear(response(invite, 491)) == ["ACK"]
    assert solo.facts() == [OfferRefused(leg=leg, status=491)]


def test_the_callee_waits_less_after_glare() -> None:
    solo = Solo()
    leg, _ = solo.in_call()
    solo.agent.offer(leg, OFFER, 0)
    (invite,) = solo.said()
    for _ in range(MAX_OFFER_TRIES - 1):
        assert solo.hear(response(invite, 491)) == ["ACK"]
        after_ms, invite = next_request(solo)
        assert after_ms <= 2_000


@pytest.mark.parametrize(("asked", "after_ms"), [("0", 0), ("10", 10_000), ("11 (busy)", 10_000)])
def test_a_500_with_retry_after_is_tried_again_then(asked: str, after_ms: int) -> None:
    solo, leg, invite = offered()
    for _ in range(MAX_OFFER_TRIES - 1):
        assert solo.hear(response(invite, 500, extra=[f"Retry-After: {asked}"])) == ["ACK"]
        found_ms, invite = next_request(solo)
        assert found_ms == after_ms
    assert solo.hear(response(invite, 500, extra=[f"Retry-After: {asked}"])) == ["ACK"]
    assert solo.facts() == [OfferRefused(leg=leg, status=500)]


def test_a_500_without_retry_after_is_a_refusal() -> None:
    solo, leg, invite = offered()
    assert solo.hear(response(invite, 500)) == ["ACK"]
    assert solo.facts() == [OfferRefused(leg=leg, status=500)]


def test_a_reliable_answer_to_a_reinvite_is_acknowledged() -> None:
    solo, _, invite = offered()
    names = [solo.hear(response(invite, 183, extra=["Require: 100rel", f"RSeq: {rseq}"])) for rseq in (5, 5, 7, 6)]
    assert names == [["PRACK"], [], [], ["PRACK"]]


def test_a_challenged_reinvite_goes_out_again_and_its_ack_too() -> None:
    solo = Solo()
    peer = PeerProfile(credentials=Credentials(username="us", secret=Secret("pw")))
    leg = solo.agent.invite(uri="sip:line@198.51.100.7:5080", target=PEER, caller="1", body=OFFER, now_ns=0, peer=peer)
    (invite,) = solo.said()
    solo.hear(response(invite, 200, body=ANSWER))
    solo.facts()
    solo.agent.offer(leg, OFFER, 0)
    (first,) = solo.said()
    challenge = 'WWW-Authenticate: Digest realm="line", nonce="n1", qop="auth", algorithm=SHA-256'
    solo.agent.receive(response(first, 401, extra=[challenge]), PEER, 0, peer=None)
    _, second = solo.said()
    assert (header(second, "CSeq"), second.body, "Authorization" in second.headers) == ("3 INVITE", OFFER, True)
    solo.agent.receive(response(second, 200, body=ANSWER), PEER, 0, peer=None)
    (ack,) = solo.said()
    assert (header(ack, "CSeq"), header(ack, "Authorization")) == ("3 ACK", header(second, "Authorization"))
    assert solo.facts() == [OfferAccepted(leg=leg, body=ANSWER)]


def test_the_peers_offer_meets_ours() -> None:
    solo, _, invite = offered()
    tag = header(invite, "From").partition("tag=")[2]
    theirs = reinvite(tag, call_id=header(invite, "Call-ID"))
    assert solo.hear(theirs) == ["491 INVITE"]
    assert solo.facts() == []


def test_our_offer_waits_for_the_end_of_theirs() -> None:
    solo = Solo()
    leg, tag = solo.in_call()
    solo.hear(reinvite(tag))
    solo.agent.offer(leg, OFFER, 0)
    assert solo.names() == []
    solo.agent.decline(leg, 488, 0)
    assert solo.names() == ["488 INVITE", "INVITE"]


def test_an_offer_that_asks_for_the_peers_is_answered_in_the_ack() -> None:
    solo, leg, invite = offered(b"")
    assert solo.hear(response(invite, 200, body=OFFER)) == []
    assert solo.facts() == [OfferAccepted(leg=leg, body=OFFER)]
    solo.agent.accept(leg, ANSWER, 0)
    (ack,) = solo.said()
    assert (header(ack, "CSeq"), ack.body) == ("2 ACK", ANSWER)


def test_a_200_without_the_offer_that_was_asked_for_is_acknowledged_at_once() -> None:
    solo, leg, invite = offered(b"")
    assert solo.hear(response(invite, 200)) == ["ACK"]
    assert solo.facts() == [OfferAccepted(leg=leg, body=b"")]
    assert solo.wait(PATIENCE_MS) == []


@pytest.mark.parametrize("wait_ms", [PATIENCE_MS - 1, PATIENCE_MS])
def test_the_users_answer_is_waited_for_so_long(wait_ms: int) -> None:
    solo, leg, invite = offered(b"")
    solo.hear(response(invite, 200, body=OFFER))
    sent = [name for _, name in solo.wait(wait_ms)]
    assert sent == ([] if wait_ms < PATIENCE_MS else ["ACK", "BYE"])
    assert solo.agent.live_counts()["legs"] == (1 if wait_ms < PATIENCE_MS else 0)
    solo.agent.hangup(leg, solo.now_ns)
    solo.facts()


def test_a_hangup_while_our_offer_is_out_acknowledges_a_late_200() -> None:
    solo, leg, invite = offered()
    solo.agent.hangup(leg, 0)
    (bye,) = solo.said()
    solo.hear(response(bye, 200))
    assert solo.hear(response(invite, 200, body=ANSWER)) == ["ACK"]
    assert solo.facts() == [ended(leg, EndReason.BYE, by_peer=False, status=200)]
    solo.finish()


def test_a_reinvite_that_rings_on_after_the_call_is_not_kept() -> None:
    solo, leg, invite = offered()
    solo.hear(response(invite, 180))
    solo.agent.hangup(leg, 0)
    (farewell,) = solo.said()
    solo.hear(response(farewell, 200))
    solo.facts()
    solo.finish()


def test_a_reinvite_that_rings_on_is_cancelled_and_then_ends_the_call() -> None:
    solo, leg, invite = offered()
    solo.hear(response(invite, 180))
    assert [name for _, name in solo.wait(PATIENCE_MS)] == ["CANCEL"]
    assert solo.facts() == []
    assert solo.wait(PATIENCE_MS)[-1] == (PATIENCE_MS, "BYE")
    assert solo.facts() == [ended(leg, EndReason.EXPIRED, by_peer=False, status=200)]
    solo.finish()


# refreshes, and the end of the call


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
    _, refresh = next_request(solo)
    assert name_of(refresh) == ("UPDATE" if allow == UPDATE_TOO else "INVITE")
    solo.hear(response(refresh, status))
    _, again = next_request(solo)
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
        solo.hear(response(next_request(solo)[1], 500))
    _, over = next_request(solo)
    assert (name_of(over), solo.now_ns - start_ns) == ("BYE", EXPIRY_MS * 1_000_000)
    assert solo.facts() == [LegTerminated(leg=leg, why=EndReason.EXPIRED, by_peer=False, status=200)]
    solo.hear(response(over, 200))
    solo.finish()
