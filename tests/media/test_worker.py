"""The worker as a process of its own, over real sockets on loopback."""

import os
import socket
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from prompt_files import lay_prepared
from worker_client import HOST, HOST6, Phone, Ports, WorkerClient

from media.control import (
    Bridge,
    Close,
    Closed,
    Counters,
    DigitReceived,
    Heard,
    Heartbeat,
    MediaTimeout,
    Open,
    OpenFailed,
    Play,
    PlayFinished,
    PlayMusic,
    Quit,
    RemoteMedia,
    Ringback,
    SetRemote,
    StopPlay,
    Unbridge,
)
from media.dsp.g711 import PCMA_TO_PCMU, decode
from media.dsp.levels import tone_share
from media.dsp.tones import sine
from media.prompts.prepared import prepared_name
from media.rtp import rtcp
from media.rtp.packet import RtpPacket, build
from media.rtp.telephone_event import press

FRAMES = 10
STRANGER_HOST = "127.0.0.2"


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    directory = tmp_path_factory.mktemp("prompts")
    keys = lay_prepared(directory, {"beep": sine(1_000, 20 * FRAMES), "long": sine(1_000, 20_000), "broken": sine(1_000, 20)})
    (directory / prepared_name(keys["broken"])).write_bytes(b"RIFF")
    return directory, {**keys, "gone": "no-such-key"}


@pytest.fixture(scope="module")
def ports() -> Ports:
    return Ports()


@pytest.fixture
def worker(prompts: tuple[Path, dict[str, str]]) -> Iterator[WorkerClient]:
    with WorkerClient(*prompts) as client:
        yield client


@pytest.fixture
def caller(worker: WorkerClient, ports: Ports) -> Iterator[Phone]:
    with opened(worker, ports) as phone:
        yield phone


@pytest.fixture
def line(worker: WorkerClient, ports: Ports) -> Iterator[Phone]:
    with opened(worker, ports) as phone:
        yield phone


def opened(worker: WorkerClient, ports: Ports, *, payload_type: int = 0, host: str = HOST) -> Phone:
    phone = Phone(ports.take(), host=host)
    worker.order(Open(host=host, port=phone.leg, peer=phone.peer(payload_type=payload_type)))
    worker.settle()
    return phone


def heard_by(phone: Phone, count: int) -> list[RtpPacket]:
    return [phone.hear() for _ in range(count)]


def test_ready_names_its_process(worker: WorkerClient) -> None:
    assert worker.ready.pid == worker.process.pid


def test_bridged_both_ways_with_one_stream_each(worker: WorkerClient, caller: Phone, line: Phone) -> None:
    worker.order(Bridge(a=caller.leg, b=line.leg))
    worker.settle()
    for phone, other in ((caller, line), (line, caller)):
        payloads = [bytes([number]) * 160 for number in range(20)]
        for payload in payloads:
            phone.talk(payload)
        packets = heard_by(other, 20)
        assert [packet.payload for packet in packets] == payloads
        assert len({packet.ssrc for packet in packets}) == 1
        assert {(b.sequence - a.sequence) & 0xFFFF for a, b in pairwise(packets)} == {1}
        assert {(b.timestamp - a.timestamp) & 0xFFFFFFFF for a, b in pairwise(packets)} == {160}
    counters = worker.close(caller.leg)
    assert (counters.received, counters.received_octets, counters.sent, counters.sent_octets) == (20, 3_200, 20, 3_200)
    assert counters.first_ns is not None
    assert counters.last_ns is not None
    assert counters.first_ns <= counters.last_ns


def test_pcma_on_one_side_and_pcmu_on_the_other(worker: WorkerClient, caller: Phone, ports: Ports) -> None:
    with opened(worker, ports, payload_type=8) as line:
        worker.order(Bridge(a=line.leg, b=caller.leg))
        worker.settle()
        payload = bytes(range(96, 256))
        line.talk(payload, payload_type=8)
        packet = caller.hear()
        assert (packet.payload_type, packet.payload) == (0, payload.translate(PCMA_TO_PCMU))


def test_a_stranger_is_counted_not_relayed(worker: WorkerClient, caller: Phone, line: Phone) -> None:
    worker.order(Bridge(a=caller.leg, b=line.leg))
    worker.settle()
    with Phone(caller.leg, host=STRANGER_HOST) as stranger:
        stranger.talk(b"\x11" * 160)
    caller.talk(b"\x22" * 160)
    assert line.hear().payload == b"\x22" * 160
    counters = worker.close(caller.leg)
    assert (counters.received, counters.stray) == (1, 1)
    assert line.hears_nothing()


@pytest.mark.parametrize(("caller_host", "line_host"), [(HOST6, HOST), (HOST, HOST6), (HOST6, HOST6)])
def test_legs_of_any_two_families_are_bridged(worker: WorkerClient, ports: Ports, caller_host: str, line_host: str) -> None:
    with opened(worker, ports, host=caller_host) as caller, opened(worker, ports, host=line_host) as line:
        worker.order(Bridge(a=caller.leg, b=line.leg))
        worker.settle()
        for phone, other in ((caller, line), (line, caller)):
            for number in range(3):
                phone.talk(bytes([number]) * 160)
            assert [packet.payload[0] for packet in heard_by(other, 3)] == [0, 1, 2]
        for phone in (caller, line):
            counters = worker.close(phone.leg)
            assert (counters.received, counters.sent, counters.stray) == (3, 3, 0)


def test_over_ipv6_a_source_is_latched_once_and_strangers_are_counted(worker: WorkerClient, ports: Ports, line: Phone) -> None:
    """There is one loopback address of IPv6, so a stranger comes from another port."""
    with Phone(ports.take(), host=HOST6) as caller, Phone(caller.leg, host=HOST6) as stranger:
        signalled = RemoteMedia(host=HOST6, port=9)
        worker.order(Open(host=HOST6, port=caller.leg, peer=signalled), Bridge(a=caller.leg, b=line.leg))
        worker.settle()
        caller.talk(b"\x22" * 160)
        assert line.hear().payload == b"\x22" * 160
        stranger.talk(b"\x11" * 160)
        line.talk(b"\x33" * 160)
        assert caller.hear().payload == b"\x33" * 160
        counters = worker.close(caller.leg)
        assert (counters.received, counters.stray) == (1, 1)
        assert stranger.hears_nothing()
        assert line.hears_nothing()


def test_one_port_serves_both_families_one_after_the_other(worker: WorkerClient, ports: Ports) -> None:
    port = ports.take()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HOST, port))
        worker.order(Open(host=HOST, port=port))
        assert worker.expect(OpenFailed).port == port
        worker.order(Open(host=HOST6, port=port))
        worker.close(port)
    assert [report for report in worker.skipped if isinstance(report, OpenFailed)] == []
    worker.order(Open(host=HOST, port=port), Open(host=HOST6, port=port))
    assert worker.expect(OpenFailed).why == "already open"


def test_replies_follow_a_renumbering_nat(worker: WorkerClient, ports: Ports, line: Phone) -> None:
    with Phone(ports.take()) as caller:
        elsewhere = RemoteMedia(host=HOST, port=9)
        worker.order(Open(host=HOST, port=caller.leg, peer=elsewhere), Bridge(a=caller.leg, b=line.leg))
        worker.settle()
        caller.talk()
        line.hear()
        line.talk(b"\x33" * 160)
        assert caller.hear().payload == b"\x33" * 160


def test_a_prompt_is_its_frames_and_then_told_as_played(worker: WorkerClient, caller: Phone) -> None:
    worker.order(Play(port=caller.leg, play=7, prompt="beep"))
    packets = heard_by(caller, FRAMES)
    played = worker.expect(PlayFinished)
    assert (played.port, played.play, played.why) == (caller.leg, 7, None)
    assert {len(packet.payload) for packet in packets} == {160}
    assert [packet.marker for packet in packets] == [True] + [False] * (FRAMES - 1)
    assert [(packet.sequence - packets[0].sequence) & 0xFFFF for packet in packets] == list(range(FRAMES))
    assert [(packet.timestamp - packets[0].timestamp) & 0xFFFFFFFF for packet in packets] == list(range(0, FRAMES * 160, 160))
    assert tone_share(decode(b"".join(packet.payload for packet in packets), 0), 1_000) > 0.99
    assert worker.close(caller.leg).sent == FRAMES
    assert caller.hears_nothing()


@pytest.mark.parametrize(
    ("prompt", "why"),
    [
        ("absent", "absent: no prompt has this name"),
        ("gone", "gone: its prepared audio can't be used: No such file or directory"),
        ("broken", "broken: its prepared audio can't be used: too short"),
        ("../x", "../x: no prompt has this name"),
    ],
)
def test_a_prompt_that_cannot_be_played_says_so_at_once(worker: WorkerClient, caller: Phone, prompt: str, why: str) -> None:
    worker.order(Play(port=caller.leg, play=8, prompt=prompt))
    played = worker.expect(PlayFinished)
    assert (played.play, played.why) == (8, why)
    assert worker.close(caller.leg).sent == 0


def test_a_prompt_runs_to_its_end_though_nobody_is_there_to_hear(worker: WorkerClient, ports: Ports) -> None:
    port = ports.take()
    worker.order(Open(host=HOST, port=port), Play(port=port, play=9, prompt="beep"))
    assert worker.expect(PlayFinished).why is None
    assert worker.close(port) == Counters()


def test_ringback_until_hush(worker: WorkerClient, caller: Phone) -> None:
    worker.order(Ringback(port=caller.leg, country="us"))
    samples = decode(b"".join(packet.payload for packet in heard_by(caller, 20)), 0)
    assert tone_share(samples, 440) + tone_share(samples, 480) > 0.95
    worker.order(StopPlay(port=caller.leg))
    sent = worker.close(caller.leg).sent
    heard_by(caller, sent - 20)
    assert caller.hears_nothing()


def test_ringback_is_the_countrys(worker: WorkerClient, caller: Phone) -> None:
    worker.order(Ringback(port=caller.leg, country="gb"))
    samples = decode(b"".join(packet.payload for packet in heard_by(caller, 45)), 0)
    burst, pause, again = samples[:3_200], samples[3_200:4_800], samples[4_800:]
    assert tone_share(burst, 400) + tone_share(burst, 450) > 0.95
    assert not pause.any()
    assert tone_share(again, 400) + tone_share(again, 450) > 0.9


def test_one_stream_from_prompt_to_ringback_to_first_line_to_second(
    worker: WorkerClient, caller: Phone, line: Phone, ports: Ports
) -> None:
    with opened(worker, ports) as second:
        worker.order(Play(port=caller.leg, play=1, prompt="beep"))
        packets = heard_by(caller, FRAMES)
        worker.expect(PlayFinished)
        worker.order(Ringback(port=caller.leg, country="us"))
        packets += heard_by(caller, 3)
        worker.order(Bridge(a=caller.leg, b=line.leg))
        worker.settle()
        line.talk(b"\x44" * 160)
        while packets[-1].payload != b"\x44" * 160:
            packets.append(caller.hear())
        worker.order(Unbridge(port=caller.leg), Bridge(a=caller.leg, b=second.leg))
        worker.settle()
        second.talk(b"\x55" * 160)
        packets.append(caller.hear())
    assert packets[-1].payload == b"\x55" * 160
    assert len({packet.ssrc for packet in packets}) == 1
    assert [(packet.sequence - packets[0].sequence) & 0xFFFF for packet in packets] == list(range(len(packets)))
    steps = np.diff([(packet.timestamp - packets[0].timestamp) & 0xFFFFFFFF for packet in packets])
    assert (steps >= 160).all()
    assert [packet.marker for packet in packets].count(True) == 4, "each talk spurt is marked"


def test_bridging_stops_what_plays_and_unbridging_ends_the_relay(worker: WorkerClient, caller: Phone, line: Phone) -> None:
    worker.order(Play(port=caller.leg, play=1, prompt="long"), Bridge(a=caller.leg, b=line.leg), Unbridge(port=line.leg))
    worker.settle()
    caller.talk()
    line.talk()
    sent = worker.close(caller.leg).sent
    heard_by(caller, sent)
    assert worker.close(line.leg).sent == 0
    assert caller.hears_nothing()
    assert sent <= 2
    assert not [report for report in worker.skipped if isinstance(report, PlayFinished)]


def test_dtmf_is_heard_once_while_a_prompt_plays(worker: WorkerClient, caller: Phone) -> None:
    worker.order(Play(port=caller.leg, play=1, prompt="long"))
    for number, digit in enumerate("11#"):
        start = RtpPacket(payload_type=101, sequence=10 * number, timestamp=2_000 * number, ssrc=caller.ssrc)
        for packet in press(digit, start):
            caller.send(build(packet))
    heard = [worker.expect(DigitReceived) for _ in range(3)]
    assert [(report.port, report.digit) for report in heard] == [(caller.leg, digit) for digit in "11#"]
    worker.settle()
    assert not [report for report in worker.skipped if isinstance(report, DigitReceived)]


def test_a_digit_is_heard_at_its_first_packet(worker: WorkerClient, caller: Phone) -> None:
    first, *rest = press("7", RtpPacket(payload_type=101, sequence=1, timestamp=2_000, ssrc=5))
    caller.send(build(first))
    heard = worker.expect(DigitReceived)
    assert (heard.port, heard.digit) == (caller.leg, "7")
    for packet in (*rest, *press("8", RtpPacket(payload_type=101, sequence=8, timestamp=4_000, ssrc=5))):
        caller.send(build(packet))
    assert worker.expect(DigitReceived).digit == "8"


def test_a_key_that_was_pressed_before_the_bridge_does_not_go_on_to_the_line(
    worker: WorkerClient, caller: Phone, line: Phone
) -> None:
    before, after = (press("1", RtpPacket(payload_type=101, sequence=n, timestamp=160 * n, ssrc=5)) for n in (10, 20))
    for _ in range(4):
        caller.send(build(next(before)))
    worker.expect(DigitReceived)
    worker.order(Bridge(a=caller.leg, b=line.leg))
    worker.settle()
    for packet in (*before, *after):
        caller.send(build(packet))
    packets = heard_by(line, 7)
    assert len({packet.timestamp for packet in packets}) == 1
    assert [packet.sequence - packets[0].sequence for packet in packets] == list(range(7))
    worker.settle()
    assert line.hears_nothing()


def test_a_key_is_sounded_at_once_to_a_line_without_events(worker: WorkerClient, caller: Phone, line: Phone) -> None:
    """Long before the next second is over, which is when the worker looks at everything. A busy machine may be late, though not each
    time."""
    worker.order(
        SetRemote(port=line.leg, peer=RemoteMedia(host=HOST, port=line.port, dtmf_type=None, takes_tones=True)),
        Bridge(a=caller.leg, b=line.leg),
    )
    for number in range(20):
        worker.expect(Heartbeat)
        for packet in press("5", RtpPacket(payload_type=101, sequence=20 * number, timestamp=10_000 * number, ssrc=5)):
            caller.send(build(packet))
        pressed_ns = worker.expect(DigitReceived).at_ns
        line.hear()
        worker.order(Play(port=caller.leg, play=1, prompt="absent"))
        heard_ns = worker.expect(PlayFinished).at_ns
        packets = heard_by(line, 7)
        assert [packet.sequence - packets[0].sequence for packet in packets] == list(range(7))
        if heard_ns - pressed_ns < 500_000_000:
            return
    raise AssertionError("late each time")


def test_that_both_sides_are_heard_is_told(worker: WorkerClient, caller: Phone, line: Phone) -> None:
    caller.talk()
    worker.order(Bridge(a=caller.leg, b=line.leg))
    worker.settle()
    caller.talk()
    line.hear()
    line.talk()
    heard = worker.expect(Heard)
    assert (heard.port, heard.both) == (line.leg, True)
    assert not [report for report in worker.skipped if isinstance(report, Heard)]


def test_silence_is_told_once_and_again_after_sound(prompts: tuple[Path, dict[str, str]], ports: Ports) -> None:
    with WorkerClient(*prompts, rtp_timeout_ms=200) as worker, opened(worker, ports) as phone, opened(worker, ports) as on_hold:
        worker.order(SetRemote(port=on_hold.leg, peer=on_hold.peer(sends=False)))
        silent = worker.expect(MediaTimeout)
        assert (silent.port, silent.last_ns) == (phone.leg, None)
        worker.expect(Heartbeat)
        worker.expect(Heartbeat)
        assert not [report for report in worker.skipped if isinstance(report, MediaTimeout)]
        phone.talk()
        again = worker.expect(MediaTimeout)
        assert again.port == phone.leg
        assert again.last_ns == worker.close(phone.leg).last_ns


@pytest.mark.parametrize("host", [HOST, HOST6])
def test_rtcp_beside_a_leg_keeps_it_alive(prompts: tuple[Path, dict[str, str]], ports: Ports, host: str) -> None:
    """Of two silent phones the one that sends RTCP, to the odd port, is not given up."""
    with (
        WorkerClient(*prompts, rtp_timeout_ms=1_500) as worker,
        opened(worker, ports, host=host) as dead,
        opened(worker, ports, host=host) as on_hold,
    ):
        worker.settle()
        for _ in range(3):
            on_hold.sock.sendto(b"\x80\xc9\x00\x01\x00\x00\x12\x34", (host, on_hold.leg + 1))
            worker.expect(Heartbeat)
        lost = [report.port for report in worker.skipped if isinstance(report, MediaTimeout)] or [worker.expect(MediaTimeout).port]
        assert lost == [dead.leg]


def test_music_plays_over_and_over_until_it_is_stopped(worker: WorkerClient, caller: Phone) -> None:
    worker.order(PlayMusic(port=caller.leg, prompt="beep"))
    first = caller.hear().payload
    assert [caller.hear().payload for _ in range(2 * FRAMES)] == [first] * 2 * FRAMES, "each frame of the tone is alike"
    worker.order(StopPlay(port=caller.leg))
    worker.settle()
    assert not [report for report in worker.skipped if isinstance(report, PlayFinished)]


def test_music_that_is_not_there_is_told(worker: WorkerClient, caller: Phone) -> None:
    worker.order(PlayMusic(port=caller.leg, prompt="nothing"))
    told = worker.expect(PlayFinished)
    assert (told.port, told.play) == (caller.leg, 0)
    assert told.why is not None


def test_alive_tells_who_was_heard_when(worker: WorkerClient, caller: Phone, line: Phone) -> None:
    caller.talk()
    alive = worker.expect(Heartbeat)
    while caller.leg not in alive.last:
        alive = worker.expect(Heartbeat)
    assert list(alive.last) == [caller.leg], "the line never sent"
    assert alive.last[caller.leg] <= alive.at_ns


def test_a_sign_of_life_comes_each_second(worker: WorkerClient) -> None:
    """A busy machine may be late, though not each time."""
    beats = [worker.expect(Heartbeat).at_ns for _ in range(2)]
    while beats[-1] - beats[-2] >= 1_500_000_000:
        assert len(beats) < 20
        beats.append(worker.expect(Heartbeat).at_ns)
    assert all(later - earlier >= 1_000_000_000 for earlier, later in pairwise(beats))


def test_noise_changes_nothing(worker: WorkerClient, caller: Phone, line: Phone) -> None:
    worker.order(Bridge(a=caller.leg, b=line.leg))
    worker.settle()
    noise = [b"", b"\x80", b"\0" * 172, os.urandom(3), b"x" * 65_507, b"OPTIONS sip:x SIP/2.0\r\n\r\n"]
    for datagram in noise:
        caller.send(datagram)
    caller.talk(b"\x66" * 160)
    assert line.hear().payload == b"\x66" * 160
    counters = worker.close(caller.leg)
    assert (counters.received, counters.malformed, counters.stray) == (1, len(noise), 0)
    assert worker.problems() == []


def test_nobody_listening_there_does_not_matter(worker: WorkerClient, caller: Phone, ports: Ports) -> None:
    """ICMP port unreachable comes back for each frame."""
    with Phone(ports.take()) as gone:
        peer = gone.peer()
    worker.order(Open(host=HOST, port=gone.leg, peer=peer), Play(port=gone.leg, play=1, prompt="beep"))
    assert worker.expect(PlayFinished).why is None
    assert worker.problems() == []


def test_a_port_that_is_taken(worker: WorkerClient, caller: Phone, ports: Ports) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        port = ports.take()
        other.bind((HOST, port))
        worker.order(Open(host=HOST, port=port))
        failed = worker.expect(OpenFailed)
        assert (failed.port, "in use" in failed.why) == (port, True)
    worker.order(Open(host=HOST, port=caller.leg))
    assert worker.expect(OpenFailed).why == "already open"
    worker.order(Open(host=HOST, port=70_000))
    assert worker.expect(OpenFailed).port == 70_000


def test_a_closed_port_can_be_opened_again_in_the_same_breath(worker: WorkerClient, caller: Phone) -> None:
    for _ in range(20):
        caller.talk()
        worker.order(Close(port=caller.leg), Open(host=HOST, port=caller.leg, peer=caller.peer()))
        worker.expect(Closed)
    worker.order(Play(port=caller.leg, play=1, prompt="beep"))
    heard_by(caller, FRAMES)
    worker.expect(PlayFinished)
    assert worker.problems() == []


def test_orders_about_unknown_ports_do_nothing(worker: WorkerClient, caller: Phone) -> None:
    worker.order(
        SetRemote(port=5, peer=caller.peer()),
        Play(port=5, play=1, prompt="beep"),
        Ringback(port=5, country="us"),
        StopPlay(port=5),
        Bridge(a=5, b=caller.leg),
        Unbridge(port=5),
        Unbridge(port=caller.leg),
        Bridge(a=caller.leg, b=caller.leg),
    )
    assert worker.close(5) == Counters()
    assert {type(report) for report in worker.skipped} <= {Heartbeat}
    for packet in press("1", RtpPacket(payload_type=101, sequence=1, timestamp=0, ssrc=caller.ssrc)):
        caller.send(build(packet))
    worker.expect(DigitReceived)
    assert caller.hears_nothing(), "no leg is its own partner"
    assert worker.problems() == []


def test_orders_that_make_no_sense_are_refused_and_told_once_a_kind(worker: WorkerClient, caller: Phone) -> None:
    for _ in range(3):
        worker.send(b"\xc1")
        worker.order(SetRemote(port=caller.leg, peer=caller.peer(payload_type=18)))
    worker.order(Play(port=caller.leg, play=1, prompt="beep"))
    assert worker.expect(PlayFinished).why is None
    problems = worker.problems()
    assert [problem.doing for problem in problems] == ["executing an order"] * 2
    assert "payload types (18, 101) of codec 18" in problems[1].why
    assert "Traceback" in problems[1].trace


def test_an_engine_that_does_not_read_does_not_hold_up_packets(worker: WorkerClient, caller: Phone, line: Phone) -> None:
    worker.order(Bridge(a=caller.leg, b=line.leg))
    worker.settle()
    closes = 2_000
    written = 0
    while written < closes:
        worker.order(Close(port=7))  # answered each time; we do not read
        written += 1
        if written % 100 == 0:
            caller.talk()
            line.hear()
    for _ in range(closes):
        assert worker.expect(Closed).port == 7


def test_it_ends_when_the_control_socket_closes(worker: WorkerClient, caller: Phone) -> None:
    worker.order(Play(port=caller.leg, play=1, prompt="long"))
    caller.hear()
    worker.hang_up()
    assert worker.exit_code() == 0
    assert worker.problems() == []


def test_quit_closes_everything(worker: WorkerClient, caller: Phone) -> None:
    worker.order(Quit())
    assert worker.exit_code() == 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind((HOST, caller.leg))


def test_a_prompt_replaces_what_plays(worker: WorkerClient, caller: Phone) -> None:
    worker.order(
        Play(port=caller.leg, play=1, prompt="long"),
        Ringback(port=caller.leg, country="us"),
        Play(port=caller.leg, play=2, prompt="beep"),
    )
    assert worker.expect(PlayFinished).play == 2
    assert FRAMES <= worker.close(caller.leg).sent <= FRAMES + 4, "and a first frame or two of what it replaced"


def test_a_prompt_lasts_as_long_as_it_sounds(worker: WorkerClient, caller: Phone) -> None:
    worker.order(Play(port=caller.leg, play=1, prompt="absent"), Play(port=caller.leg, play=2, prompt="beep"))
    began, ended = worker.expect(PlayFinished), worker.expect(PlayFinished)
    assert ended.play == 2
    assert ended.at_ns - began.at_ns >= FRAMES * 20_000_000


def test_a_bridge_to_a_leg_whose_far_end_is_not_known_yet_waits_for_it(tmp_path: Path) -> None:
    """An INVITE without SDP: the line has answered before the caller's ACK says where his audio is."""
    ports = Ports()
    a, b = ports.take(), ports.take()
    with WorkerClient(tmp_path) as worker, Phone(a) as caller, Phone(b) as line:
        worker.order(Open(host=HOST, port=a), Open(host=HOST, port=b), SetRemote(port=b, peer=line.peer()), Bridge(a=a, b=b))
        worker.settle()
        line.talk()
        worker.order(SetRemote(port=a, peer=caller.peer()))
        worker.settle()
        line.talk()
        assert caller.hear().payload == b"\xff" * 160
        assert worker.problems() == []


def test_a_pipe_in_place_of_a_prompt_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / prepared_name("key"))
    ports = Ports()
    port = ports.take()
    with WorkerClient(tmp_path, {"welcome": "key"}) as worker, Phone(port) as phone:
        worker.order(Open(host=HOST, port=port, peer=phone.peer()), Play(port=port, play=1, prompt="welcome"))
        played = worker.expect(PlayFinished)
    assert played.why == "welcome: its prepared audio can't be used: too short"


@pytest.mark.parametrize("host", [HOST, HOST6])
@pytest.mark.parametrize("mux", [False, True])
def test_reports_go_beside_the_audio_or_with_it(prompts: Path, ports: Ports, host: str, *, mux: bool) -> None:
    """The last one, at the end of a leg, need not be waited for."""
    with WorkerClient(prompts) as worker, Phone(ports.take(), host=host) as phone, Phone(ports.take(), host=host) as beside:
        peer = replace(phone.peer(), rtcp_port=beside.port, rtcp_mux=mux)
        worker.order(Open(host=host, port=phone.leg, peer=peer), Ringback(port=phone.leg, country="us"))
        worker.settle()
        packet = phone.hear()
        phone.talk()
        assert any(phone.leg in worker.expect(Heartbeat).last for _ in range(5))
        worker.close(phone.leg)
        listener = phone if mux else beside
        heard = (rtcp.parse(listener.sock.recv(2_048)) for _ in range(500))
        compound = next(each for each in heard if each is not None and each.bye)
        assert compound.info is not None
        assert compound.bye == (packet.ssrc,)
        assert [(block.ssrc, block.lost) for block in compound.blocks] == [(phone.ssrc, 0)]


def test_what_the_phone_reports_comes_with_the_end(worker: WorkerClient, caller: Phone) -> None:
    worker.order(Ringback(port=caller.leg, country="us"))
    packet = caller.hear()
    block = rtcp.ReportBlock(ssrc=packet.ssrc, fraction_lost=0, lost=1, highest=packet.sequence, jitter=8, lsr=0, dlsr=0)
    with Phone(caller.leg + 1) as beside:
        beside.send(rtcp.build(ssrc=1, cname="phone", blocks=[block]))
        worker.expect(Heartbeat)
        worker.expect(Heartbeat)
    worker.order(Close(port=caller.leg))
    quality = worker.expect(Closed).quality
    assert quality.far_end is not None
    assert (quality.far_end.lost, quality.far_end.jitter_us) == (1, 1_000)
