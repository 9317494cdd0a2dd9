"""PURE. Keys in INFO requests, read and written: `application/dtmf-relay` and `application/dtmf`, as gateways send them (no RFC defines
them)."""

import re
from typing import NamedTuple

from switch.sip.capabilities import Rejection, media_type
from switch.sip.headers import parse_uint
from switch.sip.message import Request

DTMF_RELAY = "application/dtmf-relay"
ACCEPTED = (DTMF_RELAY, "application/dtmf")
MAX_INFO_BYTES = 256
MAX_DURATION_MS = 60_000
DEFAULT_DURATION_MS = 160
"""Of a press that came without one."""
_SIGNAL = re.compile(r"^[ \t]*+Signal[ \t]*+=[ \t]*+(\S{1,2})[ \t]*+\r?$", re.IGNORECASE | re.MULTILINE)
_DURATION = re.compile(r"^[ \t]*+Duration[ \t]*+=[ \t]*+([0-9]++)", re.IGNORECASE | re.MULTILINE)
_KEYS = frozenset("0123456789*#ABCD")
_NUMBERED = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}
"""Event codes of RFC 4733, which some write in the place of the key."""


class InfoKey(NamedTuple):
    digit: str
    duration_ms: int | None


def written_key(key: InfoKey) -> bytes:
    """Returns the body of an INFO of type `DTMF_RELAY` with this key."""
    duration_ms = DEFAULT_DURATION_MS if key.duration_ms is None else key.duration_ms
    return f"Signal={key.digit}\r\nDuration={duration_ms}\r\n".encode()


def info_rejection(request: Request) -> Rejection | None:
    """Returns what refuses an INFO, or None: it holds a key, or nothing. What else may be in one we do not know (RFC 6086 §4.2.2: 469 for
    a package of its own)."""
    if "Info-Package" in request.headers:
        return 469, (("Recv-Info", ""),)
    if request.body and media_type(request.headers.get("Content-Type") or "") not in ACCEPTED:
        return 415, (("Accept", ", ".join(ACCEPTED)),)
    return None


def key_of(request: Request) -> InfoKey | None:
    """Returns the key of an INFO that `info_rejection` does not refuse, or None: none that there is (a hook flash, say)."""
    text = request.body[:MAX_INFO_BYTES].decode(errors="replace")
    is_relay = media_type(request.headers.get("Content-Type") or "") == DTMF_RELAY
    signal = _SIGNAL.search(text)
    written = (signal[1] if signal else "") if is_relay else text.strip()
    digit = _NUMBERED.get(written, written.upper())
    duration = _DURATION.search(text)
    return InfoKey(digit, parse_uint(duration[1], MAX_DURATION_MS) if duration else None) if digit in _KEYS else None
