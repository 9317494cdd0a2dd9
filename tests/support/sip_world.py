"""Drives SIP agents in tests, without sockets or waiting: a hand-written peer (`Solo`), and a network of phones (`World`).

Time is simulated: integer nanoseconds that only move when a test moves them. `World` draws loss, delay and doubles from one seed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any

from msgspec.structs import replace
from simulated_network import Network, Phone

from switch.sip.agent import UserAgent
from switch.sip.fact import (
    AckReceived,
    AnswerReceived,
    EndReason,
    Fact,
    InviteReceived,
    LegTerminated,
    OfferReceived,
    ProvisionalReceived,
)
from switch.sip.flow import Flow
from switch.sip.message import Message, Request, Response, parse
from switch.sip.peer import DEFAULT_PEER, PeerProfile
from switch.sip.transaction import NS_PER_MS, Timers

OURS: Flow = Flow("192.0.2.1", 5060)
PEER: Flow = Flow("198.51.100.7", 5080)
OFFER = b"v=0 the offer"
ANSWER = b"v=0 the answer"
T1_MS = 500
PATIENCE_MS = 64 * T1_MS
LONG_MS = 3 * PATIENCE_MS
"""Longer than every timer, one after the other."""
AGAIN_MS = [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]
"""When Timers E and G, and a 2xx without ACK, send again: T1 doubling up to T2."""
NOTHING_HELD = {"legs": 0, "dialogs": 0, "transactions": 0, "timers": 0, "hosts": 0}


def tokens(prefix: str) -> Callable[[], str]:
    """Tokens that read well in a failing test: a1, a2, ..."""
    numbers = count(1)
    return lambda: f"{prefix}{next(numbers)}"


def name_of(message: Message) -> str:
    """`INVITE`, `180 INVITE`: a message as a test writes it."""
    if isinstance(message, Request):
        return message.method
    return f"{message.status} {(message.headers.get('CSeq') or '').partition(' ')[2]}"


def read(data: bytes) -> Message:
    """A message that must be well-formed."""
    message = parse(data)
    assert isinstance(message, Request | Response), message
    return message


def header(message: Message, name: str) -> str:
    """A header that must be there."""
    value = message.headers.get(name)
    assert value is not None, f"no {name} in {name_of(message)}"
    return value


def uri_of(message: Message) -> str:
    """The Request-URI of what must be a request."""
    assert isinstance(message, Request), name_of(message)
    return message.uri


def request(
    method: str,
    *,
    branch: str = "z9hG4bKp1",
    to_tag: str = "",
    from_tag: str = "pt",
    call_id: str = "call-1",
    cseq: int = 1,
    uri: str = "sip:18005550100@192.0.2.1",
    via: str = "",
    extra: Iterable[str] = (),
    contact: str | None = "<sip:peer@198.51.100.7:5080>",
    body: bytes = b"",
) -> bytes:
    """A request of the peer's."""
    tag = f";tag={to_tag}" if to_tag else ""
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: {via or f'SIP/2.0/UDP 198.51.100.7:5080;rport;branch={branch}'}",
        "Max-Forwards: 70",
        f'From: "Peer" <sip:+12125550199@198.51.100.7>;tag={from_tag}',
        f"To: <sip:18005550100@192.0.2.1>{tag}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        *([f"Contact: {contact}"] if contact and method == "INVITE" else []),
        *extra,
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def response(
    to: Message,
    status: int,
    *,
    tag: str = "pt",
    contact: str | None = "<sip:peer@198.51.100.7:5080>",
    extra: Iterable[str] = (),
    body: bytes = b"",
) -> bytes:
    """The peer's answer to a request of ours."""
    to_value = header(to, "To")
    lines = [
        f"SIP/2.0 {status} Whatever",
        *[f"Via: {via}" for via in to.headers.all("Via")],
        f"From: {header(to, 'From')}",
        f"To: {to_value}" + (f";tag={tag}" if tag and ";tag=" not in to_value else ""),
        f"Call-ID: {header(to, 'Call-ID')}",
        f"CSeq: {header(to, 'CSeq')}",
        *([f"Contact: {contact}"] if contact else []),
        *extra,
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def bye(tag: str, *, branch: str = "z9hG4bKbye", cseq: int = 2, **more: Any) -> bytes:
    """The peer's BYE in a call."""
    return request("BYE", branch=branch, to_tag=tag, cseq=cseq, **more)


def reinvite(tag: str, *, branch: str = "z9hG4bKre", cseq: int = 2, **more: Any) -> bytes:
    """The peer's INVITE in a call."""
    return request("INVITE", branch=branch, to_tag=tag, cseq=cseq, body=OFFER, **more)


def ended(leg: int, why: EndReason, *, by_peer: bool, status: int | None, q850: int | None = None) -> LegTerminated:
    return LegTerminated(leg=leg, why=why, by_peer=by_peer, status=status, q850=q850)


class Solo:
    """One agent whose peer is the test: what it says is written by hand, what it hears is drained and read."""

    def __init__(self) -> None:
        self.agent = UserAgent(listeners=(OURS,), token=tokens("a"))
        self.now_ns = 0
        self.addresses: list[Flow] = []
        self.words: list[str] = []

    def hear(self, data: bytes, *, source: Flow = PEER, peer: PeerProfile | None = DEFAULT_PEER) -> list[str]:
        """Give the agent a datagram; the names of what it sends at once."""
        self.agent.receive(data, source, self.now_ns, peer=peer)
        return self.names()

    def said(self) -> list[Message]:
        """What the agent sent since the last look; where to is in `addresses`."""
        sent = self.agent.to_send()
        self.addresses = [address for _, address, _ in sent]
        return [read(data) for data, _, _ in sent]

    def names(self) -> list[str]:
        return [name_of(message) for message in self.said()]

    def answer_of(self, data: bytes, *, source: Flow = PEER) -> Message:
        """Give the agent a datagram; the one message it answers with."""
        self.agent.receive(data, source, self.now_ns, peer=DEFAULT_PEER)
        (message,) = self.said()
        return message

    def facts(self) -> list[Fact]:
        """The facts; `words` has in words why legs ended."""
        found = self.agent.facts()
        self.words += [fact.words for fact in found if isinstance(fact, LegTerminated)]
        return [replace(fact, words="") if isinstance(fact, LegTerminated) else fact for fact in found]

    def wait(self, ms: int) -> list[tuple[int, str]]:
        """Let time pass, alarm by alarm: (ms since now, name) of all that is sent."""
        start_ns, end_ns = self.now_ns, self.now_ns + ms * NS_PER_MS
        sent: list[tuple[int, str]] = []
        while (due_ns := self.agent.next_deadline()) is not None and due_ns <= end_ns:
            self.now_ns = max(self.now_ns, due_ns)
            self.agent.tick(self.now_ns)
            sent += [((self.now_ns - start_ns) // NS_PER_MS, name) for name in self.names()]
        self.now_ns = end_ns
        return sent

    def finish(self) -> None:
        """Let every timer run out: nothing more is reported and nothing is kept."""
        self.wait(LONG_MS)
        assert self.facts() == []
        assert self.agent.live_counts() == NOTHING_HELD
        assert self.agent.next_deadline() is None

    def invited(self, **changes: Any) -> tuple[int, str]:
        """An incoming leg, and our tag in it (from the 180)."""
        self.agent.receive(request("INVITE", body=OFFER, **changes), PEER, self.now_ns, peer=DEFAULT_PEER)
        (invited,) = self.facts()
        self.agent.progress(invited.leg, 180, self.now_ns)
        ringing = self.said()[-1]
        return invited.leg, header(ringing, "To").partition("tag=")[2]

    def in_call(self) -> tuple[int, str]:
        """An incoming leg that is answered and acknowledged, and our tag in it."""
        leg, tag = self.invited()
        self.agent.answer(leg, ANSWER, self.now_ns)
        self.hear(request("ACK", branch="z9hG4bKack", to_tag=tag))
        self.facts()
        return leg, tag

    def calling(self) -> tuple[int, Message]:
        """An outgoing leg and its INVITE."""
        leg = self.agent.invite(
            uri="sip:line@198.51.100.7:5080", target=PEER, caller="+12125550100", body=OFFER, now_ns=self.now_ns
        )
        (invite,) = self.said()
        return leg, invite

    def out_call(self, **changes: Any) -> tuple[int, Message, str]:
        """An outgoing leg that is answered; its INVITE, and our tag."""
        leg, invite = self.calling()
        self.hear(response(invite, 200, body=ANSWER, **changes))
        self.facts()
        return leg, invite, header(invite, "From").partition("tag=")[2]


@dataclass(kw_only=True)
class Drop:
    """Lose the next `times` messages of this name, after letting `skip` pass."""

    name: str
    times: int = 1
    skip: int = 0


OnFact = Callable[["World", Phone, Fact], None]


def polite(world: "World", phone: Phone, fact: Fact) -> None:
    """A user that rings, answers and accepts all it is asked."""
    match fact:
        case InviteReceived():
            phone.agent.progress(fact.leg, 180, world.now_ns)
            phone.agent.answer(fact.leg, ANSWER, world.now_ns)
        case OfferReceived():
            phone.agent.accept(fact.leg, ANSWER, world.now_ns)
        case ProvisionalReceived() | AnswerReceived() | AckReceived() | LegTerminated():
            pass


class World(Network):
    """Phones that only know SIP. `drops`: messages that are lost by name. `log`: (ms, from, to, name) of what was sent, lost or not."""

    def __init__(self, *, seed: int = 0, loss: float = 0.0, doubling: float = 0.0, delay_ms: tuple[int, int] = (5, 5)) -> None:
        super().__init__(seed=seed, loss=loss, doubling=doubling, delay_ms=delay_ms)
        self.drops: list[Drop] = []
        self.log: list[tuple[int, Flow, Flow, str]] = []

    def phone(self, host: str, *, on_fact: "OnFact" = polite, timers: Timers | None = None) -> Phone:
        """A new phone at `host`, port 5060."""
        address = Flow(host, 5060)
        agent = UserAgent(listeners=(address,), token=tokens(host.replace(".", "") + "-"), timers=timers or Timers())
        phone = Phone(address=address, agent=agent, on_fact=lambda fact: on_fact(self, phone, fact))
        return self.join(phone)

    def call(self, caller: Phone, callee: Phone) -> int:
        """The caller's leg of a new call."""
        uri = f"sip:line@{callee.address.host}:5060"
        return caller.agent.invite(uri=uri, target=callee.address, caller="100", body=OFFER, now_ns=self.now_ns)

    def names(self) -> list[str]:
        """What was sent, lost or not, in order."""
        return [name for _, _, _, name in self.log]

    def fly(self, data: bytes, source: Flow, target: Flow) -> None:
        name = name_of(read(data))
        self.log.append((self.now_ns // NS_PER_MS, source, target, name))
        if not self._is_dropped(name):
            super().fly(data, source, target)

    def _is_dropped(self, name: str) -> bool:
        for drop in self.drops:
            if drop.name == name:
                if drop.skip:
                    drop.skip -= 1
                elif drop.times:
                    drop.times -= 1
                    return True
        return False
