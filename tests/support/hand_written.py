"""Messages of a caller and a line that a test writes by hand, against the whole engine (`engine_world.World`)."""

from collections.abc import Mapping

from engine_world import CARRIER, EAST, World

from media import control as mc
from switch.engine.effect import SendSip
from switch.sip.flow import Flow, Listeners
from switch.sip.message import Headers, Request, Response, parse, serialize
from switch.sip.requests import answer


def line_sdp(port: int, *, formats: str = "0") -> str:
    return f"v=0\r\no=- 1 1 IN IP4 198.51.100.21\r\ns=-\r\nc=IN IP4 198.51.100.21\r\nt=0 0\r\nm=audio {port} RTP/AVP {formats}\r\n"


def sent_to(world: World, flow: Flow) -> list[Request | Response]:
    """All that the switch sent there, in order."""
    sent = [parse(effect.data) for effect in world.effects if isinstance(effect, SendSip) and effect.target == flow]
    return [message for message in sent if isinstance(message, Request | Response)]


def aims(world: World) -> list[int]:
    """The ports that the media worker was told to send to, in order."""
    return [order.peer.port for order in world.told(mc.SetRemote)]


class LineByHand:
    """A line whose messages are written by the test. It is called at once, by a caller that offers `offer` (None: G.711; b"": nothing),
    unless `calls` is False."""

    def __init__(self, world: World, *, offer: bytes | None = None, calls: bool = True) -> None:
        self._world = world
        if calls:
            world.call(body=offer)
        world.run(20)
        (message,) = sent_to(world, EAST)
        assert isinstance(message, Request)
        self._invite = message

    def answers(self, status: int, sdp: str = "", *, tag: str = "l1", rseq: int = 0) -> None:
        """The answer of the fork with this tag. `rseq`: its RSeq, 0: it is not reliable."""
        reliable = (("Require", "100rel"), ("RSeq", str(rseq))) if rseq else ()
        listeners = Listeners((EAST,), user_agent="line")
        extra = (("Contact", f"<sip:{EAST.host}:{EAST.port}>"), *reliable)
        message = answer(self._invite, status, tag=tag, listeners=listeners, extra=extra, body=sdp.encode())
        self._hear(message)

    def updates(self, sdp: str, *, tag: str = "l1", cseq: int = 1) -> Response:
        """Offers SDP by UPDATE in the early dialog of the fork with this tag; returns the answer."""
        headers = self._invite.headers
        fields = {
            "Via": f"SIP/2.0/UDP {EAST.host}:{EAST.port};rport;branch=z9hG4bK{tag}{cseq}",
            "Max-Forwards": "70",
            "From": f"{headers.get('To')};tag={tag}",
            "To": headers.get("From") or "",
            "Call-ID": headers.get("Call-ID") or "",
            "CSeq": f"{cseq} UPDATE",
            "Content-Type": "application/sdp",
        }
        self._hear(Request(method="UPDATE", uri="sip:192.0.2.1", headers=Headers(fields.items()), body=sdp.encode()))
        last = sent_to(self._world, EAST)[-1]
        assert isinstance(last, Response)
        return last

    def _hear(self, message: Request | Response) -> None:
        self._world.engine.datagram(serialize(message), EAST, self._world.at())
        self._world.run(20)


def from_caller(
    world: World, method: str, *, cseq: int = 1, to_tag: str = "", more: Mapping[str, str] | None = None, sdp: str = ""
) -> None:
    """A request of the caller's in the one call that it writes by hand."""
    fields = {
        "Via": f"SIP/2.0/UDP {CARRIER.host}:{CARRIER.port};rport;branch=z9hG4bKc{method}{cseq}",
        "Max-Forwards": "70",
        "From": f"<sip:+12125550199@{CARRIER.host}>;tag=ct",
        "To": "<sip:+18005550100@192.0.2.1>" + (f";tag={to_tag}" if to_tag else ""),
        "Call-ID": "by-hand",
        "CSeq": f"{cseq} {method}",
        "Contact": f"<sip:caller@{CARRIER.host}:{CARRIER.port}>",
        **(more or {}),
        **({"Content-Type": "application/sdp"} if sdp else {}),
    }
    uri = "sip:+18005550100@192.0.2.1"
    message = Request(method=method, uri=uri, headers=Headers(fields.items()), body=sdp.encode())
    world.engine.datagram(serialize(message), CARRIER, world.at())
    world.run(20)
