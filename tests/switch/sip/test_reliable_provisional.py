"""Reliable provisional answers (RFC 3262) of ours and of a line, and UPDATE before the 2xx, against a peer written by hand."""

from typing import Any

import pytest
from sip_world import ANSWER, OFFER, PATIENCE_MS, PEER, Solo, ended, header, request, response

from switch.sip.early_dialogs import MAX_FORKS
from switch.sip.fact import AnswerReceived, EndReason, OfferReceived, ProvisionalReceived
from switch.sip.message import Message


def prack(progress: Message, *, number: int = 2, change: int = 0, **more: Any) -> bytes:
    """The caller's PRACK to a reliable answer of ours."""
    rack = f"RAck: {int(header(progress, 'RSeq')) + change} 1 INVITE"
    tag = header(progress, "To").partition("tag=")[2]
    return request("PRACK", branch=f"z9hG4bKprack{number}", to_tag=tag, cseq=number, extra=[rack], **more)


def rung(solo: Solo, extra: list[str], *, status: int = 183, body: bytes = ANSWER, offer: bytes = OFFER) -> list[Message]:
    """What the caller gets, but for the 100, when his INVITE with these headers is given progress."""
    solo.hear(request("INVITE", body=offer, extra=extra))
    solo.agent.progress(1, status, solo.now_ns, body=body)
    return solo.said()


@pytest.mark.parametrize(
    ("extra", "status", "body", "is_reliable"),
    [
        (["Require: 100rel"], 180, b"", True),
        (["Require: 100rel"], 183, ANSWER, True),
        (["Supported: timer, 100rel"], 183, ANSWER, True),
        (["Supported: 100rel"], 180, b"", False),
        ([], 183, ANSWER, False),
    ],
)
def test_reliable_where_required_or_where_supported_with_sdp(
    *, extra: list[str], status: int, body: bytes, is_reliable: bool
) -> None:
    solo = Solo()
    (progress,) = rung(solo, extra, status=status, body=body)
    assert ("RSeq" in progress.headers, progress.headers.get("Require") == "100rel") == (is_reliable, is_reliable)
    assert progress.body == body
    assert [name for _, name in solo.wait(PATIENCE_MS - 1)] == ([f"{status} INVITE"] * 6 if is_reliable else [])


@pytest.mark.parametrize("body", [ANSWER, b""])
def test_a_prack_stops_the_repetition_and_lets_the_200_go(body: bytes) -> None:
    solo = Solo()
    (progress,) = rung(solo, ["Require: 100rel"], body=body)
    solo.agent.answer(1, ANSWER, 0)
    assert solo.wait(3_600) == [(500, "183 INVITE"), (1_500, "183 INVITE"), (3_500, "183 INVITE")]
    solo.agent.receive(prack(progress), PEER, solo.now_ns, peer=None)
    acknowledged, ok = solo.said()
    assert (header(acknowledged, "CSeq"), header(ok, "CSeq")) == ("2 PRACK", "1 INVITE")
    assert ok.body == (b"" if body else ANSWER)
    assert solo.hear(prack(progress)) == ["200 PRACK"]
    assert solo.hear(prack(progress, number=3)) == ["481 PRACK"]


def test_a_refresh_repeats_the_sdp_that_only_the_183_held() -> None:
    solo = Solo()
    (progress,) = rung(solo, ["Require: 100rel", "Session-Expires: 90;refresher=uas", "Supported: timer"])
    solo.agent.answer(1, ANSWER, 0)
    solo.hear(prack(progress))
    solo.hear(request("ACK", branch="z9hG4bKack", to_tag=header(progress, "To").partition("tag=")[2]))
    solo.now_ns += 45_000_000_000
    solo.agent.tick(solo.now_ns)
    (refresh,) = solo.said()
    assert (header(refresh, "CSeq"), refresh.body) == ("1 INVITE", ANSWER)


def test_progress_waits_for_the_prack_of_the_one_before() -> None:
    solo = Solo()
    (first,) = rung(solo, ["Require: 100rel"], status=180, body=b"")
    for status in (181, 183):
        solo.agent.progress(1, status, 0, body=ANSWER if status == 183 else b"")
    assert solo.names() == []
    assert solo.hear(prack(first, change=1)) == ["481 PRACK"]
    solo.agent.receive(prack(first, number=3), PEER, 0, peer=None)
    _, second = solo.said()
    assert (second.body, int(header(second, "RSeq"))) == (ANSWER, int(header(first, "RSeq")) + 1)


def test_no_prack_within_64_t1_refuses_the_call() -> None:
    solo = Solo()
    rung(solo, ["Require: 100rel"])
    solo.facts()
    solo.wait(PATIENCE_MS - 1)
    assert solo.facts() == []
    assert solo.wait(1) == [(1, "504 INVITE")]
    assert solo.facts() == [ended(1, EndReason.NO_ACK, by_peer=False, status=504)]
    solo.finish()


@pytest.mark.parametrize(
    ("extra", "names"), [("Require: 100rel", []), ("Supported: 100rel", ["183 INVITE"]), ("X: y", ["183 INVITE"])]
)
def test_a_caller_without_an_offer_gets_ours_in_the_200_only(extra: str, names: list[str]) -> None:
    solo = Solo()
    solo.hear(request("INVITE", extra=[extra]))
    solo.agent.progress(1, 183, 0, body=OFFER)
    solo.agent.progress(1, 183, 0, body=b"")
    said = solo.said()
    assert [(header(each, "CSeq"), each.body, "RSeq" in each.headers) for each in said] == [("1 INVITE", b"", False)] * 2 * len(
        names
    )
    solo.agent.answer(1, OFFER, 0)
    (ok,) = solo.said()
    assert ok.body == OFFER


def test_a_prack_may_offer_and_the_200_waits_for_its_answer() -> None:
    solo = Solo()
    (progress,) = rung(solo, ["Require: 100rel"])
    solo.facts()
    solo.agent.answer(1, ANSWER, 0)
    assert solo.hear(prack(progress, body=OFFER)) == []
    assert solo.facts() == [OfferReceived(leg=1, offer=OFFER, method="PRACK")]
    solo.agent.accept(1, ANSWER, 0)
    acknowledged, ok = solo.said()
    assert (header(acknowledged, "CSeq"), acknowledged.body, header(ok, "CSeq")) == ("2 PRACK", ANSWER, "1 INVITE")


def test_a_caller_that_leaves_while_the_200_waits_gets_487() -> None:
    solo = Solo()
    rung(solo, ["Require: 100rel"])
    solo.facts()
    solo.agent.answer(1, ANSWER, 0)
    assert solo.hear(request("CANCEL")) == ["200 CANCEL", "487 INVITE"]
    assert solo.facts() == [ended(1, EndReason.CANCELLED, by_peer=True, status=487)]
    solo.finish()


# a line's answers


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
    assert solo.facts() == [AnswerReceived(leg=leg, body=b"")]
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


def test_a_line_may_update_its_reliable_answer() -> None:
    solo = Solo()
    leg, invite = solo.calling()
    tag = header(invite, "From").partition("tag=")[2]
    fork: dict[str, Any] = {"to_tag": tag, "from_tag": "pt", "call_id": header(invite, "Call-ID"), "body": OFFER}
    assert solo.hear(response(invite, 183, body=ANSWER)) == []
    assert solo.hear(request("UPDATE", branch="z9hG4bKu0", cseq=1, **fork)) == ["500 UPDATE"]
    assert reliable(solo, invite, 1, body=ANSWER) == ["PRACK"]
    solo.facts()
    assert solo.hear(request("UPDATE", branch="z9hG4bKu1", cseq=2, **fork)) == []
    assert solo.facts() == [OfferReceived(leg=leg, offer=OFFER, method="UPDATE")]
    assert solo.hear(request("UPDATE", branch="z9hG4bKu2", cseq=3, **fork)) == ["500 UPDATE"]
    solo.agent.accept(leg, ANSWER, 0)
    (ok,) = solo.said()
    assert (header(ok, "CSeq"), ok.body, "Contact" in ok.headers) == ("2 UPDATE", ANSWER, True)


def test_a_caller_may_update_after_a_reliable_answer_only() -> None:
    solo = Solo()
    (progress,) = rung(solo, ["Require: 100rel"])
    tag = header(progress, "To").partition("tag=")[2]
    solo.facts()
    assert solo.hear(request("UPDATE", branch="z9hG4bKu1", to_tag=tag, cseq=2, body=OFFER)) == ["500 UPDATE"]
    solo.hear(prack(progress, number=3))
    assert solo.hear(request("UPDATE", branch="z9hG4bKu2", to_tag=tag, cseq=4, body=OFFER)) == []
    assert solo.facts() == [OfferReceived(leg=1, offer=OFFER, method="UPDATE")]
    solo.agent.decline(1, 488, 0)
    assert solo.names() == ["488 UPDATE"]
    assert solo.hear(request("UPDATE", branch="z9hG4bKu3", to_tag=tag, cseq=5)) == ["200 UPDATE"]
