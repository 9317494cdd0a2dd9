"""Tells systemd what the service does: sd_notify(3), by datagrams to the socket that it names. Without systemd nothing is sent."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress


class ServiceManager:
    """`watchdog_s`: how often `alive` must be sent at least, or None: nobody waits for it."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket: socket.socket | None = None
        if self._address.startswith(("/", "\0")):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
        self._is_ready = False
        self.watchdog_s = _watchdog_s(environment) if self._socket is not None else None

    def ready(self, status: str) -> None:
        """Calls are taken; also sent when a reload is over."""
        self._is_ready = True
        self._send(f"READY=1\nSTATUS={status}")

    def reloading(self, mono_us: int) -> None:
        """A config is being read. `mono_us`: CLOCK_MONOTONIC. Before it is ready, a service is starting, and nothing else."""
        if self._is_ready:
            self._send(f"RELOADING=1\nMONOTONIC_USEC={mono_us}")

    def stopping(self, status: str, *, within_s: float) -> None:
        """The service ends, and takes `within_s` at most, whatever the unit's TimeoutStopSec says."""
        self._send(f"STOPPING=1\nSTATUS={status}\nEXTEND_TIMEOUT_USEC={int(within_s * 1_000_000)}")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, state: str) -> None:
        """A manager that is gone, or does not read, is none of the switch's troubles."""
        if self._socket is None:
            return
        with suppress(OSError):
            self._socket.sendto(state.encode(), self._address)


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    """Returns half of what systemd waits for, as sd_watchdog_enabled(3) recommends, or None."""
    text, pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not text.isdecimal() or int(text) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(text) / 2_000_000
