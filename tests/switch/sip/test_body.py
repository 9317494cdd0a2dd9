"""The SDP in a message's body, alone or among other parts, as gateways write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.sip.body import MAX_BOUNDARY_CHARS, MAX_NESTING, MAX_PARTS, sdp_of, with_sdp_body
from switch.sip.capabilities import body_rejection
from switch.sip.message import Headers, Request, Response

SDP = b"v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\n"
ISUP = b"\x01\x00\x60--b\r\n\x00\x0a"


def mixed(*parts: bytes, boundary: bytes = b"b1", end: bytes = b"\r\n--b1--\r\n") -> bytes:
    return b"".join(b"\r\n--" + boundary + b"\r\n" + part for part in parts) + end


def part(body: bytes, *fields: bytes) -> bytes:
    return b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


SDP_PART = part(SDP, b"Content-Type: application/sdp")
ISUP_PART = part(ISUP, b"Content-Type: application/isup;version=ansi88", b"Content-Disposition: signal;handling=optional")


def found(content_type: str | None, body: bytes, **more: str) -> bytes | None:
    fields = [] if content_type is None else [("Content-Type", content_type)]
    fields += [(name.replace("_", "-"), value) for name, value in more.items()]
    return sdp_of(Headers(fields), body)


@pytest.mark.parametrize(
    "content_type", ["application/sdp", "Application/SDP", "application/sdp;charset=utf-8", "application/sdp ; x", None, ""]
)
def test_sdp_alone(content_type: str | None) -> None:
    assert found(content_type, SDP) == SDP


@pytest.mark.parametrize("content_type", [None, "application/sdp", "multipart/mixed", "application/isup"])
def test_no_body_is_no_sdp(content_type: str | None) -> None:
    assert found(content_type, b"") == b""


@pytest.mark.parametrize(
    ("content_type", "body", "more"),
    [
        ("application/isup", ISUP, {}),
        ("text/plain", SDP, {}),
        (None, ISUP, {}),
        ("application/sdp", SDP, {"Content_Encoding": "gzip"}),
        ("application/sdp", SDP, {"Content_Disposition": "early-session"}),
        ("multipart/mixed;boundary=b1", mixed(ISUP_PART), {}),
        ("multipart/mixed", mixed(SDP_PART), {}),
        ("multipart/mixed;boundary=other", mixed(SDP_PART), {}),
        ("multipart/mixed;boundary=b1", mixed(SDP_PART, part(ISUP, b"Content-Disposition: signal; handling=REQUIRED")), {}),
        ("multipart/mixed;boundary=b1", mixed(part(SDP, b"Content-Type: application/sdp", b"Content-Encoding: gzip")), {}),
        (
            "multipart/mixed;boundary=b1",
            mixed(part(b"dj0w", b"Content-Type: application/sdp", b"Content-Transfer-Encoding: base64")),
            {},
        ),
    ],
)
def test_a_body_without_sdp_that_we_can_take(content_type: str | None, body: bytes, more: dict[str, str]) -> None:
    assert found(content_type, body, **more) is None


def test_a_body_that_need_not_be_understood_is_none() -> None:
    assert found("application/isup", ISUP, Content_Disposition="signal;handling=optional") == b""


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/mixed;boundary=b1", mixed(SDP_PART, ISUP_PART)),
        ("multipart/mixed;boundary=b1", mixed(ISUP_PART, SDP_PART)),
        ('MULTIPART/Mixed; boundary="b1"', mixed(SDP_PART, ISUP_PART)),
        ("multipart/related;start=x;boundary=b1", mixed(SDP_PART, ISUP_PART)),
        ("multipart/mixed;boundary=b1", b"To be ignored\r\nv=0\r\n" + mixed(SDP_PART, ISUP_PART) + b"and so is this"),
        ("multipart/mixed;boundary=b1", mixed(ISUP_PART, SDP_PART, end=b"\r\n--b1")),
        ("multipart/mixed;boundary=b1", mixed(part(SDP, b"CONTENT-TYPE :\tapplication/sdp; x=y", b"X-Junk", b"Content-ID: <a@b>"))),
        ("multipart/mixed;boundary=b1", mixed(part(SDP, b"Content-Type:\r\n application/sdp"))),
        ("multipart/mixed;boundary=b1", mixed(part(SDP, b"Content-Type: application/sdp", b"Content-Transfer-Encoding: 8bit"))),
        ("multipart/mixed;boundary=b1", mixed(part(SDP, b"Content-Disposition: session;handling=required"))),
        ("multipart/mixed;boundary=b1", mixed(part(SDP))),
        ("multipart/mixed;boundary=b1", mixed(SDP_PART, part(b"v=0 other", b"Content-Type: application/sdp"))),
        ("multipart/alternative;boundary=b1", mixed(part(b"v=0 other", b"Content-Type: application/sdp"), SDP_PART)),
        ("multipart/alternative;boundary=b1", mixed(SDP_PART, part(ISUP, b"Content-Disposition: signal;handling=required"))),
        (
            "multipart/mixed;boundary=out",
            mixed(part(mixed(ISUP_PART, SDP_PART), b"Content-Type: multipart/mixed;boundary=b1"), boundary=b"out"),
        ),
    ],
)
def test_sdp_among_other_parts(content_type: str, body: bytes) -> None:
    assert found(content_type, body) == SDP


def test_bare_line_feeds() -> None:
    body = mixed(SDP_PART, ISUP_PART).replace(b"\r\n", b"\n")
    assert found("multipart/mixed;boundary=b1", body) == SDP.replace(b"\r\n", b"\n")


def test_a_last_boundary_may_be_missing() -> None:
    assert found("multipart/mixed;boundary=b1", mixed(SDP_PART, end=b"")) == SDP


def test_the_parts_that_are_looked_at() -> None:
    last, beyond = [ISUP_PART] * (MAX_PARTS - 1), [ISUP_PART] * MAX_PARTS
    assert found("multipart/mixed;boundary=b1", mixed(*last, SDP_PART)) == SDP
    assert found("multipart/mixed;boundary=b1", mixed(*beyond, SDP_PART)) is None


def test_the_depth_that_is_looked_at() -> None:
    def nested(levels: int) -> bytes | None:
        body, content_type = SDP, "application/sdp"
        for level in range(levels):
            boundary = f"b{level}"
            body = mixed(part(body, f"Content-Type: {content_type}".encode()), boundary=boundary.encode(), end=b"")
            content_type = f"multipart/mixed;boundary={boundary}"
        return found(content_type, body)

    assert nested(MAX_NESTING) == SDP
    assert nested(MAX_NESTING + 1) is None


def test_the_longest_boundary() -> None:
    for length, expected in ((MAX_BOUNDARY_CHARS, SDP), (MAX_BOUNDARY_CHARS + 1, None)):
        assert found(f"multipart/mixed;boundary={'b' * length}", mixed(SDP_PART, boundary=b"b" * length, end=b"")) == expected


def request(method: str, body: bytes, content_type: str = "multipart/mixed;boundary=b1") -> Request:
    fields = [("CSeq", f"1 {method}"), ("Content-Type", content_type), ("Content-Disposition", "session")]
    return Request(method=method, uri="sip:a@b", headers=Headers(fields), body=body)


@pytest.mark.parametrize("method", ["INVITE", "ACK", "PRACK", "UPDATE"])
def test_requests_and_answers_that_carry_sdp_have_nothing_else(method: str) -> None:
    sent = request(method, mixed(ISUP_PART, SDP_PART))
    taken = with_sdp_body(sent)
    assert (taken.body, taken.headers.get("Content-Type")) == (SDP, "application/sdp")
    answer = Response(status=200, reason="OK", headers=sent.headers, body=sent.body)
    assert with_sdp_body(answer).body == SDP
    assert with_sdp_body(taken) is taken


def test_bodies_of_other_methods_are_left_alone() -> None:
    sent = request("INFO", mixed(SDP_PART))
    assert with_sdp_body(sent) is sent


def test_how_a_body_without_sdp_is_refused() -> None:
    refused = request("INVITE", mixed(ISUP_PART))
    assert with_sdp_body(refused) is refused
    assert body_rejection(refused) == (415, (("Accept", "application/sdp, multipart/mixed"),))


@given(st.lists(st.sampled_from([b"--b1", b"--b1--", b"\r\n", b"\n", b"Content-Type: application/sdp", SDP, b":", b" ", b"\xff"])))
def test_no_octets_raise(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    assert len(found("multipart/mixed;boundary=b1", body) or b"") <= len(body)
