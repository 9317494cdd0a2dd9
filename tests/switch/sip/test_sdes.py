"""a=crypto (RFC 4568): which lines are read, which are passed over, and that no key is shown."""

from base64 import b64encode

import pytest

from switch.sip.offer_answer import NegotiatedMedia, answer
from switch.sip.sdes import (
    MAX_CRYPTO_LINES,
    MAX_TAG_DIGITS,
    Crypto,
    SrtpKeys,
    SrtpMode,
    Suite,
    crypto_line,
    first_usable,
    parse_crypto,
)
from switch.sip.sdp import parse_sdp

KEY = bytes(range(30))
TEXT = b64encode(KEY).decode()
SHA1_80 = "AES_CM_128_HMAC_SHA1_80"


@pytest.mark.parametrize(
    ("value", "tag", "suite"),
    [
        (f"1 {SHA1_80} inline:{TEXT}", 1, Suite.AES_CM_128_HMAC_SHA1_80),
        (f"  7   aes_cm_128_hmac_sha1_32  inline:{TEXT} ", 7, Suite.AES_CM_128_HMAC_SHA1_32),
        (f"1 {SHA1_80} inline:{TEXT}|2^20", 1, Suite.AES_CM_128_HMAC_SHA1_80),
        (f"1 {SHA1_80} inline:{TEXT}|1048576", 1, Suite.AES_CM_128_HMAC_SHA1_80),
        (f"1 {SHA1_80} inline:{TEXT}|2^31 WSH=128 KDR=0 -LATER=1", 1, Suite.AES_CM_128_HMAC_SHA1_80),
        (f"{'9' * MAX_TAG_DIGITS} {SHA1_80} inline:{TEXT}", int("9" * MAX_TAG_DIGITS), Suite.AES_CM_128_HMAC_SHA1_80),
    ],
)
def test_a_line_is_read(value: str, tag: int, suite: Suite) -> None:
    assert parse_crypto(value) == Crypto(tag=tag, suite=suite, key=KEY)


@pytest.mark.parametrize("suite", list(Suite))
def test_what_is_written_is_read_and_the_padding_may_be_left_out(suite: Suite) -> None:
    crypto = Crypto(tag=3, suite=suite, key=bytes(range(suite.key_bytes)))
    value = crypto_line(crypto).removeprefix("a=crypto:")
    assert parse_crypto(value) == parse_crypto(value.rstrip("=")) == crypto


@pytest.mark.parametrize(
    "value",
    [
        "",
        f"{SHA1_80} inline:{TEXT}",
        f"x {SHA1_80} inline:{TEXT}",
        f"{'1' * (MAX_TAG_DIGITS + 1)} {SHA1_80} inline:{TEXT}",
        f"1 F8_128_HMAC_SHA1_80 inline:{TEXT}",
        f"1 {SHA1_80} inline:",
        f"1 {SHA1_80} inline:{TEXT[:-1]}",
        f"1 {SHA1_80} inline:{TEXT[:-4]}",
        f"1 {SHA1_80} inline:{TEXT}AAAA",
        f"1 {SHA1_80} inline:{TEXT[:-1]}*",
        f"1 {SHA1_80} uri:{TEXT}",
        f"1 AEAD_AES_256_GCM inline:{TEXT}",
        f"1 {SHA1_80} inline:{TEXT}|2^20|1:4",
        f"1 {SHA1_80} inline:{TEXT}|1:4",
        f"1 {SHA1_80} inline:{TEXT};inline:{TEXT}",
        f"1 {SHA1_80} inline:{TEXT} UNENCRYPTED_SRTP",
        f"1 {SHA1_80} inline:{TEXT} UNENCRYPTED_SRTCP",
        f"1 {SHA1_80} inline:{TEXT} WSH=64 UNAUTHENTICATED_SRTP",
        f"1 {SHA1_80} inline:{TEXT} KDR=1",
        f"1 {SHA1_80} inline:{TEXT} FEC_ORDER=SRTP_FEC",
        f"1 {SHA1_80} inline:{TEXT} NEWER=1",
    ],
)
def test_a_line_that_asks_for_what_we_do_not_have_is_passed_over(value: str) -> None:
    assert parse_crypto(value) is None
    assert first_usable([value, f"2 {SHA1_80} inline:{TEXT}"]) == Crypto(tag=2, suite=Suite.AES_CM_128_HMAC_SHA1_80, key=KEY)


def test_the_peers_order_counts_among_the_suites_that_may_be() -> None:
    values = [f"1 AES_CM_128_HMAC_SHA1_32 inline:{TEXT}", f"2 {SHA1_80} inline:{TEXT}"]
    first, second = first_usable(values), first_usable(values, (Suite.AES_CM_128_HMAC_SHA1_80,))
    assert first is not None
    assert second is not None
    assert (first.tag, second.tag) == (1, 2)
    assert first_usable(values, (Suite.AEAD_AES_128_GCM,)) is None


@pytest.mark.parametrize(("before", "is_served"), [(MAX_CRYPTO_LINES - 1, True), (MAX_CRYPTO_LINES, False)])
def test_so_many_lines_are_read(before: int, *, is_served: bool) -> None:
    lines = ["v=0", "c=IN IP4 192.0.2.9", "m=audio 4000 RTP/SAVP 0", *["a=crypto:1 NO_SUITE inline:AAAA"] * before]
    offer = parse_sdp("\r\n".join([*lines, f"a=crypto:2 {SHA1_80} inline:{TEXT}", ""]).encode())
    assert offer is not None
    agreed = answer(offer, hosts=["192.0.2.1"], port=2, session_id=1, version=1, srtp=SrtpMode.REQUIRED, key_of=lambda _: b"k" * 30)
    assert isinstance(agreed, NegotiatedMedia) is is_served


def test_no_key_is_shown() -> None:
    keys = SrtpKeys(suite=Suite.AES_CM_128_HMAC_SHA1_80, send=KEY, receive=KEY)
    crypto = Crypto(tag=1, suite=Suite.AES_CM_128_HMAC_SHA1_80, key=KEY)
    description = parse_sdp(f"v=0\nc=IN IP4 192.0.2.9\nm=audio 4000 RTP/SAVP 0\n{crypto_line(crypto)}\n".encode())
    assert description is not None
    agreed = answer(description, hosts=["192.0.2.1"], port=2, session_id=1, version=1, srtp=SrtpMode.OPTIONAL, key_of=lambda _: KEY)
    assert isinstance(agreed, NegotiatedMedia)
    assert agreed.srtp == keys
    for each in (keys, crypto, description, description.media[0], agreed, agreed.stream):
        assert TEXT not in repr(each)
        assert repr(KEY)[2:-1] not in repr(each)
