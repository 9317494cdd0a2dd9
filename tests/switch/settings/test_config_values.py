"""The small languages inside values, at their boundaries."""

import re
from collections.abc import Callable
from ipaddress import ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from switch.settings import address
from switch.settings import value as v
from switch.sip.headers import parse_name_addr, parse_uri
from switch.sip.message import Request
from switch.sip.message import parse as parse_message


@pytest.mark.parametrize(
    ("text", "ms"), [("1ms", 1), ("500ms", 500), ("90s", 90_000), ("30m", 1_800_000), ("4h", 14_400_000), ("24h", 86_400_000)]
)
def test_durations(text: str, ms: int) -> None:
    assert v.duration_ms(text) == ms


@pytest.mark.parametrize(("text", "seconds"), [("off", None), ("90s", 90), ("90000ms", 90), ("30m", 1_800), ("24h", 86_400)])
def test_session_timers(text: str, seconds: int | None) -> None:
    assert v.session_timer(text) == seconds


@pytest.mark.parametrize(
    ("text", "micros"), [("0", 0), ("25", 25_000_000), ("25.00", 25_000_000), ("0.000001", 1), ("1000000", 1_000_000_000_000)]
)
def test_amounts(text: str, micros: int) -> None:
    assert v.amount_micros(text) == micros


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (v.duration_ms, "0s"),
        (v.duration_ms, "90"),
        (v.duration_ms, "90sec"),
        (v.duration_ms, "s"),
        (v.duration_ms, "٣s"),
        (v.duration_ms, "86401s"),
        (v.amount_micros, "1000000.000001"),
        (v.amount_micros, "0.0000001"),
        (v.amount_micros, ".5"),
        (v.amount_micros, "+1"),
        (v.amount_micros, "NaN"),
        (v.amount_micros, "1_000"),
        (address.number, "+123456"),
        (address.number, "+1234567890123456"),
        (address.number, "+0123456789"),
        (address.socket_address, "127.0.0.1:0"),
        (address.socket_address, "127.0.0.1:65536"),
        (address.socket_address, "localhost:5060"),
        (address.address, "224.0.0.1"),
        (address.address, "255.255.255.255"),
        (address.port_range, "1023-2000"),
        (address.port_range, "65000-65536"),
        (address.port_range, "20001-20003"),
        (address.sip_uri, "sip:"),
        (address.sip_uri, "sip:a b@127.0.0.1"),
        (address.sip_uri, "sip:a@127.0.0.1?Subject=x"),
        (address.sip_uri, "sip:a@127.0.0.1\r\nTo: b"),
        (address.sip_uri, "sip:a@127.0.0.1:0"),
        (address.sip_uri, "http://127.0.0.1"),
        (address.sip_uri, "sip:a%00b@127.0.0.1"),
        (address.sip_uri, "sip:a%0d%0ab@127.0.0.1"),
        (address.sip_uri, "sip:a%ffb@127.0.0.1"),
        (address.sip_uri, "sip:a@127.0.0.1;x=%00"),
        (address.sip_uri, "sip:a:secret@127.0.0.1"),
        (address.sip_uri, "sip:@127.0.0.1"),
        (address.sip_uri, "sip:a@127.0.0.1;transport=udp;transport=tcp"),
        (address.sip_uri, "sip:a@127.0.0.1;transport=sctp"),
        (address.sip_uri, "sip:a@[fe80::1]"),
        (address.sip_uri, "sip:a@[::]"),
        (address.sip_uri, "sip:a@[1::2::3]"),
        (address.sip_uri, "sip:a@10.0.0.300"),
        (address.sip_uri, "sip:a@10.0.1"),
        (address.sip_uri, "sip:a@-x.example"),
        (address.sip_uri, "sip:a@x..example"),
        (address.sip_address, "[::1]"),
        (address.sip_address, "::1:5060"),
        (address.sip_address, "[::]:5060"),
        (address.sip_address, "[fe80::1]:5060"),
        (address.sip_address, "[::1]:0"),
        (address.sip_address, "[::1]:65536"),
        (address.sip_uri, "sip:a@0.0.0.0"),
        (address.sip_uri, "sip:a@224.0.0.1"),
        (address.sip_uri, "sip:a@255.255.255.255"),
        (address.sip_uri, "sip:a@240.0.0.1"),
        (v.block, "09:60-10:00"),
        (v.block, "24:00-24:00"),
        (v.block, "24:01-02:00"),
        (v.block, "09:00"),
        (v.day_range, "mon-"),
        (v.day_range, "Mon"),
        (v.zone, "America"),
        (v.zone, ""),
        (v.zone, "/etc/localtime"),
        (v.zone, "localtime"),
        (v.zone, "right/UTC"),
        (v.currency, "usd"),
        (v.currency, "US"),
        (v.currency, "USDX"),
        (v.currency, "USD\n"),
        (v.name, "a.b"),
        (v.name, "a" * 65),
        (v.name, "-a"),
        (v.name, "a\n"),
        (address.network, "10.0.0.0/33"),
    ],
)
def test_refused(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(v.Invalid) as refusal:
        parse(text)

    assert refusal.value.expected


@pytest.mark.parametrize("text", ["+1234567", "+123456789012345"])
def test_e164_lengths(text: str) -> None:
    assert address.number(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "sip:127.0.0.1",
        "sip:a@[2001:db8::1]",
        "sip:a@sip.example.com",
        "sip:a@pbx1;transport=tls",
        "sip:a@127.0.0.1:65535",
        "sip:+1212@127.0.0.1;transport=udp",
        "sip:a%20b@127.0.0.1;user=phone;lr",
    ],
)
def test_sip_uris(text: str) -> None:
    assert address.sip_uri(text) == text


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("SIP:a@127.0.0.1", "sip:a@127.0.0.1"),
        ("sip:a#b@127.0.0.1;LR", "sip:a%23b@127.0.0.1;lr"),
        ("sip:pe\u00f1a@127.0.0.1", "sip:pe%C3%B1a@127.0.0.1"),
    ],
)
def test_a_uri_is_kept_as_it_goes_on_the_wire(written: str, sent: str) -> None:
    assert address.sip_uri(written) == sent


URI_TEXT = st.text(alphabet="sip:SIPS%40@127.0.0.1;=?[]#+*,&<> \x00\u00e9aZ", max_size=30)


@given(
    user=st.text(min_size=1, max_size=12) | URI_TEXT,
    rest=URI_TEXT | st.sampled_from(["", ":5060", ";transport=udp", ";user=phone;lr", ":0", ";x=%00", ";transport=tcp"]),
)
@example(user="a%00b", rest="")
@example(user="a#b", rest=";lr")
def test_what_check_lets_pass_can_be_dialled(user: str, rest: str) -> None:
    """The dial asks `parse_uri` for the address and writes the text into the INVITE, where a peer must read the same."""
    for text in (f"sip:{user}@127.0.0.1{rest}", f"sip:127.0.0.1{rest}", f"{user}{rest}"):
        try:
            sent = address.sip_uri(text)
        except v.Invalid:
            continue
        target = parse_uri(sent)
        assert target is not None
        assert (target.scheme, target.port != 0) == ("sip", True)
        assert re.fullmatch(address.HOST_NAME, target.host) or str(ip_address(target.host)) == target.host
        fields = "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:b@h>;tag=1\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70"
        invite = parse_message(f"INVITE {sent} SIP/2.0\r\n{fields}\r\nTo: <{sent}>\r\n\r\n".encode())
        assert isinstance(invite, Request)
        assert (invite.uri, parse_name_addr(invite.headers.get("To") or "").uri) == (sent, sent)  # type: ignore[union-attr]


def test_port_range_of_one_call() -> None:
    assert address.even_ports(address.port_range("20001-20004")) == range(20_002, 20_005, 2)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("00:00-24:00", (0, 1_440)), ("9:00-17:30", (540, 1_050)), ("22:00-02:00", (1_320, 120)), ("22:00-00:00", (1_320, 0))],
)
def test_blocks(text: str, minutes: tuple[int, int]) -> None:
    assert v.block(text) == minutes


@pytest.mark.parametrize(
    ("text", "days"),
    [("mon", (0,)), ("mon-fri", (0, 1, 2, 3, 4)), ("sat-mon", (5, 6, 0)), ("daily", (0, 1, 2, 3, 4, 5, 6)), ("sun-sun", (6,))],
)
def test_days(text: str, days: tuple[int, ...]) -> None:
    assert v.day_range(text) == days


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("acme-est", ["acme-west", "acme-east"], 'did you mean "acme-east"?'),
        ("weightt", ["line", "priority", "weight"], 'did you mean "weight"?'),
        ("colour", ["cap", "hours"], None),
        ("x", [], None),
    ],
)
def test_nearest(word: str, known: list[str], hint: str | None) -> None:
    assert v.nearest(word, known) == hint
