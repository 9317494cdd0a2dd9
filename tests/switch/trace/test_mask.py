"""No secret is left in a message that is kept, and every length stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.trace.mask import masked

HEAD = "INVITE sip:1@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n"


@pytest.mark.parametrize(
    ("said", "hidden", "left"),
    [
        (
            'Authorization: Digest username="anna", realm="r", nonce="n1", uri="sip:a", response="SECRET", cnonce="c"\r\n\r\n',
            "SECRET",
            'Digest username="anna", realm="r", nonce="n1", uri="sip:a", response="******", cnonce="c"',
        ),
        ("proxy-authorization : digest response = SECRET , nc=1\r\n\r\n", "SECRET", "nc=1"),
        ('Authorization: Digest username="a",\r\n  response="SECRET"\r\nX: response=kept\r\n\r\n', "SECRET", "X: response=kept"),
        ("Authorization: Basic SECRET==\r\n\r\n", "SECRET", "Basic *"),
        ("Proxy-Authorization: Bearer SECRET.x=y\r\n more SECRET\r\n\r\n", "SECRET", "Bearer *"),
        ('Authentication-Info: rspauth="SECRET", qop=auth\r\n\r\n', "SECRET", "qop=auth"),
        ('Authorization: Digest response="SECRET', "SECRET", "response="),
        ("Contact: <sip:anna:SECRET@example.com>\r\n\r\n", "SECRET", "<sip:anna:******@example.com>"),
        (
            "\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SECRET|2^20\r\nm=audio 1\r\n",
            "SECRET",
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:***",
        ),
        ("\r\nk=base64:SECRET\r\na=key-mgmt:mikey SECRET\r\na=ice-pwd:SECRET\r\na=ice-ufrag:u\r\n", "SECRET", "a=ice-ufrag:u"),
        ("Content-Type: application/dtmf-relay\r\n\r\nSignal=5\r\nDuration=160\r\n", "5\r", "Signal=*\r\nDuration=160"),
        ("c: application/dtmf\r\n\r\n7", "7", "application/dtmf\r\n\r\n*"),
    ],
)
def test_secrets_are_stars_and_the_rest_stays(said: str, hidden: str, left: str) -> None:
    message = (HEAD + said).encode()
    found = masked(message)
    assert hidden.encode() not in found
    assert left.encode() in found
    assert len(found) == len(message)
    assert found.startswith(HEAD.encode())


def test_what_is_no_secret_is_not_touched() -> None:
    message = (
        HEAD + "From: <sip:+12125550199@h:5060;user=phone>;tag=1\r\nWWW-Authenticate: Digest nonce=a\r\n\r\nv=0\r\n"
    ).encode()
    assert masked(message) == message


PIECES = st.sampled_from(
    [b"Authorization: ", b"Digest ", b"response=", b'"', b",", b"\r\n", b"\n ", b"a=crypto:1 x inline:", b"sip:", b"@"]
)


@given(st.lists(PIECES | st.binary(max_size=8)))
def test_any_octets_keep_their_length(pieces: list[bytes]) -> None:
    message = b"".join(pieces)
    assert len(masked(message)) == len(message)
