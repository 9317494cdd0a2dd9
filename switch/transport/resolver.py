"""Asks DNS for the host names in the config's URIs, in the background, again whenever what it said has run out (RFC 3263 §4).

What a call does with the answers is decided in `switch.sip.targets`. While no name server answers, the last answer goes on holding.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import structlog
from dns.asyncresolver import Resolver
from dns.exception import DNSException
from dns.nameserver import Do53Nameserver, Nameserver
from dns.resolver import NXDOMAIN, NoAnswer

from switch.sip.flow import Transport, default_port
from switch.sip.targets import Name, Server, Servers

MIN_TTL_S = 30
MAX_TTL_S = 3_600
"""How long an answer holds at least and at most, whatever its TTL."""
RETRY_S = 15
"""After a name server did not answer, or knew no address."""
LIFETIME_S = 5.0
"""Of one question."""
MAX_RECORDS = 16
"""Of one answer; further ones are left out."""

_log = structlog.get_logger("payphone")
_SERVICES = {"SIP+D2U": Transport.UDP, "SIP+D2T": Transport.TCP, "SIPS+D2T": Transport.TLS}
_SRV = {Transport.UDP: "_sip._udp", Transport.TCP: "_sip._tcp", Transport.TLS: "_sips._tcp"}
_WITHOUT_NAPTR = (Transport.UDP, Transport.TCP)
"""A sip URI that says nothing else is not called over TLS unless NAPTR says so."""


class Lookup(NamedTuple):
    """What DNS says of a name. It holds for `ttl_s` seconds. `bare`: hosts that SRV records name and of which no address is known."""

    servers: Servers
    ttl_s: int
    bare: tuple[str, ...] = ()


def resolver_of(name_servers: Sequence[tuple[str, int]]) -> Resolver | None:
    """Returns what asks these name servers, in turn; None: those of /etc/resolv.conf are asked, as it stands then."""
    if not name_servers:
        return None
    resolver = Resolver(configure=False)
    servers: list[str | Nameserver] = [Do53Nameserver(host, port) for host, port in name_servers]
    resolver.nameservers = servers
    return resolver


class NameResolver:
    """`resolved(name, servers)` is called with each answer. `transports`: those we have a listener for."""

    def __init__(
        self, resolved: Callable[[Name, Servers], None], *, transports: Collection[Transport], resolver: Resolver | None = None
    ) -> None:
        self._resolved = resolved
        self._transports = tuple(each for each in Transport if each in transports)
        self._resolver = resolver
        self._tasks: dict[Name, asyncio.Task[None]] = {}
        self._places: Mapping[Name, str] = {}

    def watch(self, names: Mapping[Name, str]) -> None:
        """Asks for these names from now on, and for no others. They come with the place in the config, for the log."""
        self._places = names
        for name in self._tasks.keys() - names.keys():
            self._tasks.pop(name).cancel()
        for name in names.keys() - self._tasks.keys():
            self._tasks[name] = asyncio.get_running_loop().create_task(self._keep(name))

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        self.watch({})
        await asyncio.gather(*tasks, return_exceptions=True)

    async def lookup(self, name: Name) -> Lookup:
        """Raises DNSException or OSError without an answer."""
        question = _Question(self._resolver or Resolver())
        servers = await self._servers(question, name)
        return Lookup(servers, question.ttl_s if servers else RETRY_S, tuple(question.bare))

    async def _keep(self, name: Name) -> None:
        known: Lookup | None = None
        while True:
            try:
                found = await self.lookup(name)
            except (DNSException, OSError) as error:
                why = type(error).__name__
                _log.warning("no answer from DNS", name=name.host, why=why, place=self._places.get(name), again_in_s=RETRY_S)
                wait_s = RETRY_S
            else:
                if known is None or (found.servers, found.bare) != (known.servers, known.bare):
                    self._doubt(name, found)
                known, wait_s = found, found.ttl_s
                self._resolved(name, found.servers)
            await asyncio.sleep(wait_s)

    def _doubt(self, name: Name, found: Lookup) -> None:
        place = self._places.get(name)
        if not found.servers:
            _log.warning("DNS knows no address", name=name.host, of=found.bare or None, place=place, again_in_s=RETRY_S)
        elif found.bare:
            _log.warning("SRV names hosts without an address", name=name.host, of=found.bare, place=place)

    async def _servers(self, question: "_Question", name: Name) -> Servers:
        if name.port is None:
            found = await self._services(question, name)
            if found is not None:
                return found
        transport = name.transport or next(iter(self._transports), Transport.UDP)
        addresses = await question.addresses(name.host)
        port = name.port or default_port(transport)
        return (Server(transport=transport, addresses=addresses, port=port),) if addresses else ()

    async def _services(self, question: "_Question", name: Name) -> Servers | None:
        """Returns the servers that SRV records name, or None: there are no such records."""
        asked: list[tuple[Transport, str]] = []
        if name.transport is None:
            records = sorted(await question.ask(name.host, "NAPTR"), key=lambda record: (record.order, record.preference))
            for record in records:
                transport = _SERVICES.get(record.service.decode("ascii", "replace").upper())
                if transport in self._transports and transport is not None and record.flags.lower() == b"s":
                    asked.append((transport, record.replacement.to_text(omit_final_dot=True)))
        if not asked:
            ways = (name.transport,) if name.transport else [each for each in _WITHOUT_NAPTR if each in self._transports]
            asked = [(way, f"{_SRV[way]}.{name.host}") for way in ways]
        found: list[Server] = []
        failure: DNSException | None = None
        has_records = False
        for rank, (transport, service) in enumerate(asked):
            for record in await question.ask(service, "SRV"):
                has_records = True
                host = record.target.to_text(omit_final_dot=True)
                addresses: tuple[str, ...] = ()
                try:
                    addresses = await question.addresses(host)
                except DNSException as error:  # the zone of one host may be broken, and those of the others well
                    failure = error
                if not addresses and host != ".":
                    question.bare.append(host)
                if addresses:
                    found.append(
                        Server(
                            transport=transport,
                            addresses=addresses,
                            port=record.port,
                            rank=rank,
                            priority=record.priority,
                            weight=record.weight,
                        )
                    )
        if failure is not None and not found:
            raise failure
        return tuple(found) if has_records else None


class _Question:
    """Several questions for one name. `ttl_s`: the shortest of their answers', within bounds. `bare`: see `Lookup`."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self.ttl_s = MAX_TTL_S
        self.bare: list[str] = []

    async def ask(self, name: str, kind: str) -> list[Any]:
        """Returns the records, none where there are none."""
        if not name or name == ".":
            return []
        try:
            answer = await self._resolver.resolve(f"{name}.", kind, lifetime=LIFETIME_S)
        except (NXDOMAIN, NoAnswer):
            return []
        if answer.rrset is None:
            return []
        self.ttl_s = max(MIN_TTL_S, min(self.ttl_s, answer.rrset.ttl))
        return list(answer)[:MAX_RECORDS]

    async def addresses(self, name: str) -> tuple[str, ...]:
        """Returns IPv4 addresses, then IPv6. Some name servers fail when they are asked for AAAA (RFC 4074 §4): then the others count, for
        a short time."""
        found: list[str] = []
        failure: DNSException | None = None
        for kind in ("A", "AAAA"):
            try:
                found += [record.address for record in await self.ask(name, kind)]
            except DNSException as error:
                failure, self.ttl_s = error, MIN_TTL_S
        if failure is not None and not found:
            raise failure
        return tuple(found)
