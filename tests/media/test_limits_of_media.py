"""The named limits of the relay and of prompts, each at the limit and one past it."""

import select
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from media.control import MAX_MESSAGE_BYTES, Heartbeat, Open, Ready, Report, WorkerProblem, decode_report, encode
from media.rtp.continuity import OutgoingStream
from media.rtp.packet import MARKER, RtpPacket
from media.rtp.telephone_event import DIGITS, DigitDetector, press
from media.worker.error_reporter import ErrorReporter
from media.worker.leg import Address, DatagramSocket, Leg
from media.worker.link import ControlSocket
from media.worker.prompts import Prompts
from media.worker.relay import Relay
from media.worker.switchboard import Switchboard


def test_so_many_kinds_of_errors_are_reported() -> None:
    reported: list[WorkerProblem] = []
    errors = ErrorReporter(reported.append)
    for number in range(101):
        errors.about("testing", f"kind {number}")
        errors.about("testing", f"kind {number}")
    assert [problem.why for problem in reported] == [f"kind {number}" for number in range(100)]


def test_an_error_that_ends_the_relay_is_reported_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Relay) -> None:
        raise RuntimeError("no more packets")

    monkeypatch.setattr(Relay, "_loop", fails)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.setblocking(False)
        relay = Relay(theirs, prompts=Prompts(tmp_path), rtp_timeout_ns=1)
        with pytest.raises(SystemExit, match="1"):
            relay.run()
        first, second = (decode_report(ours.recv(MAX_MESSAGE_BYTES)) for _ in range(2))
    assert isinstance(first, Ready)
    assert isinstance(second, WorkerProblem)
    assert (second.doing, second.why) == ("running", "RuntimeError: no more packets")


def test_that_reports_were_dropped_is_told_when_there_is_room_again(tmp_path: Path) -> None:
    """Told before, it would be dropped itself, and it is told once."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.setblocking(False)
        relay = Relay(theirs, prompts=Prompts(tmp_path), rtp_timeout_ns=1)
        relay._link._queue.extend([encode(Ready(pid=1))] * 10_000)
        relay._tick(0)
        assert relay._link.dropped == 1
        relay._link._queue.clear()
        relay._tick(0)
        reports = [decode_report(ours.recv(MAX_MESSAGE_BYTES)) for _ in range(2)]
    assert [report.doing for report in reports if isinstance(report, WorkerProblem)] == ["reporting"]


@pytest.mark.parametrize("character", ["x", "\N{GRINNING FACE}", "\udcff"])
def test_a_long_error_fits_into_a_message_with_the_end_of_its_traceback(character: str) -> None:
    reported: list[WorkerProblem] = []
    try:
        raise ValueError(character * 20_000)
    except ValueError as error:
        ErrorReporter(reported.append).about("testing", error)
    (problem,) = reported
    assert (len(problem.why), len(problem.trace)) == (500, 8_000)
    assert len(encode(problem)) <= MAX_MESSAGE_BYTES


def digits_of(numbers: range, detector: DigitDetector) -> str:
    """What the detector tells of presses whose last packet alone arrives; press number N began at timestamp N * 1000."""
    told = ""
    for number in numbers:
        *_, end = press(DIGITS[number % 10], RtpPacket(payload_type=101, sequence=1, timestamp=1_000 * number, ssrc=5))
        told += detector.hear(end.payload, ssrc=end.ssrc, timestamp=end.timestamp, now_ns=0)
    return told


@pytest.mark.parametrize(("later", "again"), [(31, ""), (32, "0")])
def test_so_many_presses_are_remembered_against_late_packets(later: int, again: str) -> None:
    detector = DigitDetector()
    assert digits_of(range(later + 1), detector) != ""
    assert digits_of(range(1), detector) == again


def test_a_press_lasts_no_longer_than_its_field_holds() -> None:
    start = RtpPacket(payload_type=101, sequence=1, timestamp=0, ssrc=5)
    assert list(press("1", start, duration_ms=8_191))  # 65,528 samples
    with pytest.raises(ValueError, match="a press of"):
        list(press("1", start, duration_ms=8_192))


@contextmanager
def linked() -> Iterator[tuple[ControlSocket, socket.socket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with select.epoll() as epoll, ours, theirs:
        theirs.setblocking(False)
        yield ControlSocket(ours, epoll), theirs


def test_so_many_reports_wait_for_an_engine_that_does_not_read() -> None:
    with linked() as (link, engine):
        filler = Ready(pid=1)
        while not link._queue:  # until the socket takes no more: the report stays
            link.report(filler)
        for _ in range(9_999):
            link.report(filler)
        assert link.dropped == 0
        link.report(filler)
        assert link.dropped == 1
        assert engine.recv(MAX_MESSAGE_BYTES) == encode(filler)


def test_a_sign_of_life_of_as_many_ports_as_one_may_tell_fits_a_message() -> None:
    alive = Heartbeat(at_ns=2**63 - 1, last=dict.fromkeys(range(60_000, 61_000), 2**63 - 1))
    assert len(encode(alive)) <= 65_536  # what the engine reads of a message
    assert decode_report(encode(alive)) == alive


@pytest.mark.parametrize(("lag", "new_source"), [(65_535, False), (65_536, True)])
def test_a_packet_that_lags_the_audio_by_more_than_an_event_lasts_is_a_new_source(lag: int, new_source: bool) -> None:  # noqa: FBT001 a column
    out = OutgoingStream(ssrc=7, sequence=1_000, timestamp=50_000)
    kinds = []
    for sequence, timestamp in ((10, 500_000), (11, 500_000 - lag)):
        packet = bytearray(struct.pack("!BBHII", 0x80, 0, sequence, timestamp, 1))
        assert out.rewrite(packet, 0)
        kinds.append(bool(packet[1] & MARKER))
    assert kinds == [True, new_source]


class NoSocket:
    """Stands for a leg's socket where nothing is sent: a process may have fewer than are asked for here."""

    def sendto(self, _data: memoryview, _address: Address, /) -> int:
        raise AssertionError("nothing is sent")

    def recvfrom_into(self, _buffer: bytearray, /) -> tuple[int, tuple[str, int]]:
        raise AssertionError("nothing is received")

    def fileno(self) -> int:
        raise AssertionError("there is none")

    def close(self) -> None:
        pass


class AnyPort:
    def bind(self, _host: str, _port: int) -> DatagramSocket:
        return NoSocket()

    def watch(self, leg: Leg) -> None:
        leg.last_ns = leg.port

    def unwatch(self, _leg: Leg) -> None:
        pass


@pytest.mark.parametrize(("ports", "told"), [(1_000, [1_000]), (1_001, [1_000, 1])])
def test_a_sign_of_life_tells_of_so_many_ports_and_another_one_of_the_rest(ports: int, told: list[int]) -> None:
    reports: list[Report] = []
    board = Switchboard(sockets=AnyPort(), prompt=Prompts(Path()).get, report=reports.append, rtp_timeout_ns=1)
    for port in range(ports):
        board.execute(Open(host="127.0.0.1", port=port), 0)
    board.report_heartbeat(7)
    board.close_all()
    assert [len(report.last) for report in reports if isinstance(report, Heartbeat)] == told
    assert dict(item for report in reports if isinstance(report, Heartbeat) for item in report.last.items()) == {
        port: port for port in range(ports)
    }
