"""Header values: what parses, what does not, and that writing a value back keeps its meaning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.sip.headers import (
    CSeq,
    NameAddr,
    Via,
    cached,
    parse_cseq,
    parse_name_addr,
    parse_params,
    parse_reason_q850,
    parse_uint,
    parse_via,
    write_params,
)

GRAMMAR = st.text(alphabet='aZ0 \t;=,"\\<>@:/[].?%é\x00SIP2UDP', max_size=60)
NAMES = st.text(alphabet="abcXYZ-019.", min_size=1, max_size=8)
PARAMS = st.lists(st.tuples(NAMES.map(str.lower), st.none() | NAMES | NAMES.map('"{};, x"'.format)), max_size=4).map(tuple)


class TestVia:
    def test_usual(self) -> None:
        via = parse_via("SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bKabc;rport")
        assert via == Via(transport="UDP", host="198.51.100.7", port=5062, params=(("branch", "z9hG4bKabc"), ("rport", None)))
        assert via is not None
        assert (via.branch, via.received, via.rport, via.wants_rport) == ("z9hG4bKabc", None, None, True)

    def test_spaces_wherever_the_grammar_allows_them(self) -> None:
        via = parse_via("sip /  2.0\t/ tcp   pc33.example.com  : 5070 ;  Branch = z9hG4bK1 ; ttl=3 ")
        assert via == Via(transport="TCP", host="pc33.example.com", port=5070, params=(("branch", "z9hG4bK1"), ("ttl", "3")))

    def test_ipv6_loses_its_brackets_and_gets_them_back(self) -> None:
        via = parse_via("SIP/2.0/UDP [2001:db8::9]:5060;branch=z9hG4bKq")
        assert via is not None
        assert via.host == "2001:db8::9"
        assert str(via) == "SIP/2.0/UDP [2001:db8::9]:5060;branch=z9hG4bKq"

    def test_another_version_still_finds_its_way_back(self) -> None:
        assert parse_via("SIP/7.0/UDP host;branch=z9hG4bKq") is not None

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "SIP/2.0/UDP",
            "SIP/2.0 host",
            "HTTP/2.0/UDP host",
            "SIP/2.0/UDP host:0",
            "SIP/2.0/UDP host:65536",
            "SIP/2.0/UDP host:-1",
            "SIP/2.0/UDP host:",
            "SIP/2.0/UDP ho st",
            'SIP/2.0/UDP host;branch="open',
            "SIP/2.0/UDP host;=x",
            "SIP/2.0/UDP host, SIP/2.0/UDP other",
        ],
    )
    def test_refused(self, text: str) -> None:
        assert parse_via(text) is None

    def test_stamped_as_rfc_3581_says_when_rport_is_asked_for(self) -> None:
        via = parse_via("SIP/2.0/UDP 10.0.0.1;rport;branch=z9hG4bKq")
        assert via is not None
        stamped = via.stamped("192.0.2.9", 40000)
        assert str(stamped) == "SIP/2.0/UDP 10.0.0.1;rport=40000;branch=z9hG4bKq;received=192.0.2.9"
        assert (stamped.received, stamped.rport) == ("192.0.2.9", 40000)

    def test_stamped_with_received_only_where_the_host_differs(self) -> None:
        via = parse_via("SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKq")
        assert via is not None
        assert via.stamped("192.0.2.9", 5060) == via
        assert via.stamped("192.0.2.10", 5060).received == "192.0.2.10"

    def test_a_received_written_by_the_client_is_overwritten(self) -> None:
        via = parse_via("SIP/2.0/UDP 192.0.2.9;received=203.0.113.66;branch=z9hG4bKq")
        assert via is not None
        assert via.stamped("192.0.2.9", 5060).received == "192.0.2.9"

    @given(host=st.sampled_from(["a.example", "192.0.2.1", "::1"]), port=st.none() | st.integers(1, 65535), params=PARAMS)
    def test_what_is_written_reads_the_same(self, host: str, port: int | None, params: tuple[tuple[str, str | None], ...]) -> None:
        via = Via(transport="UDP", host=host, port=port, params=params)
        assert parse_via(str(via)) == via


class TestNameAddr:
    @pytest.mark.parametrize(
        ("text", "display", "uri", "tag"),
        [
            ('"Al Ice" <sip:al@example.com;x=1>;tag=9', "Al Ice", "sip:al@example.com;x=1", "9"),
            ("Al Ice  <sip:al@example.com>", "Al Ice", "sip:al@example.com", None),
            ("<sip:al@example.com>", None, "sip:al@example.com", None),
            ("sip:al@example.com;tag=7", None, "sip:al@example.com", "7"),
            ('""<sip:al@example.com>;TAG = 5', "", "sip:al@example.com", "5"),
            (r'"say \"hi\" \\ <you>; tag=no" <sip:a@b>;tag=yes', r'say "hi" \ <you>; tag=no', "sip:a@b", "yes"),
            ("tel:+15551230000;tag=1", None, "tel:+15551230000", "1"),
            ("< sip:a@b >;tag=1;", None, "sip:a@b", "1"),
            ("José <sip:a@b>", "José", "sip:a@b", None),
            ("<sip:a@b>;x;;y=;tag=t", None, "sip:a@b", "t"),
        ],
    )
    def test_accepted(self, text: str, display: str | None, uri: str, tag: str | None) -> None:
        address = parse_name_addr(text)
        assert address is not None
        assert (address.display, address.uri, address.tag) == (display, uri, tag)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "*",
            "nobody",
            "<>",
            "<sip:>",
            "<sip:a@b",
            '"open <sip:a@b>',
            "<sip:a @b>",
            "sip:a@b?Subject=x",
            "sip:a;b@c",
            "<sip:a@b> junk",
        ],
    )
    def test_refused(self, text: str) -> None:
        assert parse_name_addr(text) is None

    def test_tag_is_set_in_place_or_appended(self) -> None:
        plain = NameAddr(display=None, uri="sip:a@b", params=(("x", None),))
        assert str(plain.with_tag("1")) == "<sip:a@b>;x;tag=1"
        assert str(plain.with_tag("1").with_tag("2")) == "<sip:a@b>;x;tag=2"

    @given(display=st.none() | st.text(max_size=20), params=PARAMS)
    def test_what_is_written_reads_the_same(self, display: str | None, params: tuple[tuple[str, str | None], ...]) -> None:
        if display is not None and "\n" in display:
            return  # no line breaks in values: the serializer refuses them
        address = NameAddr(display=display, uri="sip:a;p@b;q", params=params)
        assert parse_name_addr(str(address)) == address


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("0007", 7),
        ("2147483647", 2_147_483_647),
        ("2147483648", None),
        *((text, None) for text in ("-1", "+1", "", "1 ", "٣", "²", "1_0", "1e3", "9" * 5000)),
    ],
)
def test_uint(text: str, number: int | None) -> None:
    assert parse_uint(text, 2_147_483_647) == number


@pytest.mark.parametrize(
    ("text", "cseq"),
    [
        ("1 INVITE", CSeq(number=1, method="INVITE")),
        ("0009 \t invite", CSeq(number=9, method="invite")),
        ("2147483648 INVITE", None),
        ("36893488147419103232 INVITE", None),
        ("1INVITE", None),
        ("1", None),
        ("INVITE 1", None),
        ("-1 INVITE", None),
        ("1 IN VITE", None),
    ],
)
def test_cseq(text: str, cseq: CSeq | None) -> None:
    assert parse_cseq(text) == cseq


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("Q.850;cause=17", 17),
        ('Q.850 ; cause = 16 ; text="Terminated, normally"', 16),
        ('SIP;cause=200;text="Call completed elsewhere", q.850;text="x";cause=31', 31),
        ("SIP;cause=480", None),
        ("Q.850;cause=1", 1),
        ("Q.850;cause=0", None),
        ("Q.850;cause=128", None),
        ("Q.850;cause=busy", None),
        ("Q.850", None),
        ("", None),
        ('Q.850;text="open', None),
    ],
)
def test_reason(text: str, cause: int | None) -> None:
    assert parse_reason_q850(text) == cause


@given(PARAMS)
def test_params_read_back(params: tuple[tuple[str, str | None], ...]) -> None:
    assert parse_params(write_params(params)) == params


@given(GRAMMAR)
def test_no_text_raises(text: str) -> None:
    for value in (text, f"SIP/2.0/UDP h{text}", f"<sip:a@b>{text}", f"1{text}"):
        parse_via(value)
        parse_name_addr(value)
        parse_cseq(value)
        parse_reason_q850(value)
        parse_params(value)


def test_a_short_text_is_read_once_and_a_long_one_each_time() -> None:
    reads: list[str] = []
    recall = cached(lambda text: reads.append(text) or text.upper())  # type: ignore[func-returns-value]
    short, long = "a" * 256, "b" * 257
    assert [recall(text) for text in (short, long, short, long)] == [short.upper(), long.upper(), short.upper(), long.upper()]
    assert reads == [short, long, long]
