"""PURE. Decides whether a listener has room for one more connection, and which one goes when it has none.

A connection is a stranger's until its far end is known: by a trunk's address, a call, credentials, or because we called it. Strangers have
a share of their own and little time, and are the first to go.
"""

from collections import Counter
from collections.abc import Callable

from switch.sip.flow import site_of

MAX_CONNECTIONS = 2_000
"""Of one listener."""
MAX_CONNECTIONS_OF_HOST = 100
MAX_STRANGERS = 500
"""Of these, so many are strangers' at most: one more takes the place of the oldest."""
MAX_STRANGERS_OF_SITE = 20
STRANGER_S = 30.0
"""A stranger's connection lives so long, its TLS handshake included, whatever comes by it."""


class Place:
    """What one connection holds. `since_s`: when it was taken, in the loop's time. `drop`: closes the connection."""

    __slots__ = ("drop", "host", "is_left", "is_stranger", "since_s")

    def __init__(self, host: str, *, is_stranger: bool, since_s: float, drop: Callable[[], None]) -> None:
        self.host = host
        self.is_stranger = is_stranger
        self.is_left = False
        self.since_s = since_s
        self.drop = drop


class ConnectionLimits:
    """The places of one listener. `is_peer(host)`: whether the host is known by now."""

    __slots__ = ("_count", "_is_peer", "_of_host", "_strangers", "_strangers_of_site")

    def __init__(self, is_peer: Callable[[str], bool]) -> None:
        self._is_peer = is_peer
        self._count = 0
        self._of_host: Counter[str] = Counter()
        self._strangers: dict[Place, None] = {}
        self._strangers_of_site: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._count

    def take(self, host: str, now_s: float, *, drop: Callable[[], None], is_ours: bool = False) -> Place | None:
        """Returns a place, or None: there is no room, even when a stranger goes. `is_ours`: we call, so the far end is no stranger."""
        is_stranger = not (is_ours or self._is_peer(host))
        if is_stranger and self._strangers_of_site[site_of(host)] >= MAX_STRANGERS_OF_SITE:
            return None
        if self._of_host[host] >= MAX_CONNECTIONS_OF_HOST and (is_stranger or not self._drop_stranger(host)):
            return None
        is_full = self._count >= MAX_CONNECTIONS or (is_stranger and len(self._strangers) >= MAX_STRANGERS)
        if is_full and not self._drop_stranger():
            return None
        place = Place(host, is_stranger=is_stranger, since_s=now_s, drop=drop)
        self._count += 1
        self._of_host[host] += 1
        if is_stranger:
            self._strangers[place] = None
            self._strangers_of_site[site_of(host)] += 1
        return place

    def leave(self, place: Place) -> None:
        """The connection is gone. Leaving twice is leaving once."""
        if not place.is_left:
            place.is_left = True
            self.prove(place)
            self._count -= 1
            _decrease(self._of_host, place.host)

    def prove(self, place: Place) -> None:
        """Its far end is no stranger any more."""
        if place.is_stranger:
            place.is_stranger = False
            del self._strangers[place]
            _decrease(self._strangers_of_site, site_of(place.host))

    def sweep(self, now_s: float) -> None:
        """Drops the strangers whose time is up, the oldest first."""
        for place in list(self._strangers):
            if self._is_peer(place.host):
                self.prove(place)
            elif now_s >= place.since_s + STRANGER_S:
                self._drop(place)

    def _drop_stranger(self, host: str | None = None) -> bool:
        """Drops the oldest stranger, of `host` where one is named; returns whether there was one."""
        for place in list(self._strangers):
            if host in (None, place.host):
                if not self._is_peer(place.host):
                    self._drop(place)
                    return True
                self.prove(place)
        return False

    def _drop(self, place: Place) -> None:
        self.leave(place)
        place.drop()


def _decrease(counter: Counter[str], host: str) -> None:
    counter[host] -= 1
    if not counter[host]:
        del counter[host]
