"""PURE. Decides where a URI's request goes: transport, address and port, several of them in order (RFC 3263 §4).

Names are resolved elsewhere: what DNS said of one is a `Servers`. `Listeners` say which transports and addresses we have.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple
from zlib import crc32

from switch.sip.flow import Flow, Listeners, Transport, certified, default_port, is_address, transport_of
from switch.sip.headers import SipUri, parse_uri

_TRANSPORTS = tuple(Transport)
MAX_TARGETS = 4
"""Addresses that one call to a line tries, one after the other."""


class Name(NamedTuple):
    """A host name as a URI has it. `port`, `transport` None: the URI leaves them to DNS."""

    host: str
    port: int | None = None
    transport: Transport | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server of a name: `rank`, `priority`: the lower the sooner (NAPTR's order, SRV's priority). `weight`: SRV's (RFC 2782)."""

    transport: Transport
    addresses: tuple[str, ...]
    port: int
    rank: int = 0
    priority: int = 0
    weight: int = 0


Servers = tuple[Server, ...]
"""What DNS says of a name; empty: nothing."""


def name_of(uri: str) -> Name | None:
    """Returns the host name in a URI, or None where its host is an address."""
    parsed = parse_uri(uri)
    if parsed is None or is_address(parsed.host):
        return None
    return Name(parsed.host.lower().rstrip("."), parsed.port, transport_of(parsed))


def targets_of(uri: str, listeners: Listeners, *, names: Mapping[Name, Servers], seed: int) -> tuple[Flow, ...]:
    """Returns where a request to `uri` may go, best first, `MAX_TARGETS` at most; none: its name is not resolved, or no listener of ours
    gets there. `seed` draws by weights: the same one draws the same."""
    parsed = parse_uri(uri)
    name = name_of(uri)
    if parsed is None:
        return ()
    if name is None:
        return _literal(parsed, listeners)
    found: list[Flow] = []
    for server in _ordered(names.get(name, ()), seed):
        for address in server.addresses:
            index = listeners.index_for(address, server.transport)
            if index is not None:
                found.append(Flow(address, server.port, server.transport, index, certified(name.host, server.transport)))
    return tuple(dict.fromkeys(found))[:MAX_TARGETS]


def _literal(uri: SipUri, listeners: Listeners) -> tuple[Flow, ...]:
    """UDP unless the URI says otherwise (§4.1), or there is no listener for it."""
    named = transport_of(uri)
    for transport in (named,) if named else _TRANSPORTS:
        index = listeners.index_for(uri.host, transport)
        if index is not None:
            return (Flow(uri.host, uri.port or default_port(transport), transport, index, certified(uri.host, transport)),)
    return ()


def _ordered(servers: Sequence[Server], seed: int) -> Iterator[Server]:
    ranked = sorted(servers, key=lambda server: (server.rank, server.priority))
    for _, equals in groupby(ranked, key=lambda server: (server.rank, server.priority)):
        yield from _drawn(list(equals), seed)


def _drawn(servers: list[Server], seed: int) -> Iterator[Server]:
    """RFC 2782: one after the other by weight, those of weight 0 hardly ever first."""
    left = sorted(servers, key=lambda server: (server.weight > 0, server.port, server.addresses))
    while left:
        total = sum(server.weight for server in left)
        draw = crc32(f"{seed} {len(left)}".encode()) % (total + 1)
        chosen, running = left[0], 0
        for server in left:
            running += server.weight
            if running >= draw:
                chosen = server
                break
        left.remove(chosen)
        yield chosen
