"""PURE. Decides, before anything is parsed, whether a datagram from an unknown address is read at all.

It is when it carries a token of ours that is alive: the branch of a request that we sent, or our tag of a dialog. Both are unguessable, so
whoever knows one is the peer, whatever address it sends from (a Contact elsewhere, a proxy that recorded its route, another interface of a
line). Where strangers may authenticate, each site may send some more. Everything else is dropped unread.
"""

import re
from collections.abc import Callable
from enum import Enum, auto

from switch.sip.flow import site_of
from switch.token_bucket import TokenBucket

MAX_LOOKED_AT_BYTES = 16 * 1024
MAX_TOKENS = 32
"""How much of a datagram is looked at, and how many of its tags and of its branches."""
UNKNOWN_PER_SECOND = 20
UNKNOWN_BURST = 40
"""Datagrams of one site that may authenticate and has no call: some eight calls a second, with their challenges."""
MAX_SOURCES = 10_000
"""Sites that have a bucket of their own; further ones share one."""
SWEEP_NS = 1_000_000_000


class Standing(Enum):
    """What an address is to us."""

    PEER = auto()
    """A trunk's, or that of a far end of a call."""
    MAY_AUTHENTICATE = auto()
    """Unknown, and a trunk may be anywhere."""
    UNKNOWN = auto()


_NAMES = (b"tag", b"branch")
_VALUE = re.compile(rb"[ \t]*=[ \t]*(?:z9hG4bK)?([^ \t\r\n;,>]+)", re.IGNORECASE)
_AGENT = b"\nuser-agent"
_SCANNER = re.compile(
    rb"[ \t]*:[ \t]*(?:friendly-scanner|friendly-request|sipvicious|sip-scan|sipcli|sipsak|sundayddr|iwar|smap|svcrack|svwar|"
    rb"vaxsipuseragent|vaxipuseragent|pplsip)"
)


def carries_live_token(data: bytes, is_live: Callable[[str], bool]) -> bool:
    """Returns whether one of the branches and tags in a datagram is alive. `is_live`: of a token, without the magic cookie.

    Not by one expression: `find` is ten times faster, and this is what a flood costs.
    """
    lower = data[:MAX_LOOKED_AT_BYTES].lower()
    for name in _NAMES:
        at = 0
        for _ in range(MAX_TOKENS):
            at = lower.find(name, at) + len(name)
            if at < len(name):
                break
            found = _VALUE.match(data, at, MAX_LOOKED_AT_BYTES)
            if found is not None and is_live(found[1].decode("latin-1")):
                return True
    return False


def is_scanner(data: bytes) -> bool:
    """Returns whether a datagram names a known scanner as its User-Agent."""
    lower = data[:MAX_LOOKED_AT_BYTES].lower()
    at = lower.find(_AGENT)
    return at >= 0 and _SCANNER.match(lower, at + len(_AGENT)) is not None


class SourceBuckets:
    """How much unknown sites may send where they may authenticate. Bounded: buckets that are full again are swept away."""

    __slots__ = ("_buckets", "_others", "_swept_ns")

    def __init__(self) -> None:
        self._buckets: dict[str, TokenBucket] = {}
        self._others = TokenBucket(per_second=UNKNOWN_PER_SECOND, burst=UNKNOWN_BURST)
        self._swept_ns: int | None = None

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, host: str, now_ns: int) -> bool:
        """Counts a datagram of `host`. False: it is one too many of its site."""
        site = site_of(host)
        bucket = self._buckets.get(site)
        if bucket is None:
            if len(self._buckets) >= MAX_SOURCES:
                self._sweep(now_ns)
            if len(self._buckets) >= MAX_SOURCES:
                return self._others.take(now_ns)
            bucket = self._buckets[site] = TokenBucket(per_second=UNKNOWN_PER_SECOND, burst=UNKNOWN_BURST)
        return bucket.take(now_ns)

    def _sweep(self, now_ns: int) -> None:
        """At most once in `SWEEP_NS`: a flood of new addresses must not pay it for each."""
        if self._swept_ns is not None and now_ns - self._swept_ns < SWEEP_NS:
            return
        self._swept_ns = now_ns
        self._buckets = {site: bucket for site, bucket in self._buckets.items() if not bucket.is_full(now_ns)}
