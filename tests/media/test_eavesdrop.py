"""What somebody who listens in hears of both sides."""

import numpy as np
from tap_frames import FRAME_NS, framed

from media.dsp.g711 import PCMA, PCMU, Samples, decode
from media.dsp.levels import tone_share
from media.dsp.tones import sine
from media.eavesdrop import LAG_NS, Eavesdropper
from media.tap_frame import RECEIVED, SENT, Frame

START_NS = 7_000_000_000
FRAMES = 100
CALLER_HZ, LINE_HZ = 600, 1_000


def both_sides(*, law: int = PCMU) -> list[Frame]:
    """Two seconds; the caller speaks all the time, the line too."""
    sides = []
    for direction, hz in ((RECEIVED, CALLER_HZ), (SENT, LINE_HZ)):
        tone = sine(hz, FRAMES * 20) // 4
        sides.append([each._replace(direction=direction, ssrc=direction) for each in framed(tone, start_ns=START_NS, law=law)])
    return [frame for pair in zip(*sides, strict=True) for frame in pair]


def heard(listener: Eavesdropper, frames: list[Frame], *, until_ns: int) -> Samples:
    """Reads every 100 ms, as frames come."""
    taken, parts = 0, []
    for now_ns in range(START_NS, until_ns + 1, 5 * FRAME_NS):
        while taken < len(frames) and frames[taken].at_ns <= now_ns:
            listener.take(frames[taken])
            taken += 1
        parts.append(listener.read(now_ns))
    return decode(b"".join(parts), PCMU)


def test_both_sides_are_heard_at_once_and_late_by_the_lag() -> None:
    for law in (PCMU, PCMA):
        listener = Eavesdropper(1, start_ns=START_NS)
        found = heard(listener, both_sides(law=law), until_ns=START_NS + FRAMES * FRAME_NS)
        assert len(found) == (FRAMES * FRAME_NS - LAG_NS) // 125_000
        for hz in (CALLER_HZ, LINE_HZ):
            assert 0.45 < tone_share(found[800:8_800], hz) < 0.55, hz


def test_who_is_silent_leaves_the_stream_as_long_as_it_was() -> None:
    listener = Eavesdropper(1, start_ns=START_NS)
    frames = [each for each in both_sides() if not (each.direction == SENT or 20 <= each.number < 60)]
    found = heard(listener, frames, until_ns=START_NS + FRAMES * FRAME_NS + LAG_NS)
    assert len(found) == FRAMES * 160
    assert not found[20 * 160 : 60 * 160].any()
    assert tone_share(found[: 20 * 160], CALLER_HZ) > 0.95
    assert tone_share(found[60 * 160 :], CALLER_HZ) > 0.95


def test_what_is_too_late_is_not_heard_and_loud_sides_do_not_wrap() -> None:
    listener = Eavesdropper(1, start_ns=START_NS)
    assert not decode(listener.read(START_NS + LAG_NS + 2 * FRAME_NS), PCMU).any()
    for each in both_sides()[:2]:
        listener.take(each)
    assert not decode(listener.read(START_NS + LAG_NS + 4 * FRAME_NS), PCMU).any()
    loud = Eavesdropper(1, start_ns=START_NS)
    full = np.full(160, 30_000, np.int16)
    for direction in (RECEIVED, SENT):
        for each in framed(full, start_ns=START_NS):
            loud.take(each._replace(direction=direction))
    assert decode(loud.read(START_NS + LAG_NS + FRAME_NS), PCMU).min() > 30_000


def test_while_it_is_muted_nothing_is_heard() -> None:
    listener = Eavesdropper(1, start_ns=START_NS)
    frames = both_sides()
    for each in frames:
        if each.number == 25 and each.direction == RECEIVED:
            listener.mute(each.at_ns)
        if each.number == 50 and each.direction == RECEIVED:
            listener.unmute(each.at_ns)
        listener.take(each)
    found = decode(listener.read(START_NS + FRAMES * FRAME_NS + LAG_NS), PCMU)
    assert found[:4_000].any()
    assert not found[4_000:8_000].any()
    assert found[8_000:].any()
