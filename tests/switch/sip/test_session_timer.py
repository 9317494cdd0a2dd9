"""Session timers (RFC 4028), against a peer written by hand: one small test per rule."""

import pytest
from sip_world import ANSWER, OFFER, PEER, Solo, ended, header, request, response

from switch.sip.fact import EndReason
from switch.sip.own_invite import MAX_LENGTHENED
from switch.sip.peer import DEFAULT_PEER


def test_our_invite_asks_for_a_session_timer_and_a_422_raises_it() -> None:
    solo = Solo()
    _, invite = solo.calling()
    assert (header(invite, "Session-Expires"), "timer" in invite.headers.all("Supported")) == ("1800", True)
    solo.agent.receive(response(invite, 422, extra=["Min-SE: 3600"]), PEER, 0, peer=DEFAULT_PEER)
    _, again = solo.said()
    assert (header(again, "Session-Expires"), header(again, "Min-SE"), header(again, "CSeq")) == ("3600", "3600", "2 INVITE")
    assert solo.hear(response(again, 422, extra=["Min-SE: 3600"])) == ["ACK"]
    assert solo.agent.live_counts()["legs"] == 0


def test_so_many_422_are_followed_and_no_more() -> None:
    solo = Solo()
    leg, invite = solo.calling()
    for number in range(MAX_LENGTHENED):
        solo.agent.receive(response(invite, 422, extra=[f"Min-SE: {1_801 + number}"]), PEER, 0, peer=DEFAULT_PEER)
        _, invite = solo.said()
        assert header(invite, "Min-SE") == str(1_801 + number)
    assert solo.hear(response(invite, 422, extra=["Min-SE: 7200"])) == ["ACK"]
    assert solo.facts() == [ended(leg, EndReason.REFUSED, by_peer=True, status=422)]


@pytest.mark.parametrize(("allow", "method"), [(["Allow: INVITE, UPDATE"], "UPDATE"), ([], "INVITE")])
def test_we_refresh_at_half_of_the_interval(allow: list[str], method: str) -> None:
    solo = Solo()
    solo.out_call(extra=["Session-Expires: 100;refresher=uac", *allow])
    assert solo.wait(49_999) == []
    (_, name) = solo.wait(1)[0]
    assert name == method


def test_a_refresh_renews_and_a_lost_dialog_ends_the_call() -> None:
    solo = Solo()
    leg, _, _ = solo.out_call(extra=["Session-Expires: 100;refresher=uac", "Allow: UPDATE"])
    for status in (200, 481):
        solo.now_ns += 50_000_000_000
        solo.agent.tick(solo.now_ns)
        (update,) = solo.said()
        assert header(update, "Session-Expires") == "100;refresher=uac"
        sent = solo.hear(response(update, status, extra=["Session-Expires: 100;refresher=uac"]))
        assert sent == ([] if status == 200 else ["BYE"])
    assert solo.facts() == [ended(leg, EndReason.EXPIRED, by_peer=False, status=200)]
    solo.finish()


@pytest.mark.parametrize("seconds", [90, 1_800])
def test_a_session_that_the_peer_does_not_refresh_expires(seconds: int) -> None:
    solo = Solo()
    leg, _, _ = solo.out_call(extra=[f"Session-Expires: {seconds};refresher=uas"])
    due_ms = (seconds - min(32, seconds // 3)) * 1_000
    solo.wait(due_ms - 1)
    assert solo.facts() == []
    assert [name for _, name in solo.wait(1)] == ["BYE"]
    assert solo.facts() == [ended(leg, EndReason.EXPIRED, by_peer=False, status=200)]


@pytest.mark.parametrize(
    ("extra", "agreed", "required"),
    [
        (["Supported: timer", "Session-Expires: 90"], "90;refresher=uac", "timer"),
        (["Supported: timer", "Session-Expires: 7200;refresher=uas"], "1800;refresher=uas", None),
        (["Supported: timer"], "1800;refresher=uac", "timer"),
        (["Session-Expires: 300"], "300;refresher=uas", None),
        (["Supported: timer", "Session-Expires: 100", "Min-SE: 200"], "200;refresher=uac", "timer"),
        ([], None, None),
    ],
)
def test_what_our_200_agrees_on(extra: list[str], agreed: str | None, required: str | None) -> None:
    solo = Solo()
    solo.hear(request("INVITE", body=OFFER, extra=extra))
    solo.agent.answer(1, ANSWER, 0)
    (ok,) = solo.said()
    assert (ok.headers.get("Session-Expires"), ok.headers.get("Require")) == (agreed, required)


def test_a_session_shorter_than_90_s_gets_422() -> None:
    solo = Solo()
    solo.hear(request("INVITE", body=OFFER, extra=["Supported: timer", "Session-Expires: 89"]))
    solo.agent.answer(1, ANSWER, 0)
    (refusal,) = solo.said()
    assert (header(refusal, "CSeq"), header(refusal, "Min-SE")) == ("1 INVITE", "90")
