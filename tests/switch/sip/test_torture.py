"""Whole messages at the edges of the grammar, in the spirit of RFC 4475: ugly ones that are right, neat ones that are wrong."""

import pytest

from switch.sip.headers import parse_cseq, parse_name_addr, parse_uri, parse_via
from switch.sip.message import Malformed, Request, Response, parse, serialize
from switch.sip.telephone import user_of


def datagram(text: str, body: bytes = b"") -> bytes:
    """A message written as a block of lines; the empty line that ends the headers is added."""
    return text.strip("\n").replace("\n", "\r\n").encode() + b"\r\n\r\n" + body


REST = """
Via: SIP/2.0/UDP 192.0.2.40;branch=z9hG4bKtort
From: <sip:tester@lab.example>;tag=t1
To: <sip:switch@lab.example>
Call-ID: torture@lab.example
"""


def options(start: str = "OPTIONS sip:switch@lab.example SIP/2.0", extra: str = "", cseq: str = "1 OPTIONS") -> bytes:
    return datagram(f"{start}{REST}CSeq: {cseq}\n{extra}")


UGLY_BUT_RIGHT = """
INVITE sip:+18005550100;x=y@lab.example;lr;Method=INVITE SIP/2.0
TO :
 sip:+18005550100@lab.example ;   tag    = 7a
from   : "L\\"o\\\\ng, \\<Name\\>"
\t  <sip:caller@lab.example;p=%22>
  ;
  tag = f-98

MaX-fOrWaRdS:\t 0068
i  : "weird".call<id>@[2001:db8::1]
cseq: 0042
  INVITE
V  : SIP  / 2.0
 /UDP
    192.0.2.40 ; branch
    = z9hG4bKone ,
 SIP/2.0/ SCTP [2001:db8::2]:5070;branch="a, quoted; one"
via:SIP/2.0/TCP h_1.example;branch=z9hG4bKthree;hidden
s :
Odd-Header-Nobody-Knows: a ,, b;;;c = "unclosed
 on two lines
ROUTE: <sip:r1.example;lr>, "Second, hop"   <sip:r2.example?Reason=%2C>
m: "Quoted \\"pipe\\", and comma" <sip:caller@pc.example;transport=udp>;expires="10" , tel:+15551230000
c: application
 /
 sdp
l:4
""".replace("\n\n", "\n")


class TestUglyButRight:
    def message(self) -> Request:
        message = parse(datagram(UGLY_BUT_RIGHT, b"v=0\nrest of the datagram"))
        assert isinstance(message, Request), message
        return message

    def test_shape(self) -> None:
        message = self.message()
        assert (message.method, message.body) == ("INVITE", b"v=0\n")
        assert user_of(message.uri) == "+18005550100"
        assert message.headers.get("Call-ID") == '"weird".call<id>@[2001:db8::1]'
        assert message.headers.get("Max-Forwards") == "0068"
        assert message.headers.get("Subject") == ""
        assert message.headers.get("Odd-Header-Nobody-Knows") == 'a ,, b;;;c = "unclosed on two lines'

    def test_vias(self) -> None:
        vias = [parse_via(value) for value in self.message().headers.all("Via")]
        assert [(via.transport, via.host, via.port, via.branch) for via in vias if via] == [
            ("UDP", "192.0.2.40", None, "z9hG4bKone"),
            ("SCTP", "2001:db8::2", 5070, '"a, quoted; one"'),
            ("TCP", "h_1.example", None, "z9hG4bKthree"),
        ]

    def test_addresses(self) -> None:
        headers = self.message().headers
        caller, callee = parse_name_addr(headers.get("From") or ""), parse_name_addr(headers.get("To") or "")
        assert caller is not None
        assert callee is not None
        assert (caller.display, caller.uri, caller.tag) == ('L"o\\ng, <Name>', "sip:caller@lab.example;p=%22", "f-98")
        assert (callee.display, callee.uri, callee.tag) == (None, "sip:+18005550100@lab.example", "7a")
        addresses = [parse_name_addr(value) for name in ("Route", "Contact") for value in headers.all(name)]
        assert [address is not None for address in addresses] == [True] * 4

    def test_cseq(self) -> None:
        cseq = parse_cseq(self.message().headers.get("CSeq") or "")
        assert cseq is not None
        assert (cseq.number, cseq.method) == (42, "INVITE")

    def test_written_and_read_again_it_is_the_same(self) -> None:
        again = parse(serialize(self.message()))
        assert isinstance(again, Request)
        assert again.headers.all("Via") == self.message().headers.all("Via")
        assert again.body == b"v=0\n"


@pytest.mark.parametrize(
    "uri",
    [
        "warp.drive:engage",
        "soap.beep://192.0.2.103:3002",
        "tel:+1-800-555-0100;phone-context=example.com",
        "sip:user;par=u%40example.net@lab.example",
        "sip:1_odd.URI~(not-to-be!sure)&isn+it$/mad?,/;;*:&pass=1,word*s@lab.example",
        "sip:sips%3Auser%40lab.example@gateway.example",
        "sip:null-%00-null@lab.example",
        "SIP:[2001:db8::10]:5062;LR",
    ],
)
def test_any_scheme_and_user_in_the_request_uri(uri: str) -> None:
    message = parse(options(start=f"OPTIONS {uri} SIP/2.0"))
    assert isinstance(message, Request), message
    assert message.uri == uri


def test_a_method_of_all_token_characters() -> None:
    method = "!odd-Method%._*+`'~0123456789"
    message = parse(options(start=f"{method} sip:a@b SIP/2.0", cseq=f"139122385 {method}"))
    assert isinstance(message, Request)
    assert message.method == method


@pytest.mark.parametrize(
    "reason", ["= 2**3 * 9**2 = 648 (\u043f\u043e\u043a\u0430, \u517b)", "", "   ", "SIP/2.0 404 Not this", '"quoted', "a\tb"]
)
def test_unusual_reason_phrases(reason: str) -> None:
    message = parse(options(start=f"SIP/2.0 200 {reason}"))
    assert isinstance(message, Response)
    assert message.reason == reason
    assert parse(serialize(message)) != message  # Content-Length is new
    again = parse(serialize(message))
    assert isinstance(again, Response)
    assert again.reason == reason


def test_long_values_within_the_limits() -> None:
    name, tag, branch = "N" * 3000, "t" * 3000, "z9hG4bK" + "b" * 3000
    message = parse(
        datagram(
            f"OPTIONS sip:{'u' * 2000}@lab.example SIP/2.0\nv: SIP/2.0/UDP 192.0.2.1;branch={branch}\n"
            f'f: "{name}" <sip:a@b>;tag={tag}\nt: <sip:c@d>\ni: {"c" * 5000}\nCSeq: 2147483647 OPTIONS'
        )
    )
    assert isinstance(message, Request), message
    caller = parse_name_addr(message.headers.get("From") or "")
    assert caller is not None
    assert (caller.display, caller.tag) == (name, tag)


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("negative length", options(extra="Content-Length: -999")),
        ("huge length", options(extra="Content-Length: 340282366920938463463374607431768211456")),
        ("length beyond the datagram", options(extra="l: 9999")),
        ("huge CSeq", options(cseq="36893488147419103232 OPTIONS")),
        ("CSeq one too large", options(cseq="2147483648 OPTIONS")),
        ("CSeq of another method", options(cseq="1 INVITE")),
        ("Max-Forwards beyond a byte", options(extra="Max-Forwards: 300")),
        ("URI in brackets", options(start="OPTIONS <sip:switch@lab.example> SIP/2.0")),
        ("space in the URI", options(start="OPTIONS sip:switch@lab.example; lr SIP/2.0")),
        ("two spaces in the start line", options(start="OPTIONS  sip:switch@lab.example  SIP/2.0")),
        ("space after the version", options(start="OPTIONS sip:switch@lab.example SIP/2.0 ")),
        ("second To", options(extra="t: <sip:other@lab.example>")),
        ("second Call-ID", options(extra="i: other")),
    ],
)
def test_wrong_but_answerable(what: str, data: bytes) -> None:
    message = parse(data)
    assert isinstance(message, Malformed), what
    assert message.status == 400
    assert message.request is not None
    assert message.request.method == "OPTIONS"
    assert [len(message.request.headers.all(name)) for name in ("Via", "From", "To", "Call-ID", "CSeq")] == [1] * 5


def test_open_quote_in_to_is_answerable_too() -> None:
    message = parse(options().replace(b"<sip:switch@lab.example>\r\n", b'"Mr. Open <sip:switch@lab.example>\r\n'))
    assert isinstance(message, Malformed)
    assert message.request is not None


def test_a_future_version_with_its_own_via() -> None:
    data = options(start="OPTIONS sip:switch@lab.example SIP/7.0").replace(b"Via: SIP/2.0", b"Via: SIP/7.0")
    message = parse(data)
    assert isinstance(message, Malformed)
    assert message.status == 505
    assert message.request is not None


@pytest.mark.parametrize(
    "data",
    [
        options(start="SIP/2.0 4294967301 better not"),
        options(start="SIP/2.0 200 OK", extra="Content-Length: -1"),
        options(start="SIP/2.0 200 OK", extra="i: other"),
        options(start="SIP/1.0 200 OK"),
        datagram("OPTIONS sip:a@b SIP/2.0\nCSeq: 1 OPTIONS"),
        b"INVITE sip:a@b SIP/2.0\r\n\r\n",
        b"INVITE sip:a@b SIP/2.0",
        b"GET / HTTP/1.1\r\nHost: lab.example\r\n\r\n",
        b"\x80\x00\x12\x34" + bytes(168),
        b"\x00\x01\x00\x00\x21\x12\xa4\x42",
        b"hello\r\n\r\n",
    ],
)
def test_nothing_to_answer(data: bytes) -> None:
    message = parse(data)
    assert isinstance(message, Malformed)
    assert message.request is None


def test_a_reserved_host_and_unusable_uri_parts_do_not_stop_the_message() -> None:
    message = parse(options(start="OPTIONS sip:a@host:999999 SIP/2.0", extra="Route: <sip:%zz@b>\nRefer-To: junk\nDate: when?"))
    assert isinstance(message, Request)
    assert parse_uri(message.uri) is None
