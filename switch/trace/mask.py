"""PURE. Masks the secrets of a SIP message, octet for octet, so that every length in it stays right.

Masked are: what proves a password (`response`, `rspauth` of Digest, RFC 7616 §3.4), whole credentials of other schemes, passwords in URIs
(RFC 3261 §19.1.1), keys of SRTP in SDP (`a=crypto`, RFC 4568; `a=key-mgmt`, RFC 4567; `k=`, RFC 4566 §5.12), ICE passwords (RFC 8839
§5.4), and keys that were pressed (INFO: `Signal=`, `application/dtmf`): they may be a card's number. What tells who failed, and on which
challenge, stays: user name, realm, nonce.
"""

import re
from collections.abc import Callable

_VALUE = rb"[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*"
_CREDENTIALS = re.compile(
    rb"^((?:proxy-)?(?:authorization|authentication-info)[ \t]*:[ \t]*)(" + _VALUE + rb")", re.IGNORECASE | re.MULTILINE
)
_PROOF = re.compile(rb"((?:^|[\s,])(?:response|rspauth)\s*=\s*\"?)([^\",\s]+)", re.IGNORECASE)
_PARAMETERS = re.compile(rb"(?:digest\s|\w+\s*=)", re.IGNORECASE)
_SCHEME = re.compile(rb"(\S*\s*)(.*)", re.DOTALL)
_URI = re.compile(rb"(sips?:[^\s:@;?<>\"]*:)([^\s@;?<>\"]*)(?=@)", re.IGNORECASE)
_SDP = re.compile(rb"^(a=crypto:[^\r\n]*?inline:|a=key-mgmt:\S+[ \t]+|a=ice-pwd:|k=)([^\r\n]+)", re.IGNORECASE | re.MULTILINE)
_SIGNAL = re.compile(rb"^(signal[ \t]*=[ \t]*)([^\r\n]+)", re.IGNORECASE | re.MULTILINE)
_IS_KEY = re.compile(rb"^(?:content-type|c)[ \t]*:[ \t]*application/dtmf[ \t]*(?:;|\r?$)", re.IGNORECASE | re.MULTILINE)
_HEAD_END = re.compile(rb"\r?\n\r?\n")


def masked(message: bytes) -> bytes:
    """Returns the message with `*` for each octet of a secret. A message that was cut off anywhere is masked as far as it goes."""
    blank = _HEAD_END.search(message)
    end = blank.end() if blank else len(message)
    head, body = message[:end], message[end:]
    head = _URI.sub(_stars, _CREDENTIALS.sub(_credentials, head))
    if body:
        body = b"*" * len(body) if _IS_KEY.search(head) else _SIGNAL.sub(_stars, _SDP.sub(_stars, _URI.sub(_stars, body)))
    return head + body


def _stars(found: re.Match[bytes]) -> bytes:
    return found[1] + b"*" * len(found[2])


def _credentials(found: re.Match[bytes]) -> bytes:
    name, value = found[1], found[2]
    hide: Callable[[bytes], bytes] = _hide_proof if _PARAMETERS.match(value) else _hide_all
    return name + hide(value)


def _hide_proof(value: bytes) -> bytes:
    return _PROOF.sub(_stars, value)


def _hide_all(value: bytes) -> bytes:
    """All but the name of the scheme."""
    match = _SCHEME.fullmatch(value)
    return value if match is None else match[1] + re.sub(rb"[^\r\n]", b"*", match[2])
