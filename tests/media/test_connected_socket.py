"""The socket of a leg that is connected to its far end: what the kernel gives to which socket, and that the latch decides all the same."""

import errno
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from relay_in_process import RelayInProcess, socket_module
from worker_client import HOST, HOST6, PATIENCE_S, Phone, Ports

from media.control import Bridge, Open, RemoteMedia, SetRemote
from media.worker import relay, sockets
from media.worker.path import Address
from media.worker.relay import RECEIVE_BUFFER_BYTES, SETTLED_NS

STRANGER_HOST = "127.0.0.2"
BACKLOG = 150
Bridged = tuple[RelayInProcess, Phone, Phone, Phone]
AUDIO, OTHER_AUDIO, NOISE = (bytes([each]) * 160 for each in (0x22, 0x33, 0x11))


@pytest.fixture(scope="module")
def ports() -> Ports:
    return Ports()


@pytest.fixture(params=[0, SETTLED_NS], ids=["settled", "new"])
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[RelayInProcess]:
    """Connections are trusted at once, or for the length of a test not at all."""
    monkeypatch.setattr(relay, "SETTLED_NS", request.param)
    with RelayInProcess(tmp_path) as it:
        yield it


@pytest.fixture
def caller(worker: RelayInProcess, ports: Ports) -> Iterator[Phone]:
    with Phone(ports.take()) as phone:
        worker.order(Open(host=HOST, port=phone.leg, peer=phone.peer()))
        yield phone


@pytest.fixture
def line(worker: RelayInProcess, ports: Ports, caller: Phone) -> Iterator[Phone]:
    """Bridged with the caller; both have talked."""
    with Phone(ports.take()) as phone:
        worker.order(Open(host=HOST, port=phone.leg, peer=phone.peer()), Bridge(a=caller.leg, b=phone.leg))
        worker.settle()
        for one, other in ((caller, phone), (phone, caller), (caller, phone), (phone, caller)):
            one.talk(AUDIO)
            assert other.hear().payload == AUDIO
        yield phone


def test_a_stranger_is_counted_beside_a_connection(worker: RelayInProcess, caller: Phone, line: Phone) -> None:
    with Phone(caller.leg, host=STRANGER_HOST) as stranger, Phone(caller.leg) as neighbour:
        for other in (stranger, neighbour) * 3:
            other.talk(NOISE)
            caller.talk(AUDIO)
            assert line.hear().payload == AUDIO
        counters = worker.close(caller.leg)
        assert (counters.received, counters.stray) == (2 + 6, 6)
        assert line.hears_nothing()
        assert stranger.hears_nothing()


def test_after_a_re_invite_the_far_end_is_elsewhere(worker: RelayInProcess, caller: Phone, line: Phone) -> None:
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


def test_it_comes_back_to_where_it_was(worker: RelayInProcess, caller: Phone, line: Phone) -> None:
    for host, port in ((HOST, 9), (HOST, caller.port)):
        worker.order(SetRemote(port=caller.leg, peer=RemoteMedia(host=host, port=port, moved=True)))
    worker.settle()
    for _ in range(3):
        caller.talk(AUDIO)
        assert line.hear().payload == AUDIO
        line.talk(AUDIO)
        assert caller.hear().payload == AUDIO
    assert worker.close(caller.leg).stray == 0


def test_a_phone_that_closes_its_port_for_a_while_misses_only_that(worker: RelayInProcess, caller: Phone, line: Phone) -> None:
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
    assert worker.problems == []


SHARING = [socket.SO_REUSEADDR, socket.SO_REUSEPORT]


@pytest.mark.parametrize("options", [[], *([each] for each in SHARING), SHARING])
def test_nobody_else_gets_the_port(caller: Phone, line: Phone, options: list[int]) -> None:
    for leg in (caller.leg, line.leg):
        assert not _is_had((HOST, leg), options)


def test_another_user_does_not_get_the_port_while_it_is_shared(bridged: Bridged, monkeypatch: pytest.MonkeyPatch) -> None:
    """SO_REUSEADDR would let anybody have it who asks at that moment; SO_REUSEPORT (7 socket) nobody but ourselves."""
    _, phone, line, _ = bridged
    had: list[bool] = []

    class Watched(socket.socket):
        def bind(self, address: Address, /) -> None:  # type: ignore[override]  # of one family
            super().bind(address)
            had.append(_is_had(address, [socket.SO_REUSEADDR]))

    monkeypatch.setattr(sockets, "socket", socket_module(Watched))
    phone.talk(AUDIO)
    line.hear()
    phone.talk(AUDIO)
    line.hear()
    assert had == [False]


def _is_had(address: Address, options: list[int]) -> bool:
    """Returns whether a socket with these options can be bound there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        for each in options:
            other.setsockopt(socket.SOL_SOCKET, each, 1)
        try:
            other.bind(address)
        except OSError:
            return False
    return True


@pytest.fixture
def bridged(tmp_path: Path, ports: Ports, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bridged]:
    """A worker, two phones that have not talked yet, and a stranger to the first. A connection is trusted as soon as it is empty."""
    monkeypatch.setattr(relay, "SETTLED_NS", 0)
    with (
        Phone(ports.take()) as phone,
        Phone(ports.take()) as line,
        Phone(phone.leg, host=STRANGER_HOST) as stranger,
        RelayInProcess(tmp_path) as worker,
    ):
        worker.order(*(Open(host=HOST, port=each.leg, peer=each.peer()) for each in (phone, line)), Bridge(a=phone.leg, b=line.leg))
        worker.settle()
        yield worker, phone, line, stranger


@pytest.mark.parametrize("flood", [1, 2, 300])
def test_what_comes_before_it_is_connected_is_looked_at(bridged: Bridged, monkeypatch: pytest.MonkeyPatch, flood: int) -> None:
    """Between `bind` and `connect` the kernel gives the new socket what comes from anybody. An ICMP error says nothing of that."""
    worker, phone, line, stranger = bridged
    connections: list[int] = []

    class Flooded(socket.socket):
        calls = 0

        def connect(self, address: Address, /) -> None:  # type: ignore[override]  # of one family
            connections.append(self.fileno())
            for _ in range(flood):
                stranger.talk(NOISE)
            super().connect(address)

        def recvfrom_into(self, buffer: bytearray, /) -> tuple[int, Address]:  # type: ignore[override]  # all that is used
            self.calls += self.fileno() in connections
            if self.calls == 2:
                self.calls += 1
                raise ConnectionRefusedError
            return super().recvfrom_into(buffer)

    monkeypatch.setattr(sockets, "socket", socket_module(Flooded))
    for _ in range(4):
        phone.talk(AUDIO)
        assert line.hear().payload == AUDIO
    worker.settle()
    counters = worker.close(phone.leg)
    assert line.hears_nothing()
    assert (counters.received, counters.stray) == (4, flood)
    assert len(connections) == 1


def test_what_the_kernel_puts_there_late_is_looked_at(bridged: Bridged, monkeypatch: pytest.MonkeyPatch) -> None:
    """It had looked up whose it is before `connect`, on another processor: here nothing is ever connected."""
    worker, phone, line, stranger = bridged
    monkeypatch.setattr(relay, "SETTLED_NS", SETTLED_NS)

    class Late(socket.socket):
        def connect(self, address: Address, /) -> None:  # type: ignore[override]  # of one family
            self.address = address

        def getpeername(self) -> Address:
            return self.address

    monkeypatch.setattr(sockets, "socket", socket_module(Late))
    for _ in range(3):
        phone.talk(AUDIO)
        assert line.hear().payload == AUDIO
        worker.settle()
        stranger.talk(NOISE)
        worker.settle()
        assert line.hears_nothing()
    assert worker.close(phone.leg).stray == 3


def test_what_came_before_it_is_connected_is_taken_first(bridged: Bridged, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker was held up while a talk began. What came late behind newer packets would have no place left."""
    worker, phone, line, _ = bridged
    coming = iter(range(BACKLOG))

    class Stalled(socket.socket):
        def recvfrom_into(self, buffer: bytearray, /) -> tuple[int, Address]:  # type: ignore[override]  # all that is used
            for number in coming:
                phone.talk(bytes([number]) * 160)
            return super().recvfrom_into(buffer)

        def connect(self, address: Address, /) -> None:  # type: ignore[override]  # of one family
            super().connect(address)
            for number in range(BACKLOG, BACKLOG + 50):
                phone.talk(bytes([number]) * 160)

    worker.close(phone.leg)
    monkeypatch.setattr(sockets, "socket", socket_module(Stalled))
    worker.order(Open(host=HOST, port=phone.leg, peer=phone.peer()), Bridge(a=phone.leg, b=line.leg))
    worker.settle()
    phone.talk(AUDIO)
    assert line.hear().payload == AUDIO
    assert [line.hear().payload[0] for _ in range(BACKLOG + 50)] == [*range(BACKLOG + 50)]


def test_what_waits_in_a_connection_that_is_over_is_counted(bridged: Bridged, monkeypatch: pytest.MonkeyPatch) -> None:
    worker, phone, line, _ = bridged

    class Racing(socket.socket):
        def recvfrom_into(self, buffer: bytearray, /) -> tuple[int, Address]:  # type: ignore[override]  # all that is used
            size, source = super().recvfrom_into(buffer)
            for _ in range(3 if source == moved.sock.getsockname() else 0):
                phone.talk(NOISE)
            return size, source

    with Phone(phone.leg) as moved:
        worker.close(phone.leg)
        monkeypatch.setattr(sockets, "socket", socket_module(Racing))
        worker.order(Open(host=HOST, port=phone.leg, peer=phone.peer()), Bridge(a=phone.leg, b=line.leg))
        worker.settle()
        for talking in (phone, moved):
            worker.order(SetRemote(port=phone.leg, peer=talking.peer()))
            worker.settle()
            talking.talk(AUDIO)
            assert line.hear().payload == AUDIO
        worker.settle()
        counters = worker.close(phone.leg)
    assert (counters.received, counters.stray) == (2, 3)


@pytest.mark.parametrize("address", [(HOST, 0), (HOST6, 0, 0, 0), ("::", 9, 0, 0)])
def test_there_is_no_connection_to_anybody(ports: Ports, address: Address) -> None:
    """Linux takes port 0 for any, and :: for the host itself. Packets may come from either."""
    ours, port = (HOST if len(address) == 2 else HOST6), ports.take()
    with (
        sockets.bind(ours, port, buffer_bytes=RECEIVE_BUFFER_BYTES) as bound,
        pytest.raises(OSError, match=r"not connected|no address"),
    ):
        sockets.connect(bound, ours, port, address, buffer_bytes=RECEIVE_BUFFER_BYTES)


@pytest.mark.parametrize("refused", ["socket", "epoll"])
def test_without_a_connection_talk_goes_on(bridged: Bridged, monkeypatch: pytest.MonkeyPatch, refused: str) -> None:
    worker, phone, line, stranger = bridged

    def refuse(*_: object, **_options: object) -> socket.socket:
        raise OSError(errno.ENOSPC, "no more of them")

    class Full:
        register = refuse

        def __getattr__(self, name: str) -> object:
            return getattr(epoll, name)

    epoll = worker.relay._epoll
    if refused == "epoll":
        monkeypatch.setattr(worker.relay, "_epoll", Full())
    else:
        monkeypatch.setattr(relay, "connect", refuse)
    for _ in range(3):
        stranger.talk(NOISE)
        for one, other in ((phone, line), (line, phone)):
            one.talk(AUDIO)
            assert other.hear().payload == AUDIO
    worker.settle()
    assert worker.close(phone.leg).stray == 3
    assert [each.doing for each in worker.problems] == ["connecting a socket"]
