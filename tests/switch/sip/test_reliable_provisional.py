"""Provisional answers of ours to a caller, reliable ones (RFC 3262) among them, and his PRACK and UPDATE before the 2xx."""

from typing import Any

import pytest
from sip_world import ANSWER, OFFER, PATIENCE_MS, PEER, Solo, ended, header, name_of, request, uri_of

from switch.sip.fact import EndReason, OfferReceived
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
    (progress,) = rung(solo, ["Require: 100rel", "Supported: timer", "Session-Expires: 90;refresher=uas"])
    solo.facts()
    solo.agent.answer(1, ANSWER, 0)
    assert solo.hear(prack(progress, body=OFFER)) == []
    assert solo.facts() == [OfferReceived(leg=1, offer=OFFER, method="PRACK")]
    solo.agent.accept(1, b"v=0 newer", 0)
    acknowledged, ok = solo.said()
    assert (header(acknowledged, "CSeq"), acknowledged.body) == ("2 PRACK", b"v=0 newer")
    assert (header(ok, "CSeq"), ok.body) == ("1 INVITE", b"")
    solo.hear(request("ACK", branch="z9hG4bKack", to_tag=header(progress, "To").partition("tag=")[2]))
    solo.now_ns += 45_000_000_000
    solo.agent.tick(solo.now_ns)
    (refresh,) = solo.said()
    assert (header(refresh, "CSeq"), refresh.body) == ("1 INVITE", b"v=0 newer")


def test_progress_waits_for_the_answer_to_an_offer_and_a_refusal_is_one() -> None:
    solo = Solo()
    (progress,) = rung(solo, ["Require: 100rel"])
    solo.agent.progress(1, 180, 0)
    assert solo.hear(prack(progress, body=OFFER)) == []
    solo.agent.progress(1, 181, 0)
    assert solo.names() == []
    solo.agent.decline(1, 488, 0)
    assert solo.names() == ["488 PRACK", "181 INVITE"]


@pytest.mark.parametrize(
    ("extra", "status", "body", "again"),
    [
        ([], 183, ANSWER, (False, ANSWER)),
        ([], 180, b"", (False, b"")),
        (["Supported: 100rel"], 180, b"", (False, b"")),
        (["Supported: 100rel"], 183, ANSWER, (False, b"")),
        (["Require: 100rel"], 183, ANSWER, (True, b"")),
        (["Require: 100rel"], 180, b"", (True, b"")),
    ],
)
def test_a_1xx_goes_out_again_every_minute(*, extra: list[str], status: int, body: bytes, again: tuple[bool, bytes]) -> None:
    """By these proxies know that their Timer C begins anew. What was agreed by PRACK is not offered once more."""
    solo = Solo()
    (progress,) = rung(solo, extra, status=status, body=body)
    for number in (2, 3):
        if "RSeq" in progress.headers:
            assert solo.hear(prack(progress, number=number)) == ["200 PRACK"]
        start_ns, before = solo.now_ns, progress
        solo.now_ns += 59_999_999_999
        solo.agent.tick(solo.now_ns)
        assert solo.names() == []
        solo.now_ns = start_ns + 60_000_000_000
        solo.agent.tick(solo.now_ns)
        (progress,) = solo.said()
        assert name_of(progress) == f"{status} INVITE"
        assert ("RSeq" in progress.headers, progress.body) == again
        if again[0]:
            assert int(header(progress, "RSeq")) == int(header(before, "RSeq")) + 1
    solo.agent.refuse(1, 486, solo.now_ns)
    assert solo.names() == ["486 INVITE"]
    solo.facts()
    solo.finish()


@pytest.mark.parametrize(("extra", "is_reliable"), [("Require: 100rel", True), ("Supported: 100rel", False)])
def test_sdp_that_a_prack_settled_is_no_second_offer(*, extra: str, is_reliable: bool) -> None:
    solo = Solo()
    (progress,) = rung(solo, [extra])
    solo.hear(prack(progress))
    solo.agent.progress(1, 183, 0, body=ANSWER)
    (second,) = solo.said()
    assert (second.body, "RSeq" in second.headers) == (b"", is_reliable)


def test_a_caller_that_leaves_while_the_200_waits_gets_487() -> None:
    solo = Solo()
    rung(solo, ["Require: 100rel"])
    solo.facts()
    solo.agent.answer(1, ANSWER, 0)
    assert solo.hear(request("CANCEL")) == ["200 CANCEL", "487 INVITE"]
    assert solo.facts() == [ended(1, EndReason.CANCELLED, by_peer=True, status=487)]
    solo.finish()


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


@pytest.mark.parametrize("body", [b"", OFFER])
def test_an_early_update_moves_the_caller(body: bytes) -> None:
    """It is a target refresh (RFC 3311 §5.2)."""
    solo = Solo()
    (progress,) = rung(solo, ["Require: 100rel"])
    tag = header(progress, "To").partition("tag=")[2]
    solo.hear(prack(progress))
    moved = "Contact: <sip:peer@198.51.100.9:5062>"
    solo.hear(request("UPDATE", branch="z9hG4bKu1", to_tag=tag, cseq=3, extra=[moved], body=body))
    solo.agent.accept(1, ANSWER, 0)
    assert solo.agent.is_called("198.51.100.9")
    solo.agent.answer(1, ANSWER, 0)
    solo.hear(request("ACK", branch="z9hG4bKack", to_tag=tag))
    solo.said()
    solo.agent.hangup(1, 0)
    (farewell,) = solo.said()
    assert uri_of(farewell) == "sip:peer@198.51.100.9:5062"
