"""Calls of which a side, or both, is over IPv6: which addresses SDP and the worker are told, and what is refused."""

from dataclasses import replace

import pytest
from engine_world import CARRIER, EAST, RTP, SWITCH, World, line, plan
from simulated_network import Phone

from media import control as mc
from routing.table import Line
from switch.engine.effect import SendSip
from switch.engine.media import RtpAddress
from switch.engine.plan import Trunk
from switch.sip.fact import AnswerReceived, Fact, InviteReceived, LegTerminated, OfferAccepted, OfferReceived, OfferRefused
from switch.sip.flow import Flow
from switch.sip.message import Headers, Request, Response, parse, serialize
from switch.sip.offer_answer import Incompatible
from switch.sip.peer import PeerProfile

SWITCH6 = Flow("2001:db8:1::1", 5060)
RTP6 = RtpAddress(local="fd00::1", advertised="2001:db8:1::1")
CARRIER6 = Flow("2001:db8:7::7", 5080)
EAST6 = Flow("2001:db8:21::21", 5060)
IP4 = "IP4 198.51.100.8"
IP6 = "IP6 2001:db8:7::8"


def sdp(connection: str, *, port: int = 6_000, more: str = "") -> bytes:
    return f"v=0\r\no=- 1 1 IN {connection}\r\ns=-\r\nc=IN {connection}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n{more}".encode()


def line6(name: str, flow: Flow) -> Line:
    return replace(line(name, flow), uri=f"sip:{name}@[{flow.host}]:{flow.port}")


def connection(body: bytes) -> str:
    return next(each.removeprefix("c=IN ") for each in body.decode().split("\r\n") if each.startswith("c="))


class DualWorld(World):
    """A switch with a listener and an RTP address of each family, and a carrier of each."""

    listeners = (SWITCH, SWITCH6)
    rtp: tuple[RtpAddress, ...] = (*RTP, RTP6)

    def __init__(self, *lines: Line, nat: bool = True) -> None:
        with_plan = plan(*lines)
        (trunk,) = with_plan.trunks
        trunk6 = Trunk(name="carrier6", networks=(), networks6=((0x20010DB8 << 96, 0xFFFFFFFF << 96),), peer=PeerProfile(nat=nat))
        super().__init__(replace(with_plan, trunks=(trunk, trunk6)))
        self.callers = {CARRIER: self.caller, CARRIER6: self.phone(CARRIER6, lambda _: None)}

    def calls(self, source: Flow, offer: bytes) -> tuple[Phone, int]:
        """A call comes, and has time to be answered."""
        phone, target = self.callers[source], SWITCH6 if ":" in source.host else SWITCH
        host = f"[{target.host}]" if ":" in target.host else target.host
        uri = f"sip:+18005550100@{host}"
        leg = phone.agent.invite(uri=uri, target=target, caller="+12125550199", body=offer, now_ns=self.now_ns)
        self.run(2_000)
        return phone, leg

    def reinvites(self, phone: Phone, leg: int, offer: bytes) -> Fact:
        phone.agent.offer(leg, offer, self.now_ns)
        self.run(2_000)
        return phone.of(leg)[-1]

    def sent(self) -> list[Request | Response]:
        found = [parse(effect.data) for effect in self.effects if isinstance(effect, SendSip)]
        return [message for message in found if isinstance(message, Request | Response)]

    def invites(self) -> list[Request]:
        return [message for message in self.sent() if isinstance(message, Request) and message.method == "INVITE"]

    def refusal(self) -> tuple[int, str | None]:
        found = next(message for message in self.sent() if isinstance(message, Response) and message.status >= 300)
        return found.status, found.headers.get("Warning")

    def opened(self) -> list[str]:
        return [order.host for order in self.told(mc.Open)]

    def over(self, phone: Phone, leg: int) -> None:
        phone.agent.hangup(leg, self.now_ns)
        self.run(70_000)
        assert len(self.records) == 1
        assert not self.complaints
        assert set(self.sip.live_counts().values()) == {0}


def invite_without_offer(source: Flow) -> bytes:
    host = f"[{source.host}]" if ":" in source.host else source.host
    fields = {
        "Via": f"SIP/2.0/UDP {host}:{source.port};rport;branch=z9hG4bK1",
        "Max-Forwards": "70",
        "From": "<sip:+12125550199@example.com>;tag=a",
        "To": "<sip:+18005550100@example.com>",
        "Call-ID": "x",
        "CSeq": "1 INVITE",
        "Contact": f"<sip:{host}:{source.port}>",
    }
    return serialize(Request(method="INVITE", uri="sip:+18005550100@example.com", headers=Headers(fields.items()), body=b""))


def answer_to(phone: Phone, leg: int) -> bytes:
    (found,) = [fact.body for fact in phone.of(leg) if isinstance(fact, AnswerReceived)]
    return found


OURS = {"4": ("IP4 192.0.2.1", "192.0.2.1"), "6": ("IP6 2001:db8:1::1", "fd00::1")}
"""By family: what our SDP says, and where the worker listens."""


@pytest.mark.parametrize(("source", "offer"), [(CARRIER6, IP6), (CARRIER, IP4), (CARRIER, IP6), (CARRIER6, IP4)])
@pytest.mark.parametrize(
    ("to", "flow", "audio"), [(line6("east", EAST6), EAST6, "2001:db8:99::99"), (line("east", EAST), EAST, "198.51.100.99")]
)
def test_each_leg_has_its_own_family(source: Flow, offer: str, to: Line, flow: Flow, audio: str) -> None:
    world = DualWorld(to)
    world.line_phone(flow)

    phone, leg = world.calls(source, sdp(offer))

    said, local = OURS[offer[2]]
    line_said, line_local = OURS["6" if flow is EAST6 else "4"]
    assert connection(answer_to(phone, leg)) == said
    assert [connection(invite.body) for invite in world.invites()] == [line_said]
    assert world.opened() == [line_local, local], "a caller's port opens with the answer"
    (bridge,) = world.told(mc.Bridge)
    remotes = {order.port: order.peer.host for order in world.told(mc.Open) if order.peer is not None}
    remotes |= {order.port: order.peer.host for order in world.told(mc.SetRemote)}
    assert (remotes[bridge.a], remotes[bridge.b]) == (offer.partition(" ")[2], audio)
    world.over(phone, leg)


@pytest.mark.parametrize(("source", "ours"), [(CARRIER, "IP4 192.0.2.1"), (CARRIER6, "IP6 2001:db8:1::1")])
def test_an_offer_of_ours_to_a_caller_is_of_the_family_of_its_signalling(source: Flow, ours: str) -> None:
    world = DualWorld(line("east", EAST))
    world.line_phone(EAST)
    world.engine.datagram(invite_without_offer(source), source._replace(listener=int(source is CARRIER6)), world.at())
    world.run(2_000)
    (answer,) = {each.body for each in world.sent() if isinstance(each, Response) and each.status == 200}
    assert connection(answer) == ours


def test_a_line_is_offered_the_other_family_where_we_have_no_address_of_its_own() -> None:
    world = DualWorld(line6("east", EAST6))
    world.rtp = RTP
    world.start(world.engine.plan, epoch="b")
    world.line_phone(EAST6)

    phone, leg = world.calls(CARRIER, sdp(IP4))

    assert [connection(invite.body) for invite in world.invites()] == ["IP4 192.0.2.1"]
    assert world.opened() == ["192.0.2.1", "192.0.2.1"]
    world.over(phone, leg)


def test_an_answer_of_the_other_family_is_no_answer() -> None:
    """Our socket can't send there: the line gets ACK and BYE, and the next one is tried."""
    world = DualWorld(line("east", EAST), line6("west", EAST6))
    east = world.phone(
        EAST, lambda fact: east.agent.answer(fact.leg, sdp(IP6), world.now_ns) if isinstance(fact, InviteReceived) else None
    )
    world.line_phone(EAST6)

    phone, leg = world.calls(CARRIER, sdp(IP4))

    assert [type(fact) for fact in east.facts][-1] is LegTerminated
    world.over(phone, leg)
    assert [attempt.outcome for attempt in world.records[0].record.attempts] == ["failed", "answered"]


@pytest.mark.parametrize(
    ("source", "offer", "nat", "warning"),
    [
        (CARRIER6, "IP4 media.example", True, Incompatible.FAMILY),
        (CARRIER, "IP6 media.example", True, Incompatible.FAMILY),
        (CARRIER6, "IP6 fe80::8", False, Incompatible.ADDRESS),
        (CARRIER, "IP6 fe80::8", True, Incompatible.ADDRESS),
        (CARRIER6, "IP6 fe80::8%eth0", True, Incompatible.ADDRESS),
        (CARRIER6, "IP6 ::ffff:198.51.100.8", True, Incompatible.ADDRESS),
    ],
)
def test_an_offer_that_can_not_be_served(source: Flow, offer: str, nat: bool, warning: str) -> None:  # noqa: FBT001 - a column
    world = DualWorld(line("east", EAST), nat=nat)
    world.calls(source, sdp(offer))
    assert world.refusal() == (488, warning)
    assert [judged.record.sip_code for judged in world.records] == [488]
    assert world.told(mc.Open) == []


@pytest.mark.parametrize(
    ("source", "offer"), [(CARRIER6, "IP6 2001:db8:1::1"), (CARRIER, "IP6 2001:db8:1::1"), (CARRIER6, "IP4 192.0.2.1")]
)
def test_audio_of_our_own_is_a_loop_in_both_families(source: Flow, offer: str) -> None:
    world = DualWorld(line("east", EAST))
    world.calls(source, sdp(offer, port=20_002))
    assert world.refusal() == (488, Incompatible.LOOP)


@pytest.mark.parametrize(
    ("offer", "host", "learns"),
    [
        ("IP6 fd00::8", CARRIER6.host, False),
        ("IP6 fe80::8", CARRIER6.host, False),
        ("IP6 media.example", CARRIER6.host, True),
        (IP6, "2001:db8:7::8", False),
    ],
)
def test_audio_behind_ipv6_signalling(offer: str, host: str, learns: bool) -> None:  # noqa: FBT001 - a table's column
    world = DualWorld(line("east", EAST))
    world.line_phone(EAST)
    phone, leg = world.calls(CARRIER6, sdp(offer))
    (peer,) = [order.peer for order in world.told(mc.Open) if order.peer is not None]
    assert (peer.host, peer.learns) == (host, learns)
    world.over(phone, leg)


@pytest.mark.parametrize(("source", "offer", "other"), [(CARRIER6, IP6, IP4), (CARRIER, IP4, IP6)])
def test_a_call_keeps_its_family(source: Flow, offer: str, other: str) -> None:
    """Another family would take another socket: a re-INVITE with it is refused, and the call goes on as it was."""
    world = DualWorld(line("east", EAST))
    world.line_phone(EAST)
    phone, leg = world.calls(source, sdp(offer))
    before = len(world.told(mc.SetRemote))

    assert world.reinvites(phone, leg, sdp(other)) == OfferRefused(leg=leg, status=488)
    assert world.refusal() == (488, Incompatible.FAMILY)
    assert len(world.told(mc.SetRemote)) == before
    assert isinstance(world.reinvites(phone, leg, sdp(offer, port=6_002)), OfferAccepted)
    world.over(phone, leg)


@pytest.mark.parametrize(("source", "offer"), [(CARRIER6, IP6), (CARRIER, IP4)])
@pytest.mark.parametrize("hold", ["IP4 0.0.0.0", "IP6 ::"])
def test_no_address_at_all_is_hold_in_both_families(source: Flow, offer: str, hold: str) -> None:
    world = DualWorld(line("east", EAST))
    held = world.line_phone(EAST)
    answers = held.on_fact

    def takes_all(fact: Fact) -> None:
        if isinstance(fact, OfferReceived):
            held.agent.accept(fact.leg, world.sdp_answer(fact.offer), world.now_ns)
        answers(fact)

    held.on_fact = takes_all
    phone, leg = world.calls(source, sdp(offer))

    accepted = world.reinvites(phone, leg, sdp(hold))

    assert isinstance(accepted, OfferAccepted)
    assert connection(accepted.body) == connection(answer_to(phone, leg))
    assert b"a=recvonly" in accepted.body
    assert len([fact for fact in held.facts if isinstance(fact, OfferReceived)]) == 1
    world.over(phone, leg)
