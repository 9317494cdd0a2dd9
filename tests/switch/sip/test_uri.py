"""URIs: the parts, the escapes both ways, and which texts name nobody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.sip.headers import SipUri, parse_uri
from switch.sip.telephone import user_of


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("sip:example.com", SipUri(host="example.com")),
        ("SIPS:a@Example.com:5061", SipUri(scheme="sips", user="a", host="Example.com", port=5061)),
        ("sip:a:secret@h", SipUri(user="a", host="h")),
        ("sip:j%40s%6Fn@h", SipUri(user="j@son", host="h")),
        ("sip:z%C3%BCri@h", SipUri(user="züri", host="h")),
        ("sip:u;x=y?/z,@h", SipUri(user="u;x=y?/z,", host="h")),
        ("sip:1#23@h", SipUri(user="1#23", host="h")),
        ("sip:@192.0.2.1:5070", SipUri(host="192.0.2.1", port=5070)),
        ("sip:[2001:db8::1]:5070;lr", SipUri(host="2001:db8::1", port=5070, params=(("lr", None),))),
        ("sip:a@[2001:DB8:0:0::0001]", SipUri(user="a", host="2001:db8::1")),
        ("sip:a@[::FFFF:192.0.2.1]", SipUri(user="a", host="::ffff:c000:201")),
        ("sip:a@[1:2]", SipUri(user="a", host="1:2")),
        ("sip:h;Transport=TCP;%6Cr;x=%3B", SipUri(host="h", params=(("transport", "TCP"), ("lr", None), ("x", ";")))),
        (
            "sip:a@h;m=1?Subject=x%20y&To=%3Csip",
            SipUri(user="a", host="h", params=(("m", "1"),), headers="Subject=x%20y&To=%3Csip"),
        ),
    ],
)
def test_parts(text: str, uri: SipUri) -> None:
    assert parse_uri(text) == uri


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip:",
        "sip:a@",
        "sip:a@b@c",
        "tel:+1555",
        "mailto:a@b",
        "a@b",
        "sip:h:0",
        "sip:h:65536",
        "sip:h:",
        "sip:h:x",
        "sip:h;",
        "sip:h;;lr",
        "sip:h;=x",
        "sip:a b@h",
        "sip:a@h ",
        "sip:a@h\n",
        "sip:<a>@h",
        "sip:a%zz@h",
        "sip:a%4",
        "sip:a%00b@h",
        "sip:a%0d%0ab@h",
        "sip:a%ff@h",
        "sip:h;x=%0a",
        "sip:[::1",
        "sip:2001:db8::1",
        "sip:a@h_é",
    ],
)
def test_unusable(text: str) -> None:
    assert parse_uri(text) is None
    assert user_of(text) == ("+1555" if text.startswith("tel") else "")


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        (SipUri(user='a@b:c% <">', host="h"), "sip:a%40b%3Ac%25%20%3C%22%3E@h"),
        (SipUri(user="x\r\nVia: y", host="h"), "sip:x%0D%0AVia%3A%20y@h"),
        (SipUri(user="+1;a=b", host="::1", port=5060, params=(("lr", None), ("x", "a;b"))), "sip:+1;a=b@[::1]:5060;lr;x=a%3Bb"),
        (SipUri(scheme="sips", host="h", headers="Subject=a%20b>"), "sips:h?Subject=a%20b%3E"),
    ],
)
def test_written(uri: SipUri, text: str) -> None:
    assert str(uri) == text


PRINTABLE = st.text(
    st.characters(min_codepoint=0x20, blacklist_characters="\x7f", blacklist_categories=["Cs"]), min_size=1, max_size=20
)


@given(user=st.none() | PRINTABLE, port=st.none() | st.integers(1, 65535), name=PRINTABLE, value=st.none() | PRINTABLE)
def test_what_is_written_reads_the_same(user: str | None, port: int | None, name: str, value: str | None) -> None:
    uri = SipUri(user=user, host="h.example", port=port, params=((name.lower(), value),))
    assert parse_uri(str(uri)) == uri


@given(st.text(alphabet="sip:tel%40aZ@;=?[].,<> \x00é+-#", max_size=40))
def test_no_text_raises(text: str) -> None:
    for value in (text, f"sip:{text}", f"sip:{text}@h", f"tel:{text}"):
        user_of(value)
        uri = parse_uri(value)
        again = None if uri is None else parse_uri(str(uri))
        assert uri is None or str(again) == str(uri)  # what is written is read the same; an illegal character is escaped once


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("sip:+18005550100@192.0.2.1:5060", "+18005550100"),
        ("sip:%2B18005550100@h", "+18005550100"),
        ("sip:+18005550100;rn=+18005550000;npdi=yes@h;user=phone", "+18005550100"),
        ("sip:8005550100;phone-context=+1@h", "+18005550100"),
        ("sip:carol;x=1@h", "carol;x=1"),
        ("sip:h", ""),
        ("tel:+1-800-555.0100", "+18005550100"),
        ("TEL:(800)5550100;phone-context=example.com", "8005550100"),
        ("tel:", ""),
        ("tel:%0a1", ""),
        ("tel:1 2", ""),
        ("urn:service:sos", ""),
        ("*", ""),
    ],
)
def test_user_of(text: str, user: str) -> None:
    assert user_of(text) == user
