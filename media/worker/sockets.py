"""UDP sockets of legs, and the addresses that can be sent to."""

import ipaddress
import socket
from typing import Protocol

from media.control import RemoteMedia
from media.worker.path import Address


class DatagramSocket(Protocol):
    """What the worker needs of a UDP socket; a test may give another."""

    def sendto(self, data: memoryview, address: Address, /) -> int: ...
    def recvfrom_into(self, buffer: bytearray, /) -> tuple[int, Address]: ...
    def fileno(self) -> int: ...
    def close(self) -> None: ...


def sendable(peer: RemoteMedia, *, ours: str) -> Address | None:
    """The signalled address, where one can send to it from `ours`: an IP literal of its family that names a host, and a port.

    A name would make `sendto` ask the DNS and hold up every call; 0.0.0.0 and :: are how old phones say hold (RFC 2543 B.5).
    """
    try:
        host = ipaddress.ip_address(peer.host)
    except ValueError:
        return None
    is_reached = (host.version == 6) is (":" in ours) and not host.is_unspecified and not host.is_multicast
    if not is_reached or not 0 < peer.port < 65_536:
        return None
    return str(host), peer.port


def bind(host: str, port: int, *, buffer_bytes: int) -> socket.socket:
    """A non-blocking UDP socket. OSError where the port can't be had. Not SO_REUSEADDR: another process could take our packets."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.settimeout(0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        sock.bind((host, port))
    except (OSError, OverflowError):
        sock.close()
        raise
    return sock
