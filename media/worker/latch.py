"""The source latch of a leg: whether a packet that comes from elsewhere than the ones before is its far end's (RFC 4961, RFC 7362)."""

from media.control import Latch, RemoteMedia
from media.worker.path import Address

LATE_NS = 3_000_000_000
"""After a re-INVITE, packets from where the far end was are late ones for so long."""
OPEN_NS = 3_000_000_000
"""With `latch` "any-first-seconds": how long anybody may be the far end."""
QUIET_NS = 1_000_000_000
"""The shortest silence that a NAT's renumbering explains."""


class SourceLatch:
    """What is remembered of where the far end was signalled to be, and when."""

    __slots__ = ("_former", "_former_until_ns", "_from_ns")

    def __init__(self, now_ns: int) -> None:
        self._from_ns = now_ns
        self._former: tuple[str, int] | None = None
        self._former_until_ns: int | None = None  # None: for as long as the latch is open

    def begin(self, now_ns: int, *, former: tuple[str, int] | None, latched: Address | None) -> None:
        """A new address is signalled; `former`: the one before, which is over, and with it where the far end was `latched`. One that it had
        not signalled may be where it sends from whatever it says."""
        self._from_ns = now_ns
        if former is not None:
            self._former = former if latched is None else latched[:2]
            self._former_until_ns = None if self._former == former else now_ns + LATE_NS

    def opens(self, peer: RemoteMedia, source: Address, now_ns: int) -> bool:
        """Returns whether the first packet of all may come from there, though it was not signalled.

        Another port of the signalled host may be it: a NAT has renumbered the far end (RFC 4961 symmetric RTP). Whoever is first may, of a
        peer that signalled a name, and in the first `OPEN_NS` of one whose config says so. Everything else could be anybody. Where it was
        before a re-INVITE it is not any more.
        """
        if peer.latch is Latch.STRICT:
            return False
        if source[:2] == self._former and (self._former_until_ns is None or now_ns < self._former_until_ns):
            return False
        is_open = peer.latch is Latch.ANY_FIRST_SECONDS and now_ns - self._from_ns < OPEN_NS
        return is_open or peer.learns or source[0] == peer.host
