"""Keys that come as tones, from the frames of a tap: each told once, soon, and through loss."""

from collections.abc import Iterable

import numpy as np
import pytest
from tap_frames import FRAME_NS, FRAME_SAMPLES, framed, keys

from media.dsp import g711
from media.dsp.dtmf import KEYPAD, key_tones
from media.dsp.tones import silence
from media.ears.audio import MAX_WAITING, FramedAudio
from media.ears.keys import MAX_LOSS, PATIENCE, InBandPress, KeyListener
from media.tap_frame import Frame

EVERY = "".join(KEYPAD)
BATCH = 3
"""Frames: what a worker sends at a time."""


def told(frames: list[Frame], *, batch: int = BATCH) -> list[InBandPress]:
    listener = KeyListener(0)
    return [press for at in range(0, len(frames), batch) for press in listener.hear(frames[at : at + batch])]


def digits(frames: list[Frame]) -> str:
    return "".join(press.digit for press in told(frames))


@pytest.mark.parametrize("law", [g711.PCMU, g711.PCMA])
@pytest.mark.parametrize("batch", [1, 3, 50])
def test_each_key_is_told_once_with_its_moment(law: int, batch: int) -> None:
    every = "".join(KEYPAD)
    found = told(framed(keys(every), law=law), batch=batch)
    assert "".join(press.digit for press in found) == every
    for number, press in enumerate(found):
        assert press.at_ns == pytest.approx(number * 200_000_000, abs=6_000_000)


def test_the_shortest_keys_are_heard_at_40_ms_with_pauses_of_40_ms() -> None:
    assert digits(framed(keys("1122334455##", on_ms=40, off_ms=40))) == "1122334455##"


def test_a_key_is_told_while_it_is_down() -> None:
    """The third frame of a key makes it one: 40 ms of it, and what the detector looks ahead."""
    listener = KeyListener(0)
    heard_after = [number for number, frame in enumerate(framed(key_tones("5", 2_000))) if list(listener.hear([frame]))]
    assert heard_after == [1]


@pytest.mark.parametrize("late_ms", [10, 30, 80, 190])
def test_a_first_packet_that_was_late_costs_no_key(late_ms: int) -> None:
    """All packets behind it come too early for its clock: bringing it back would make tones jump."""
    every = "".join(KEYPAD) * 2
    first, *others = framed(keys(every, on_ms=40, off_ms=40))
    assert digits([first._replace(at_ns=first.at_ns + late_ms * 1_000_000), *others]) == every


@pytest.mark.parametrize("ppm", [-200, 200])
def test_a_skewed_clock_costs_no_key(ppm: int) -> None:
    every = "".join(KEYPAD) * 10
    frames = framed(keys(every, on_ms=50, off_ms=50))
    assert digits([each._replace(at_ns=each.at_ns + each.at_ns * ppm // 1_000_000) for each in frames]) == every


@pytest.mark.parametrize("lost", [{12}, {11, 12}, {12, 13, 14, 15, 16}, {8, 11, 14, 17}])
def test_a_long_key_that_loses_packets_is_one_press(lost: set[int]) -> None:
    assert digits(framed(np.concatenate((silence(100), keys("7", on_ms=400))), lost=lost)) == "7"


def test_a_pause_is_a_pause_whatever_is_lost_beside_it() -> None:
    """Keys of 100 ms, pauses of 60 ms: of each pause a packet is lost."""
    frames = framed(keys("777", on_ms=100, off_ms=60), lost={5, 13, 21})
    assert digits(frames) == "777"


def test_a_gap_is_a_press_longer_at_its_limit_and_another_one_beyond() -> None:
    for beyond, heard in ((0, "9"), (1, "99")):
        frames = framed(keys("9", on_ms=600))
        gap = range(10, 10 + MAX_LOSS // 160 + beyond)
        assert digits([each for each in frames if each.number not in gap]) == heard


def test_silence_that_is_not_sent_is_a_pause() -> None:
    frames = framed(keys("33", on_ms=100, off_ms=200))
    assert digits([each for each in frames if any(octet not in {0xFF, 0x7F} for octet in each.payload)]) == "33"


def test_packets_out_of_order_within_a_batch() -> None:
    frames = framed(keys("159"))
    for at in range(0, len(frames) - 1, BATCH):
        frames[at], frames[at + 1] = frames[at + 1], frames[at]
    assert digits(frames) == "159"


def overtaken(by: int) -> str:
    """Keys of two packets each; one of each key comes behind `by` packets that were sent after it, one packet a batch."""
    frames = framed(keys(EVERY, on_ms=40, off_ms=160))
    order = sorted(frames, key=lambda each: each.number + (by + 0.5 if each.number % 10 == 1 else 0))
    return "".join(press.digit for press in told(order, batch=1))


@pytest.mark.parametrize("by", [1, PATIENCE // FRAME_SAMPLES - 2])
def test_a_packet_that_others_overtake_costs_no_key(by: int) -> None:
    assert overtaken(by) == EVERY


def test_a_packet_that_too_many_overtake_is_lost() -> None:
    assert overtaken(PATIENCE // FRAME_SAMPLES - 1) == ""


def test_a_packet_that_comes_twice_changes_nothing() -> None:
    assert digits([each for frame in framed(keys("159")) for each in (frame, frame)]) == "159"


def test_a_pause_of_minutes_costs_nothing_and_hides_no_key() -> None:
    late_ns = 600_000_000_000
    late = [
        each._replace(timestamp=each.timestamp + 600 * 8_000, sequence=each.sequence + 10, at_ns=each.at_ns + late_ns)
        for each in framed(keys("2"))
    ]
    found = told(framed(keys("1")) + late)
    assert [press.digit for press in found] == ["1", "2"]
    assert found[1].at_ns == pytest.approx(late_ns, abs=6_000_000)


def test_what_can_not_be_decoded_is_counted() -> None:
    audio = FramedAudio(0)
    for frame in framed(keys("1")):
        audio.add(frame._replace(codec=9))
    assert (audio.taken(), audio.undecoded, audio.late) == ([], 10, 0)


def test_what_comes_too_late_or_too_fast_is_counted() -> None:
    frames = framed(silence(60))
    audio = FramedAudio(0)
    audio.add(frames[0])
    audio.add(frames[2])
    assert [piece.position for piece in audio.taken()] == [0, 320]
    audio.add(frames[1])
    assert (audio.taken(), audio.late) == ([], 1)
    for number in range(MAX_WAITING + 1):
        audio.add(frames[2]._replace(timestamp=480 + 160 * number, sequence=3 + number, at_ns=(3 + number) * FRAME_NS))
    assert (len(audio.taken()), audio.late) == (MAX_WAITING, 2)


def test_pieces_wait_for_their_time() -> None:
    audio = FramedAudio(0)
    for frame in framed(silence(100)):
        audio.add(frame)
    assert [piece.position for piece in audio.taken(before=320)] == [0, 160]
    assert _lengths(audio.taken()) == [160, 160, 160]


def _lengths(pieces: Iterable[tuple[int, g711.Samples]]) -> list[int]:
    return [len(samples) for _, samples in pieces]
