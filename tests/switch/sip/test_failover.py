"""An INVITE goes to the next target when one fails before it rings (RFC 3263 §4.3), and over TCP when it is large (RFC 3261 §18.1.1)."""

import pytest
from sip_world import ANSWER, LONG_MS, NOTHING_HELD, OFFER, OURS, PATIENCE_MS, Solo, ended, header, name_of, read, response, tokens

from switch.sip.agent import UserAgent
from switch.sip.digest import Credentials, Secret
from switch.sip.fact import AnswerReceived, EndReason, FailedOver
from switch.sip.flow import Flow, Transport
from switch.sip.locator import FAILED_NS, MAX_UDP_BYTES, NO_TCP_NS
from switch.sip.message import Message
from switch.sip.peer import DEFAULT_PEER, PeerProfile
from switch.sip.targets import Name, Server
from switch.sip.transaction import NS_PER_MS

URI = "sip:line@sip.example.com"
FIRST, SECOND, THIRD = (Flow(f"198.51.100.{number}", 5060) for number in (1, 2, 3))
OVER_TCP = Flow("198.51.100.1", 5060, Transport.TCP, 1)
SILENCE_MS = 5_000


class Caller(Solo):
    """An agent with UDP and TCP, and its one call to `targets`."""

    def __init__(self, *targets: Flow, uri: str = URI, padding: int = 0, peer: PeerProfile = DEFAULT_PEER) -> None:
        super().__init__()
        self.agent = UserAgent(listeners=(OURS, OURS._replace(transport=Transport.TCP)), token=tokens("a"))
        self.uri, self.profile = uri, peer
        self.sent: list[tuple[Message, Flow]] = []
        self.leg = self.call(*targets, padding=padding)

    def call(self, *targets: Flow, padding: int = 0) -> int:
        return self.agent.invite(
            uri=self.uri,
            target=targets[0],
            further=targets[1:],
            silence_ns=SILENCE_MS * NS_PER_MS,
            caller="100",
            body=OFFER,
            now_ns=self.now_ns,
            call_id="one-call",
            extra=(("X-Padding", "x" * padding),) if padding else (),
            peer=self.profile,
        )

    def said(self) -> list[Message]:
        found = [(read(data), flow) for data, flow, _ in self.agent.to_send()]
        self.sent += found
        return [message for message, _ in found]

    def invites(self) -> list[tuple[Message, Flow]]:
        """Each INVITE once, and where it went."""
        self.said()
        found = [(message, flow) for message, flow in self.sent if name_of(message) == "INVITE"]
        return list({header(message, "Via"): (message, flow) for message, flow in found}.values())

    def went_to(self) -> list[Flow]:
        return [flow for _, flow in self.invites()]

    def hears(self, status: int, number: int = -1, *extra: str, tag: str = "pt", body: bytes = b"") -> list[str]:
        """An answer to the INVITE with this index; the names of what the agent sends at once."""
        invite, flow = self.invites()[number]
        contact = f"<sip:line@{flow.host}:{flow.port}>" if status < 300 else None
        before = len(self.sent)
        self.agent.receive(response(invite, status, tag=tag, contact=contact, extra=extra, body=body), flow, self.now_ns, peer=None)
        self.said()
        return [name_of(message) for message, _ in self.sent[before:]]

    def cannot_send(self, target: Flow) -> None:
        self.agent.send_failed(target, self.now_ns)


def fails(caller: Caller, how: str) -> None:
    """The present target fails before it rings."""
    match how:
        case "unreachable":
            caller.cannot_send(caller.went_to()[-1])
        case "silent":
            caller.wait(SILENCE_MS)
        case status:
            assert caller.hears(int(status))[0] == "ACK"


@pytest.mark.parametrize("how", ["unreachable", "silent", "503"])
def test_the_next_target_is_tried_as_the_same_call(how: str) -> None:
    caller = Caller(FIRST, SECOND, THIRD)
    fails(caller, how)
    fails(caller, how)

    assert caller.went_to() == [FIRST, SECOND, THIRD]
    (first, _), _, (last, _) = caller.invites()
    assert [header(last, name) for name in ("From", "To", "Call-ID", "Contact")] == [
        header(first, name) for name in ("From", "To", "Call-ID", "Contact")
    ]
    assert (header(last, "CSeq"), last.body) == ("3 INVITE", OFFER)
    assert header(last, "Via") != header(first, "Via")
    assert caller.facts() == [FailedOver(leg=caller.leg, target=SECOND), FailedOver(leg=caller.leg, target=THIRD)]

    caller.hears(200, body=ANSWER)
    assert caller.facts() == [AnswerReceived(leg=caller.leg, body=ANSWER, to_tag="pt")]
    assert caller.sent[-1][1] == THIRD
    caller.agent.hangup(caller.leg, caller.now_ns)
    caller.said()
    assert [(name_of(message), flow) for message, flow in caller.sent[-1:]] == [("BYE", THIRD)]


@pytest.mark.parametrize(
    ("how", "why", "status"),
    [("unreachable", EndReason.UNREACHABLE, None), ("silent", EndReason.TIMEOUT, None), ("503", EndReason.REFUSED, 503)],
)
def test_after_the_last_target_the_leg_ends_as_with_one(how: str, why: EndReason, status: int | None) -> None:
    caller = Caller(FIRST, SECOND)
    fails(caller, how)
    caller.facts()
    if how == "silent":
        caller.wait(PATIENCE_MS)
    elif how == "503":
        assert caller.hears(503) == ["ACK"]
    else:
        fails(caller, how)

    assert caller.facts() == [ended(caller.leg, why, by_peer=status is not None, status=status)]
    assert len(caller.went_to()) == 2
    caller.finish()


@pytest.mark.parametrize(("over_ms", "targets"), [(-1, [FIRST]), (0, [FIRST, SECOND])])
def test_a_target_may_be_silent_for_so_long(over_ms: int, targets: list[Flow]) -> None:
    caller = Caller(FIRST, SECOND)
    caller.wait(SILENCE_MS + over_ms)
    assert caller.went_to() == targets


@pytest.mark.parametrize("status", [100, 180])
def test_a_target_that_answers_anything_is_not_silent(status: int) -> None:
    caller = Caller(FIRST, SECOND)
    caller.hears(status)
    caller.wait(SILENCE_MS)
    assert caller.went_to() == [FIRST]


@pytest.mark.parametrize("status", [486, 500, 480, 603])
def test_any_other_refusal_is_the_lines_own(status: int) -> None:
    caller = Caller(FIRST, SECOND)
    assert caller.hears(status) == ["ACK"]
    assert caller.facts() == [ended(caller.leg, EndReason.REFUSED, by_peer=True, status=status)]


def test_no_other_target_is_tried_once_one_has_rung() -> None:
    caller = Caller(FIRST, SECOND)
    caller.hears(180)
    caller.facts()
    assert caller.hears(503) == ["ACK"]
    assert caller.facts() == [ended(caller.leg, EndReason.REFUSED, by_peer=True, status=503)]


@pytest.mark.parametrize("how", ["unreachable", "silent", "503"])
def test_a_call_that_was_hung_up_goes_nowhere_else(how: str) -> None:
    caller = Caller(FIRST, SECOND)
    caller.agent.hangup(caller.leg, caller.now_ns)
    if how == "unreachable":
        caller.cannot_send(FIRST)
    elif how == "503":
        caller.hears(503)
    caller.wait(LONG_MS)
    assert caller.went_to() == [FIRST]
    assert caller.agent.live_counts() == NOTHING_HELD


def test_a_challenge_of_the_second_target_is_answered_there() -> None:
    caller = Caller(FIRST, SECOND, peer=PeerProfile(credentials=Credentials(username="us", secret=Secret("pw"))))
    fails(caller, "unreachable")
    caller.hears(401, -1, 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"')
    assert caller.went_to() == [FIRST, SECOND, SECOND]
    assert 'username="us"' in header(caller.invites()[-1][0], "Authorization")


# what still comes from a target that was silent


def test_a_silent_target_hears_no_more_of_it() -> None:
    caller = Caller(FIRST, SECOND)
    caller.wait(SILENCE_MS)
    caller.said()
    before = len(caller.sent)
    caller.wait(SILENCE_MS)
    assert {flow for _, flow in caller.sent[before:]} == {SECOND}


def test_a_late_ring_of_a_silent_target_is_cancelled_once() -> None:
    caller = Caller(FIRST, SECOND)
    caller.wait(SILENCE_MS)
    assert caller.hears(180, 0) == ["CANCEL"]
    assert caller.sent[-1][1] == FIRST
    assert header(caller.sent[-1][0], "Via") == header(caller.invites()[0][0], "Via")
    assert caller.hears(180, 0) == []
    assert caller.hears(487, 0) == ["ACK"]
    assert caller.facts() == [FailedOver(leg=caller.leg, target=SECOND)]
    caller.hears(200, 1, body=ANSWER)
    assert caller.facts() == [AnswerReceived(leg=caller.leg, body=ANSWER, to_tag="pt")]


def test_a_cancel_that_is_never_answered_is_forgotten() -> None:
    caller = Caller(FIRST, SECOND)
    caller.wait(SILENCE_MS)
    caller.hears(180, 0)
    caller.hears(486, 1)
    caller.facts()
    caller.finish()


def test_a_late_answer_of_a_silent_target_is_acknowledged_and_ended() -> None:
    caller = Caller(FIRST, SECOND)
    caller.wait(SILENCE_MS)
    assert caller.hears(200, 0, tag="late", body=ANSWER) == ["ACK", "BYE"]
    assert [flow for _, flow in caller.sent[-2:]] == [FIRST, FIRST]
    assert [header(message, "CSeq") for message, _ in caller.sent[-2:]] == ["1 ACK", "2 BYE"]
    assert caller.hears(200, 0, tag="late", body=ANSWER) == ["ACK"]
    caller.hears(200, 1, body=ANSWER)
    assert caller.facts()[-1] == AnswerReceived(leg=caller.leg, body=ANSWER, to_tag="pt")


def test_the_bye_to_a_late_answer_is_sent_again_with_credentials() -> None:
    caller = Caller(FIRST, SECOND, peer=PeerProfile(credentials=Credentials(username="us", secret=Secret("pw"))))
    caller.wait(SILENCE_MS)
    caller.hears(200, 0, tag="late", body=ANSWER)
    bye, flow = caller.sent[-1]
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'
    for _ in range(2):  # credentials that are refused are not sent for ever
        caller.agent.receive(response(caller.sent[-1][0], 401, extra=[challenge]), flow, caller.now_ns, peer=None)
        caller.said()
    again, to = caller.sent[-1]
    assert [header(each, "CSeq") for each in (bye, again)] == ["2 BYE", "3 BYE"]
    assert ('username="us"' in header(again, "Authorization"), to) == (True, flow)
    caller.hears(486, 1)
    caller.facts()
    caller.finish()


@pytest.mark.parametrize("second", [200, 486])
def test_nothing_is_left_of_a_silent_target(second: int) -> None:
    caller = Caller(FIRST, SECOND)
    caller.wait(SILENCE_MS)
    caller.hears(second, 1, body=ANSWER if second == 200 else b"")
    caller.agent.hangup(caller.leg, caller.now_ns)
    caller.wait(LONG_MS)
    caller.facts()
    caller.finish()


# what is remembered


def known(caller: Caller, *targets: Flow) -> None:
    servers = tuple(
        Server(transport=each.transport, addresses=(each.host,), port=each.port, priority=number)
        for number, each in enumerate(targets)
    )
    caller.agent.locator.resolved(Name("sip.example.com"), servers)


@pytest.mark.parametrize("how", ["unreachable", "silent", "503"])
def test_a_target_that_failed_comes_last_for_a_while(how: str) -> None:
    caller = Caller(FIRST, SECOND)
    known(caller, FIRST, SECOND)
    locator = caller.agent.locator
    fails(caller, how)
    failed_ns = caller.now_ns
    assert locator.targets(URI, seed=1, now_ns=failed_ns + FAILED_NS - 1) == (SECOND, FIRST)
    assert locator.targets(URI, seed=1, now_ns=failed_ns + FAILED_NS) == (FIRST, SECOND)


def test_retry_after_of_a_503_is_how_long() -> None:
    caller = Caller(FIRST, SECOND)
    known(caller, FIRST, SECOND)
    caller.hears(503, -1, "Retry-After: 600")
    assert caller.agent.locator.targets(URI, seed=1, now_ns=599 * 1_000 * NS_PER_MS) == (SECOND, FIRST)
    assert caller.agent.locator.targets(URI, seed=1, now_ns=600 * 1_000 * NS_PER_MS) == (FIRST, SECOND)


def test_a_target_that_answers_again_comes_first_again() -> None:
    caller = Caller(FIRST, SECOND)
    known(caller, FIRST, SECOND)
    fails(caller, "unreachable")
    caller.call(FIRST)
    caller.hears(486)
    assert caller.agent.locator.targets(URI, seed=1, now_ns=caller.now_ns) == (FIRST, SECOND)


# large requests


def size_without_padding() -> int:
    ((data, _, _),) = Caller(FIRST, padding=1).agent.to_send()
    return len(data) - 1


@pytest.mark.parametrize(("size", "target"), [(MAX_UDP_BYTES, FIRST), (MAX_UDP_BYTES + 1, OVER_TCP)])
def test_a_large_invite_goes_over_tcp(size: int, target: Flow) -> None:
    caller = Caller(FIRST, padding=size - size_without_padding())
    ((invite, flow),) = caller.invites()
    assert flow == target
    assert header(invite, "Via").split()[0] == f"SIP/2.0/{target.transport}"
    assert ("transport=tcp" in header(invite, "Contact")) == target.is_reliable


@pytest.mark.parametrize("how", ["unreachable", "silent"])
def test_where_tcp_fails_it_goes_over_udp_and_so_does_the_next_for_a_while(how: str) -> None:
    caller = Caller(FIRST, padding=MAX_UDP_BYTES)
    fails(caller, how)
    assert caller.went_to() == [OVER_TCP, FIRST]
    (invite, _) = caller.invites()[-1]
    assert header(invite, "Via").startswith("SIP/2.0/UDP ")
    assert "transport=tcp" not in header(invite, "Contact")

    failed_ns, caller.sent = caller.now_ns, []
    for later_ns, target in ((NO_TCP_NS - 1, FIRST), (NO_TCP_NS, OVER_TCP)):
        caller.now_ns = failed_ns + later_ns
        caller.sent = []
        caller.call(FIRST, padding=MAX_UDP_BYTES)
        assert caller.went_to() == [target]


@pytest.mark.parametrize("early", [(), (180,)], ids=["at once", "after it rang"])
def test_a_redirection_of_what_went_over_tcp_for_its_size_has_udp_too(early: tuple[int, ...]) -> None:
    caller = Caller(FIRST, uri="sip:line@198.51.100.1", padding=MAX_UDP_BYTES, peer=PeerProfile(redirects=(SECOND.host,)))
    for status in early:
        caller.hears(status)
    caller.hears(302, -1, f"Contact: <sip:line@{SECOND.host}>")
    fails(caller, "unreachable")
    assert caller.went_to() == [OVER_TCP, SECOND._replace(transport=Transport.TCP, listener=1), SECOND]


def test_credentials_that_make_it_large_take_it_over_tcp() -> None:
    peer = PeerProfile(credentials=Credentials(username="us", secret=Secret("pw")))
    caller = Caller(FIRST, padding=MAX_UDP_BYTES - size_without_padding(), peer=peer)
    caller.hears(401, -1, 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"')
    assert caller.went_to() == [FIRST, OVER_TCP]


def test_two_targets_without_tcp_are_tried_by_udp_in_turn() -> None:
    caller = Caller(FIRST, SECOND, padding=MAX_UDP_BYTES)
    over_tcp = SECOND._replace(transport=Transport.TCP, listener=1)
    for _ in range(3):
        fails(caller, "unreachable")
    assert caller.went_to() == [OVER_TCP, FIRST, over_tcp, SECOND]


def test_a_tcp_target_that_dns_names_is_taken_first() -> None:
    over_tcp = SECOND._replace(transport=Transport.TCP, listener=1)
    assert Caller(FIRST, over_tcp, padding=MAX_UDP_BYTES).went_to() == [over_tcp]


def test_a_uri_that_says_udp_is_taken_at_its_word() -> None:
    assert Caller(FIRST, uri=f"{URI};transport=udp", padding=MAX_UDP_BYTES).went_to() == [FIRST]


def test_without_a_tcp_listener_all_goes_by_udp() -> None:
    solo = Solo()
    solo.agent.invite(uri=URI, target=FIRST, caller="1", body=OFFER, now_ns=0, extra=(("X-Padding", "x" * MAX_UDP_BYTES),))
    solo.said()
    assert solo.addresses == [FIRST]


# redirection to a name


def test_a_redirection_to_a_name_goes_where_dns_says() -> None:
    caller = Caller(FIRST, uri="sip:line@198.51.100.1", peer=PeerProfile(redirects=("sip.example.com",)))
    known(caller, SECOND, THIRD)
    assert caller.hears(302, -1, f"Contact: <{URI}>") == ["ACK", "INVITE"]
    assert caller.went_to() == [FIRST, SECOND]
    fails(caller, "unreachable")
    assert caller.went_to() == [FIRST, SECOND, THIRD]


def test_a_redirection_to_a_name_that_is_not_resolved_is_not_followed() -> None:
    caller = Caller(FIRST, uri="sip:line@198.51.100.1", peer=PeerProfile(redirects=("sip.example.com",)))
    assert caller.hears(302, -1, f"Contact: <{URI}>") == ["ACK"]
