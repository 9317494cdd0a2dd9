"""Takes UDP ports that nothing else on the machine uses.

A block of ports is locked by keeping its first port bound, so that two runners at once, or two rigs of one runner, never share one.
Blocks lie below the kernel's ephemeral range (32768 on Linux), out of which sockets without a chosen port are served.
"""

import random
import socket
from collections.abc import Iterator

LOOPBACK = "127.0.0.1"
LOOPBACK6 = "::1"
BLOCK_PORTS = 200
FIRST_PORT = 12_032
LAST_PORT = 32_000
SINGLES = 120
HOST_RTP = (10_000, 11_998)
"""RTP ports of an address of one's own, below all blocks: in them SIPp binds its control ports on every address of the machine."""


class NoPortsError(Exception):
    """No free block of UDP ports was found."""


class PortBlock:
    """`BLOCK_PORTS` UDP ports of loopback: single ones from `next()`, and an RTP range for the switch. Release with `close()`."""

    def __init__(self) -> None:
        self._lock, self.base = _lock_free_block()
        self._singles: Iterator[int] = iter(range(self.base + 2, self.base + SINGLES, 2))

    def next(self) -> int:
        """One port of this block that was not given out before (even, its odd neighbour is unused too)."""
        port = next(self._singles, None)
        if port is None:
            raise NoPortsError(f"a rig may use {SINGLES // 2 - 1} single ports, and this one asks for more")
        return port

    @property
    def rtp_range(self) -> tuple[int, int]:
        return self.base + SINGLES, self.base + BLOCK_PORTS - 1

    @property
    def host(self) -> str:
        """A loopback address that nobody else uses; `HOST_RTP` of it are this block's."""
        number = (self.base - FIRST_PORT) // BLOCK_PORTS
        return f"127.19.{number // 250}.{number % 250 + 1}"

    def close(self) -> None:
        self._lock.close()


def has_ipv6() -> bool:
    """Returns whether this machine has the loopback address of IPv6."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind((LOOPBACK6, 0))
    except OSError:
        return False
    return True


def written(host: str, port: int) -> str:
    """`host:port`, with brackets where they belong."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def swallow(port: int) -> socket.socket:
    """A bound socket that nobody reads: what is sent there gets no answer, and no ICMP error either."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.bind((LOOPBACK, port))
    return bound


def _lock_free_block() -> tuple[socket.socket, int]:
    bases = list(range(FIRST_PORT, LAST_PORT, BLOCK_PORTS))
    random.shuffle(bases)
    for base in bases:
        lock = _bind(base)
        if lock is None:
            continue
        if all(_is_free(port) for port in range(base + 1, base + BLOCK_PORTS)):
            return lock, base
        lock.close()
    raise NoPortsError(f"no {BLOCK_PORTS} UDP ports in a row are free between {FIRST_PORT} and {LAST_PORT}")


def _bind(port: int) -> socket.socket | None:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        bound.bind((LOOPBACK, port))
    except OSError:
        bound.close()
        return None
    return bound


def _is_free(port: int) -> bool:
    probe = _bind(port)
    if probe is None:
        return False
    probe.close()
    return True
