"""What systemd is told, by a socket of ours in its place."""

import os
import socket
from pathlib import Path

import pytest

from switch.systemd import ServiceManager


@pytest.mark.parametrize("abstract", ["file", "abstract"])
def test_states_are_told(tmp_path: Path, abstract: str) -> None:
    address = str(tmp_path / "notify") if abstract == "file" else f"@payphone-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address.replace("@", "\0"))
        manager.setblocking(False)
        service = ServiceManager({"NOTIFY_SOCKET": address})
        service.reloading(1)  # it is starting still
        service.ready("config abc")
        service.reloading(12)
        service.alive()
        service.stopping("draining", within_s=50.5)
        service.close()
        service.alive()
        assert [manager.recv(1_000) for _ in range(4)] == [
            b"READY=1\nSTATUS=config abc",
            b"RELOADING=1\nMONOTONIC_USEC=12",
            b"WATCHDOG=1",
            b"STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=50500000",
        ]
        with pytest.raises(BlockingIOError):
            manager.recv(1_000)


def test_a_manager_that_is_gone_changes_nothing(tmp_path: Path) -> None:
    service = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    service.ready("")
    service.close()


@pytest.mark.parametrize(
    ("environment", "watchdog_s"),
    [
        ({"WATCHDOG_USEC": "3000000"}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_asked(environment: dict[str, str], watchdog_s: float | None) -> None:
    service = ServiceManager({"NOTIFY_SOCKET": "/nowhere", **environment})
    assert service.watchdog_s == watchdog_s
    service.close()
    assert ServiceManager(environment).watchdog_s is None  # without a socket
