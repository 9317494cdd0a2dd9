"""Offer and answer about SRTP: what is answered to what, by config; and what of an answer is taken."""

from base64 import b64encode

import pytest

from switch.sip.offer_answer import Incompatible, NegotiatedMedia, accept_answer, answer, offer, warning, warning_text
from switch.sip.sdes import OFFERED_SUITES, Crypto, SrtpKeys, SrtpMode, Suite
from switch.sip.sdp import parse_sdp

OFF, OPTIONAL, REQUIRED = SrtpMode
GCM, SHA1_80, SHA1_32 = OFFERED_SUITES


def key(suite: Suite, seed: int = 1) -> bytes:
    return bytes((seed + each) & 0xFF for each in range(suite.key_bytes))


def line(suite: Suite, *, tag: int = 1, seed: int = 90) -> str:
    return f"a=crypto:{tag} {suite.value} inline:{b64encode(key(suite, seed)).decode()}"


def body(*streams: str) -> bytes:
    return "".join([f"{each}\r\n" for each in ("v=0", "c=IN IP4 192.0.2.9", *streams)]).encode()


PLAIN = "m=audio 6000 RTP/AVP 0 8"
SECURE = "m=audio 7000 RTP/SAVP 0 8"


def answered(srtp: SrtpMode, *streams: str) -> NegotiatedMedia | Incompatible:
    description = parse_sdp(body(*streams))
    assert description is not None
    return answer(description, hosts=["192.0.2.1"], port=4_000, session_id=1, version=1, srtp=srtp, key_of=key)


@pytest.mark.parametrize(
    ("srtp", "streams", "outcome"),
    [
        (OFF, [PLAIN], 6_000),
        (OFF, [SECURE, line(SHA1_80)], Incompatible.TRANSPORT),
        (OFF, [SECURE, line(SHA1_80), PLAIN], 6_000),
        (OFF, [PLAIN, line(SHA1_80)], 6_000),
        (OPTIONAL, [PLAIN], 6_000),
        (OPTIONAL, [SECURE, line(SHA1_80)], 7_000),
        (OPTIONAL, [PLAIN, SECURE, line(SHA1_80)], 7_000),
        (OPTIONAL, [SECURE, line(SHA1_80), PLAIN], 7_000),
        (OPTIONAL, [SECURE, "a=crypto:1 NEWER inline:AAAA"], Incompatible.KEYS),
        (OPTIONAL, [SECURE, PLAIN], 6_000),
        (OPTIONAL, ["m=audio 7000 RTP/SAVPF 0", line(SHA1_80)], Incompatible.SRTP_TOO),
        (REQUIRED, [SECURE, line(SHA1_80)], 7_000),
        (REQUIRED, [PLAIN], Incompatible.SRTP_ONLY),
        (REQUIRED, [PLAIN, line(SHA1_80)], Incompatible.SRTP_ONLY),
        (REQUIRED, [SECURE], Incompatible.KEYS),
        (REQUIRED, ["m=audio 7000 RTP/SAVP 18", line(SHA1_80)], Incompatible.FORMAT),
    ],
)
def test_what_is_offered_is_answered_as_config_says(srtp: SrtpMode, streams: list[str], outcome: int | Incompatible) -> None:
    agreed = answered(srtp, *streams)
    if isinstance(outcome, Incompatible):
        assert agreed is outcome
        return
    assert isinstance(agreed, NegotiatedMedia)
    assert agreed.stream.port == outcome
    assert (agreed.srtp is not None) is (outcome == 7_000)
    assert (b"RTP/SAVP 0" in agreed.body.replace(b"m=audio 0 RTP/SAVP", b"")) is (outcome == 7_000)
    assert (b"a=crypto" in agreed.body) is (outcome == 7_000)


def test_the_answer_has_the_tag_and_suite_of_the_first_line_that_we_have_and_our_key() -> None:
    agreed = answered(OPTIONAL, SECURE, "a=crypto:1 F8_128_HMAC_SHA1_80 inline:AAAA", line(SHA1_32, tag=4), line(GCM, tag=5))
    assert isinstance(agreed, NegotiatedMedia)
    assert agreed.srtp == SrtpKeys(suite=SHA1_32, send=key(SHA1_32), receive=key(SHA1_32, 90))
    crypto = [each for each in agreed.body.decode().splitlines() if each.startswith("a=crypto")]
    assert crypto == [line(SHA1_32, tag=4, seed=1)]


def test_a_refusal_has_words() -> None:
    words = {
        Incompatible.TRANSPORT: "Audio is RTP/AVP",
        Incompatible.SRTP_TOO: "Audio is RTP/AVP or RTP/SAVP",
        Incompatible.SRTP_ONLY: "Audio is RTP/SAVP",
        Incompatible.KEYS: "Keys are one a=crypto of AEAD_AES_256_GCM, AEAD_AES_128_GCM, AES_CM_128_HMAC_SHA1_80, "
        "AES_CM_128_HMAC_SHA1_32",
    }
    assert {each: warning_text(warning(each, ())) for each in words} == words


OFFERED = tuple(Crypto(tag=tag, suite=suite, key=key(suite)) for tag, suite in enumerate(OFFERED_SUITES, 1))


def test_our_offer_has_a_line_for_each_suite() -> None:
    found = offer(host="192.0.2.1", port=4_000, session_id=1, version=1, crypto=OFFERED).decode().splitlines()
    assert [each for each in found if each.startswith("m=")] == ["m=audio 4000 RTP/SAVP 0 8 101"]
    assert [each for each in found if each.startswith("a=crypto")] == [
        line(GCM, tag=1, seed=1),
        line(SHA1_80, tag=2, seed=1),
        line(SHA1_32, tag=3, seed=1),
    ]


@pytest.mark.parametrize(
    ("streams", "suite"),
    [
        ([SECURE, line(SHA1_80, tag=2)], SHA1_80),
        ([SECURE, line(GCM, tag=1)], GCM),
        ([SECURE, line(SHA1_32, tag=1)], SHA1_32),
        ([SECURE, line(Suite.AEAD_AES_128_GCM, tag=1)], None),
        ([SECURE, line(Suite.AEAD_AES_128_GCM, tag=1), line(SHA1_80, tag=2)], SHA1_80),
        ([SECURE], None),
        ([PLAIN, line(SHA1_80, tag=2)], None),
        ([PLAIN], None),
        (["m=audio 0 RTP/SAVP 0"], None),
    ],
)
def test_an_answer_to_it_has_a_key_for_one_of_them_or_is_none(streams: list[str], suite: Suite | None) -> None:
    description = parse_sdp(body(*streams))
    assert description is not None
    agreed = accept_answer(description, host="192.0.2.1", crypto=OFFERED)
    if suite is None:
        assert agreed is None
        return
    assert agreed is not None
    assert agreed.srtp == SrtpKeys(suite=suite, send=key(suite), receive=key(suite, 90))


def test_an_encrypted_answer_to_a_plain_offer_is_none() -> None:
    description = parse_sdp(body(SECURE, line(SHA1_80)))
    assert description is not None
    assert accept_answer(description, host="192.0.2.1") is None
