"""Writing messages: the exact octets, and that no line break gets out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.sip.message import HeaderInjection, Headers, Message, Request, Response, parse, serialize

VIA = ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")
REST = [("From", "<sip:a@b>;tag=1"), ("To", "<sip:c@d>"), ("Call-ID", "x"), ("CSeq", "1 OPTIONS")]
BREAKS = ["\r\nX: y", "\n", "\r", "\0"]


def test_request() -> None:
    headers = Headers([VIA, ("X-Tall", "ü")])
    written = serialize(Request(method="INFO", uri="sip:c@d", headers=headers, body=b"\x00\r\n"))
    assert written == (
        b"INFO sip:c@d SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nX-Tall: \xc3\xbc\r\nContent-Length: 3\r\n\r\n\x00\r\n"
    )


def test_response_without_a_reason() -> None:
    assert serialize(Response(status=180, reason="", headers=Headers())) == b"SIP/2.0 180 \r\nContent-Length: 0\r\n\r\n"


def test_a_given_content_length_is_replaced() -> None:
    headers = Headers([("Content-Length", "999"), ("Content-Length", "-1")])
    assert (
        serialize(Response(status=200, reason="OK", headers=headers, body=b"ab"))
        == b"SIP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nab"
    )


@pytest.mark.parametrize("bad", BREAKS)
@pytest.mark.parametrize("place", ["method", "uri", "reason", "name", "value"])
def test_no_line_break_gets_out(bad: str, place: str) -> None:
    text = {key: key + (bad if key == place else "") + "x" for key in ("method", "uri", "reason", "name", "value")}
    headers = Headers([(text["name"], text["value"])])
    messages: list[Message] = [Request(method=text["method"], uri=text["uri"], headers=headers)]
    messages += [Response(status=200, reason=text["reason"], headers=headers)]
    affected = messages[1:] if place == "reason" else messages[:1]
    for message in affected:
        with pytest.raises(HeaderInjection):
            serialize(message)


def test_a_break_split_over_two_values_is_seen() -> None:
    with pytest.raises(HeaderInjection):
        serialize(Response(status=200, reason="OK\r", headers=Headers([("X", "\ny")])))


@given(
    values=st.lists(st.tuples(st.sampled_from(["Subject", "X-Any", "Reason"]), st.text(max_size=30)), max_size=5),
    body=st.binary(max_size=50),
)
def test_what_is_written_reads_the_same_or_is_refused(values: list[tuple[str, str]], body: bytes) -> None:
    clean = [(name, value.strip(" \t")) for name, value in values]
    request = Request(method="OPTIONS", uri="sip:c@d", headers=Headers([VIA, *REST, *clean]), body=body)
    if any(char in value for _, value in clean for char in "\r\n\0"):
        with pytest.raises(HeaderInjection):
            serialize(request)
    else:
        read = parse(serialize(request))
        assert isinstance(read, Request)
        assert list(read.headers)[:-1] == list(request.headers)
        assert read.body == body
