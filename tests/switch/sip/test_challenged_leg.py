"""Lines and trunks that challenge us, and lines that send a call elsewhere."""

from typing import Any

import pytest
from sip_world import ANSWER, LONG_MS, NOTHING_HELD, OFFER, PEER, Solo, ended, header, name_of, request, response, uri_of

from switch.sip.digest import Credentials, Secret
from switch.sip.fact import AnswerReceived, EndReason, RedirectFollowed
from switch.sip.flow import Flow
from switch.sip.message import Message
from switch.sip.outgoing import MAX_RETRY_S
from switch.sip.own_invite import MAX_REDIRECTS
from switch.sip.peer import PeerProfile

LINE = PeerProfile(
    name="acme", credentials=Credentials(username="us", secret=Secret("pw")), redirects=("198.51.100.7", "198.51.100.8")
)
PLAIN = PeerProfile(name="acme", redirects=LINE.redirects)
CHALLENGES = {
    401: 'WWW-Authenticate: Digest realm="line", nonce="n1", qop="auth", algorithm=SHA-256',
    407: 'Proxy-Authenticate: Digest realm="proxy", nonce="n1", qop="auth", algorithm=MD5',
}


def calling(peer: PeerProfile = LINE) -> tuple[Solo, int, Message]:
    solo = Solo()
    leg = solo.agent.invite(uri="sip:line@198.51.100.7:5080", target=PEER, caller="100", body=OFFER, now_ns=solo.now_ns, peer=peer)
    (invite,) = solo.said()
    return solo, leg, invite


def refused(solo: Solo, to: Message, status: int, *extra: str, contact: str | None = None) -> Message | None:
    """The ACK is checked; the INVITE that follows, or None."""
    solo.agent.receive(response(to, status, contact=contact, extra=extra), PEER, solo.now_ns, peer=None)
    ack, *rest = solo.said()
    assert name_of(ack) == "ACK"
    assert header(ack, "CSeq").split()[0] == header(to, "CSeq").split()[0]
    return rest[0] if rest else None


def again(solo: Solo, to: Message, status: int, *extra: str, **more: Any) -> Message:
    found = refused(solo, to, status, *extra, **more)
    assert found is not None
    return found


@pytest.mark.parametrize(("status", "name"), [(401, "Authorization"), (407, "Proxy-Authorization")])
def test_a_challenged_invite_goes_out_again_on_the_same_leg(status: int, name: str) -> None:
    solo, leg, invite = calling()
    second = again(solo, invite, status, CHALLENGES[status])
    assert [header(second, each) for each in ("From", "To", "Call-ID", "Content-Type")] == [
        header(invite, each) for each in ("From", "To", "Call-ID", "Content-Type")
    ]
    assert (header(second, "CSeq"), second.body) == ("2 INVITE", OFFER)
    assert header(second, "Via") != header(invite, "Via")
    assert 'username="us"' in header(second, name)
    assert solo.facts() == []
    solo.agent.receive(response(second, 200, body=ANSWER), PEER, solo.now_ns, peer=None)
    (ack,) = solo.said()
    assert (header(ack, "CSeq"), header(ack, name)) == ("2 ACK", header(second, name))
    assert solo.facts() == [AnswerReceived(leg=leg, body=ANSWER, to_tag="pt")]


def test_bye_goes_with_credentials_and_may_be_challenged_too() -> None:
    solo, leg, invite = calling()
    second = again(solo, invite, 401, CHALLENGES[401])
    solo.agent.receive(response(second, 200, body=ANSWER), PEER, solo.now_ns, peer=None)
    solo.said()
    solo.facts()
    solo.agent.hangup(leg, solo.now_ns)
    (bye,) = solo.said()
    assert header(bye, "CSeq") == "3 BYE"
    assert "nc=00000002" in header(bye, "Authorization")
    stale = CHALLENGES[401].replace("n1", "n2") + ", stale=true"
    solo.agent.receive(response(bye, 401, contact=None, extra=[stale]), PEER, solo.now_ns, peer=None)
    (second_bye,) = solo.said()
    assert header(second_bye, "CSeq") == "4 BYE"
    assert 'nonce="n2"' in header(second_bye, "Authorization")
    assert solo.facts() == []
    solo.agent.receive(response(second_bye, 200, contact=None), PEER, solo.now_ns, peer=None)
    assert solo.facts() == [ended(leg, EndReason.BYE, by_peer=False, status=200)]
    solo.finish()


def test_a_caller_s_trunk_that_challenges_our_bye_is_answered() -> None:
    solo = Solo()
    solo.agent.receive(request("INVITE", body=OFFER), PEER, 0, peer=LINE)
    (invited,) = solo.facts()
    solo.agent.answer(invited.leg, ANSWER, 0)
    tag = header(solo.said()[-1], "To").partition("tag=")[2]
    solo.hear(request("ACK", branch="z9hG4bKack", to_tag=tag))
    solo.agent.hangup(invited.leg, 0)
    (bye,) = solo.said()
    assert bye.headers.get("Authorization") is None
    solo.agent.receive(response(bye, 401, contact=None, extra=[CHALLENGES[401]]), PEER, 0, peer=None)
    (second,) = solo.said()
    assert 'username="us"' in header(second, "Authorization")


@pytest.mark.parametrize("peer", [PLAIN, LINE], ids=["no credentials", "wrong credentials"])
def test_a_challenge_that_can_not_be_met_is_a_refusal(peer: PeerProfile) -> None:
    solo, leg, invite = calling(peer)
    last = invite if peer is PLAIN else again(solo, invite, 401, CHALLENGES[401])
    assert refused(solo, last, 401, CHALLENGES[401]) is None
    assert solo.facts() == [ended(leg, EndReason.REFUSED, by_peer=True, status=401)]
    nothing_to_show = "it asks for credentials, and config has none for it"
    assert solo.words == [nothing_to_show if peer is PLAIN else "it refuses our credentials"]
    solo.finish()


def test_a_403_to_credentials_is_told_from_one_without() -> None:
    solo, _, invite = calling()
    refused(solo, again(solo, invite, 401, CHALLENGES[401]), 403)
    other, _, invite = calling()
    refused(other, invite, 403)
    solo.facts()
    other.facts()
    assert solo.words + other.words == ["it refuses the call with our credentials", ""]


def test_stale_is_tried_twice_and_no_more() -> None:
    solo, leg, invite = calling()
    stale = CHALLENGES[401] + ", stale=true"
    third = again(solo, again(solo, invite, 401, stale), 401, stale)
    assert header(third, "CSeq") == "3 INVITE"
    assert refused(solo, third, 401, stale) is None
    assert solo.facts() == [ended(leg, EndReason.REFUSED, by_peer=True, status=401)]


def test_a_leg_given_up_is_not_called_again() -> None:
    solo, leg, invite = calling()
    solo.agent.hangup(leg, solo.now_ns)
    assert refused(solo, invite, 401, CHALLENGES[401]) is None
    assert solo.facts() == [ended(leg, EndReason.CANCELLED, by_peer=False, status=401)]


def test_a_cancel_waits_for_a_provisional_answer_to_the_second_invite() -> None:
    solo, leg, invite = calling()
    solo.hear(response(invite, 100))
    second = again(solo, invite, 401, CHALLENGES[401])
    solo.agent.hangup(leg, solo.now_ns)
    assert solo.said() == []
    assert solo.hear(response(second, 180)) == ["CANCEL"]


def test_the_end_of_the_first_transaction_does_not_end_the_leg() -> None:
    solo, leg, invite = calling()
    second = again(solo, invite, 401, CHALLENGES[401])
    solo.hear(response(second, 180))
    solo.facts()
    solo.wait(LONG_MS)
    assert solo.facts() == []
    solo.agent.receive(response(second, 200, body=ANSWER), PEER, solo.now_ns, peer=None)
    assert solo.facts() == [AnswerReceived(leg=leg, body=ANSWER, to_tag="pt")]


def test_the_first_401_again_gets_its_ack_again_and_no_third_invite() -> None:
    solo, _, invite = calling()
    again(solo, invite, 401, CHALLENGES[401])
    assert solo.hear(response(invite, 401, contact=None, extra=[CHALLENGES[401]])) == ["ACK"]


def moved(*targets: str) -> list[str]:
    return [f"Contact: {target}" for target in targets]


def test_a_redirection_to_a_host_of_the_advertiser_is_followed() -> None:
    solo, leg, invite = calling()
    second = again(
        solo,
        invite,
        302,
        *moved("<sip:else@203.0.113.1>;q=0.9", "<sip:low@198.51.100.8>;q=0.1", "<sip:new@198.51.100.8:5070>;q=0.5"),
    )
    assert uri_of(second) == "sip:new@198.51.100.8:5070"
    assert solo.addresses[-1] == Flow("198.51.100.8", 5070)
    assert (header(second, "CSeq"), header(second, "Call-ID")) == ("2 INVITE", header(invite, "Call-ID"))
    assert solo.facts() == [RedirectFollowed(leg=leg, uri="sip:new@198.51.100.8:5070")]
    solo.agent.receive(response(second, 200, body=ANSWER), Flow("198.51.100.8", 5070), solo.now_ns, peer=None)
    assert solo.facts() == [AnswerReceived(leg=leg, body=ANSWER, to_tag="pt")]


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ((), "names no URI"),
        (("<sip:a@203.0.113.1>",), "leads to 203.0.113.1, which is not the host of a line"),
        (("<sip:a@line.example.com>",), "leads to line.example.com, which is not the host of a line"),
        (("<tel:+12125550100>",), "names no URI"),
        (("*",), "names no URI"),
        (("<sip:line@198.51.100.7:5080>",), "once too often"),
        (("<sips:a@198.51.100.8>",), "where nobody can be reached"),
    ],
    ids=["nowhere", "another host", "a name", "no SIP", "no URI", "itself", "by TLS"],
)
def test_a_redirection_elsewhere_is_a_refusal(targets: tuple[str, ...], words: str) -> None:
    solo, leg, invite = calling()
    assert refused(solo, invite, 302, *moved(*targets)) is None
    assert solo.facts() == [ended(leg, EndReason.REFUSED, by_peer=True, status=302)]
    assert words in solo.words[0]


def test_the_host_that_a_redirection_leads_to_is_called_and_the_one_before_no_more() -> None:
    """A host that is called is no stranger: its malformed requests are answered, its connections taken."""
    solo, leg, invite = calling()
    second = again(solo, invite, 302, *moved("<sip:a@198.51.100.8>"))
    assert [solo.agent.is_called(f"198.51.100.{host}") for host in (7, 8)] == [False, True]
    answer = response(second, 200, body=ANSWER, contact="<sip:a@198.51.100.9>")
    solo.agent.receive(answer, Flow("198.51.100.8", 5060), solo.now_ns, peer=None)
    assert [solo.agent.is_called(f"198.51.100.{host}") for host in (7, 8, 9)] == [False, True, True]
    solo.agent.hangup(leg, solo.now_ns)
    solo.wait(LONG_MS)
    solo.facts()
    solo.finish()


def test_so_many_redirections_and_no_more() -> None:
    solo, leg, invite = calling()
    for number in range(MAX_REDIRECTS):
        invite = again(solo, invite, 302, *moved(f"<sip:a{number}@198.51.100.8>"))
    assert refused(solo, invite, 302, *moved("<sip:z@198.51.100.8>")) is None
    assert solo.facts()[-1] == ended(leg, EndReason.REFUSED, by_peer=True, status=302)


def test_a_circle_of_redirections_ends() -> None:
    solo, leg, invite = calling()
    second = again(solo, invite, 302, *moved("<sip:a@198.51.100.8>"))
    assert refused(solo, second, 302, *moved("<sip:line@198.51.100.7:5080>", "<sip:a@198.51.100.8>")) is None
    assert solo.facts()[-1] == ended(leg, EndReason.REFUSED, by_peer=True, status=302)


def test_a_redirected_line_may_challenge() -> None:
    solo, _, invite = calling()
    second = again(solo, invite, 302, *moved("<sip:a@198.51.100.8>"))
    third = again(solo, second, 401, CHALLENGES[401])
    assert uri_of(third) == "sip:a@198.51.100.8"
    assert 'uri="sip:a@198.51.100.8"' in header(third, "Authorization")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("18", 18),
        ("18 (busy);duration=3", 18),
        (str(MAX_RETRY_S), MAX_RETRY_S),
        (str(MAX_RETRY_S + 1), MAX_RETRY_S),
        ("x", None),
        ("-1", None),
    ],
)
def test_how_long_a_line_wants_to_be_left_alone(text: str, seconds: int | None) -> None:
    solo, _, invite = calling()
    refused(solo, invite, 503, f"Retry-After: {text}")
    (over,) = solo.facts()
    assert over.retry_after_s == seconds  # type: ignore[union-attr]


def test_nothing_is_kept() -> None:
    solo, _, invite = calling()
    refused(solo, again(solo, invite, 401, CHALLENGES[401]), 486)
    solo.facts()
    solo.wait(LONG_MS)
    assert solo.agent.live_counts() == NOTHING_HELD
