"""UDP sockets of legs, and the addresses that can be sent to."""

import ipaddress
import socket
from typing import Protocol

from media.control import RemoteMedia
from media.worker.path import Address


class DatagramSocket(Protocol):
    """What the worker needs of a UDP socket that takes packets from anywhere; a test may give another."""

    def sendto(self, data: memoryview, address: Address, /) -> int: ...
    def recvfrom_into(self, buffer: bytearray, /) -> tuple[int, Address]: ...
    def setsockopt(self, level: int, option: int, value: int, /) -> None: ...
    def fileno(self) -> int: ...
    def close(self) -> None: ...


class ConnectedSocket(DatagramSocket, Protocol):
    """What it needs of one that is connected, besides."""

    def send(self, data: memoryview, /) -> int: ...
    def recv_into(self, buffer: bytearray, /) -> int: ...


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
    sock = _unbound(host, buffer_bytes=buffer_bytes)
    try:
        sock.bind((host, port))
    except (OSError, OverflowError):
        sock.close()
        raise
    return sock


def connect(bound: DatagramSocket, host: str, port: int, address: Address, *, buffer_bytes: int) -> socket.socket:
    """A second socket of the port that `bound` has, which the kernel gives what comes from `address`, and nothing else. What it found its
    way to between binding and connecting may be anybody's. OSError where there can be none, as to port 0, which stands for any.

    Such a socket spares each packet the making and reading of an address, a third of what relaying it costs. The port is shared for as long
    as `bind` takes, with sockets of our own user: SO_REUSEADDR would let anybody's have it.
    """
    sock = _unbound(host, buffer_bytes=buffer_bytes)
    try:
        try:
            for each in (bound, sock):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind((host, port))
        finally:
            for each in (bound, sock):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)
        there = address if len(address) == 2 else (address[0], address[1], 0, address[3])  # no flow label: they are not ours to set
        sock.connect(there)
        if sock.getpeername() != there:
            raise OSError(f"{there} is no address to connect to")
    except (OSError, OverflowError):
        sock.close()
        raise
    return sock


def _unbound(host: str, *, buffer_bytes: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    return sock
