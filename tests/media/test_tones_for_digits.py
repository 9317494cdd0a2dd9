"""Digits as tones, for a leg without telephone-event: how long, how loud, and what becomes of the audio meanwhile."""

from itertools import groupby, pairwise

import numpy as np
import pytest
from bridged_legs import CALLER, MS, World

from media.control import Bridge, SendDigit
from media.dsp.dtmf import HIGH_HZ, KEYPAD, LOW_HZ
from media.dsp.g711 import Samples, decode
from media.dsp.levels import level_db
from media.dsp.tones import FULL_SCALE
from media.rtp.packet import RtpPacket, build
from media.rtp.telephone_event import DIGITS, DigitDetector, press
from media.worker.digits import LONGEST_MS, MAX_DIGITS
from media.worker.playout import FRAME_NS
from media.worker.tones import ToneQueue

AUDIO = b"\1" * 160


class Talk(World):
    """The line has no telephone-event; the caller's is 101."""

    def __init__(self) -> None:
        super().__init__(line_dtmf=None, line_takes_tones=True, caller_dtmf=101)

    def sounds(self) -> list[tuple[str, int]]:
        """What the line hears, in milliseconds: keys, "-" for silence, "audio"."""
        names = [heard(packet.payload) for _, packet in self.to_line]
        return [(name, 20 * len(list(run))) for name, run in groupby(names)]


def tone_db(samples: Samples, hz: float) -> float:
    """The level at one frequency, relative to a full-scale sine."""
    turn = np.exp(-2j * np.pi * hz / 8_000 * np.arange(len(samples)))
    return float(20 * np.log10(abs(samples @ turn) * 2 / len(samples) / FULL_SCALE))


def heard(payload: bytes) -> str:
    if payload == AUDIO:
        return "audio"
    samples = decode(payload, 0)
    if level_db(samples) < -60:
        return "-"
    row = max(range(4), key=lambda each: tone_db(samples, LOW_HZ[each]))
    return KEYPAD[row][max(range(4), key=lambda each: tone_db(samples, HIGH_HZ[each]))]


@pytest.mark.parametrize("digit", DIGITS)
def test_every_key_has_its_two_tones(digit: str) -> None:
    tones = ToneQueue(0)
    tones.add(digit, duration_ms=2_000)  # its audio once, and once more
    frames = [sound.frame(number, 0) for at in range(100) for sound, number in tones.due(at * FRAME_NS)]
    samples = decode(b"".join(frames), 0)
    row = next(number for number, keys in enumerate(KEYPAD) if digit in keys)
    pair = LOW_HZ[row], HIGH_HZ[KEYPAD[row].index(digit)]
    assert [round(tone_db(samples, hz)) for hz in pair] == [-11, -9], "-8 and -6 dBm0"
    assert all(tone_db(samples, hz) < -40 for hz in (*LOW_HZ, *HIGH_HZ) if hz not in pair)


def test_a_press_is_a_tone_as_long_as_it_is_held_in_place_of_the_audio() -> None:
    talk = Talk()
    talk.run(100)
    talk.key("5", duration_ms=300)
    talk.run(400)
    (before, tone, pause, after) = talk.sounds()
    assert (before, pause, after[0]) == (("audio", 100), ("-", 60), "audio")
    assert tone[0] == "5"
    assert 280 <= tone[1] <= 320
    packets = [packet for _, packet in talk.to_line]
    assert {(later.sequence - earlier.sequence) & 0xFFFF for earlier, later in pairwise(packets)} == {1}
    assert len({packet.ssrc for packet in packets}) == 1


def test_a_short_press_is_a_tone_of_100_ms() -> None:
    talk = Talk()
    talk.key("5", duration_ms=40)
    talk.run(400)
    assert talk.sounds()[:2] == [("5", 100), ("-", 60)]


def test_a_press_whose_end_is_lost_ends_when_its_packets_stop() -> None:
    talk = Talk()
    talk.key("5", duration_ms=2_000, packets=5)
    talk.run(1_000)
    (tone, pause, *_) = talk.sounds()
    assert tone == ("5", 360), "80 ms and a quarter of a second, in whole frames"
    assert pause == ("-", 60)


def test_presses_that_come_while_a_tone_sounds_wait_for_it() -> None:
    talk = Talk()
    for digit in "5512":
        talk.key(digit, duration_ms=40, packets=2)
    talk.run(1_500)
    sounds = [name for name, _ in talk.sounds()]
    assert [name for name in sounds if name != "-"] == ["5", "5", "1", "2", "audio"]


def test_a_key_that_was_pressed_before_the_bridge_is_not_sounded() -> None:
    talk = Talk()
    talk.key("5", duration_ms=400, packets=3)
    talk.do(Bridge(a=20_000, b=20_002))
    count = len(talk.to_line)
    start = RtpPacket(payload_type=101, sequence=61_003, timestamp=0, ssrc=9)
    for packet in press("5", start):
        data = build(packet)
        talk.forwarder.buffer[: len(data)] = data
        talk.forwarder.datagram(talk.legs[20_000], len(data), CALLER, talk.now_ns)
    talk.run(400)
    assert {heard(packet.payload) for _, packet in talk.to_line[count:]} == {"audio"}


def test_a_digit_that_came_by_info_is_a_tone_too() -> None:
    talk = Talk()
    for digit, duration_ms in (("1", 40), ("2", 240), ("3", 250)):
        talk.do(SendDigit(port=20_002, digit=digit, duration_ms=duration_ms))
    talk.run(1_500)
    assert talk.sounds()[:6] == [("1", 100), ("-", 60), ("2", 240), ("-", 60), ("3", 260), ("-", 60)]


def test_without_tones_nothing_is_sent() -> None:
    world = World(line_dtmf=None, caller_dtmf=101)
    world.do(SendDigit(port=20_002, digit="1", duration_ms=100))
    world.run(200)
    assert {packet.payload for _, packet in world.to_line} == {AUDIO}


@pytest.mark.parametrize(("wanted", "sent"), [(MAX_DIGITS, MAX_DIGITS), (MAX_DIGITS + 1, MAX_DIGITS)])
def test_so_many_tones_wait(wanted: int, sent: int) -> None:
    talk = Talk()
    for _ in range(wanted):
        talk.do(SendDigit(port=20_002, digit="1", duration_ms=100))
    talk.run(160 * (wanted + 1))
    assert [name for name, _ in talk.sounds()].count("1") == sent


def test_no_tone_is_longer_than_an_event_can_be() -> None:
    event = press("1", RtpPacket(payload_type=101, sequence=1, timestamp=0, ssrc=5))
    held = DigitDetector().hear(next(event).payload, ssrc=5, sequence=1, timestamp=0, now_ns=0)
    assert held is not None
    tones = ToneQueue(0)
    tones.add("1", press=held[0])
    count = 0
    for number in range(600):
        held[0].heard_ns = number * 20 * MS
        count += sum(sound.frame_count == 50 for sound, _ in tones.due(number * 20 * MS))
    assert count == -(-LONGEST_MS // 20)


@pytest.mark.parametrize("digit", ["", "E", "12"])
def test_what_is_no_digit_has_no_tone(digit: str) -> None:
    with pytest.raises(ValueError, match="no digit"):
        ToneQueue(0).add(digit)
