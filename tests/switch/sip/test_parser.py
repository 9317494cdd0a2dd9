"""The parser's rules one by one, then everything at once: random and mutated octets give values, and never an exception."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.sip.flow import Flow, Listeners
from switch.sip.headers import parse_cseq, parse_name_addr, parse_via
from switch.sip.message import Headers, KeepAlive, Malformed, Request, Response, parse, serialize
from switch.sip.received import legal
from switch.sip.requests import answer

MAX_DATAGRAM_BYTES = 65_535
MAX_HEADERS = 256
MAX_LIST_FIELDS = 512
MAX_VALUE_CHARS = 16_384
MAX_START_LINE_CHARS = 8_192

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
    return "".join(f"{line}\r\n" for line in head).encode(errors="surrogateescape") + b"\r\n" + body


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
    def test_what_is_no_header_is_left_out(self, line: str) -> None:
        message = request(octets(line, "Subject: after it"))
        assert message.headers == Headers([*BASE.items(), ("Subject", "after it")])
        assert message.oddities == ("unreadable header line",)

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
    @pytest.mark.parametrize("name", ["Contact", "Record-Route", "History-Info", "Diversion"])
    def test_an_unbalanced_list_is_left_out(self, name: str, value: str) -> None:
        message = request(octets(f"{name}: {value}"))
        assert message.headers == Headers(BASE.items())
        assert message.oddities == (f"unbalanced {name}",)

    def test_an_unbalanced_via_condemns(self) -> None:
        refused = malformed(octets(f'Via: "open, {BASE["Via"]}'))
        assert refused.why == "unbalanced Via"
        assert refused.request is not None


class TestLimits:
    def test_headers(self) -> None:
        fill = [f"X-{number}: y" for number in range(MAX_HEADERS - len(BASE))]
        assert len(request(octets(*fill)).headers) == MAX_HEADERS
        assert request(octets(*fill)).oddities == ()
        message = request(octets(*fill, "X-Last: y"))
        assert "X-Last" not in message.headers
        assert message.oddities == ("too many header lines",)

    def test_list_values(self) -> None:
        room = MAX_LIST_FIELDS - len(BASE)
        full = request(octets("Allow: " + "A," * room, "Subject: b"))
        assert (len(full.headers), full.oddities) == (MAX_LIST_FIELDS + 1, ())
        message = request(octets("Allow: " + "A," * (room + 1), "Allow: B"))
        assert (message.headers.all("Allow"), message.oddities) == (["B"], ("too many values of Allow",))

    def test_more_vias_than_can_be_kept_condemn(self) -> None:
        more = ", ".join(["SIP/2.0/UDP h"] * (MAX_LIST_FIELDS - 1))
        assert len(request(octets(changed={"Via": f"{more}, SIP/2.0/UDP h"})).headers.all("Via")) == MAX_LIST_FIELDS
        assert malformed(octets(f"Via: {more}, SIP/2.0/UDP h")).why == "too many values of Via"

    def test_headers_beyond_the_limit_are_not_looked_at(self) -> None:
        fill = [f"Q-{number}: y" for number in range(MAX_HEADERS)]
        assert malformed(octets(*fill, f"Call-ID: {BASE['Call-ID']}", changed={"Call-ID": None})).why == "no Call-ID"

    def test_value_length_after_unfolding(self) -> None:
        half = "y" * (MAX_VALUE_CHARS // 2)
        assert len(request(octets("Z: " + half, " " + half[1:])).headers.get("Z") or "") == MAX_VALUE_CHARS
        message = request(octets("Z: " + half, " " + half))
        assert "Z" not in message.headers
        assert message.oddities == ("Z too long",)

    @pytest.mark.parametrize("name", NEEDED)
    def test_a_value_that_is_needed_and_too_long_condemns(self, name: str) -> None:
        assert malformed(octets(changed={name: BASE[name] + "x" * MAX_VALUE_CHARS})).why == f"{name} too long"

    def test_oddities_are_told_once_each_and_five_at_most(self) -> None:
        message = request(
            octets(*["none"] * 9, *[f'{name}: ", x' for name in ("Contact", "Path", "Alert-Info", "Call-Info", "Accept")])
        )
        assert message.oddities == (
            "unreadable header line",
            *[f"unbalanced {n}" for n in ("Contact", "Path", "Alert-Info", "Call-Info")],
        )

    def test_start_line_length(self) -> None:
        uri = "sip:" + "u" * (MAX_START_LINE_CHARS - len("INVITE sip: SIP/2.0"))
        assert request(octets(start=f"INVITE {uri} SIP/2.0")).uri == uri
        refused = malformed(octets(start=f"INVITE {uri}u SIP/2.0"))
        assert (refused.status, refused.request is None) == (414, False)


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
    def test_missing_is_answerable_with_a_via(self, name: str) -> None:
        assert (malformed(octets(changed={name: None})).request is None) == (name == "Via")

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
    def test_twice_with_another_value(self, name: str) -> None:
        value = BASE.get(name, "a/b")
        refused = malformed(octets(f"{name}: {value}", f"{name.upper()}: x{value}", changed={name: None}, body=b"b"))
        assert refused.why == f"more than one {name}"
        assert refused.request is not None
        assert refused.request.headers.all(name) == [value]

    @pytest.mark.parametrize("name", ["From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Type"])
    def test_twice_the_same_says_nothing_else(self, name: str) -> None:
        value = BASE.get(name, "a/b")
        message = request(octets(f"{name}: {value}", f"{name.upper()}: {value}", changed={name: None}, body=b"b"))
        assert message.headers.all(name) == [value]
        assert message.oddities == (f"{name} twice",)

    def test_two_content_types_of_no_body(self) -> None:
        assert request(octets("c: a/b", "Content-Type: a/c", "l: 0")).headers.all("Content-Type") == ["a/b"]

    def test_content_length_twice(self) -> None:
        assert malformed(octets("l: 0", "Content-Length: 1", body=b"b")).why == "more than one Content-Length"
        assert request(octets("l: 1", "Content-Length: 1", body=b"b")).body == b"b"

    @pytest.mark.parametrize("via", ["UDP nowhere", ";", "SIP/2.0/UDP h;branch=z, ;"])
    def test_a_further_via_of_a_request_has_to_be_one(self, via: str) -> None:
        refused = malformed(octets(f"Via: {via}"))
        assert (refused.why, refused.request is None) == ("unusable Via", False)
        assert isinstance(parse(octets(f"Via: {via}", start="SIP/2.0 200 OK")), Response)

    def test_max_forwards_of_a_response_means_nothing(self) -> None:
        assert isinstance(parse(octets(start="SIP/2.0 200 OK", changed={"Max-Forwards": "many"})), Response)

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
        assert refused.status == 505
        assert refused.request is not None
        dropped = malformed(octets(start=f"{version} 200 OK"))
        assert (dropped.request, dropped.kind, dropped.call_id) == (None, "response", BASE["Call-ID"])

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
    @pytest.mark.parametrize("bad", ["\r", "\n", "\0", "x\ny: z", '"\\\0"'])
    def test_control_character_in_a_header_leaves_that_header_out(self, bad: str) -> None:
        message = request(octets(f"Subject: {bad}!"))
        assert message.headers == Headers(BASE.items())
        assert message.oddities == ("control character in a header line",)

    def test_control_character_in_a_needed_header(self) -> None:
        assert malformed(octets(changed={"Call-ID": "a\0b"})).why == "no Call-ID"

    @pytest.mark.parametrize("name", ["From", "t"])
    def test_quoted_nul_may_stand_where_it_is_only_echoed(self, name: str) -> None:
        value = '"a\\\0b" <sip:a@b>;tag=1'
        message = request(
            octets(changed={"To" if name == "t" else name: None}).replace(b"\r\n", f"\r\n{name}: {value}\r\n".encode(), 1)
        )
        assert value in [value for _, value in message.headers]
        assert value.encode() in serialize(message)
        assert malformed(octets(changed={"From": value.replace("\\", "")})).why == "no usable From"

    @pytest.mark.parametrize("start", ["INVITE sip:b\0@c SIP/2.0", "INVITE sip:b\n@c SIP/2.0", "SIP/2.0 200 O\rK"])
    def test_control_character_in_the_start_line(self, start: str) -> None:
        assert malformed(octets(start=start)).request is None

    @pytest.mark.parametrize("name", ["From", "To", "Via", "Subject", "X-Unknown", "Contact", "Reason"])
    def test_octets_that_are_not_utf8_come_back_unchanged(self, name: str) -> None:
        value = BASE.get(name, "<sip:a@b>") if name != "From" else '"J\udcfcrgen" <sip:a@example.com>;tag=f'
        data = octets(changed={name: value + ";x=\udce9\udcff"})
        message = request(data)
        assert message.oddities == (f"not UTF-8: {name}",)
        again = serialize(message)
        assert (value + ";x=\udce9\udcff").encode(errors="surrogateescape") in again
        assert request(again).headers.get(name) == message.headers.get(name)

    def test_utf8_beside_other_octets_stays_text(self) -> None:
        message = request(octets("Subject: \u517b", "X-Bad: \udce9"))
        assert (message.headers.get("Subject"), message.oddities) == ("\u517b", ("not UTF-8: X-Bad",))

    def test_a_reason_phrase_that_is_not_utf8(self) -> None:
        message = parse(octets(start="SIP/2.0 486 Occup\udce9"))
        assert isinstance(message, Response)
        assert (message.status, message.oddities) == (486, ("not UTF-8: start line",))

    def test_no_empty_line(self) -> None:
        assert malformed(octets()[:-4]).why == "no empty line after the headers"

    def test_line_feeds_alone_end_lines_too(self) -> None:
        body = b"v=0\r\n\r\n\n"
        whole = octets(f"Content-Length: {len(body)}", "Subject: one", " two", body=body)
        head = whole[: -len(body)].replace(b"\r\n", b"\n")
        assert request(head + body) == request(whole)
        assert request(b"\n\r\n" + head.replace(b"\nSubject", b"\r\nSubject") + body) == request(whole)

    def test_line_feeds_alone_end_nothing_in_a_message_with_both(self) -> None:
        """Else who may write a line feed into one value could write headers of his own."""
        message = request(octets("Subject: a\nP-Asserted-Identity: <sip:x@y>"))
        assert "P-Asserted-Identity" not in message.headers


LISTENERS = Listeners([Flow("192.0.2.1", 5060)], user_agent="Payphone")
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
    assert len(headers) <= MAX_LIST_FIELDS + MAX_HEADERS
    assert parse_via(headers.get("Via") or "")
    assert all(len(headers.all(name)) <= 1 for name in ("From", "To", "Call-ID", "CSeq"))
    written = serialize(whole)
    if isinstance(message, Malformed):
        assert isinstance(whole, Request)
        read = parse(serialize(answer(legal(whole), message.status, tag="t", listeners=LISTENERS)))
        assert isinstance(read, Response), message
    else:
        assert all(len(headers.all(name)) == 1 for name in ("From", "To", "Call-ID", "CSeq"))
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
