"""Keys that we send by INFO inside a session, against a peer written by hand."""

import pytest
from sip_world import ANSWER, OFFER, PATIENCE_MS, PEER, Solo, bye, header, name_of, request, response

from switch.sip.digest import Credentials, Secret
from switch.sip.fact import EndReason, InfoDigit, LegTerminated
from switch.sip.info import DEFAULT_DURATION_MS, InfoKey, key_of, written_key
from switch.sip.message import Headers, Message, Request
from switch.sip.own_keys import MAX_KEYS
from switch.sip.peer import DtmfMode, PeerProfile


def talking() -> tuple[Solo, int]:
    """A call of ours that is answered."""
    solo = Solo()
    leg, _, _ = solo.out_call()
    solo.said()
    return solo, leg


def press(solo: Solo, leg: int, digits: str) -> None:
    for digit in digits:
        solo.agent.press(leg, InfoKey(digit, 100), solo.now_ns)


def one(solo: Solo) -> Message:
    (message,) = solo.said()
    return message


def digit_of(info: Message) -> str:
    assert isinstance(info, Request)
    key = key_of(info)
    assert key is not None
    return key.digit


def test_a_key_is_an_info_of_dtmf_relay() -> None:
    solo, leg = talking()
    solo.agent.press(leg, InfoKey("#", 250), solo.now_ns)
    info = one(solo)
    assert (name_of(info), header(info, "CSeq"), header(info, "Content-Type")) == ("INFO", "2 INFO", "application/dtmf-relay")
    assert info.body == b"Signal=#\r\nDuration=250\r\n"
    assert solo.hear(response(info, 200)) == []
    assert solo.facts() == []


@pytest.mark.parametrize("digit", "0123456789*#ABCD")
def test_what_we_write_we_read(digit: str) -> None:
    headers = Headers([("Content-Type", "application/dtmf-relay")])
    for duration_ms in (40, None):
        written = Request(method="INFO", uri="sip:a@b", headers=headers, body=written_key(InfoKey(digit, duration_ms)))
        assert key_of(written) == InfoKey(digit, duration_ms or DEFAULT_DURATION_MS)


def test_keys_go_out_one_at_a_time_and_in_order() -> None:
    solo, leg = talking()
    press(solo, leg, "123")
    heard = ""
    for _ in range(3):
        info = one(solo)  # the others wait
        heard += digit_of(info)
        solo.agent.receive(response(info, 200), PEER, solo.now_ns, peer=None)
    assert heard == "123"
    assert solo.said() == []


@pytest.mark.parametrize("status", [403, 405, 415, 469, 500, 501, 603])
def test_a_refused_key_is_lost_and_nothing_else(status: int) -> None:
    solo, leg = talking()
    press(solo, leg, "12")
    first = one(solo)
    solo.agent.receive(response(first, status), PEER, solo.now_ns, peer=None)
    assert digit_of(one(solo)) == "2"
    assert solo.facts() == []
    assert [oddity.what for oddity in solo.agent.oddities()] == [f"keys by INFO are refused: {status}"]


@pytest.mark.parametrize("status", [408, 481])
def test_a_peer_that_knows_no_such_call_ends_it(status: int) -> None:
    solo, leg = talking()
    press(solo, leg, "12")
    assert solo.hear(response(one(solo), status)) == ["BYE"]
    assert solo.facts() == [LegTerminated(leg=leg, why=EndReason.EXPIRED, by_peer=False, status=200)]


def test_no_answer_at_all_ends_it_too() -> None:
    solo, leg = talking()
    press(solo, leg, "12")
    sent = solo.wait(PATIENCE_MS)
    assert {name for _, name in sent[:-1]} == {"INFO"}
    assert sent[-1] == (PATIENCE_MS, "BYE")
    assert solo.facts() == [LegTerminated(leg=leg, why=EndReason.EXPIRED, by_peer=False, status=200)]
    solo.finish()


@pytest.mark.parametrize(("pressed", "sent"), [(MAX_KEYS, MAX_KEYS), (MAX_KEYS + 1, MAX_KEYS)])
def test_so_many_keys_wait(pressed: int, sent: int) -> None:
    solo, leg = talking()
    press(solo, leg, ("0123456789" * 4)[:pressed])
    count = 0
    while found := solo.said():
        count += 1
        solo.agent.receive(response(found[0], 200), PEER, solo.now_ns, peer=None)
    assert count == sent


def test_keys_that_wait_end_with_the_call() -> None:
    solo = Solo()
    leg, tag = solo.in_call()
    press(solo, leg, "12")
    info = one(solo)
    assert solo.hear(bye(tag)) == ["200 BYE"]
    assert [type(fact) for fact in solo.facts()] == [LegTerminated]
    assert solo.hear(response(info, 200)) == []
    press(solo, leg, "3")
    assert solo.said() == []
    solo.finish()


def test_a_key_that_is_refused_after_our_bye_changes_nothing() -> None:
    solo, leg = talking()
    press(solo, leg, "12")
    info = one(solo)
    solo.agent.hangup(leg, solo.now_ns)
    over = one(solo)
    assert solo.hear(response(info, 481)) == []
    assert solo.hear(response(over, 200)) == []
    assert [type(fact) for fact in solo.facts()] == [LegTerminated]
    solo.finish()


def test_a_challenged_key_goes_out_again_before_the_next() -> None:
    solo = Solo()
    peer = PeerProfile(name="acme", credentials=Credentials(username="us", secret=Secret("pw")))
    leg = solo.agent.invite(uri="sip:line@198.51.100.7:5080", target=PEER, caller="100", body=OFFER, now_ns=0, peer=peer)
    solo.agent.receive(response(one(solo), 200, body=ANSWER), PEER, 0, peer=None)
    solo.said()
    press(solo, leg, "12")
    challenge = 'WWW-Authenticate: Digest realm="line", nonce="n1", qop="auth", algorithm=MD5'
    solo.agent.receive(response(one(solo), 401, extra=[challenge]), PEER, 0, peer=None)
    again = one(solo)
    assert (digit_of(again), header(again, "CSeq")) == ("1", "3 INFO")
    assert 'username="us"' in header(again, "Authorization")
    solo.agent.receive(response(again, 200), PEER, 0, peer=None)
    assert digit_of(one(solo)) == "2"


@pytest.mark.parametrize(("mode", "heard"), [(DtmfMode.AUTO, 1), (DtmfMode.INFO, 1), (DtmfMode.RTP, 0)])
def test_a_peers_info_is_taken_and_counts_by_its_mode(mode: DtmfMode, heard: int) -> None:
    """One that sends each key twice, by RTP too, takes a refusal for a fault: so it gets 200 where INFO does not count."""
    solo = Solo()
    peer = PeerProfile(name="carrier", dtmf=mode)
    solo.agent.receive(request("INVITE", body=OFFER), PEER, 0, peer=peer)
    (invited,) = solo.facts()
    solo.agent.answer(invited.leg, ANSWER, 0)
    tag = header(solo.said()[-1], "To").partition("tag=")[2]
    solo.hear(request("ACK", branch="z9hG4bKack", to_tag=tag))
    solo.facts()
    info = request("INFO", to_tag=tag, cseq=2, branch="z9hG4bKi", extra=["Content-Type: application/dtmf"], body=b"5")
    assert solo.hear(info) == ["200 INFO"]
    assert solo.facts() == [InfoDigit(leg=invited.leg, digit="5", duration_ms=None)] * heard


def test_a_leg_that_is_not_answered_is_sent_no_key() -> None:
    solo = Solo()
    leg, _ = solo.calling()
    press(solo, leg, "1")
    assert solo.said() == []
