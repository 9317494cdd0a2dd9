"""What a peer may send beside re-INVITE and BYE: UPDATE, INFO, Expires, and a Contact that only its own network has."""

import pytest
from sip_world import ANSWER, OFFER, PEER, Solo, ended, header, request, uri_of

from switch.sip.core import MAX_NAT_HOSTS
from switch.sip.fact import EndReason, InfoDigit, OfferReceived
from switch.sip.incoming import MAX_EXPIRES_S
from switch.sip.info import MAX_DURATION_MS, MAX_INFO_BYTES
from switch.sip.message import Message
from switch.sip.peer import DEFAULT_PEER


def test_an_update_renews_or_offers() -> None:
    solo = Solo()
    leg, tag = solo.in_call()
    assert solo.hear(request("UPDATE", branch="z9hG4bKu1", to_tag=tag, cseq=2)) == ["200 UPDATE"]
    assert solo.hear(request("UPDATE", branch="z9hG4bKu2", to_tag=tag, cseq=3, body=OFFER)) == []
    assert solo.facts() == [OfferReceived(leg=leg, offer=OFFER, method="UPDATE")]
    solo.agent.accept(leg, ANSWER, 0)
    (ok,) = solo.said()
    assert (header(ok, "CSeq"), ok.body) == ("3 UPDATE", ANSWER)


@pytest.mark.parametrize(
    ("kind", "body", "digit", "duration_ms"),
    [
        ("dtmf-relay", b"Signal=5\r\nDuration=160\r\n", "5", 160),
        ("dtmf-relay", b"Signal= 11\nDuration= 250", "#", 250),
        ("dtmf", b"*", "*", None),
    ],
)
def test_a_key_by_info(kind: str, body: bytes, digit: str, duration_ms: int) -> None:
    solo = Solo()
    leg, tag = solo.in_call()
    info = request("INFO", to_tag=tag, cseq=2, branch="z9hG4bKi", extra=[f"Content-Type: application/{kind}"], body=body)
    assert (solo.hear(info), solo.hear(info)) == (["200 INFO"], ["200 INFO"])
    assert solo.facts() == [InfoDigit(leg=leg, digit=digit, duration_ms=duration_ms)]


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("text/plain", b"1", 415),
        ("application/dtmf", b"x", 200),
        ("", b"", 200),
    ],
)
def test_other_infos(kind: str, body: bytes, status: int) -> None:
    solo = Solo()
    _, tag = solo.in_call()
    extra = [f"Content-Type: {kind}"] if kind else []
    assert solo.hear(request("INFO", to_tag=tag, cseq=2, branch="z9hG4bKi", extra=extra, body=body)) == [f"{status} INFO"]


@pytest.mark.parametrize(("spaces", "digits"), [(MAX_INFO_BYTES - 1, ["1"]), (MAX_INFO_BYTES, [])])
def test_a_key_is_looked_for_so_far(*, spaces: int, digits: list[str]) -> None:
    solo = Solo()
    _, tag = solo.in_call()
    extra = ["Content-Type: application/dtmf"]
    solo.hear(request("INFO", to_tag=tag, cseq=2, branch="z9hG4bKi", extra=extra, body=b" " * spaces + b"1"))
    assert [fact.digit for fact in solo.facts() if isinstance(fact, InfoDigit)] == digits


@pytest.mark.parametrize(("written", "told"), [(MAX_DURATION_MS, MAX_DURATION_MS), (MAX_DURATION_MS + 1, None)])
def test_a_key_lasts_a_minute_at_most(written: int, told: int | None) -> None:
    solo = Solo()
    leg, tag = solo.in_call()
    body = f"Signal=1\r\nDuration={written}".encode()
    solo.hear(request("INFO", to_tag=tag, cseq=2, branch="z9hG4bKi", extra=["Content-Type: application/dtmf-relay"], body=body))
    assert solo.facts() == [InfoDigit(leg=leg, digit="1", duration_ms=told)]


@pytest.mark.parametrize(("written", "after_s"), [("2", 2), (" 7200 ", MAX_EXPIRES_S), ("7201", None), ("0", None), ("soon", None)])
def test_the_callers_expires_ends_his_call(written: str, after_s: int | None) -> None:
    solo = Solo()
    solo.hear(request("INVITE", body=OFFER, extra=[f"Expires: {written}"]))
    solo.facts()
    due_ms = (after_s or MAX_EXPIRES_S) * 1_000
    assert solo.wait(due_ms - 1) == []
    assert solo.wait(1_001)[:1] == ([] if after_s is None else [(1, "487 INVITE")])
    assert solo.facts() == ([] if after_s is None else [ended(1, EndReason.INVITE_EXPIRED, by_peer=True, status=487)])


def hung_up(solo: Solo, source: str = "198.51.100.7", number: int = 1, contact: str = "<sip:peer@192.168.1.7:5062>") -> Message:
    """Our BYE to a caller with a private Contact."""
    invite = request("INVITE", body=OFFER, contact=contact, call_id=f"n{number}", branch=f"z9hG4bKn{number}", from_tag=f"t{number}")
    flow = PEER._replace(host=source)
    solo.agent.receive(invite, flow, solo.now_ns, peer=DEFAULT_PEER)
    (invited,) = solo.facts()
    solo.agent.answer(invited.leg, ANSWER, solo.now_ns)
    tag = header(solo.said()[-1], "To").partition("tag=")[2]
    ack = request("ACK", branch=f"z9hG4bKa{number}", to_tag=tag, call_id=f"n{number}", from_tag=f"t{number}")
    solo.agent.receive(ack, flow, solo.now_ns, peer=None)
    solo.agent.hangup(invited.leg, solo.now_ns)
    (farewell,) = solo.said()
    solo.facts()
    return farewell


def test_a_peer_behind_nat_is_reached_where_it_sends_from_and_noted_once() -> None:
    solo = Solo()
    assert uri_of(hung_up(solo)) == "sip:peer@192.168.1.7:5062"
    assert solo.addresses == [PEER]
    hung_up(solo, number=2)
    assert [(oddity.source.host, oddity.call_id) for oddity in solo.agent.oddities()] == [(PEER.host, "n1")]
    assert solo.agent.statistics.snapshot()["nat"] == {PEER.host: 2}
    hung_up(solo, number=3, contact="<sip:peer@198.51.100.9:5062>")
    assert solo.agent.statistics.snapshot()["nat"] == {PEER.host: 2}


def test_so_many_peers_behind_nat_are_noted() -> None:
    solo = Solo()
    noted = 0
    for number in range(MAX_NAT_HOSTS + 1):
        hung_up(solo, source=f"198.51.{number // 250}.{number % 250 + 1}", number=number)
        noted += len(solo.agent.oddities())
    assert noted == MAX_NAT_HOSTS
