"""Holds the SIP sockets of a switch, one for each listener: UDP, TCP and TLS; sends by the one that a message's flow names."""

import asyncio
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from switch.deployment import Listener, TlsSettings
from switch.sip.flow import Flow, SendFailed, Transport
from switch.sip.statistics import Statistic
from switch.sip.strangers import Standing
from switch.transport.certificates import Certificates
from switch.transport.stream import StreamTransport
from switch.transport.udp import UdpTransport

CERTIFICATES_S = 30.0
"""How often it is looked whether certificates have changed."""


class Sockets:
    """`received(data, source)` for each message; `send_failed(target, why, words)` for what could not be sent; `standing(host)`: whether
    connections are taken from there; `count(kind, host)`: for what happens to connections."""

    def __init__(
        self,
        listeners: Sequence[Listener],
        *,
        received: Callable[[bytes, Flow], None],
        send_failed: SendFailed,
        standing: Callable[[str], Standing],
        count: Callable[[Statistic, str], None],
    ) -> None:
        self._listeners = tuple(listeners)
        self._received = received
        self._send_failed = send_failed
        self._standing = standing
        self._count = count
        self._certificates: dict[TlsSettings, Certificates] = {}
        self._refreshing: asyncio.TimerHandle | None = None
        self._by_listener: list[UdpTransport | StreamTransport] = []

    def check(self) -> None:
        """Raises OSError as `open` does where an address can't be had now; opens nothing."""
        for listener in self._listeners:
            host, port = listener.address
            kind = socket.SOCK_DGRAM if listener.transport is Transport.UDP else socket.SOCK_STREAM
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as tried:
                if kind == socket.SOCK_STREAM:
                    tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if ":" in host:
                    tried.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                with _naming(listener):
                    tried.bind((host, port))

    async def open(self) -> None:
        """Opens all of them, or none. Raises OSError with `filename` the listener whose address can't be had, or of a certificate."""
        try:
            self._certificates = {tls: Certificates(tls) for each in self._listeners if (tls := each.tls) is not None}
            self._refresh_again()
            for index, listener in enumerate(self._listeners):
                await self._open(index, listener)
        except OSError:
            await self.close()
            raise

    def send(self, data: bytes, target: Flow) -> None:
        """Sends by the listener of `target`; to nobody when it is closed."""
        if target.listener < len(self._by_listener):
            self._by_listener[target.listener].send(data, target)

    def trust(self, source: Flow) -> None:
        """Who speaks from there has authenticated: a connection of its is no stranger's any more."""
        listener = self._by_listener[source.listener] if source.listener < len(self._by_listener) else None
        if isinstance(listener, StreamTransport):
            listener.trust(source)

    def waiting_bytes(self) -> int:
        """Returns how much of the receive buffers of UDP is taken by messages that were not read yet."""
        return sum(each.waiting_bytes() for each in self._by_listener if isinstance(each, UdpTransport))

    def certificates(self) -> tuple[tuple[Path, datetime], ...]:
        """Returns the files of our certificates, and when each runs out as it is now."""
        return tuple((each.file, each.ends) for each in self._certificates.values())

    def refresh_certificates(self) -> None:
        """Reads certificates anew where they have changed."""
        for certificates in self._certificates.values():
            certificates.refresh()

    async def close(self) -> None:
        if self._refreshing is not None:
            self._refreshing.cancel()
        sockets, self._by_listener = self._by_listener, []
        for each in sockets:
            if isinstance(each, UdpTransport):
                each.close()
            else:
                await each.close()

    async def _open(self, index: int, listener: Listener) -> None:
        flow = Flow(*listener.address, listener.transport, index)
        with _naming(listener):
            if listener.transport is Transport.UDP:
                udp = UdpTransport(received=self._received, send_failed=self._send_failed)
                await udp.open(flow)
                self._by_listener.append(udp)
            else:
                stream = self._stream(flow, listener.tls)
                stream.open(listener.address)
                self._by_listener.append(stream)

    def _stream(self, flow: Flow, tls: TlsSettings | None) -> StreamTransport:
        certificates = None if tls is None else self._certificates[tls]
        return StreamTransport(
            flow,
            received=self._received,
            send_failed=self._send_failed,
            standing=self._standing,
            count=self._count,
            server=certificates.server if certificates else lambda: None,
            client=certificates.client if certificates else lambda: None,
        )

    def _refresh_again(self) -> None:
        self.refresh_certificates()
        self._refreshing = asyncio.get_running_loop().call_later(CERTIFICATES_S, self._refresh_again)


@contextmanager
def _naming(listener: Listener) -> Iterator[None]:
    """Gives an OSError the listener as its `filename`."""
    try:
        yield
    except OSError as error:
        error.filename = str(listener)
        raise
