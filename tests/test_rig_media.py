"""How rigs measure audio, and the path that they lead a phone's packets through, tell right from wrong. Knows no rig."""

import socket
import struct
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from rig_compared import MELODY_S, compare, melody, problems
from rig_folder import PathKind
from rig_handset import TONE_FRAME, ulaw
from rig_keys import keys_in
from rig_path import NetworkPath
from rig_ports import LOOPBACK, PortBlock
from rig_rtp import RtpLog
from rig_tone_table import measure

from media.dsp.dtmf import key_tones

KEYS = "1234567890*#ABCD11"


@pytest.fixture
def ports() -> Iterator[PortBlock]:
    block = PortBlock()
    yield block
    block.close()


def _tone(hz: float, seconds: float, peak: float = 0.3) -> NDArray[np.float64]:
    return peak * np.sin(2 * np.pi * hz * np.arange(int(8_000 * seconds)) / 8_000)


def _typed(keys: str, *, key_ms: int = 80) -> NDArray[np.float64]:
    pause = np.zeros(480)
    return np.concatenate([part for key in keys for part in (key_tones(key, key_ms) / 32_768, pause)])


def test_keys_are_found_in_order_and_a_key_twice_is_two() -> None:
    samples = _typed(KEYS)
    assert keys_in(samples, np.ones(len(samples), bool)) == KEYS


def test_a_key_with_a_lost_packet_in_it_is_one_and_with_a_pause_in_it_two() -> None:
    samples = _typed("5", key_ms=100)
    there = np.ones(len(samples), bool)
    samples[320:480] = 0
    assert keys_in(samples, there) == "55"
    there[320:480] = False
    assert keys_in(samples, there) == "5"


def test_a_tone_is_measured_with_its_gap() -> None:
    samples = np.concatenate([np.zeros(4_000), _tone(1_000.4, 2), np.zeros(400), _tone(1_000.4, 1), np.zeros(4_000)])
    found = measure(samples, 1_000)
    assert found.hz == pytest.approx(1_000.4, abs=0.1)
    assert found.level_db == pytest.approx(-10.5, abs=0.2)
    assert 40 <= found.gap_ms <= 60
    assert 2_900 <= found.heard_ms <= 3_200


def test_what_is_no_tone_is_measured_as_nothing() -> None:
    assert measure(np.zeros(16_000), 1_000).heard_ms == 0
    assert measure(np.zeros(0), 1_000).heard_ms == 0


def _event(timestamp: int, sequence: int, code: int) -> bytes:
    return struct.pack("!BBHII", 0x80, 101, sequence % 2**16, timestamp % 2**32, 7) + bytes((code, 10, 0, 160))


def test_each_timestamp_of_events_is_a_press_in_whatever_order_they_come() -> None:
    log = RtpLog()
    start = 2**32 - 100
    for timestamp, sequence, code in [(0, 0, 1), (0, 1, 1), (2_000, 5, 2), (0, 2, 1), (1_000, 3, 1), (2_000, 6, 2)]:
        log.note(_event(start + timestamp, 65_534 + sequence, code), 0.0)
    assert log.digits == "112"
    assert log.missing == 1


def test_time_that_jumps_and_a_pause_are_seen() -> None:
    log = RtpLog()
    for n in range(100):
        jump, pause = (4_000, 3.0) if n >= 50 else (0, 0.0)
        packet = struct.pack("!BBHII", 0x80, 0, n, n * 160 + jump, 7) + TONE_FRAME
        log.note(packet, n * 0.02 + pause)
    assert log.time_off_ms() == 2_500
    assert log.longest_pause_ms == 3_020
    assert log.heard_after_pause_ms("phone") == 0
    assert log.unheard("phone", {"pause": ["2s", "4s"], "speech_within": "100ms"}, []) == []
    assert len(log.unheard("phone", {"time_off": "2s", "pause": ["1s", "2s"], "digits": "1"}, [])) == 3


OFFER = """INVITE sip:1@{target} SIP/2.0\r
Via: SIP/2.0/UDP {phone};branch=z9hG4bK1;rport\r
Contact: <sip:me@{phone}>\r
Content-Length: {length}\r
\r
{sdp}"""
SDP = "v=0\r\nm=audio {port} RTP/AVP 0\r\na=rtcp:{rtcp} IN IP4 127.0.0.1\r\n"


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((LOOPBACK, 0))
    made.settimeout(10)
    return made


@pytest.mark.parametrize("kind", [PathKind(), PathKind(hidden=True)], ids=["open", "hidden"])
def test_a_path_leads_sip_and_audio_through_itself(kind: PathKind, ports: PortBlock) -> None:
    path = NetworkPath(kind, ports=ports, seed=1)
    with _socket() as phone, _socket() as switch, _socket() as audio, _socket() as switch_audio:
        place, port = phone.getsockname(), audio.getsockname()[1]
        path.begin(phone=place, switch=switch.getsockname())
        sdp = SDP.format(port=port, rtcp=port + 1)
        written = "{}:{}".format
        said = OFFER.format(target=written(*path.inner), phone=written(*place), length=len(sdp), sdp=sdp)
        phone.sendto(said.encode(), path.inner)
        head, _, body = switch.recv(65_536).decode().partition("\r\n\r\n")
        assert head.startswith("INVITE sip:1@" + written(*switch.getsockname()))
        assert f"Contact: <sip:me@{written(*path.outer)}>" in head
        assert f"Via: SIP/2.0/UDP {written(*place)};" in head
        assert f"Content-Length: {len(body)}" in head
        named = int(body.partition("m=audio ")[2].partition(" ")[0])
        assert body == SDP.format(port=named, rtcp=named + 1)
        answer = SDP.format(port=switch_audio.getsockname()[1], rtcp=1)
        switch.sendto(f"SIP/2.0 200 OK\r\nContact: <sip:{written(*switch.getsockname())}>\r\n\r\n{answer}".encode(), path.outer)
        heard = phone.recv(65_536).decode()
        assert f"Contact: <sip:{written(*path.inner)}>" in heard
        inner = int(heard.partition("m=audio ")[2].partition(" ")[0])
        packet = struct.pack("!BBHII", 0x80, 0, 1, 160, 7) + TONE_FRAME
        audio.sendto(packet, (LOOPBACK, inner))
        came, outer = switch_audio.recvfrom(65_536)
        assert (named != outer[1]) == kind.hidden
        assert came == packet
        switch_audio.sendto(packet, outer)
        assert audio.recvfrom(65_536) == (packet, (LOOPBACK, inner))
        path.rebind()
        for _ in range(500):  # it takes the new port within its turn of 50 ms
            audio.sendto(packet, (LOOPBACK, inner))
            if switch_audio.recvfrom(65_536)[1] != outer:
                break
        else:
            pytest.fail("the port is the old one")
    path.close()
    assert len(path.passed) >= 2


def test_a_path_loses_no_two_packets_that_are_near_each_other(ports: PortBlock) -> None:
    path = NetworkPath(PathKind(lost_percent=50, apart=3), ports=ports, seed=1)
    lost = [path._loses(from_phone=True) for _ in range(1_000)]
    path.close()
    places = np.flatnonzero(lost)
    assert len(places) > 100
    assert np.diff(places).min() == 4


WANTED = {"left": "caller", "right": "line", "in_step": "20ms", "steady": "30ms"}


def _sent(samples: NDArray[np.float64], *, at_s: float) -> RtpLog:
    log = RtpLog()
    octets = bytes(ulaw(round(each * 32_767)) for each in samples)
    for n in range(len(octets) // 160):
        header = struct.pack("!BBHII", 0x80, 0, n % 2**16, n * 160, 7)
        log.note(header + octets[n * 160 : n * 160 + 160], at_s + n * 0.02)
    return log


@pytest.mark.parametrize(
    ("late_ms", "short_ms", "wrong"),
    [(0, 0, []), (15, 0, []), (30, 0, ["30.0 ms out of step"]), (0, 50, ["goes 50.0 ms wrong", "50.0 ms out of step"])],
)
def test_a_recording_is_compared_with_what_was_sent(late_ms: int, short_ms: int, wrong: list[str]) -> None:
    left, right = (melody(seed, 8, peak_db=-10)[: 7 * 8_000] for seed in (1, 2))
    before = np.zeros(4_000)
    recorded = np.concatenate([before, np.zeros(late_ms * 8), right])
    cut = len(before) + 4 * 8_000
    recorded = np.concatenate([recorded[:cut], recorded[cut + short_ms * 8 :]])
    sides = {
        "left": compare(np.concatenate([before, left]), _sent(left, at_s=10)),
        "right": compare(recorded, _sent(right, at_s=10)),
    }
    found = list(problems(WANTED, sides, place="it"))
    assert len(found) == len(wrong)
    assert all(words in each for words, each in zip(wrong, found, strict=True))


def test_what_was_not_sent_is_not_found() -> None:
    assert compare(melody(1, 8, peak_db=-10), _sent(melody(2, 6, peak_db=-10), at_s=0)).unlike == 3
    assert len(melody(1, MELODY_S, peak_db=-10)) == MELODY_S * 8_000
