"""PURE. Knows where requests go at the moment: what DNS says of names, and which targets failed a short while ago (RFC 3263 §4.3).

Where a URI leads in principle is decided in `targets`.
"""

from collections.abc import Collection

from switch.sip.flow import Flow, Listeners, Transport, transport_of
from switch.sip.headers import parse_uri
from switch.sip.targets import Name, Servers, name_of, targets_of
from switch.sip.transaction import NS_PER_MS

FAILED_NS = 60_000 * NS_PER_MS
"""A target that failed is tried after the others for so long."""
NO_TCP_NS = 600_000 * NS_PER_MS
"""A host that took no TCP when a request was too large for UDP gets large ones by UDP for so long."""
MAX_FAILED = 1_000
"""Targets that are remembered; beyond it the oldest is forgotten."""
MAX_UDP_BYTES = 1_300
"""A larger request goes over TCP, where that is possible (RFC 3261 §18.1.1)."""


class Locator:
    """What one user agent knows of where its requests may go."""

    __slots__ = ("_failed_until", "_listeners", "_names")

    def __init__(self, listeners: Listeners) -> None:
        self._listeners = listeners
        self._names: dict[Name, Servers] = {}
        self._failed_until: dict[Flow, int] = {}

    def resolved(self, name: Name, servers: Servers) -> None:
        """DNS was asked for `name`."""
        self._names[name] = servers

    def keep(self, names: Collection[Name]) -> None:
        """Forgets what DNS said of any other name."""
        for name in self._names.keys() - set(names):
            del self._names[name]

    def is_known(self, uri: str) -> bool:
        """Returns whether `uri` needs no DNS, or DNS has been heard about its name."""
        name = name_of(uri)
        return name is None or name in self._names

    def addresses(self, names: Collection[Name]) -> frozenset[str]:
        """Returns all addresses of these names."""
        return frozenset(address for name in names for server in self._names.get(name, ()) for address in server.addresses)

    def targets(self, uri: str, *, seed: int, now_ns: int) -> tuple[Flow, ...]:
        """Returns where a request to `uri` may go, best first: see `targets_of`. Those that failed a while ago come last."""
        found = targets_of(uri, self._listeners, names=self._names, seed=seed)
        if len(found) < 2 or not self._failed_until:
            return found
        return tuple(sorted(found, key=lambda target: self.has_failed(target, now_ns)))

    def redirected(self, uri: str, *, like: Flow, seed: int, now_ns: int) -> tuple[Flow, ...]:
        """Returns where a request may go that a 3xx leads to `uri`: to an address as to `like`, unless the URI names a transport."""
        parsed = parse_uri(uri)
        if parsed is None or name_of(uri) is not None:
            return self.targets(uri, seed=seed, now_ns=now_ns)
        flow = self._listeners.flow_to(parsed.host, parsed.port, transport=transport_of(parsed), like=like)
        return () if flow is None else (flow,)

    def may_take_tcp(self, target: Flow, now_ns: int) -> bool:
        """Returns whether a listener of ours reaches the host of `target` over TCP, and that has not just failed."""
        over_tcp = self._over_tcp(target)
        return over_tcp is not None and not self.has_failed(over_tcp, now_ns)

    def for_large(self, targets: tuple[Flow, ...], now_ns: int) -> tuple[Flow, ...]:
        """Returns where a request may go that is too large for UDP: over TCP or TLS first, where DNS names such a target; else over TCP to
        the same address and port, and over UDP when that fails (RFC 3261 §18.1.1)."""
        reliable = tuple([target for target in targets if target.is_reliable])
        if reliable:
            return (*reliable, *[target for target in targets if not target.is_reliable])
        found: list[Flow] = []
        for target in targets:
            over_tcp = self._over_tcp(target)
            if over_tcp is not None and not self.has_failed(over_tcp, now_ns):
                found.append(over_tcp)
            found.append(target)
        return tuple(found)

    def _over_tcp(self, target: Flow) -> Flow | None:
        index = self._listeners.index_for(target.host, Transport.TCP)
        return None if index is None else target._replace(transport=Transport.TCP, listener=index)

    def failed(self, target: Flow, now_ns: int, *, for_ns: int = FAILED_NS) -> None:
        """`target` could not be reached, was silent, or sent 503."""
        self._failed_until.pop(target, None)
        if len(self._failed_until) >= MAX_FAILED:
            del self._failed_until[next(iter(self._failed_until))]
        self._failed_until[target] = now_ns + for_ns

    def answered(self, target: Flow) -> None:
        """`target` is alive."""
        self._failed_until.pop(target, None)

    def has_failed(self, target: Flow, now_ns: int) -> bool:
        """Returns whether `target` failed a short while ago."""
        return now_ns < self._failed_until.get(target, now_ns)
