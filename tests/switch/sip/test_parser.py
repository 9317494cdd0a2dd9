"""The parser's rules one by one, then everything at once: random and mutated octets give values, and never an exception."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.sip.headers import parse_cseq, parse_name_addr, parse_via
from switch.sip.message import UNSUPPORTED_VERSION, Headers, KeepAlive, Malformed, Request, Response, parse, serialize

MAX_DATAGRAM_BYTES = 65_535
MAX_HEADERS = 128
MAX_LINE_CHARS = 8_192

BASE = {
    "Via": "SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKx;rport",
    "Max-Forwards": "70",
    "From": '"A" <sip:a@example.com>;tag=f',
    "To": "<sip:b@example.com>",
    "Call-ID": "c1@192.0.2.7",
    "CSeq": "7 INVITE",
}
NEEDED = ["Via", "From", "To", "Call-ID", "CSeq"]


def octets(
    *lines: str, start: str = "INVITE sip:b@example.com SIP/2.0", body: bytes = b"", changed: Mapping[str, str | None] | None = None
) -> bytes:
    """A request with BASE's headers, some `changed` (None: left out), and further header `lines`."""
    fields = {**BASE, **(changed or {})}
    head = [start, *(f"{name}: {value}" for name, value in fields.items() if value is not None), *lines]
    return "".join(f"{line}\r\n" for line in head).encode() + b"\r\n" + body


def request(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request), message
    return message


def malformed(data: bytes) -> Malformed:
    message = parse(data)
    assert isinstance(message, Malformed), message
    return message


class TestWhole:
    def test_request(self) -> None:
        message = request(octets("Content-Length: 3", body=b"abc"))
        assert (message.method, message.uri, message.body) == ("INVITE", "sip:b@example.com", b"abc")
        assert list(message.headers) == [*BASE.items(), ("Content-Length", "3")]

    def test_response(self) -> None:
        message = parse(octets(start="SIP/2.0 486 Busy Here"))
        assert message == Response(status=486, reason="Busy Here", headers=Headers(BASE.items()))

    @pytest.mark.parametrize("data", [b"", b"\r\n", b"\r\n\r\n", b"\n"])
    def test_keep_alive(self, data: bytes) -> None:
        assert parse(data) == KeepAlive(length=len(data))

    def test_empty_lines_first(self) -> None:
        assert request(b"\r\n\r\n" + octets()) == request(octets())

    def test_longest_datagram(self) -> None:
        room = MAX_DATAGRAM_BYTES - len(octets())
        assert len(request(octets(body=b"x" * room)).body) == room
        assert malformed(octets(body=b"x" * (room + 1))).request is None


class TestNames:
    @pytest.mark.parametrize(
        ("spelt", "name"),
        [
            ("call-id", "Call-ID"),
            ("i", "Call-ID"),
            ("I", "Call-ID"),
            ("CALL-ID ", "Call-ID"),
            ("cSEQ\t", "CSeq"),
        ],
    )
    def test_canonical(self, spelt: str, name: str) -> None:
        message = request(octets(f"{spelt}: {BASE[name]}", changed={name: None}))
        assert message.headers.get(name) == BASE[name]

    @pytest.mark.parametrize(
        ("spelt", "name"),
        [
            ("k", "Supported"),
            ("WWW-AUTHENTICATE", "WWW-Authenticate"),
            ("x-CID-token", "X-Cid-Token"),
            ("p-charge-info", "P-Charge-Info"),
            ("remote-party-id", "Remote-Party-ID"),
            ("MIN-SE", "Min-SE"),
            ("x", "Session-Expires"),
            ("z", "Z"),
        ],
    )
    def test_others_too(self, spelt: str, name: str) -> None:
        assert request(octets(f"{spelt}:v")).headers.get(name) == "v"

    @pytest.mark.parametrize("line", ["no colon", ": no name", "a name: x", "näme: x", "(x): y", "x"])
    def test_no_header(self, line: str) -> None:
        assert malformed(octets(line)).why == "unreadable header line"

    def test_empty_value_and_folding(self) -> None:
        headers = request(octets("Subject:", "X-Folded: one", "  two", "\t three", "X-Empty:", "  late")).headers
        assert [headers.get(name) for name in ("Subject", "X-Folded", "X-Empty")] == ["", "one two three", "late"]


class TestLists:
    def test_split_with_regard_to_quotes_and_brackets(self) -> None:
        headers = request(octets('m: "One, \\", Two" <sip:a,b@c>;x="d,e" , <sip:f@g>,sip:h@i')).headers
        assert headers.all("Contact") == ['"One, \\", Two" <sip:a,b@c>;x="d,e"', "<sip:f@g>", "sip:h@i"]

    def test_many_lines_keep_their_order(self) -> None:
        headers = request(octets("Record-Route: <sip:1>, <sip:2>", "Allow: INVITE,ACK", "Record-Route: <sip:3>")).headers
        assert headers.all("Record-Route") == ["<sip:1>", "<sip:2>", "<sip:3>"]
        assert headers.all("Allow") == ["INVITE", "ACK"]

    def test_empty_elements_are_skipped(self) -> None:
        headers = request(octets("Supported: ", "Require: ,, timer ,")).headers
        assert (headers.all("Supported"), headers.all("Require")) == ([], ["timer"])

    @pytest.mark.parametrize("value", ['Digest realm="a", nonce="b"', "Sun, 22 Nov 2026 10:00:00 GMT", "Hello, you"])
    @pytest.mark.parametrize("name", ["Date", "Authorization", "WWW-Authenticate", "Proxy-Authorization", "Subject", "X-Unknown"])
    def test_no_list(self, name: str, value: str) -> None:
        assert request(octets(f"{name}: {value}")).headers.all(name) == [value]

    @pytest.mark.parametrize("value", ['"open, <sip:a@b>', "<sip:a@b, <sip:c@d", '"a\\", b', "<sip:a@b>, <"])
    def test_unbalanced(self, value: str) -> None:
        assert malformed(octets(f"Contact: {value}")).request is not None


class TestLimits:
    def test_headers(self) -> None:
        fill = [f"X-{number}: y" for number in range(MAX_HEADERS - len(BASE))]
        assert len(request(octets(*fill)).headers) == MAX_HEADERS
        assert malformed(octets(*fill, "X-Last: y")).request is not None

    def test_list_values_count_too(self) -> None:
        room = MAX_HEADERS - len(BASE)
        assert len(request(octets("Allow: " + "A," * room)).headers) == MAX_HEADERS
        refused = malformed(octets("Allow: " + "A," * (room + 1)))
        assert refused.request is not None
        assert len(refused.request.headers) == MAX_HEADERS

    def test_headers_beyond_the_limit_are_not_looked_at(self) -> None:
        fill = [f"Q-{number}: y" for number in range(MAX_HEADERS)]
        assert malformed(octets(*fill, f"Call-ID: {BASE['Call-ID']}", changed={"Call-ID": None})).request is None

    def test_line_length_after_unfolding(self) -> None:
        half = "y" * ((MAX_LINE_CHARS - len("Z: ")) // 2)
        assert len(request(octets("Z: " + half, " " + half[1:])).headers.get("Z") or "") == len(half) * 2
        assert malformed(octets("Z: " + half, " " + half + "yy")).request is not None

    def test_start_line_length(self) -> None:
        uri = "sip:" + "u" * (MAX_LINE_CHARS - len("INVITE sip: SIP/2.0"))
        assert request(octets(start=f"INVITE {uri} SIP/2.0")).uri == uri
        assert malformed(octets(start=f"INVITE {uri}u SIP/2.0")).request is None


class TestBody:
    @pytest.mark.parametrize(("length", "body"), [("3", b"abc"), ("2", b"ab"), ("0", b""), ("0003", b"abc")])
    def test_content_length_cuts(self, length: str, body: bytes) -> None:
        assert request(octets(changed={"Content-Length": length}, body=b"abc")).body == body

    @pytest.mark.parametrize("length", ["4", "-1", "", "x", "3;", "99999999999999999999999999", "+3"])
    def test_bad_content_length(self, length: str) -> None:
        refused = malformed(octets(changed={"l": length}, body=b"abc"))
        assert refused.why == "bad Content-Length"
        assert refused.request is not None

    def test_without_content_length_the_rest_is_body(self) -> None:
        assert request(octets(body=b"\r\n\r\nabc")).body == b"\r\n\r\nabc"


class TestMandatory:
    @pytest.mark.parametrize("name", NEEDED)
    def test_missing_cannot_be_answered(self, name: str) -> None:
        assert malformed(octets(changed={name: None})).request is None

    def test_max_forwards_may_be_absent(self) -> None:
        request(octets(changed={"Max-Forwards": None}))

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("From", "nobody"),
            ("To", "<sip:b@example.com"),
            ("CSeq", "7 BYE"),
            ("CSeq", "7 invite"),
            ("CSeq", "4294967296 INVITE"),
            ("Max-Forwards", "256"),
            ("Max-Forwards", "-1"),
        ],
    )
    def test_bad_value_is_answerable(self, name: str, value: str) -> None:
        refused = malformed(octets(changed={name: value}))
        assert refused.request is not None
        assert refused.request.method == "INVITE"
        assert refused.request.headers.get(name) == value

    def test_bad_via_leaves_nowhere_to_answer_to(self) -> None:
        assert malformed(octets(changed={"Via": "UDP nowhere"})).request is None

    @pytest.mark.parametrize("name", ["From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Type"])
    def test_twice(self, name: str) -> None:
        value = BASE.get(name, "a/b")
        refused = malformed(octets(f"{name}: {value}", f"{name.upper()}: {value}", changed={name: None}))
        assert refused.why == f"more than one {name}"
        assert refused.request is not None
        assert refused.request.headers.all(name) == [value]

    def test_content_length_twice(self) -> None:
        assert malformed(octets("l: 0", "Content-Length: 0")).why == "more than one Content-Length"

    @pytest.mark.parametrize("name", NEEDED)
    def test_bad_response_is_dropped(self, name: str) -> None:
        assert malformed(octets(start="SIP/2.0 200 OK", changed={name: None})).request is None

    def test_response_cseq_may_name_any_method(self) -> None:
        assert isinstance(parse(octets(start="SIP/2.0 200 OK", changed={"CSeq": "1 BYE"})), Response)


class TestStartLine:
    @pytest.mark.parametrize("line", ["SIP/2.0 100 ", "SIP/2.0 100", "sip/2.0 100 "])
    def test_no_reason(self, line: str) -> None:
        message = parse(octets(start=line))
        assert isinstance(message, Response)
        assert (message.status, message.reason) == (100, "")

    @pytest.mark.parametrize(
        "line", ["SIP/2.0 99 X", "SIP/2.0 700 X", "SIP/2.0 1000 X", "SIP/2.0 2OO OK", "SIP/2.0  200 OK", "HTTP/1.1 200 OK"]
    )
    def test_no_response(self, line: str) -> None:
        assert malformed(octets(start=line)).request is None

    @pytest.mark.parametrize("version", ["SIP/3.0", "SIP/7.0", "SIP/2.1", "SIP/20.0"])
    def test_other_version(self, version: str) -> None:
        refused = malformed(octets(start=f"INVITE sip:b@c {version}"))
        assert refused.why == UNSUPPORTED_VERSION
        assert refused.request is not None
        assert malformed(octets(start=f"{version} 200 OK")) == Malformed(why=UNSUPPORTED_VERSION)

    @pytest.mark.parametrize("uri", ["<sip:b@c>", "sip:b@c; lr", " sip:b@c", "sip:b@c ", "b@c", "", 'sip:"b"@c'])
    def test_bad_request_uri_is_answerable(self, uri: str) -> None:
        refused = malformed(octets(start=f"INVITE {uri} SIP/2.0"))
        assert refused.request is not None
        assert refused.request.method == "INVITE"

    @pytest.mark.parametrize(
        "line", ["INVITE", "INVITE sip:b@c", "INV ITE", "INVITE sip:b@c HTTP/1.1", "\x01 sip:b@c SIP/2.0", "\u017fIP/2.0 200 OK"]
    )
    def test_nothing_to_answer(self, line: str) -> None:
        assert malformed(octets(start=line)).request is None


class TestDirt:
    @pytest.mark.parametrize("bad", ["\r", "\n", "\0", "x\ny: z"])
    def test_control_character_in_a_header_leaves_that_header_out(self, bad: str) -> None:
        refused = malformed(octets(f"Subject: {bad}!"))
        assert refused.request is not None
        assert refused.request.headers == Headers(BASE.items())

    def test_control_character_in_a_needed_header(self) -> None:
        assert malformed(octets(changed={"Call-ID": "a\0b"})).request is None

    @pytest.mark.parametrize("start", ["INVITE sip:b\0@c SIP/2.0", "INVITE sip:b\n@c SIP/2.0", "SIP/2.0 200 O\rK"])
    def test_control_character_in_the_start_line(self, start: str) -> None:
        assert malformed(octets(start=start)).request is None

    def test_not_utf8(self) -> None:
        refused = malformed(octets("Subject: @").replace(b"@\r\n\r\n", b"\xff\r\n\r\n"))
        assert (refused.why, refused.request is None) == ("not UTF-8", False)

    def test_no_empty_line(self) -> None:
        assert malformed(octets()[:-4]).why == "no empty line after the headers"

    def test_bare_line_feeds_are_no_message(self) -> None:
        assert malformed(octets().replace(b"\r\n", b"\n")).request is None


SEEDS = [
    octets("Content-Length: 4", 'Contact: "x, y" <sip:a@b>, <sip:c@d>', "Allow: A, B", " , C", body=b"v=0\n"),
    octets("Content-Length: 0", start="SIP/2.0 200 OK", changed={"v": "SIP/2.0/UDP [::1];branch=z, SIP/2.0/TCP h"}),
]
NOISE = st.one_of(
    st.binary(max_size=8),
    st.sampled_from(
        [b"\r\n", b"\r\n ", b"\r\n\r\n", b"\0", b"\xff", b'"', b"<", b">", b",", b";", b":", b"\\", b"CSeq: 1 A\r\n", b"l: 9\r\n"]
    ),
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(data)))
        data = data[:start] + draw(NOISE) + data[start + draw(st.integers(0, 12)) :]
    return data


def check_promises(data: bytes) -> None:
    """What parser.py promises of whatever it returns; and that any answerable request can be echoed."""
    message = parse(data)
    if isinstance(message, KeepAlive):
        assert message.length == len(data)
        return
    whole = message.request if isinstance(message, Malformed) else message
    if whole is None:
        return
    headers = whole.headers
    assert len(headers) <= MAX_HEADERS
    assert parse_via(headers.get("Via") or "")
    assert all(len(headers.all(name)) == 1 for name in ("From", "To", "Call-ID", "CSeq"))
    written = serialize(whole)
    if not isinstance(message, Malformed):
        assert parse_name_addr(headers.get("From") or "")
        assert parse_name_addr(headers.get("To") or "")
        cseq = parse_cseq(headers.get("CSeq") or "")
        assert cseq is not None
        assert isinstance(message, Response) or cseq.method == message.method
        read = parse(written)
        assert isinstance(read, Request | Response)
        assert read.body == message.body
        assert [field for field in read.headers if field[0] != "Content-Length"] == [
            field for field in headers if field[0] != "Content-Length"
        ]


@given(mutated())
def test_mutated_messages_give_values_that_keep_the_promises(data: bytes) -> None:
    check_promises(data)


@given(st.binary(max_size=300))
def test_noise_gives_values(data: bytes) -> None:
    check_promises(data)
    check_promises(b"INVITE sip:b@c SIP/2.0\r\n" + data)


@pytest.mark.parametrize(
    "unit", [b"\0", b" ", b"\r", b"A:b\r\n", b"\r\n ", b'"', b"<", b",", b";", b"\\", b"\xc3", b"SIP/2.0 ", bytes(range(256))]
)
def test_sixty_four_kilobytes_of_anything(unit: bytes) -> None:
    noise = unit * (60_000 // len(unit))
    check_promises(noise)
    check_promises(octets("Contact: @").replace(b"@\r\n\r\n", noise + b"\r\n\r\n"))
