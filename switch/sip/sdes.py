"""PURE. Reads and writes a=crypto (RFC 4568): the keys of an SRTP stream, as SDP carries them. Draws no key, and uses none.

What a line asks for beyond a suite and one key is not had: an MKI, several keys, other key derivation, or less than both encryption and
authentication. A line with one of these is passed over like one of an unknown suite. Keys are secret: nothing here shows them.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Sequence
from enum import StrEnum

import msgspec


class SrtpMode(StrEnum):
    """Whether a peer's audio is encrypted. `off`: never. `optional`: where it offers that, or answers our offer of it. `required`: else
    there is no call."""

    OFF = "off"
    OPTIONAL = "optional"
    REQUIRED = "required"


class Suite(StrEnum):
    """A crypto suite (RFC 4568 §6.2, RFC 7714 §14.2)."""

    AEAD_AES_256_GCM = "AEAD_AES_256_GCM"
    AEAD_AES_128_GCM = "AEAD_AES_128_GCM"
    AES_CM_128_HMAC_SHA1_80 = "AES_CM_128_HMAC_SHA1_80"
    AES_CM_128_HMAC_SHA1_32 = "AES_CM_128_HMAC_SHA1_32"

    @property
    def key_bytes(self) -> int:
        """Returns the length of master key and salt together."""
        return _KEY_BYTES[self]


_KEY_BYTES = {
    Suite.AEAD_AES_256_GCM: 44,
    Suite.AEAD_AES_128_GCM: 28,
    Suite.AES_CM_128_HMAC_SHA1_80: 30,
    Suite.AES_CM_128_HMAC_SHA1_32: 30,
}
OFFERED_SUITES = (Suite.AEAD_AES_256_GCM, Suite.AES_CM_128_HMAC_SHA1_80, Suite.AES_CM_128_HMAC_SHA1_32)
"""What we offer, best first: each is a line of 85 octets, and an INVITE has to fit into a datagram."""
MAX_TAG_DIGITS = 9
MAX_CRYPTO_LINES = 32
"""That are read of one stream."""
CRYPTO = "a=crypto:"

_LINE = re.compile(
    rf"(?P<tag>[0-9]{{1,{MAX_TAG_DIGITS}}}) +(?P<suite>[A-Za-z0-9_]+) +inline:(?P<key>[A-Za-z0-9+/]+={{0,2}})"
    r"(?:\|(?:2\^)?[0-9]+)?(?P<params>(?: +[^ ]+)*)"
)
"""One key, with a lifetime or none: the shortest that is usual, 2^20 packets, is six hours."""
_HARMLESS = re.compile(r"-.*|WSH=[0-9]+|KDR=0", re.IGNORECASE)
"""Session parameters that change nothing for us: those that may be ignored (§6.3.7), the size of a replay window, the usual key
derivation."""


class Crypto(msgspec.Struct, frozen=True, kw_only=True):
    """One a=crypto line. `key`: master key and salt."""

    tag: int
    suite: Suite
    key: bytes

    def __repr__(self) -> str:
        return f"Crypto(tag={self.tag}, suite={self.suite.value}, key=...)"


class SrtpKeys(msgspec.Struct, frozen=True, kw_only=True):
    """What a stream's packets are protected with: `send` those that we send, `receive` those of the peer."""

    suite: Suite
    send: bytes
    receive: bytes

    def __repr__(self) -> str:
        return f"SrtpKeys(suite={self.suite.value}, ...)"


def parse_crypto(value: str) -> Crypto | None:
    """Returns what follows "a=crypto:" as a line that we can serve, or None."""
    found = _LINE.fullmatch(value.strip())
    if found is None or found["suite"].upper() not in Suite.__members__:
        return None
    if not all(_HARMLESS.fullmatch(each) for each in found["params"].split()):
        return None
    suite = Suite[found["suite"].upper()]
    text = found["key"].rstrip("=")  # some leave the padding out
    try:
        key = b64decode(text + "=" * (-len(text) % 4), validate=True)
    except Error:
        return None
    return Crypto(tag=int(found["tag"]), suite=suite, key=key) if len(key) == suite.key_bytes else None


def first_usable(values: Sequence[str], suites: Sequence[Suite] = tuple(Suite)) -> Crypto | None:
    """Returns the first of a stream's lines that we can serve with one of `suites`: they are in the peer's order (§5.1.2)."""
    lines = (parse_crypto(value) for value in values)
    return next((line for line in lines if line is not None and line.suite in suites), None)


def crypto_line(crypto: Crypto) -> str:
    return f"{CRYPTO}{crypto.tag} {crypto.suite.value} inline:{b64encode(crypto.key).decode()}"
