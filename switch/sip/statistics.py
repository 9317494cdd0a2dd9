"""PURE. Counts what peers send and what they are refused, by kind and by host. Nothing is decided by these counts.

Memory is bounded: a kind names `MAX_HOSTS` hosts, what further ones send is summed under `OTHER`. Each kind has a bound of its own, so
that strangers can't push a trunk out of the counts that name it.
"""

from enum import StrEnum

MAX_HOSTS = 256
"""Hosts that one kind names."""
OTHER = "other"
"""The host under which the rest is summed."""


class Statistic(StrEnum):
    """What is counted."""

    MALFORMED_REQUEST = "malformed_request"
    """A request that could not be used: answered 400 or another status where it could be answered, else dropped."""
    MALFORMED_RESPONSE = "malformed_response"
    """A response that could not be used: dropped."""
    MALFORMED_OTHER = "malformed_other"
    """A datagram that is neither: dropped."""
    ODDITY = "oddity"
    """Something in a message of a trunk or line was wrong, and read past."""
    FAILOVER = "failover"
    """A target of a line could not be reached, was silent or sent 503, and the INVITE went to the next one."""
    SRTP_REFUSED = "srtp_refused"
    """A line with `srtp: optional` refused encrypted audio, and was offered plain audio."""
    NAT = "nat"
    """A dialog whose requests go where the peer's messages come from, not to what it signals."""
    STRANGER = "stranger"
    """A datagram from no trunk that belongs to no call: silence. Most are dropped unread."""
    SCANNER = "scanner"
    """Of these strangers' datagrams, those that name a known scanner as their User-Agent."""
    FLOODED = "flooded"
    """A datagram of an unknown address that may authenticate, and sends too much: silence."""
    OVERLOAD = "overload"
    """The switch was behind, and refused new calls until it had caught up."""
    CHALLENGED = "challenged"
    """A request without credentials, or with a nonce that has run out: it got 401 and is expected again."""
    UNAUTHORIZED = "unauthorized"
    """A request with wrong credentials: 403."""
    CONNECTION_REFUSED = "connection_refused"
    """A TCP or TLS connection that was closed at once: of an unknown address, or there was no room."""
    CONNECTION_DROPPED = "connection_dropped"
    """A connection of an unknown address that had not authenticated in time, or made room for another."""
    CONNECTION_STALLED = "connection_stalled"
    """A connection by which a message, or the first one, did not come to its end in time."""
    CONNECTION_UNREAD = "connection_unread"
    """A connection whose peer did not read what was sent."""
    CONNECTION_BROKEN = "connection_broken"
    """A connection by which came what is no SIP, or can't be cut into messages."""
    CONNECTION_FAILED = "connection_failed"
    """A connection that could not be made to a peer."""
    TLS_REFUSED = "tls_refused"
    """A TLS handshake of a peer's that failed, or was not over in time."""
    TRANSFER_REFUSED = "transfer_refused"
    """A REFER in a call that was not followed."""
    REFUSED = "refused"
    """A request that got a final answer of 300 or more; the status is part of the key: `refused_404`."""


class Statistics:
    """The counters of one agent. They only ever grow."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[str, dict[str, int]] = {}

    def add(self, kind: Statistic, host: str = "", *, status: int | None = None) -> None:
        """Counts one of `kind`. `host`: an IP literal, "" where none is to be named. `status`: has a counter of its own."""
        key = kind.value if status is None else f"{kind.value}_{status}"
        hosts = self._counts.get(key)
        if hosts is None:
            hosts = self._counts[key] = {}
        if host not in hosts and len(hosts) >= MAX_HOSTS:
            host = OTHER
        hosts[host] = hosts.get(host, 0) + 1

    def snapshot(self) -> dict[str, dict[str, int]]:
        """Returns a copy: kind -> host -> count. Kinds that were never counted are not there."""
        return {key: dict(hosts) for key, hosts in self._counts.items()}
