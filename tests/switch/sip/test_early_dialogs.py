"""A line's provisional answers, reliable ones (RFC 3262) among them, forks, and its UPDATE before the 2xx."""

import pytest
from sip_world import ANSWER, OFFER, PEER, Solo, ended, header, name_of, request, response

from switch.sip.digest import Credentials, Secret
from switch.sip.early_dialogs import MAX_FORKS
from switch.sip.fact import AnswerReceived, EndReason, OfferReceived, ProvisionalReceived
from switch.sip.message import Message
from switch.sip.peer import PeerProfile


def reliable(solo: Solo, invite: Message, rseq: int, *, body: bytes = b"", tag: str = "pt") -> list[str]:
    return solo.hear(response(invite, 183, tag=tag, extra=["Require: 100rel", f"RSeq: {rseq}"], body=body))


def test_a_reliable_answer_of_a_line_is_acknowledged_once_and_in_order() -> None:
    solo = Solo()
    leg, invite = solo.calling()
    answer = response(invite, 183, extra=["Require: 100rel", "RSeq: 7"], body=ANSWER)
    solo.agent.receive(answer, PEER, 0, peer=None)
    (sent,) = solo.said()
    assert (header(sent, "RAck"), header(sent, "CSeq"), header(sent, "To")[-6:]) == ("7 1 INVITE", "2 PRACK", "tag=pt")
    assert [reliable(solo, invite, each) for each in (7, 9, 8)] == [[], [], ["PRACK"]]
    first = ProvisionalReceived(leg=leg, status=183, body=ANSWER, to_tag="pt", reliable=True)
    assert solo.facts() == [first, ProvisionalReceived(leg=leg, status=183, body=b"", to_tag="pt", reliable=True)]
    assert solo.hear(response(invite, 200)) == ["ACK"]
    assert solo.facts() == [AnswerReceived(leg=leg, body=b"", to_tag="pt")]
    solo.agent.hangup(leg, 0)
    (farewell,) = solo.said()
    assert header(farewell, "CSeq") == "4 BYE"


@pytest.mark.parametrize(("rseq", "is_reliable"), [(0, False), (1, True), (2**32 - 1, True), (2**32, False)])
def test_an_rseq_is_32_bits(*, rseq: int, is_reliable: bool) -> None:
    solo = Solo()
    _, invite = solo.calling()
    assert reliable(solo, invite, rseq) == (["PRACK"] if is_reliable else [])


def test_forks_are_acknowledged_each_by_itself_and_so_many() -> None:
    solo = Solo()
    leg, invite = solo.calling()
    tags = [f"f{number}" for number in range(MAX_FORKS + 1)]
    assert [reliable(solo, invite, 1, tag=tag) for tag in tags] == [["PRACK"]] * MAX_FORKS + [[]]
    told = [(fact.to_tag, fact.reliable) for fact in solo.facts() if isinstance(fact, ProvisionalReceived)]
    assert told == [(tag, True) for tag in tags[:-1]] + [(tags[-1], False)]
    solo.hear(response(invite, 486))
    assert solo.facts() == [ended(leg, EndReason.REFUSED, by_peer=True, status=486)]
    solo.finish()


def update(invite: Message, number: int, *, tag: str = "pt", body: bytes = OFFER) -> bytes:
    """UPDATE of the fork with this To tag. `number`: its CSeq."""
    return request(
        "UPDATE",
        branch=f"z9hG4bKu{tag}{number}",
        to_tag=header(invite, "From").partition("tag=")[2],
        from_tag=tag,
        call_id=header(invite, "Call-ID"),
        cseq=number,
        body=body,
    )


def test_a_line_may_update_its_reliable_answer() -> None:
    solo = Solo()
    leg, invite = solo.calling()
    assert reliable(solo, invite, 1, body=ANSWER) == ["PRACK"]
    solo.facts()
    assert solo.hear(update(invite, 1)) == []
    assert solo.facts() == [OfferReceived(leg=leg, offer=OFFER, method="UPDATE", fork="pt")]
    assert solo.hear(update(invite, 2)) == ["500 UPDATE"]
    solo.agent.accept(leg, ANSWER, 0)
    (ok,) = solo.said()
    assert (header(ok, "CSeq"), ok.body, "Contact" in ok.headers) == ("1 UPDATE", ANSWER, True)
    assert solo.hear(update(invite, 3, body=b"")) == ["200 UPDATE"]


def test_an_offer_meets_491_until_ours_has_its_answer() -> None:
    solo = Solo()
    _, invite = solo.calling()
    solo.hear(response(invite, 183, body=ANSWER))
    assert solo.hear(update(invite, 1)) == ["491 UPDATE"]
    reliable(solo, invite, 1)
    assert solo.hear(update(invite, 2)) == ["491 UPDATE"]
    reliable(solo, invite, 2, body=ANSWER)
    assert solo.hear(update(invite, 3)) == []


@pytest.mark.parametrize("again", [401, 422, 302])
def test_an_update_that_waits_ends_with_its_try(again: int) -> None:
    """The INVITE is sent again in another transaction: the early dialogs of the one before are no more."""
    solo = Solo()
    line = PeerProfile(credentials=Credentials(username="us", secret=Secret("pw")), redirects=("198.51.100.8",))
    leg = solo.agent.invite(uri="sip:line@198.51.100.7:5080", target=PEER, caller="1", body=OFFER, now_ns=0, peer=line)
    (invite,) = solo.said()
    reliable(solo, invite, 1, body=ANSWER)
    solo.hear(update(invite, 1))
    solo.facts()
    how = {
        401: 'WWW-Authenticate: Digest realm="line", nonce="n1", qop="auth", algorithm=SHA-256',
        422: "Min-SE: 3600",
        302: "Contact: <sip:line@198.51.100.8>",
    }
    assert solo.hear(response(invite, again, contact=None, extra=[how[again]])) == ["ACK", "487 UPDATE", "INVITE"]
    solo.agent.accept(leg, ANSWER, 0)
    assert solo.names() == []
    assert solo.hear(update(invite, 2)) == ["481 UPDATE"]


@pytest.mark.parametrize(("answers", "sdp"), [("f1", b"v=0 newer"), ("f2", OFFER)])
def test_a_refresh_repeats_what_the_fork_that_answered_was_told_last(answers: str, sdp: bytes) -> None:
    solo = Solo()
    leg, invite = solo.calling()
    for tag in ("f1", "f2"):
        reliable(solo, invite, 1, body=ANSWER, tag=tag)
    solo.hear(update(invite, 5, tag="f1"))
    solo.agent.accept(leg, b"v=0 newer", 0)
    assert solo.names() == ["200 UPDATE"]
    solo.facts()
    solo.hear(response(invite, 200, tag=answers, extra=["Session-Expires: 90;refresher=uac"]))
    assert solo.facts() == [AnswerReceived(leg=leg, body=b"", to_tag=answers)]
    refresh: Message | None = None
    while refresh is None or name_of(refresh) != "INVITE":  # before it the PRACKs, which are not answered here
        solo.now_ns = solo.agent.next_deadline() or 0
        solo.agent.tick(solo.now_ns)
        refresh = next(iter(solo.said()), None)
    assert refresh.body == sdp
