"""The real process under noise, bombs and strangers: it lives, says nothing that an operator would not want, and the next call works.

Nothing is waited for but answers: the SIP socket is a queue, so an OPTIONS that is answered came after all that was sent before it.
"""

import asyncio
import os
import signal
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import pytest
from running_switch import DID, Stage, stage

TRUNK, STRANGER = "127.0.0.1", "127.0.0.2"
SIZES = (0, 1, 3, 100, 1_472, 9_000, 30_000, 65_507)
MARK = b"\x2a" * 160
"""The audio of a stranger: no phone of ours says it."""


class Rogue:
    """A socket that sends the switch what it likes."""

    def __init__(self, host: str, switch: int) -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.setblocking(False)
        self._sock.bind((host, 0))
        self._target = (TRUNK, switch)
        self.host, self.port = self._sock.getsockname()
        self._count = 0

    def send(self, data: bytes, *, port: int | None = None) -> None:
        self._sock.sendto(data, self._target if port is None else (TRUNK, port))

    def request(self, method: str, *, extra: tuple[str, ...] = (), body: bytes = b"") -> bytes:
        self._count += 1
        lines = [
            f"{method} sip:{DID}@{TRUNK} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.host}:{self.port};rport;branch=z9hG4bK{self._count}",
            f"From: <sip:+12125550199@{self.host}>;tag=rogue",
            f"To: <sip:{DID}@{TRUNK}>",
            f"Call-ID: rogue-{self._count}",
            f"CSeq: 1 {method}",
            f"Contact: <sip:rogue@{self.host}:{self.port}>",
            *extra,
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    async def until_heard(self) -> None:
        """All that was sent to the switch so far has been dealt with."""
        self.send(self.request("OPTIONS", extra=(f"Timestamp: {self._count}",)))
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(10):
            while f"Timestamp: {self._count - 1}\r\n".encode() not in await loop.sock_recv(self._sock, 65_535):
                pass

    def heard(self) -> list[bytes]:
        """What has come and was not read yet."""
        found = []
        while True:
            try:
                found.append(self._sock.recv(65_535))
            except BlockingIOError:
                return found


def hostile(folder: Path, capfd: pytest.CaptureFixture[str], scene: Callable[[Stage], Awaitable[None]]) -> None:
    """`scene`, then a normal call; no error in the log, nothing on stderr."""

    async def play() -> None:
        async with stage(folder) as on:
            await scene(on)
            call, there = await on.talk()
            call.hang_up()
            await there.until_over()
            await on.switch.until("call")
            assert on.switch.process.returncode is None
            assert {line["level"] for line in on.switch.log if line["event"] != "odd SIP"} == {"info"}

    asyncio.run(play())
    assert capfd.readouterr().err == ""


def test_noise_and_bombs_on_the_sip_port_do_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async def scene(on: Stage) -> None:
        carrier, stranger = Rogue(TRUNK, on.switch.sip), Rogue(STRANGER, on.switch.sip)
        random = Random(7)
        for rogue in (carrier, stranger):
            for size in SIZES:
                rogue.send(random.randbytes(size))
                rogue.send(bytes(size))
                rogue.send(b"\r\n" * (size // 2))
                await carrier.until_heard()
            for bomb in (
                ("Via: SIP/2.0/UDP a;branch=z9hG4bKa",) * 1_500,
                ("Via: " + ",".join(["SIP/2.0/UDP a"] * 4_000),),
                ("Subject: " + "a" * 60_000,),
                ("Subject: a" + "\r\n b" * 15_000,),
                ("Allow: " + "," * 60_000,),
                tuple(f"X-{number}: 1" for number in range(5_000)),
                ('Contact: "' + '\\"' * 25_000,),
            ):
                rogue.send(
                    rogue.request("INVITE" if rogue is stranger else "OPTIONS", extra=bomb)
                )  # a trunk's INVITE would be a call
                await carrier.until_heard()
        assert stranger.heard() == []
        told = {line["event"] for line in on.switch.log if not line["event"].startswith("Running upgrade")} - {"odd SIP"}
        assert told == {"time zone rules", "ledger writable", "media worker up", "ready"}  # none of it was a call

    hostile(tmp_path, capfd, scene)


def test_a_strangers_flood_gets_silence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async def scene(on: Stage) -> None:
        carrier, stranger = Rogue(TRUNK, on.switch.sip), Rogue(STRANGER, on.switch.sip)
        for number in range(3_000):
            stranger.send(stranger.request(("INVITE", "OPTIONS", "REGISTER", "BYE", "CANCEL", "ACK")[number % 6]))
            if number % 100 == 0:
                await carrier.until_heard()
        await carrier.until_heard()
        assert stranger.heard() == []

    hostile(tmp_path, capfd, scene)


def test_rtp_of_strangers_is_not_heard(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async def scene(on: Stage) -> None:
        call, there = await on.talk()
        ours = call.audio._agreement
        assert ours is not None
        heard: list[bytes] = []
        hear = there.audio.datagram_received

        def listen(data: bytes, _addr: tuple[str, int]) -> None:
            heard.append(data)
            hear(data, _addr)

        there.audio.datagram_received = listen  # type: ignore[method-assign]
        random = Random(7)
        for host in (STRANGER, TRUNK):  # another host, and another port of the caller's own
            rogue = Rogue(host, on.switch.sip)
            for number in range(300):
                header = struct.pack("!BBHII", 0x80, 0, number, number * 160, 7)
                event = struct.pack("!BBHIIBBH", 0x80, 101, number, number * 160, 7, 1, 0x8A, 800)
                for data in (header + MARK, event, b"", random.randbytes(40), random.randbytes(60_000)):
                    rogue.send(data, port=ours.stream.port)
        there.audio._received.clear()
        await there.until_hears(on.caller.hz)  # 200 ms of the caller, clean, later than all of that
        assert heard
        assert not any(MARK in data for data in heard)
        assert there.audio.digits == ""
        call.hang_up()
        await there.until_over()

    hostile(tmp_path, capfd, scene)


def test_a_hundred_reload_signals_and_garbage_beside_the_config(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async def play() -> None:
        async with stage(tmp_path) as on:
            switch = on.switch
            for _ in range(100):
                switch.signal(signal.SIGHUP)
            (switch.config / "binary.yaml").write_bytes(os.urandom(10_000) + b"\xff")
            (switch.config / "deep.yaml").write_bytes(b"a: " + b"[" * 500_000)
            (switch.config / "loop.yaml").symlink_to("loop.yaml")
            os.mkfifo(switch.config / "pipe.yaml")
            (switch.config / "device.yaml").symlink_to("/dev/zero")
            (switch.config / "folder.yaml").mkdir()
            switch.signal(signal.SIGHUP)
            await switch.until("config refused")
            call, there = await on.talk()
            call.hang_up()
            await there.until_over()
            for name in ("binary", "deep", "loop", "pipe", "device"):
                (switch.config / f"{name}.yaml").unlink()
            (switch.config / "folder.yaml").rmdir()
            switch.write_config(line=on.line.address[1], payout="17.00")
            switch.signal(signal.SIGHUP)
            await switch.until("config reloaded")
            switch.signal(signal.SIGTERM)
            assert await switch.ended() == 0

    asyncio.run(play())
    assert capfd.readouterr().err == ""
