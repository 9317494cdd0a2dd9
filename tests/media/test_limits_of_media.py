"""The named limits of the relay and of prompts, each at the limit and one past it."""

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from media.control import MAX_MESSAGE_BYTES, Heartbeat, Open, Ready, Report, WorkerProblem, decode_report, encode
from media.rtp.packet import RtpPacket
from media.rtp.telephone_event import DIGITS, DigitDetector, press
from media.worker.error_reporter import ErrorReporter
from media.worker.leg import Leg
from media.worker.link import ControlSocket
from media.worker.path import Address
from media.worker.prompts import Prompts
from media.worker.relay import Relay
from media.worker.sockets import DatagramSocket
from media.worker.switchboard import Switchboard
from media.worker.tap import Consumers


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


@pytest.mark.parametrize(("later", "is_known"), [(7, True), (8, False)])
def test_so_many_presses_are_remembered_against_late_packets(later: int, is_known: bool) -> None:  # noqa: FBT001 a column
    detector = DigitDetector()
    ends = []
    for number in range(later + 1):
        *_, end = press(DIGITS[number], RtpPacket(payload_type=101, sequence=10 * number, timestamp=1_000 * number, ssrc=5))
        ends.append(end)
        detector.hear(end.payload, ssrc=5, sequence=end.sequence, timestamp=end.timestamp, now_ns=0)
    late = detector.hear(ends[0].payload, ssrc=5, sequence=ends[0].sequence, timestamp=0, now_ns=0)
    assert late is not None
    assert late[1] is not is_known


@pytest.mark.parametrize(("behind", "at_ns", "is_known"), [(100, 999_999_999, True), (101, 0, False), (100, 1_000_000_000, False)])
def test_a_packet_is_late_by_so_much_at_most(behind: int, at_ns: int, is_known: bool) -> None:  # noqa: FBT001 a column
    detector = DigitDetector()
    for digit, sequence, timestamp in (("1", 1_000, 0), ("2", 1_050, 16_000)):
        *_, end = press(digit, RtpPacket(payload_type=101, sequence=sequence, timestamp=timestamp, ssrc=5))
        detector.hear(end.payload, ssrc=5, sequence=sequence, timestamp=timestamp, now_ns=0)
    first, *_ = press("1", RtpPacket(payload_type=101, sequence=1, timestamp=0, ssrc=5))
    late = detector.hear(first.payload, ssrc=5, sequence=1_050 - behind, timestamp=0, now_ns=at_ns)
    assert late is not None
    assert late[1] is not is_known


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


class NoSocket:
    """Stands for a leg's socket where nothing is sent: a process may have fewer than are asked for here."""

    def sendto(self, _data: memoryview, _address: Address, /) -> int:
        raise AssertionError("nothing is sent")

    def recvfrom_into(self, _buffer: bytearray, /) -> tuple[int, tuple[str, int]]:
        raise AssertionError("nothing is received")

    def setsockopt(self, _level: int, _option: int, _value: int, /) -> None:
        raise AssertionError("there is none")

    def fileno(self) -> int:
        raise AssertionError("there is none")

    def close(self) -> None:
        pass


class AnyPort:
    def bind(self, _host: str, _port: int) -> DatagramSocket:
        return NoSocket()

    def watch(self, leg: Leg) -> None:
        leg.audio_ns = leg.port

    def unwatch(self, _leg: Leg) -> None:
        pass


@pytest.mark.parametrize(("ports", "told"), [(1_000, [1_000]), (1_001, [1_000, 1])])
def test_a_sign_of_life_tells_of_so_many_ports_and_another_one_of_the_rest(ports: int, told: list[int]) -> None:
    reports: list[Report] = []
    taps = Consumers(lambda *_: None)
    board = Switchboard(sockets=AnyPort(), prompt=Prompts(Path()).get, report=reports.append, taps=taps, rtp_timeout_ns=1)
    for port in range(ports):
        board.execute(Open(host="127.0.0.1", port=port), 0)
    board.report_heartbeat(7)
    board.close_all()
    assert [len(report.last) for report in reports if isinstance(report, Heartbeat)] == told
    assert dict(item for report in reports if isinstance(report, Heartbeat) for item in report.last.items()) == {
        port: port for port in range(ports)
    }
