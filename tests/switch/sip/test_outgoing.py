"""An outgoing leg until its session, against a peer written by hand: RFC 3261 §8.1, §9.1, §13.2, one small test per rule."""

from typing import Any

import pytest
from sip_world import ANSWER, LONG_MS, NOTHING_HELD, OFFER, PATIENCE_MS, PEER, Solo, bye, ended, header, reinvite, response

from switch.sip.fact import AnswerReceived, EndReason, OfferReceived, ProvisionalReceived
from switch.sip.flow import SendFailure
from switch.sip.message import HeaderInjection, Request
from switch.sip.peer import DEFAULT_PEER
from switch.sip.refusal import MAX_WORDS


def test_an_invite_is_whole() -> None:
    solo = Solo()
    _, invite = solo.calling()
    assert isinstance(invite, Request)
    assert solo.addresses == [PEER]
    assert invite.uri == "sip:line@198.51.100.7:5080"
    assert header(invite, "Via").startswith("SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK")
    assert header(invite, "From").startswith("<sip:+12125550100@192.0.2.1>;tag=")
    assert header(invite, "To") == "<sip:line@198.51.100.7:5080>"
    assert header(invite, "Contact") == "<sip:192.0.2.1:5060>"
    assert (header(invite, "CSeq"), header(invite, "Max-Forwards")) == ("1 INVITE", "70")
    assert (invite.body, header(invite, "Content-Type")) == (OFFER, "application/sdp")


def test_an_anonymous_invite_says_so() -> None:
    solo = Solo()
    solo.agent.invite(uri="sip:x@198.51.100.7", target=PEER, caller="", body=b"", now_ns=0)
    (invite,) = solo.said()
    assert header(invite, "From").startswith('"Anonymous" <sip:anonymous@anonymous.invalid>;tag=')


def test_a_hostile_caller_id_is_escaped() -> None:
    solo = Solo()
    solo.agent.invite(uri="sip:x@198.51.100.7", target=PEER, caller='1>;tag=x\r\nEvil: "1"@', body=b"", now_ns=0)
    (invite,) = solo.said()
    assert "Evil" not in invite.headers
    assert header(invite, "From").count("@") == 1


def test_an_invite_that_cannot_be_built_leaves_nothing_behind() -> None:
    solo = Solo()
    with pytest.raises(HeaderInjection):
        solo.agent.invite(uri="sip:x@y\r\nEvil: 1", target=PEER, caller="", body=b"", now_ns=0)
    assert solo.agent.live_counts() == NOTHING_HELD


def test_progress_is_told_but_not_100() -> None:
    solo = Solo()
    leg, invite = solo.calling()
    for status in (100, 180, 183):
        solo.hear(response(invite, status, body=b"early" if status == 183 else b""))
    assert solo.facts() == [
        ProvisionalReceived(leg=leg, status=180, body=b"", to_tag="pt"),
        ProvisionalReceived(leg=leg, status=183, body=b"early", to_tag="pt"),
    ]


def test_a_2xx_is_acknowledged_told_once_and_acknowledged_again() -> None:
    solo = Solo()
    leg, invite = solo.calling()
    assert solo.hear(response(invite, 200, body=ANSWER)) == ["ACK"]
    assert solo.hear(response(invite, 200, body=ANSWER)) == ["ACK"]
    assert solo.facts() == [AnswerReceived(leg=leg, body=ANSWER, to_tag="pt")]


def test_after_the_call_a_late_2xx_is_still_acknowledged() -> None:
    solo = Solo()
    leg, invite, _ = solo.out_call()
    solo.agent.hangup(leg, 0)
    solo.hear(response(solo.said()[0], 200))
    solo.facts()
    assert solo.hear(response(invite, 200)) == ["ACK"]
    solo.finish()


def test_a_forked_2xx_is_acknowledged_and_ended() -> None:
    solo = Solo()
    leg, invite = solo.calling()
    solo.hear(response(invite, 200, tag="one"))
    solo.facts()
    solo.agent.receive(response(invite, 200, tag="two"), PEER, 0, peer=DEFAULT_PEER)
    ack, farewell = solo.said()
    assert header(ack, "To") == header(farewell, "To") == "<sip:line@198.51.100.7:5080>;tag=two"
    assert header(farewell, "CSeq") == "2 BYE"
    assert solo.hear(response(invite, 200, tag="two")) == ["ACK"]
    solo.hear(response(farewell, 200))
    assert solo.facts() == []
    solo.agent.hangup(leg, 0)
    assert solo.names() == ["BYE"]
    solo.wait(LONG_MS)
    assert solo.facts() == [ended(leg, EndReason.BYE, by_peer=False, status=200)]
    solo.finish()


def test_forks_without_end_are_bounded() -> None:
    solo = Solo()
    _, invite = solo.calling()
    acks = [solo.hear(response(invite, 200, tag=f"t{n}")).count("ACK") for n in range(100)]
    assert sum(acks) == 16


def test_a_refusal_is_acknowledged_and_ends_the_leg() -> None:
    solo = Solo()
    leg, invite = solo.calling()
    assert solo.hear(response(invite, 486, extra=["Reason: Q.850;cause=17"])) == ["ACK"]
    assert solo.hear(response(invite, 486)) == ["ACK"]
    assert solo.facts() == [ended(leg, EndReason.REFUSED, by_peer=True, status=486, q850=17)]
    solo.finish()


@pytest.mark.parametrize("broken", [{"tag": ""}, {"contact": None}, {"contact": "<tel:+1>"}], ids=str)
def test_an_unusable_2xx_is_acknowledged_and_ended(broken: dict[str, Any]) -> None:
    solo = Solo()
    leg, invite = solo.calling()
    assert solo.hear(response(invite, 200, **broken)) == ["ACK", "BYE"]
    assert solo.facts() == [ended(leg, EndReason.BAD_ANSWER, by_peer=False, status=200)]
    assert solo.words == ["its 200 has no To tag" if "tag" in broken else "its 200 has no Contact that can be used"]
    solo.finish()


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ([], ""),
        (['Warning: 305 gw.example.com "Only G.729"'], "it warns: Only G.729"),
        ([f'Warning: 399 gw "{"x" * 300}"'], f"it warns: {'x' * 300}"[:MAX_WORDS]),
        (["Warning: hello"], ""),
    ],
    ids=["none", "one", "long", "no warning"],
)
def test_a_refusal_says_what_its_warning_does(headers: list[str], words: str) -> None:
    solo = Solo()
    _, invite = solo.calling()
    solo.hear(response(invite, 488, extra=headers))
    solo.facts()
    assert solo.words == [words]
    solo.finish()


def test_nobody_answers_until_timer_b() -> None:
    solo = Solo()
    leg, _ = solo.calling()
    solo.wait(PATIENCE_MS - 1)
    assert solo.facts() == []
    solo.wait(1)
    assert solo.facts() == [ended(leg, EndReason.TIMEOUT, by_peer=False, status=None)]
    solo.finish()


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        (SendFailure.UNREACHABLE, EndReason.UNREACHABLE),
        (SendFailure.CERTIFICATE_REFUSED, EndReason.CERTIFICATE_REFUSED),
    ],
)
def test_an_unsendable_invite_ends_the_leg(why: SendFailure, reason: EndReason) -> None:
    solo = Solo()
    leg, _ = solo.calling()
    solo.agent.send_failed(PEER, 0, why=why, words="Connection refused")
    assert solo.facts() == [ended(leg, reason, by_peer=False, status=None)]
    assert solo.words[0].startswith(f"{PEER} ")
    assert solo.words[0].endswith(": Connection refused")
    solo.finish()


def test_hanging_up_while_it_rings_cancels() -> None:
    solo = Solo()
    leg, invite = solo.calling()
    solo.hear(response(invite, 180))
    solo.facts()
    solo.agent.hangup(leg, 0, q850=16)
    solo.agent.hangup(leg, 0)
    (cancel,) = solo.said()
    assert isinstance(cancel, Request)
    assert (cancel.method, cancel.uri, header(cancel, "CSeq")) == ("CANCEL", "sip:line@198.51.100.7:5080", "1 CANCEL")
    for name in ("Via", "From", "To", "Call-ID"):
        assert header(cancel, name) == header(invite, name)
    assert header(cancel, "Reason") == "Q.850;cause=16"
    solo.hear(response(cancel, 200))
    assert solo.facts() == []
    assert solo.hear(response(invite, 487)) == ["ACK"]
    assert solo.facts() == [ended(leg, EndReason.CANCELLED, by_peer=False, status=487)]
    solo.finish()


@pytest.mark.parametrize("status", [100, 180, 183])
@pytest.mark.parametrize("after_ms", [0, PATIENCE_MS - 1])
def test_cancel_waits_for_a_provisional_answer_as_long_as_one_may_come(status: int, after_ms: int) -> None:
    """A phone that heard the INVITE, and whose first 1xx was lost: its next one is enough. A reliable one needs no PRACK any more."""
    solo = Solo()
    leg, invite = solo.calling()
    solo.agent.hangup(leg, 0)
    assert solo.wait(after_ms) == []
    extra = ["Require: 100rel", "RSeq: 1"] if status == 183 else []
    assert solo.hear(response(invite, status, extra=extra)) == ["CANCEL"]
    assert solo.hear(response(invite, 180)) == []
    assert solo.facts() == []
    assert solo.hear(response(invite, 200, body=ANSWER)) == ["ACK"]
    assert solo.facts() == [AnswerReceived(leg=leg, body=ANSWER, to_tag="pt")]
    assert solo.hear(response(invite, 200, body=ANSWER, tag="fork")) == ["ACK", "BYE"]
    solo.agent.hangup(leg, solo.now_ns)
    assert solo.names() == ["BYE"]


@pytest.mark.parametrize(("status", "sent"), [(486, ["ACK"]), (200, ["ACK"])])
def test_a_final_answer_may_come_before_any_cancel(status: int, sent: list[str]) -> None:
    solo = Solo()
    leg, invite = solo.calling()
    solo.agent.hangup(leg, 0)
    assert solo.hear(response(invite, status, body=ANSWER)) == sent
    told = (
        ended(leg, EndReason.CANCELLED, by_peer=False, status=486)
        if status == 486
        else AnswerReceived(leg=leg, body=ANSWER, to_tag="pt")
    )
    assert solo.facts() == [told]


def test_hanging_up_when_nobody_answers_ends_with_timer_b() -> None:
    solo = Solo()
    leg, _ = solo.calling()
    solo.agent.hangup(leg, 0)
    solo.wait(PATIENCE_MS)
    assert solo.facts() == [ended(leg, EndReason.TIMEOUT, by_peer=False, status=None)]
    solo.finish()


def test_a_200_that_crosses_the_cancel_is_told_and_hung_up_again() -> None:
    solo = Solo()
    leg, invite = solo.calling()
    solo.hear(response(invite, 180))
    solo.agent.hangup(leg, 0)
    (cancel,) = solo.said()
    solo.facts()
    assert solo.hear(response(invite, 200, body=ANSWER)) == ["ACK"]
    assert solo.facts() == [AnswerReceived(leg=leg, body=ANSWER, to_tag="pt")]
    solo.hear(response(cancel, 200))
    solo.wait(LONG_MS)
    assert solo.facts() == []
    solo.agent.hangup(leg, solo.now_ns)
    (farewell,) = solo.said()
    assert header(farewell, "CSeq") == "2 BYE"
    solo.hear(response(farewell, 200))
    assert solo.facts() == [ended(leg, EndReason.BYE, by_peer=False, status=200)]
    solo.finish()


@pytest.mark.parametrize("cancel_answer", [200, 481, None])
def test_a_cancel_without_a_final_answer_ends_after_64_t1(cancel_answer: int | None) -> None:
    solo = Solo()
    leg, invite = solo.calling()
    solo.hear(response(invite, 180))
    solo.facts()
    solo.wait(90_000)
    solo.agent.hangup(leg, solo.now_ns)
    (cancel,) = solo.said()
    if cancel_answer:
        solo.hear(response(cancel, cancel_answer))
    solo.wait(PATIENCE_MS - 1)
    assert solo.facts() == []
    solo.wait(1)
    assert solo.facts() == [ended(leg, EndReason.TIMEOUT, by_peer=False, status=None)]
    solo.finish()


def test_the_callees_bye_ends_the_leg() -> None:
    solo = Solo()
    leg, invite, ours = solo.out_call()
    call_id = header(invite, "Call-ID")
    assert solo.hear(bye(ours, call_id=call_id, cseq=1)) == ["200 BYE"]
    assert solo.facts() == [ended(leg, EndReason.BYE, by_peer=True, status=200)]
    solo.finish()


def test_the_callee_may_reinvite() -> None:
    solo = Solo()
    leg, invite, ours = solo.out_call()
    assert solo.hear(reinvite(ours, call_id=header(invite, "Call-ID"), cseq=1)) == ["100 INVITE"]
    assert solo.facts() == [OfferReceived(leg=leg, offer=OFFER)]
