"""SIP over a stream is cut into the same messages however it arrives, and what can't be cut ends it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sip_world import request

from switch.sip.flow import Transport
from switch.sip.framing import MAX_STREAM_MESSAGE_BYTES, PING, StreamFramer, Unframed, sent_by_port
from switch.sip.message import MAX_START_LINE_CHARS

HEAD = b"OPTIONS sip:a@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/TCP 198.51.100.7:5080;branch=z9hG4bK1\r\n"


def message(length: str, body: bytes = b"") -> bytes:
    return HEAD + f"Content-Length: {length}\r\n\r\n".encode() + body


PIECES = [
    request("INVITE", body=b"v=0\r\n\r\nthe offer"),
    message("0"),
    message("4", b"\r\n\r\n"),
    message("4", b"\r\n\r\n").replace(b"Content-Length", b"l"),
    message("\r\n 5", b"hello"),
    message("3 ", b"SIP").replace(b"\r\n", b"\n"),
    b"SIP/2.0 200 OK\r\nContent-Length:2\r\n\r\nok",
    PING,
    b"\r\n",
]


def fed(stream: bytes, cuts: list[int]) -> tuple[list[bytes], Unframed | None, bool]:
    framer = StreamFramer()
    frames: list[bytes] = []
    start = 0
    for end in [*sorted(cuts), len(stream)]:
        frames += framer.feed(stream[start:end])
        start = max(start, end)
    return frames, framer.broken, framer.is_inside_message


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.sampled_from([*PIECES, b"\n", b"\r", b"GET / HTTP/1.1\r\n", HEAD + b"\r\n", HEAD, b"\x16\x03"]), max_size=8),
    st.data(),
)
def test_any_split_gives_the_same_messages(pieces: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(pieces)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=12))

    whole = fed(stream, [])

    assert fed(stream, cuts) == whole
    assert fed(stream, list(range(len(stream)))) == whole


def test_what_was_sent_comes_out() -> None:
    messages = [piece for piece in PIECES if piece.strip()]

    assert fed(b"".join(PIECES), []) == ([*messages, PING], None, False)


def test_ten_thousand_keep_alives_leave_nothing() -> None:
    framer = StreamFramer()

    frames = [frame for _ in range(10_000) for half in (b"\r\n", b"\r\n") for frame in framer.feed(half)]

    assert frames == [PING] * 10_000
    assert not framer.is_inside_message


@pytest.mark.parametrize("length", ["", "x", "-1", "1\r\nContent-Length: 2", "1\r\nl: 2", "9999999999"])
def test_a_message_without_a_usable_length_is_the_last(length: str) -> None:
    head = message(length)

    assert fed(head + b"abc" + message("0"), []) == ([head], Unframed.NO_LENGTH, False)


def test_a_length_that_is_said_twice_is_one_length() -> None:
    twice = message("1\r\nl: 1", b"x")

    assert fed(twice + message("0"), []) == ([twice, message("0")], None, False)


def test_a_length_is_no_part_of_another_header() -> None:
    folded = HEAD + b"Subject: x\r\n Content-Length: 5\r\nX-Content-Length: 7\r\nContent-Length: 1\r\n\r\ny"

    assert fed(folded, []) == ([folded], None, False)


@pytest.mark.parametrize(
    "stream", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02", b"\0", b"hello\r\n", b" OPTIONS sip:a SIP/2.0\r\n"]
)
def test_what_is_no_sip_ends_the_stream(stream: bytes) -> None:
    assert fed(stream + message("0"), []) == ([], Unframed.NO_SIP, False)


@pytest.mark.parametrize("over", [0, 1])
def test_the_longest_message(over: int) -> None:
    length = MAX_STREAM_MESSAGE_BYTES - len(message("65000")) + over
    longest = message(str(length), b"x" * length)

    frames, broken, _ = fed(longest, [])

    assert (frames, broken) == (([longest], None) if not over else ([message(str(length))], Unframed.TOO_LONG))


@pytest.mark.parametrize("over", [0, 1])
def test_the_longest_head(over: int) -> None:
    padding = MAX_STREAM_MESSAGE_BYTES - len(message("0")) + over
    head = message("0").replace(b"Content", b"X: " + b"y" * (padding - 5) + b"\r\nContent")
    assert len(head) == MAX_STREAM_MESSAGE_BYTES + over

    assert fed(head, [])[:2] == (([head], None) if not over else ([], Unframed.TOO_LONG))
    assert fed(head[:-4] + b"z" * (4 + over), [])[1] == (None if not over else Unframed.TOO_LONG)


@pytest.mark.parametrize("over", [0, 1])
def test_the_longest_start_line(over: int) -> None:
    user = "a" * (MAX_START_LINE_CHARS - len("OPTIONS sip:@b SIP/2.0") + over)
    line = f"OPTIONS sip:{user}@b SIP/2.0".encode()

    assert fed(line, [])[1] is None
    assert fed(line + b"\r" + b"x" * over, [])[1] == (None if not over else Unframed.NO_SIP)


def test_where_the_sender_listens() -> None:
    assert sent_by_port(message("0"), Transport.TCP) == 5080
    assert sent_by_port(message("0").replace(b":5080", b""), Transport.TCP) == 5060
    assert sent_by_port(message("0").replace(b":5080", b""), Transport.TLS) == 5061
    assert sent_by_port(message("0").replace(b"198.51.100.7", b"[2001:db8::1]"), Transport.TCP) == 5080
    assert sent_by_port(b"OPTIONS sip:a SIP/2.0\r\nSubject: Via: x\r\n\r\n", Transport.TCP) is None
