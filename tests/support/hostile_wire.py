"""A simulated world whose datagrams a test sees, writes by hand and mutates: for what hostile or broken peers send."""

import re
from collections import Counter
from random import Random

from engine_world import CARRIER, SWITCH, World

from media import control as mc
from switch.engine.plan import Plan
from switch.sip import offer_answer
from switch.sip.flow import Flow
from switch.sip.message import Request, Response, parse

DID_URI = "sip:+18005550100@192.0.2.1"
DAY_MS = 24 * 3_600_000
PIECES = (
    *(
        b"\r\n",
        b"\0",
        b"\xff",
        b'"',
        b"<",
        b">",
        b";tag=x",
        b"%0d%0a",
        b"%",
        b",",
        b"\\",
        b"\t",
        b"\r",
        b"\n",
        b"[::1]",
        b"0.0.0.0",
    ),
    *(b"-1", b"9" * 40, b"2147483648", b"65536", b"z9hG4bK", b"sip:", b"@", b"\xc2\x9b", b"Via: SIP/2.0/UDP 1.2.3.4\r\n"),
    *(b"Route: <sip:a@9.9.9.9>\r\n", b"Record-Route: <sip:[::1]:5060;lr>\r\n", b"Require: 100rel\r\n", b"Contact: *\r\n"),
    *(b"a=inactive\r\n", b"c=IN IP4 192.0.2.1\r\n", b"a=rtpmap:0 telephone-event/8000\r\n", b"m=audio 0 RTP/AVP 0\r\n"),
)
METHODS = (b"INVITE", b"ACK", b"BYE", b"CANCEL", b"OPTIONS", b"REGISTER", b"SUBSCRIBE", b"MESSAGE", b"INFO", b"UPDATE", b"PRACK")


class Wire(World):
    """A world whose datagrams are kept: `flown` holds (data, source, target) of each."""

    def __init__(self, with_plan: Plan, *, seed: int = 0) -> None:
        self.flown: list[tuple[bytes, Flow, Flow]] = []
        super().__init__(with_plan, seed=seed)

    def fly(self, data: bytes, source: Flow, target: Flow) -> None:
        self.flown.append((data, source, target))
        super().fly(data, source, target)

    def hear(self, data: bytes, source: Flow = CARRIER) -> None:
        """A datagram, and what it causes at once."""
        self.engine.datagram(data, source, self.at())
        self.flush()

    def sent_to(self, target: Flow) -> list[Request | Response]:
        parsed = [parse(data) for data, source, to in self.flown if source == SWITCH and to == target]
        assert all(isinstance(message, Request | Response) for message in parsed), "the switch sent what is no SIP"
        return [message for message in parsed if isinstance(message, Request | Response)]

    def statuses(self, target: Flow = CARRIER) -> list[int]:
        return [message.status for message in self.sent_to(target) if isinstance(message, Response)]

    def forget_flown(self, keep: int) -> None:
        """Keeps the last `keep` datagrams only."""
        del self.flown[:-keep]

    def wind_down(self) -> None:
        """Peers fall silent, the switch stops, every timer runs out: nothing is kept."""
        self._phones.clear()
        self.run(200_000)
        self.engine.stop(self.at())
        self.run(DAY_MS)
        assert self.complaints == []
        assert self.engine.live_calls == 0
        assert set(self.sip.live_counts().values()) == {0}
        assert self.engine.next_deadline() is None
        opened = Counter(order.port for order in self.orders if isinstance(order, mc.Open))
        closed = Counter(order.port for order in self.orders if isinstance(order, mc.Close))
        assert opened == closed


def message(
    method: str = "INVITE",
    *,
    branch: str = "z9hG4bKh",
    sender: str = "<sip:+12125550199@198.51.100.7>;tag=ct",
    to: str = f"<{DID_URI}>",
    cseq: int = 1,
    body: bytes | None = None,
    call: str = "hostile",
) -> bytes:
    """A request of the carrier's. `body` None: a good offer, for an INVITE."""
    if body is None:
        body = offer_answer.offer(host="198.51.100.8", port=6_000, session_id=1, version=1) if method == "INVITE" else b""
    lines = [
        f"{method} {DID_URI} SIP/2.0",
        f"Via: SIP/2.0/UDP 198.51.100.7:5080;rport;branch={branch}",
        f"From: {sender}",
        f"To: {to}",
        f"Call-ID: {call}",
        f"CSeq: {cseq} {method}",
        "Contact: <sip:carrier@198.51.100.7:5080>",
        *(["Content-Type: application/sdp"] if body else []),
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def mutated(data: bytes, random: Random) -> bytes:
    text = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4))):
        at = random.randrange(len(text) + 1)
        match random.randrange(7):
            case 0:
                text[at : at + 1] = random.randbytes(1)
            case 1:
                text[at:at] = random.choice(PIECES) * random.choice((1, 1, 1, 300))
            case 2:
                del text[at : at + random.randrange(60)]
            case 3:
                del text[at:]
            case 4:
                lines = bytes(text).split(b"\r\n")
                lines.insert(random.randrange(len(lines) + 1), random.choice(lines))
                text = bytearray(b"\r\n".join(lines))
            case 5:
                lines = bytes(text).split(b"\r\n")
                del lines[random.randrange(len(lines))]
                text = bytearray(b"\r\n".join(lines))
            case _:
                text = bytearray(re.sub(rb"INVITE|ACK|BYE|CANCEL", random.choice(METHODS), bytes(text)))
    return bytes(text)
