"""Workers with connected sockets and without relay and count the same. Both get the same orders and packets, drawn by chance."""

import random
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from relay_in_process import RelayInProcess
from worker_client import HOST, Phone, Ports

from media.control import Bridge, Latch, Open, RemoteMedia, SetRemote
from media.rtp.packet import RtpPacket, build, parse
from media.worker import relay, sockets
from media.worker.path import Address

MS = 1_000_000
STEPS = 250
HOSTS = [HOST, HOST, "127.0.0.2", "127.0.0.2", "127.0.0.3"]
WAITS_MS = [300, 600, 1_100, 3_100]  # about what `media.worker.latch` waits for
RTCP = bytes([0x80, 201, 0, 1, 0, 0, 0, 77])


class Script:
    """Two legs, and phones that talk to either; what happens is drawn from `seed`. `log`: what was heard, and what is counted."""

    def __init__(self, worker: RelayInProcess, phones: list[Phone], legs: tuple[int, int], *, seed: int, clock: list[int]) -> None:
        self._worker = worker
        self._phones = phones
        self._legs = legs
        self._chance = random.Random(seed)
        self._clock = clock
        self._sequences = [100, 100]
        self.log: list[object] = []

    def run(self) -> None:
        for leg in self._legs:
            self._open(leg)
        for step in range(STEPS):
            side = self._chance.randrange(2)
            leg = self._legs[side]
            match self._chance.choices(["talk", "burst", "re-INVITE", "wait", "close"], [70, 8, 12, 8, 2])[0]:
                case "talk":
                    self._talk(side, self._chance.choice(self._phones))
                case "burst":
                    phone = self._chance.choice(self._phones)
                    for _ in range(self._chance.randrange(2, 9)):
                        self._talk(side, phone)
                case "re-INVITE":
                    self._worker.order(SetRemote(port=leg, peer=self._peer()))
                case "wait":
                    self._clock[0] += self._chance.choice(WAITS_MS) * MS
                case "close":
                    self._close(leg)
                    self._open(leg)
            self._worker.settle()
            self.log += ((step, *each) for each in self._heard())
        for leg in self._legs:
            self._close(leg)

    def _open(self, leg: int) -> None:
        self._worker.order(Open(host=HOST, port=leg, peer=self._peer()), Bridge(a=self._legs[0], b=self._legs[1]))

    def _close(self, leg: int) -> None:
        counters = self._worker.close(leg)
        self.log.append(
            (counters.received, counters.received_octets, counters.sent, counters.stray, counters.malformed, counters.unheard)
        )

    def _peer(self) -> RemoteMedia:
        chance, phone = self._chance, self._chance.choice(self._phones)
        return RemoteMedia(
            host=str(phone.sock.getsockname()[0]),
            port=phone.port,
            latch=chance.choice(list(Latch)),
            follows_nat=chance.random() < 0.5,
            learns=chance.random() < 0.15,
        )

    def _talk(self, side: int, phone: Phone) -> None:
        """Mostly the stream goes on, whoever sends it: so it does when a NAT gives a phone another port."""
        kind = self._chance.choices(["audio", "unknown", "no RTP", "RTCP", "empty"], [80, 5, 5, 5, 5])[0]
        goes_on = self._chance.random() < 0.8
        number = self._sequences[side] if goes_on else self._chance.randrange(1_000)
        self._sequences[side] += goes_on
        packet = RtpPacket(
            payload_type=99 if kind == "unknown" else 0,
            sequence=number,
            timestamp=160 * number,
            ssrc=77 if goes_on else 78,
            payload=b"" if kind == "empty" else bytes([number & 0xFF]) * 160,
        )
        data = {"no RTP": b"\x01" * 20, "RTCP": RTCP}.get(kind, build(packet))
        phone.sock.sendto(data, (HOST, self._legs[side]))

    def _heard(self) -> Iterator[tuple[int, int, bytes]]:
        for number, phone in enumerate(self._phones):
            while select.select([phone.sock], [], [], 0)[0]:
                data, source = phone.sock.recvfrom(2_048)
                packet = parse(data)
                if packet is not None:
                    yield number, self._legs.index(source[1]), packet.payload


@pytest.mark.parametrize("seed", range(3))
def test_a_connection_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    connections = 0

    def count(bound: socket.socket, host: str, port: int, address: Address, *, buffer_bytes: int) -> socket.socket:
        nonlocal connections
        connections += 1
        return sockets.connect(bound, host, port, address, buffer_bytes=buffer_bytes)

    def refuse(*_: object, **_options: object) -> socket.socket:
        raise OSError("none in this worker")

    ports, logs = Ports(), []
    legs = ports.take(), ports.take()
    for how in (count, refuse):
        clock = [0]
        monkeypatch.setattr(relay, "connect", how)
        monkeypatch.setattr(relay, "monotonic_ns", lambda clock=clock: clock[0])
        with ExitStack() as stack:
            phones = [stack.enter_context(Phone(legs[0], host=host)) for host in HOSTS]
            script = Script(stack.enter_context(RelayInProcess(tmp_path)), phones, legs, seed=seed, clock=clock)
            script.run()
        logs.append(script.log)
    assert logs[0] == logs[1]
    assert connections > 10
    assert any(isinstance(each, tuple) and len(each) == 4 for each in logs[0]), "something was relayed"
