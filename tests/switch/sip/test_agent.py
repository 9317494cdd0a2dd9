"""Who is served and what is refused (RFC 3261 §8.2), limits, determinism and memory, against a peer written by hand."""

import pytest
from sip_world import ANSWER, LONG_MS, NOTHING_HELD, OFFER, PEER, Solo, bye, ended, header, reinvite, request, response

from switch.sip import core as core_module
from switch.sip.fact import EndReason, InviteReceived, LegTerminated
from switch.sip.flow import Flow
from switch.sip.message import Response
from switch.sip.peer import DEFAULT_PEER


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "REGISTER", "BYE", "CANCEL", "ACK", "BREW"])
@pytest.mark.parametrize("to_tag", ["", "x"])
def test_who_may_not_invite_hears_nothing(method: str, to_tag: str) -> None:
    solo = Solo()
    assert solo.hear(request(method, to_tag=to_tag), peer=None) == []
    assert solo.hear(request(method, to_tag=to_tag).replace(b"SIP/2.0\r\n", b"SIP/7.0\r\n", 1), peer=None) == []
    assert solo.facts() == []
    assert solo.agent.live_counts() == NOTHING_HELD


def test_who_may_not_invite_is_served_inside_a_call() -> None:
    solo = Solo()
    leg, tag = solo.in_call()
    assert solo.hear(request("OPTIONS", branch="z9hG4bKo", to_tag=tag, cseq=2), peer=None) == ["200 OPTIONS"]
    assert solo.hear(bye(tag, cseq=3), peer=None) == ["200 BYE"]
    assert solo.facts() == [ended(leg, EndReason.BYE, by_peer=True, status=200)]


def test_who_may_not_invite_may_cancel_and_acknowledge() -> None:
    solo = Solo()
    _, tag = solo.invited()
    assert solo.hear(request("CANCEL"), peer=None) == ["200 CANCEL", "487 INVITE"]
    solo.hear(request("ACK", to_tag=tag), peer=None)
    assert solo.wait(LONG_MS) == []


def test_options_tells_what_we_can() -> None:
    answer = Solo().answer_of(request("OPTIONS"))
    assert isinstance(answer, Response)
    assert answer.status == 200
    assert answer.headers.all("Allow") == ["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "PRACK", "UPDATE", "INFO"]
    assert header(answer, "Accept") == "application/sdp"
    assert answer.headers.all("Supported") == ["100rel", "timer"]
    assert ";tag=" in header(answer, "To")


@pytest.mark.parametrize("method", ["UPDATE", "INFO", "PRACK"])
def test_what_belongs_to_a_call_gets_481_without_one(method: str) -> None:
    assert Solo().hear(request(method)) == [f"481 {method}"]


@pytest.mark.parametrize("method", ["REGISTER", "REFER", "MESSAGE", "SUBSCRIBE", "NOTIFY", "PUBLISH"])
def test_other_methods_get_405_with_allow(method: str) -> None:
    answer = Solo().answer_of(request(method))
    assert isinstance(answer, Response)
    assert answer.status == 405
    assert "INVITE" in answer.headers.all("Allow")


@pytest.mark.parametrize("method", ["MESSAGE", "SUBSCRIBE", "NOTIFY"])
def test_other_methods_inside_a_call_get_405_and_the_call_goes_on(method: str) -> None:
    solo = Solo()
    _, tag = solo.in_call()
    assert solo.hear(request(method, branch="z9hG4bKx", to_tag=tag, cseq=2)) == [f"405 {method}"]
    assert solo.facts() == []


def test_a_required_extension_gets_420_that_names_it() -> None:
    solo = Solo()
    answer = solo.answer_of(request("OPTIONS", extra=["Require: 100rel, path", "Proxy-Require: other"]))
    assert isinstance(answer, Response)
    assert answer.status == 420
    assert answer.headers.all("Unsupported") == ["path"]
    assert solo.facts() == []


def refused(solo: Solo, invite: bytes) -> Response:
    """The answer to an INVITE that SIP has refused: it is told as a leg, and its user has no choice."""
    solo.hear(invite)
    (invited,) = solo.facts()
    assert isinstance(invited, InviteReceived)
    solo.agent.refuse(invited.leg, 404, solo.now_ns)
    (answer,) = solo.said()
    assert isinstance(answer, Response)
    assert answer.status == invited.reject_status
    (ended,) = solo.facts()
    assert isinstance(ended, LegTerminated)
    return answer


def test_an_invite_that_requires_an_extension_is_told_and_gets_420() -> None:
    answer = refused(Solo(), request("INVITE", extra=["Require: 100rel, path"]))
    assert answer.status == 420
    assert answer.headers.all("Unsupported") == ["path"]


def test_what_we_refuse_at_once_is_still_a_transaction() -> None:
    solo = Solo()
    invite = request("INVITE", extra=["Require: path"])
    assert refused(solo, invite).status == 420
    assert solo.wait(500) == [(500, "420 INVITE")]
    assert solo.hear(invite) == ["420 INVITE"]
    assert solo.hear(request("ACK", to_tag="a1")) == []
    solo.finish()


def test_proxy_require_is_not_for_us() -> None:
    assert Solo().hear(request("INVITE", extra=["Proxy-Require: other"])) == ["100 INVITE"]


def test_a_required_extension_inside_a_call_gets_420() -> None:
    solo = Solo()
    _, tag = solo.in_call()
    assert solo.hear(reinvite(tag, extra=["Require: path"])) == ["420 INVITE"]
    assert solo.facts() == []


@pytest.mark.parametrize("method", ["INVITE", "BYE", "OPTIONS"])
def test_an_unknown_dialog_gets_481(method: str) -> None:
    answer = Solo().answer_of(request(method, to_tag="x"))
    assert isinstance(answer, Response)
    assert answer.status == 481
    assert header(answer, "To").endswith(">;tag=x")


def test_bye_without_a_tag_gets_481() -> None:
    assert Solo().hear(request("BYE")) == ["481 BYE"]


def test_a_stray_ack_is_dropped() -> None:
    assert Solo().hear(request("ACK", to_tag="x")) == []


def test_a_stray_answer_is_dropped() -> None:
    solo = Solo()
    _, invite = solo.calling()
    stray = response(invite, 200).replace(b"branch=", b"branch=x")
    assert solo.hear(stray) == []
    two_vias = response(invite, 200).replace(b"From:", b"Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKx\r\nFrom:")
    assert solo.hear(two_vias) == []
    assert solo.facts() == []


def test_a_merged_request_gets_482() -> None:
    solo = Solo()
    solo.invited()
    assert solo.hear(request("INVITE", branch="z9hG4bKother-path")) == ["482 INVITE"]
    assert solo.hear(request("INVITE", branch="z9hG4bKnext", call_id="call-2")) == ["100 INVITE"]


def test_an_invite_without_contact_gets_400() -> None:
    solo = Solo()
    assert refused(solo, request("INVITE", contact=None)).status == 400
    assert refused(solo, request("INVITE", branch="z9hG4bK2", call_id="c2", contact="<tel:+1>")).status == 400


def test_an_unknown_version_gets_505() -> None:
    solo = Solo()
    assert solo.hear(request("INVITE").replace(b"SIP/2.0\r\n", b"SIP/7.0\r\n", 1)) == ["505 INVITE"]
    assert solo.agent.live_counts() == NOTHING_HELD


def test_a_malformed_request_gets_400_and_a_malformed_ack_nothing() -> None:
    solo = Solo()
    assert solo.hear(request("INVITE").replace(b"CSeq: 1 INVITE", b"CSeq: 1 BYE")) == ["400 BYE"]
    assert solo.hear(request("ACK").replace(b"CSeq: 1 ACK", b"CSeq: 1 BYE")) == []
    assert solo.agent.live_counts() == NOTHING_HELD


def test_max_forwards_0_is_fine_for_the_target() -> None:
    assert Solo().hear(request("INVITE").replace(b"Max-Forwards: 70", b"Max-Forwards: 0")) == ["100 INVITE"]


def test_beyond_the_limit_of_legs_an_invite_is_told_and_gets_503(monkeypatch: pytest.MonkeyPatch) -> None:
    solo = Solo()
    solo.in_call()
    monkeypatch.setattr(core_module, "MAX_LEGS", 1)
    refusal = refused(solo, request("INVITE", branch="z9hG4bKnext", call_id="call-2"))
    assert (refusal.status, header(refusal, "Retry-After")) == (503, "5")


def test_beyond_the_limit_of_transactions_new_invites_get_503_and_calls_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    solo = Solo()
    _, tag = solo.in_call()
    monkeypatch.setattr(core_module, "MAX_TRANSACTIONS", 1)
    held = solo.agent.live_counts()
    refusal = solo.answer_of(request("INVITE", branch="z9hG4bKnext", call_id="call-2"))
    assert isinstance(refusal, Response)
    assert (refusal.status, header(refusal, "Retry-After")) == (503, "5")
    assert solo.agent.live_counts() == held
    assert solo.hear(bye(tag)) == ["200 BYE"]


def test_a_flood_of_refused_invites_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_module, "MAX_TRANSACTIONS", 5)
    solo = Solo()
    _, tag = solo.in_call()
    for n in range(20):
        assert solo.hear(request("INVITE", branch=f"z9hG4bKf{n}", to_tag="x")) == ["481 INVITE"]
        assert solo.hear(reinvite(tag, branch=f"z9hG4bKg{n}", cseq=2 + n, extra=["Require: x"])) == ["420 INVITE"]
    assert solo.agent.live_counts()["transactions"] == 5
    solo.hear(bye(tag, cseq=90))
    solo.facts()
    solo.finish()


def test_a_keep_alive_is_nothing() -> None:
    assert Solo().hear(b"\r\n\r\n") == []


# determinism and memory


def test_the_same_input_gives_the_same_octets() -> None:
    def run() -> list[tuple[bytes, Flow, str]]:
        solo = Solo()
        leg, tag = 1, "a1"
        solo.agent.receive(request("INVITE", body=OFFER), PEER, 0, peer=DEFAULT_PEER)
        solo.agent.progress(leg, 180, 0)
        solo.agent.answer(leg, ANSWER, 0)
        solo.agent.receive(request("ACK", branch="z9hG4bKack", to_tag=tag), PEER, 0, peer=DEFAULT_PEER)
        solo.agent.hangup(leg, 0)
        solo.agent.invite(uri="sip:x@198.51.100.7", target=PEER, caller="1", body=OFFER, now_ns=0)
        solo.agent.tick(10**10)
        return solo.agent.to_send()

    assert run() == run()
    assert len(run()) > 5


def test_a_live_call_keeps_no_transactions_after_the_timers() -> None:
    solo = Solo()
    solo.in_call()
    solo.out_call()
    solo.facts()
    solo.wait(LONG_MS)
    assert solo.agent.live_counts() == {
        "legs": 2,
        "dialogs": 2,
        "transactions": 0,
        "timers": 2,
        "hosts": 1,
    }  # a refresh for each session
