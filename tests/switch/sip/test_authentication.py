"""Which requests must authenticate, and what those get that do not or can not."""

from typing import Any

import pytest
from sip_world import NOTHING_HELD, OFFER, PEER, Solo, header, request

from switch.sip.digest import Credentials, DigestClient, Secret
from switch.sip.fact import InviteReceived, SourceAuthenticated
from switch.sip.flow import Flow, Transport
from switch.sip.message import Message, Response, parse
from switch.sip.peer import PeerProfile, Realm
from switch.sip.statistics import Statistic

URI = "sip:18005550100@192.0.2.1"
TRUNK = PeerProfile(name="level3", nat=False)
REALM = Realm(name="payphone", accounts={"carrier": (TRUNK, Secret("pw"))})
LISTED = PeerProfile(name="level3", realm=REALM)


class Carrier:
    """A peer that answers challenges."""

    def __init__(self, solo: Solo, peer: PeerProfile | None, *, secret: str = "pw", source: Flow = PEER) -> None:  # noqa: S107
        self.solo = solo
        self.source = source
        self.peer = peer
        self.digest = DigestClient(credentials=Credentials(username="carrier", secret=Secret(secret)), token=lambda: "cn")
        self.cseq = 0

    def send(self, method: str = "INVITE", *, authorized: bool = False, extra: tuple[str, ...] = (), **more: Any) -> list[Message]:
        self.cseq += 1
        fields = extra if not authorized else [f"{name}: {value}" for name, value in self.digest.fields(method, URI)]
        branch = f"z9hG4bK{self.cseq}"
        body = OFFER if method == "INVITE" else b""
        data = request(method, uri=URI, cseq=self.cseq, branch=branch, body=body, extra=fields, **more)
        self.solo.agent.receive(data, self.source, self.solo.now_ns, peer=self.peer)
        return self.solo.said()

    def challenged(self, method: str = "INVITE") -> None:
        (refusal,) = self.send(method)
        assert isinstance(refusal, Response)
        sent = parse(request(method, uri=URI, cseq=self.cseq))
        assert not isinstance(sent, Response)
        assert self.digest.takes(refusal, sent, tries=0)  # type: ignore[arg-type]


def statuses(messages: list[Message]) -> list[int]:
    return [message.status for message in messages if isinstance(message, Response)]


def counted(solo: Solo, kind: Statistic) -> int:
    return sum(solo.agent.statistics.snapshot().get(kind.value, {}).values())


def open_to_strangers() -> Solo:
    solo = Solo()
    solo.agent.admit_strangers(REALM)
    return solo


@pytest.mark.parametrize("peer", [LISTED, None], ids=["of a trunk's address", "of any address"])
def test_an_invite_is_challenged_and_taken_with_credentials(peer: PeerProfile | None) -> None:
    solo = open_to_strangers()
    carrier = Carrier(solo, peer)
    carrier.challenged()
    assert solo.facts() == []
    assert solo.agent.live_counts() == NOTHING_HELD
    assert statuses(carrier.send(authorized=True)) == [100]
    (invited,) = solo.facts()
    assert isinstance(invited, InviteReceived)
    assert (invited.peer, invited.reject_status) == ("level3", None)
    assert counted(solo, Statistic.CHALLENGED) == 1


@pytest.mark.parametrize(
    ("transport", "peer", "secret", "told"),
    [
        (Transport.TLS, None, "pw", True),
        (Transport.TCP, None, "pw", True),
        (Transport.UDP, None, "pw", False),
        (Transport.TCP, None, "no", False),
        (Transport.TCP, LISTED, "pw", False),
    ],
)
def test_the_connection_of_a_stranger_who_authenticates_is_told(
    transport: Transport, peer: PeerProfile | None, secret: str, *, told: bool
) -> None:
    solo = open_to_strangers()
    source = PEER._replace(transport=transport)
    carrier = Carrier(solo, peer, secret=secret, source=source)
    carrier.challenged()
    assert solo.agent.notices() == []
    carrier.send(authorized=True)
    assert solo.agent.notices() == ([SourceAuthenticated(source=source)] if told else [])


def test_a_challenge_offers_sha_256_and_md5() -> None:
    (refusal,) = Carrier(Solo(), LISTED).send()
    assert statuses([refusal]) == [401]
    algorithms = [value.rpartition("algorithm=")[2] for value in refusal.headers.all("WWW-Authenticate")]
    assert algorithms == ["SHA-256", "MD5"]
    assert ";tag=" in header(refusal, "To")


def test_wrong_credentials_of_a_trunk_are_a_refused_call() -> None:
    solo = Solo()
    carrier = Carrier(solo, LISTED, secret="no")  # noqa: S106
    carrier.challenged()
    assert statuses(carrier.send(authorized=True)) == [100]
    (invited,) = solo.facts()
    assert isinstance(invited, InviteReceived)
    assert invited.reject_status == 403
    solo.agent.answer(invited.leg, b"", solo.now_ns)
    assert statuses(solo.said()) == [403]
    assert counted(solo, Statistic.UNAUTHORIZED) == 1


def test_wrong_credentials_of_a_stranger_are_nothing() -> None:
    solo = open_to_strangers()
    carrier = Carrier(solo, None, secret="no")  # noqa: S106
    carrier.challenged()
    assert statuses(carrier.send(authorized=True)) == [403]
    assert solo.facts() == []
    assert solo.agent.live_counts() == NOTHING_HELD


def test_credentials_used_twice_are_challenged_again_with_stale() -> None:
    solo = open_to_strangers()
    carrier = Carrier(solo, None)
    carrier.challenged("OPTIONS")
    fields = tuple(f"{name}: {value}" for name, value in carrier.digest.fields("OPTIONS", URI))
    assert statuses(carrier.send("OPTIONS", extra=fields)) == [200]
    (refusal,) = carrier.send("OPTIONS", extra=fields)
    assert statuses([refusal]) == [401]
    assert "stale=true" in header(refusal, "WWW-Authenticate")


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 200), ("REGISTER", 405)])
def test_what_else_a_stranger_sends_is_challenged_too(method: str, status: int) -> None:
    solo = open_to_strangers()
    carrier = Carrier(solo, None)
    carrier.challenged(method)
    assert statuses(carrier.send(method, authorized=True)) == [status]


def test_a_trunk_s_options_are_answered_without() -> None:
    assert statuses(Carrier(Solo(), LISTED).send("OPTIONS")) == [200]


def test_silence_where_no_stranger_may_call() -> None:
    solo = open_to_strangers()
    solo.agent.admit_strangers(None)
    assert Carrier(solo, None).send() == []
    assert counted(solo, Statistic.STRANGER) == 1


@pytest.mark.parametrize("method", ["INVITE", "BYE", "OPTIONS"])
def test_silence_for_a_stranger_s_request_in_no_dialog_of_ours(method: str) -> None:
    assert Carrier(open_to_strangers(), None).send(method, to_tag="x") == []


def test_what_follows_in_the_dialog_is_not_challenged() -> None:
    solo = open_to_strangers()
    carrier = Carrier(solo, None)
    carrier.challenged()
    carrier.send(authorized=True)
    (invited,) = solo.facts()
    solo.agent.answer(invited.leg, b"v=0", solo.now_ns)
    (answer,) = solo.said()
    tag = header(answer, "To").partition("tag=")[2]
    carrier.cseq -= 1
    assert carrier.send("ACK", to_tag=tag) == []
    assert statuses(carrier.send("BYE", to_tag=tag)) == [200]


def test_a_cancel_is_not_challenged() -> None:
    solo = open_to_strangers()
    carrier = Carrier(solo, None)
    carrier.challenged()
    carrier.send(authorized=True)
    carrier.cseq -= 1
    assert statuses(carrier.send("CANCEL")) == [200, 487]


def test_a_thousand_unanswered_challenges_leave_nothing() -> None:
    solo = open_to_strangers()
    carrier = Carrier(solo, None)
    for _ in range(1_000):
        assert statuses(carrier.send()) == [401]
        solo.now_ns += 50_000_000  # not faster than strangers may
    assert solo.agent.live_counts() == NOTHING_HELD
