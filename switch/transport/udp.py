"""Runs one UDP socket: datagrams in with their source, datagrams out to their target. It does not parse SIP."""

import asyncio
import errno
import socket
import struct
from collections.abc import Callable
from typing import cast

from switch.sip.flow import Flow, SendFailed, SendFailure, Transport

RECEIVE_BUFFER_BYTES = 4 << 20
"""Room for a burst while the loop is busy: some 3,000 messages."""

SO_MEMINFO = 55
"""Linux: a socket's memory, nine 32-bit numbers, of which the first is what its receive buffer holds."""

LOCAL_ERRORS = frozenset({errno.EMSGSIZE, errno.ENOBUFS, errno.ENOMEM, errno.EPERM, errno.EINTR})
"""Send errors not caused by the target: the message is too long, buffers or memory are short, a local firewall rule dropped it. The
datagram is lost like any other, and the transaction's retransmission deals with that (RFC 3261 §17.1.1.2)."""


class UdpTransport(asyncio.DatagramProtocol):
    """`received(data, source)` for each datagram; `send_failed(target, why, words)` when the system refuses to send one."""

    def __init__(self, *, received: Callable[[bytes, Flow], None], send_failed: SendFailed) -> None:
        self._received = received
        self._send_failed = send_failed
        self._transport: asyncio.DatagramTransport | None = None
        self._socket: socket.socket | None = None
        self._listener = 0

    async def open(self, listen: Flow) -> None:
        """Binds. Raises OSError when the address can't be had."""
        self._listener = listen.listener
        is_v6 = ":" in listen.host
        bound = socket.socket(socket.AF_INET6 if is_v6 else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            if is_v6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            bound.setblocking(False)
            bound.bind((listen.host, listen.port))
        except OSError:
            bound.close()
            raise
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=bound)
        self._socket = bound

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int] | tuple[str, int, int, int]) -> None:
        self._received(data, Flow(addr[0], addr[1], Transport.UDP, self._listener))

    def error_received(self, exc: Exception) -> None:
        """An ICMP error that identifies no datagram: the transaction's own timer ends the wait that follows."""

    def send(self, data: bytes, target: Flow) -> None:
        """Sends at once where the system accepts it, else when it does. Not by the loop's transport, which hides send errors."""
        if self._socket is None or self._transport is None:
            return
        try:
            self._socket.sendto(data, (target.host, target.port))
        except BlockingIOError:
            self._transport.sendto(data, (target.host, target.port))
        except (OSError, OverflowError) as error:
            if getattr(error, "errno", None) not in LOCAL_ERRORS:
                self._send_failed(target, SendFailure.UNREACHABLE, getattr(error, "strerror", None) or str(error))

    def waiting_bytes(self) -> int:
        """Returns how much of the receive buffer is taken by messages that were not read yet."""
        if self._socket is None:
            return 0
        held: int = struct.unpack_from("I", self._socket.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36))[0]
        return held

    def close(self) -> None:
        self._socket = None
        if self._transport is not None:
            self._transport.close()
