"""REFER in a session, against a peer written by hand (RFC 3515, RFC 4488): what is refused, what a peer is told."""

from dataclasses import replace
from typing import Any

import pytest
from sip_world import ANSWER, OFFER, PATIENCE_MS, PEER, Solo, ended, header, request, response, uri_of

from switch.sip.digest import Credentials, Secret
from switch.sip.fact import EndReason, ReferReceived
from switch.sip.message import Message, Request, Response
from switch.sip.peer import PeerProfile, TransferMode
from switch.sip.refer import TRANSFEROR_BYE_NS
from switch.sip.transaction import NS_PER_MS

LINE = PeerProfile(name="acme", redirects=("198.51.100.7", "pbx.acme.example"), transfers=TransferMode.FOLLOW)
REFUSING = replace(LINE, transfers=TransferMode.REFUSE)
TARGET = "sip:desk@198.51.100.7:5090"
BYE_MS = TRANSFEROR_BYE_NS // NS_PER_MS


class Line:
    """A line that we called and that talks, as the test plays it."""

    def __init__(self, peer: PeerProfile = LINE) -> None:
        self.solo = Solo()
        self.leg = self.solo.agent.invite(
            uri="sip:line@198.51.100.7:5080", target=PEER, caller="+12125550100", body=OFFER, now_ns=0, peer=peer
        )
        (self.invite,) = self.solo.said()
        self.solo.hear(response(self.invite, 200, body=ANSWER))
        self.solo.facts()
        self._cseq = 1

    def says(self, method: str = "REFER", *extra: str, to: str | None = TARGET) -> list[Message]:
        """What the agent sends at once when the line sends this in the dialog; `to`: the Refer-To."""
        self.solo.agent.receive(self.request(method, *extra, to=to), PEER, self.solo.now_ns, peer=None)
        return self.solo.said()

    def request(self, method: str, *extra: str, to: str | None = TARGET) -> bytes:
        self._cseq += 1
        changes: dict[str, Any] = {
            "to_tag": header(self.invite, "From").partition("tag=")[2],
            "call_id": header(self.invite, "Call-ID"),
            "cseq": self._cseq,
            "branch": f"z9hG4bKr{self._cseq}",
        }
        refer_to = [f"Refer-To: <{to}>"] if to is not None and method == "REFER" else []
        return request(method, extra=[*refer_to, *extra], **changes)

    def refused(self, *extra: str, to: str | None = TARGET) -> int:
        """The status that refuses a REFER, which is counted and logged, and nothing else follows."""
        (answer,) = self.says("REFER", *extra, to=to)
        assert isinstance(answer, Response)
        assert self.solo.facts() == []
        assert self.solo.agent.statistics.snapshot()["transfer_refused"] == {PEER.host: 1}
        (oddity,) = self.solo.agent.oddities()
        assert "REFER was not followed" in oddity.what
        assert oddity.call_id == header(self.invite, "Call-ID")
        return answer.status

    def followed(self, *extra: str) -> list[Message]:
        assert self.says("REFER", *extra) == []
        assert self.solo.facts() == [ReferReceived(leg=self.leg, uri=TARGET)]
        self.solo.agent.accept_refer(self.leg, self.solo.now_ns, expires_s=35)
        return self.solo.said()

    def finish(self, status: int) -> list[Message]:
        self.solo.agent.finish_refer(self.leg, status, self.solo.now_ns)
        return self.solo.said()

    def hangs_up(self) -> None:
        """The line's BYE is answered, and nothing is left."""
        self.solo.agent.receive(self.request("BYE"), PEER, self.solo.now_ns, peer=None)
        assert "200 BYE" in self.solo.names()
        assert self.solo.facts() == [ended(self.leg, EndReason.BYE, by_peer=True, status=200)]
        self.solo.finish()


def told(notify: Message) -> tuple[str, str, bytes]:
    assert isinstance(notify, Request)
    assert notify.method == "NOTIFY"
    assert header(notify, "Content-Type") == "message/sipfrag;version=2.0"
    assert "Contact" in notify.headers
    return header(notify, "Event"), header(notify, "Subscription-State"), notify.body


def test_allow_names_refer_only_where_it_may_be_followed() -> None:
    for peer, has_refer in ((LINE, True), (REFUSING, False)):
        line = Line(peer)
        (options,) = line.says("OPTIONS")
        for message in (line.invite, options):
            assert ("REFER" in message.headers.all("Allow")) == has_refer
            assert ("norefersub" in message.headers.all("Supported")) == has_refer


def test_a_line_that_may_not_transfer_gets_403_and_talks_on() -> None:
    line = Line(REFUSING)
    assert line.refused() == 403
    line.hangs_up()


def test_a_caller_gets_403() -> None:
    solo = Solo()
    _, tag = solo.in_call()
    assert solo.hear(request("REFER", branch="z9hG4bKx", to_tag=tag, cseq=2, extra=[f"Refer-To: {TARGET}"])) == ["403 REFER"]
    assert solo.facts() == []
    assert solo.agent.statistics.snapshot()["transfer_refused"] == {PEER.host: 1}


@pytest.mark.parametrize(
    ("to", "status"),
    [
        (None, 400),
        ("sip:%zz%", 400),
        ("nothing", 400),
        ("http://198.51.100.7/", 403),
        ("sip:desk@203.0.113.9", 403),
        ("tel:+12125550111;x", None),
        ("tel:desk", 400),
        ("sip:desk@198.51.100.7;method=BYE", 403),
        ("sip:desk@198.51.100.7;method=invite", None),
        ("sip:desk@198.51.100.7?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc", 403),
        ("sip:desk@198.51.100.7?Subject=x&replaces=a", 403),
        ("sip:desk@198.51.100.7?Subject=x", None),
        ("sip:desk@PBX.acme.example.", None),
        ("sips:desk@pbx.acme.example", None),
    ],
)
def test_where_a_refer_may_lead(to: str | None, status: int | None) -> None:
    line = Line()
    if status is None:
        assert line.says(to=to) == []
        (fact,) = line.solo.facts()
        assert isinstance(fact, ReferReceived)
    else:
        assert line.refused(to=to) == status


def test_two_refer_tos_are_refused() -> None:
    assert Line().refused(f"Refer-To: <{TARGET}>") == 400


def test_a_required_extension_that_we_lack_is_refused() -> None:
    assert Line().refused("Require: multiple-refer") == 420
    assert Line().followed("Require: norefersub", "Refer-Sub: false")


@pytest.mark.parametrize(
    ("to", "uri"),
    [
        ("tel:+1-212-555-0111", "sip:+12125550111@198.51.100.7:5080"),
        ("sip:desk@198.51.100.7;method=INVITE;user=phone?Subject=x", "sip:desk@198.51.100.7;user=phone"),
    ],
)
def test_what_is_dialled(to: str, uri: str) -> None:
    line = Line()
    line.says(to=to)
    assert line.solo.facts() == [ReferReceived(leg=line.leg, uri=uri)]


def test_who_is_followed_hears_202_trying_and_the_end() -> None:
    line = Line()
    accepted, trying = line.followed()
    assert isinstance(accepted, Response)
    assert accepted.status == 202
    assert "Contact" in accepted.headers
    assert "Refer-Sub" not in accepted.headers
    assert told(trying) == ("refer", "active;expires=35", b"SIP/2.0 100 Trying\r\n")
    assert uri_of(trying) == "sip:peer@198.51.100.7:5080"
    (busy,) = line.finish(486)
    assert told(busy) == ("refer", "terminated;reason=noresource", b"SIP/2.0 486 Busy Here\r\n")
    assert line.finish(200) == []
    line.hangs_up()


def test_one_refer_at_a_time() -> None:
    line = Line()
    line.followed()
    assert [message.status for message in line.says() if isinstance(message, Response)] == [491]
    line.finish(486)
    (_, trying) = line.followed()
    assert told(trying)[0] == "refer;id=4"  # RFC 3515 §2.4.6: the CSeq of the REFER
    line.hangs_up()


def test_one_that_waits_for_its_user_meets_491_too_and_can_be_declined() -> None:
    line = Line()
    line.says()
    assert [message.status for message in line.says() if isinstance(message, Response)] == [491]
    line.solo.agent.decline_refer(line.leg, 403, line.solo.now_ns, why="enough")
    assert line.solo.names() == ["403 REFER"]
    line.solo.facts()
    assert line.solo.agent.oddities()[-1].what == "a REFER was not followed: enough"
    line.hangs_up()


def test_one_that_waits_when_the_line_hangs_up_gets_487() -> None:
    line = Line()
    line.says()
    line.solo.facts()
    assert [message.status for message in line.says("BYE") if isinstance(message, Response)] == [200, 487]
    line.solo.facts()
    line.solo.finish()


def test_who_wants_no_subscription_is_told_nothing() -> None:
    line = Line()
    (accepted,) = line.followed("Refer-Sub: false")
    assert header(accepted, "Refer-Sub") == "false"
    assert line.finish(486) == []
    line.hangs_up()


@pytest.mark.parametrize("status", [481, 489, 500, None])
def test_a_refused_or_lost_notify_changes_nothing(status: int | None) -> None:
    line = Line()
    _, trying = line.followed()
    if status is not None:
        assert line.solo.hear(response(trying, status)) == []
    line.solo.wait(PATIENCE_MS)
    assert line.solo.facts() == []
    assert [told(message)[2] for message in line.finish(486)] == [b"SIP/2.0 486 Busy Here\r\n"]
    line.hangs_up()


def test_a_challenged_notify_is_sent_again_with_credentials() -> None:
    line = Line(replace(LINE, credentials=Credentials(username="us", secret=Secret("pw"))))
    _, trying = line.followed()
    challenge = 'WWW-Authenticate: Digest realm="acme", nonce="n", qop="auth", algorithm=MD5'
    line.solo.agent.receive(response(trying, 401, extra=[challenge]), PEER, 0, peer=None)
    (again,) = line.solo.said()
    assert told(again) == told(trying)
    assert "Authorization" in again.headers
    line.hangs_up()


def test_after_a_transfer_the_line_hangs_up_or_is_hung_up() -> None:
    line = Line()
    line.followed()
    line.finish(200)
    assert "BYE" not in [name for _, name in line.solo.wait(BYE_MS - 1)]
    assert "BYE" in [name for _, name in line.solo.wait(1)]
    line.solo.wait(PATIENCE_MS)
    assert line.solo.facts() == [ended(line.leg, EndReason.BYE, by_peer=False, status=200)]
    line.solo.finish()


def test_a_line_that_hangs_up_after_a_transfer_is_left_alone() -> None:
    line = Line()
    line.followed()
    line.finish(200)
    line.hangs_up()


def test_nothing_is_told_after_the_line_has_hung_up() -> None:
    line = Line()
    line.followed()
    line.hangs_up()
    assert line.finish(200) == []


def test_a_refer_that_crosses_our_bye_gets_481() -> None:
    line = Line()
    line.solo.agent.hangup(line.leg, 0)
    line.solo.said()
    assert [message.status for message in line.says() if isinstance(message, Response)] == [481]
