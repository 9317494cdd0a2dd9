"""The socket of a leg that is connected to its far end: what the kernel gives to which socket, and that the latch decides all the same."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from worker_client import HOST, PATIENCE_S, Phone, Ports, WorkerClient

from media.control import Bridge, Close, Closed, Open, Order, Quit, RemoteMedia, SetRemote, decode_report, encode
from media.worker import sockets
from media.worker.prompts import Prompts
from media.worker.relay import MAX_QUEUED, Relay

STRANGER_HOST = "127.0.0.2"
AUDIO, OTHER_AUDIO, NOISE = (bytes([each]) * 160 for each in (0x22, 0x33, 0x11))


@pytest.fixture(scope="module")
def ports() -> Ports:
    return Ports()


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[WorkerClient]:
    with WorkerClient(tmp_path) as client:
        yield client


@pytest.fixture
def caller(worker: WorkerClient, ports: Ports) -> Iterator[Phone]:
    with Phone(ports.take()) as phone:
        worker.order(Open(host=HOST, port=phone.leg, peer=phone.peer()))
        yield phone


@pytest.fixture
def line(worker: WorkerClient, ports: Ports, caller: Phone) -> Iterator[Phone]:
    """Bridged with the caller; both have talked."""
    with Phone(ports.take()) as phone:
        worker.order(Open(host=HOST, port=phone.leg, peer=phone.peer()), Bridge(a=caller.leg, b=phone.leg))
        worker.settle()
        for one, other in ((caller, phone), (phone, caller), (caller, phone), (phone, caller)):
            one.talk(AUDIO)
            assert other.hear().payload == AUDIO
        yield phone


def test_a_stranger_is_counted_beside_a_connection(worker: WorkerClient, caller: Phone, line: Phone) -> None:
    with Phone(caller.leg, host=STRANGER_HOST) as stranger, Phone(caller.leg) as neighbour:
        for other in (stranger, neighbour) * 3:
            other.talk(NOISE)
            caller.talk(AUDIO)
            assert line.hear().payload == AUDIO
        counters = worker.close(caller.leg)
        assert (counters.received, counters.stray) == (2 + 6, 6)
        assert line.hears_nothing()
        assert stranger.hears_nothing()


def test_after_a_re_invite_the_far_end_is_elsewhere(worker: WorkerClient, caller: Phone, line: Phone) -> None:
    with Phone(caller.leg) as moved:
        worker.order(SetRemote(port=caller.leg, peer=RemoteMedia(host=HOST, port=moved.port, moved=True)))
        worker.settle()
        caller.talk(NOISE)
        line.talk(AUDIO)
        assert moved.hear().payload == AUDIO, "sent where it is signalled to be, before anything came from there"
        for number in range(3):
            moved.talk(bytes([number]) * 160)
            assert line.hear().payload == bytes([number]) * 160
            line.talk(AUDIO)
            assert moved.hear().payload == AUDIO
        caller.talk(NOISE)
        moved.talk(OTHER_AUDIO)
        assert line.hear().payload == OTHER_AUDIO
        counters = worker.close(caller.leg)
        assert (counters.received, counters.stray) == (2 + 4, 2)
        assert caller.hears_nothing()


def test_it_comes_back_to_where_it_was(worker: WorkerClient, caller: Phone, line: Phone) -> None:
    for host, port in ((HOST, 9), (HOST, caller.port)):
        worker.order(SetRemote(port=caller.leg, peer=RemoteMedia(host=host, port=port, moved=True)))
    worker.settle()
    for _ in range(3):
        caller.talk(AUDIO)
        assert line.hear().payload == AUDIO
        line.talk(AUDIO)
        assert caller.hear().payload == AUDIO
    assert worker.close(caller.leg).stray == 0


def test_a_phone_that_closes_its_port_for_a_while_misses_only_that(worker: WorkerClient, caller: Phone, line: Phone) -> None:
    """ICMP says that nobody is there; a connected socket is told, and says it in place of what is done with it next."""
    address = caller.sock.getsockname()
    caller.sock.close()
    for _ in range(5):
        line.talk(NOISE)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(address)
        again.settimeout(PATIENCE_S)
        for _ in range(5):
            line.talk(AUDIO)
        heard = 0
        while heard < 5:
            heard += again.recv(2_048)[12:] == AUDIO
        caller.sock = again
        caller.talk(AUDIO)
        assert line.hear().payload == AUDIO
        assert worker.close(caller.leg).received == 3
    assert worker.problems() == []


@pytest.mark.parametrize("may_share", [0, 1])
def test_nobody_else_gets_the_port(caller: Phone, line: Phone, may_share: int) -> None:
    for leg in (caller.leg, line.leg):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, may_share)
            with pytest.raises(OSError, match="in use"):
                other.bind((HOST, leg))


class RelayInThisProcess:
    """To have something happen between two system calls of it."""

    def __init__(self, directory: Path) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(PATIENCE_S)
        relay = Relay(theirs, prompts=Prompts(directory), rtp_timeout_ns=60_000_000_000)
        self._thread = threading.Thread(target=relay.run)

    def __enter__(self) -> "RelayInThisProcess":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.order(Quit())
        self._thread.join(PATIENCE_S)
        self._control.close()

    def order(self, *orders: Order) -> None:
        for order in orders:
            self._control.send(encode(order))

    def close(self, port: int) -> Closed:
        self.order(Close(port=port))
        while not isinstance(report := decode_report(self._control.recv(65_536)), Closed):
            pass
        return report


@pytest.mark.parametrize("flood", [1, MAX_QUEUED, MAX_QUEUED + 1, 5 * MAX_QUEUED])
def test_what_comes_before_it_is_connected_is_looked_at(
    tmp_path: Path, ports: Ports, monkeypatch: pytest.MonkeyPatch, flood: int
) -> None:
    """Between `bind` and `connect` the kernel gives the new socket what comes from anybody."""
    connections: list[int] = []

    class Flooded(socket.socket):
        def connect(self, address: tuple[str, int], /) -> None:  # type: ignore[override]  # of one family
            connections.append(1)
            for _ in range(flood if len(connections) == 1 else 0):
                stranger.talk(NOISE)
            super().connect(address)

    with Phone(ports.take()) as phone, Phone(ports.take()) as line, Phone(phone.leg, host=STRANGER_HOST) as stranger:
        monkeypatch.setattr(sockets, "socket", _module_with(Flooded))
        with RelayInThisProcess(tmp_path) as relay:
            relay.order(
                *(Open(host=HOST, port=each.leg, peer=each.peer()) for each in (phone, line)), Bridge(a=phone.leg, b=line.leg)
            )
            relay.close(1)  # its answer comes when all before it is done
            for _ in range(4):
                phone.talk(AUDIO)
                assert line.hear().payload == AUDIO
            counters = relay.close(phone.leg).counters
        assert line.hears_nothing()
    assert (counters.received, counters.stray) == (4, flood)
    assert connections == [1]


def _module_with(kind: type[socket.socket]) -> object:
    """Returns what stands for the module `socket`."""

    class Module:
        def __getattr__(self, name: str) -> object:
            return kind if name == "socket" else getattr(socket, name)

    return Module()
