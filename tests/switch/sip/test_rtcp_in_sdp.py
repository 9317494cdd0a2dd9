"""Where SDP says that RTCP is: on the port of RTP (RFC 5761), where both agree, or on one of its own (RFC 3605)."""

import pytest

from switch.sip.offer_answer import NegotiatedMedia, accept_answer, answer, offer
from switch.sip.sdp import SessionDescription, parse_sdp

HEAD = "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n"


def described(*lines: str, session: str = "") -> SessionDescription:
    body = HEAD + session + "".join(f"{line}\r\n" for line in ("m=audio 20000 RTP/AVP 0", *lines))
    description = parse_sdp(body.encode())
    assert description is not None
    return description


def answered(*lines: str, session: str = "") -> NegotiatedMedia:
    agreement = answer(described(*lines, session=session), hosts=("127.0.0.1",), port=4_000, session_id=1, version=1)
    assert isinstance(agreement, NegotiatedMedia)
    return agreement


def test_an_offer_to_share_the_port_is_taken() -> None:
    agreement = answered("a=rtcp-mux")
    assert agreement.stream.rtcp_mux
    assert b"a=rtcp-mux\r\n" in agreement.body


@pytest.mark.parametrize("lines", [(), ("a=rtcp-mux-only",), ("a=rtcp:20001",)])
def test_nothing_is_shared_that_was_not_offered(lines: tuple[str, ...]) -> None:
    agreement = answered(*lines)
    assert not agreement.stream.rtcp_mux
    assert b"rtcp" not in agreement.body


@pytest.mark.parametrize(
    ("line", "port"),
    [
        ("a=rtcp:53020", 53_020),
        ("a=rtcp:53020 IN IP4 198.51.100.9", 53_020),
        ("a=rtcp:65535", 65_535),
        ("a=rtcp:65536", None),
        ("a=rtcp:0", None),
        ("a=rtcp:", None),
        ("a=rtcp:port", None),
        ("a=rtcp", None),
    ],
)
def test_a_port_of_its_own(line: str, port: int | None) -> None:
    assert answered(line).stream.rtcp_port == port


def test_what_stands_before_the_stream_is_not_the_streams() -> None:
    stream = answered(session="a=rtcp-mux\r\na=rtcp:9\r\n").stream
    assert (stream.rtcp_mux, stream.rtcp_port) == (False, None)


@pytest.mark.parametrize(("offered", "agreed"), [(True, True), (False, False)])
def test_an_answer_shares_only_what_was_offered(*, offered: bool, agreed: bool) -> None:
    body = offer(host="127.0.0.1", port=4_000, session_id=1, version=1, rtcp_mux=offered)
    assert (b"a=rtcp-mux\r\n" in body) is offered
    agreement = accept_answer(described("a=rtcp-mux", "a=rtcp:7000"), host="127.0.0.1", rtcp_mux=offered)
    assert agreement is not None
    assert (agreement.stream.rtcp_mux, agreement.stream.rtcp_port) == (agreed, 7_000)
