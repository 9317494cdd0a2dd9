"""Messages and traces as tests need them."""

from switch.trace.message import Endpoint, Trace, TracedMessage

SWITCH = Endpoint("192.0.2.1", 5060)
CARRIER_AT = Endpoint("198.51.100.7", 5080)
EAST = Endpoint("203.0.113.10", 5060)
WEST = Endpoint("203.0.113.20", 5070)
SDP = "v=0\r\nm=audio 6000 RTP/AVP 0\r\n"


def message(
    start: str,
    *,
    at_ms: int = 0,
    sent: bool = False,
    party: int = 0,
    cseq: str = "1 INVITE",
    branch: str = "b",
    call_id: str = "c@198.51.100.7",
    tag: str = "",
    sdp: bool = False,
    transport: str = "UDP",
    more: tuple[str, ...] = (),
) -> TracedMessage:
    lines = [
        start,
        f"Via: SIP/2.0/{transport} 192.0.2.9;branch=z9hG4bK{branch}",
        "From: <sip:1@example.com>;tag=f",
        f"To: <sip:2@example.com>{f';tag={tag}' if tag else ''}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq}",
        *more,
        *(["Content-Type: application/sdp"] if sdp else []),
        f"Content-Length: {len(SDP) if sdp else 0}",
    ]
    theirs = (CARRIER_AT, EAST, WEST)[min(party, 2)]
    data = "\r\n".join([*lines, "", SDP if sdp else ""]).encode()
    return TracedMessage(1_772_463_600_000_000 + at_ms * 1_000, sent, party, transport, SWITCH, theirs, data)


def call() -> Trace:
    """A call whose INVITE comes three times, whose first line is busy, and which the second one answers."""
    east, west = "3f2a9c-1", "3f2a9c-2"
    busy = {"party": 1, "call_id": east, "branch": "e"}
    good = {"party": 2, "call_id": west, "branch": "w"}
    return Trace(
        call_id="3f2a9c",
        sip_call_id="c@198.51.100.7",
        parties=("level3", "acme-east", "acme-west"),
        messages=(
            message("INVITE sip:18005550100@192.0.2.1 SIP/2.0", sdp=True),
            message("SIP/2.0 100 Trying", at_ms=1, sent=True),
            message("INVITE sip:east@203.0.113.10 SIP/2.0", at_ms=2, sent=True, sdp=True, **busy),  # type: ignore[arg-type]
            message("INVITE sip:18005550100@192.0.2.1 SIP/2.0", at_ms=500, sdp=True),
            message("SIP/2.0 486 Busy Here", at_ms=700, tag="e", **busy),  # type: ignore[arg-type]
            message("ACK sip:east@203.0.113.10 SIP/2.0", at_ms=700, sent=True, cseq="1 ACK", tag="e", **busy),  # type: ignore[arg-type]
            message("INVITE sip:west@203.0.113.20 SIP/2.0", at_ms=701, sent=True, sdp=True, **good),  # type: ignore[arg-type]
            message("INVITE sip:18005550100@192.0.2.1 SIP/2.0", at_ms=1_500, sdp=True),
            message("SIP/2.0 200 OK", at_ms=3_000, tag="w", sdp=True, **good),  # type: ignore[arg-type]
            message("SIP/2.0 200 OK", at_ms=3_001, sent=True, tag="s", sdp=True),
            message("ACK sip:192.0.2.1 SIP/2.0", at_ms=3_020, cseq="1 ACK", branch="a", tag="s"),
            message("BYE sip:192.0.2.1 SIP/2.0", at_ms=93_000, cseq="2 BYE", branch="y", tag="s"),
            message("SIP/2.0 200 OK", at_ms=93_001, sent=True, cseq="2 BYE", branch="y", tag="s"),
        ),
    )
