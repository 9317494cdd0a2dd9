"""A name server on loopback for tests: answers from a zone that the test writes, or not at all."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
from dns.asyncresolver import Resolver


class NameServer(asyncio.DatagramProtocol):
    """`zone`: records by (name, kind), as zone files write them. `is_silent`: answers nothing. `is_broken`: answers SERVFAIL, `broken`:
    to questions for these names or kinds."""

    def __init__(self, zone: dict[tuple[str, str], list[str]], *, ttl_s: int = 300) -> None:
        self.zone = zone
        self.ttl_s = ttl_s
        self.is_silent = False
        self.is_broken = False
        self.broken: frozenset[str] = frozenset()
        self.asked: Counter[tuple[str, str]] = Counter()
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> Resolver:
        """Returns a resolver that asks this server."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self._transport = transport
        resolver = Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = transport.get_extra_info("sockname")[1]
        return resolver

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        query = dns.message.from_wire(data)
        (question,) = query.question
        name, kind = question.name.to_text(omit_final_dot=True), cast(Any, question.rdtype).name
        self.asked[name, kind] += 1
        if self.is_silent or self._transport is None:
            return
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        records = self.zone.get((name, kind), [])
        if self.is_broken or {name, kind} & self.broken:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif records:
            response.answer.append(dns.rrset.from_text_list(question.name, self.ttl_s, "IN", kind, records))
        elif not any(known == name for known, _ in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(response.to_wire(), addr)


@contextmanager
def serving(server: NameServer) -> Iterator[int]:
    """Runs `server` in a thread of its own, for a program that runs a loop itself. Yields its port on 127.0.0.1."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(server.open(), loop).result(timeout=10).port
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
        loop.close()
