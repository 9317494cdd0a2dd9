"""What is heard of both sides of a talk, from the frames of their taps."""

from collections.abc import Collection

import numpy as np
import pytest
from audio import at_dbm0, cadence, noise
from speech import talk as spoken
from tap_frames import FRAME_NS, framed

from media.dsp.g711 import Samples
from media.dsp.tones import silence
from media.ears.talk import LAG_NS, Talk
from media.listening import ListenToTalk, TalkHeard
from media.tap_frame import Frame

SECOND = 1_000_000_000
ORDER = ListenToTalk(call_id="c", attempt=1, caller=1, line=2, at_ns=0, started_us=7)


def heard(caller: list[Frame], line: list[Frame], *, lasts_s: int, listens: bool = True) -> TalkHeard:
    """Frames come in the order of their moments; the ears work once a second."""
    talk = Talk(ORDER)
    next_ns = SECOND
    for frame in sorted((*caller, *line), key=lambda each: each.at_ns):
        while listens and frame.at_ns >= next_ns:
            talk.hear(next_ns)
            next_ns += SECOND
        talk.take(frame)
    return talk.end(lasts_s * SECOND)


def of_caller(samples: Samples, *, lost: Collection[int] = ()) -> list[Frame]:
    return framed(samples, tap=1, lost=lost)


def of_line(samples: Samples) -> list[Frame]:
    return framed(samples, tap=2)


def talk_of(seconds: int) -> Samples:
    return spoken(seconds)[: seconds * 8_000]


def test_two_who_talk() -> None:
    found = heard(of_caller(talk_of(12)), of_line(np.concatenate((silence(3_000), talk_of(9)))), lasts_s=12)
    assert (found.call_id, found.attempt, found.started_us, found.one_way) == ("c", 1, 7, "no")
    assert (found.caller.heard.speaks, found.line.heard.speaks) == ("yes", "yes")
    assert found.caller.heard.duration_ms == found.line.heard.duration_ms == 12_000
    assert found.line.heard.early_silence_ms == pytest.approx(3_000, abs=400)
    assert (found.caller.frames_unheard, found.line.frames_unheard) == (0, 0)


def test_a_line_that_sends_nothing_is_silent_and_the_audio_one_way() -> None:
    found = heard(of_caller(talk_of(12)), [], lasts_s=12)
    assert (found.line.heard.silence_ms, found.line.heard.dead_air_ms, found.line.heard.speaks) == (12_000, 12_000, "no")
    assert found.one_way == "yes"


def test_what_is_not_heard_for_want_of_time_or_codec_is_unknown_and_no_silence() -> None:
    whole = of_line(talk_of(12))
    for line in ([each._replace(codec=9) for each in whole], [each._replace(number=each.number + 200) for each in whole[-60:]]):
        found = heard(of_caller(talk_of(12)), line, lasts_s=12)
        assert found.line.frames_unheard >= 100
        assert (found.line.heard.silence_ms, found.line.heard.dead_air_ms) == (0, 0)
        assert found.line.heard.speech_ratio is None
        assert found.one_way in {"unknown", "no"}


def test_a_frame_or_two_that_are_not_heard_change_nothing() -> None:
    frames = [each for each in of_caller(talk_of(12)) if each.number not in {100, 200}]
    found = heard(frames, of_line(talk_of(12)), lasts_s=12)
    assert (found.caller.frames_unheard, found.caller.heard.speaks) == (2, "yes")
    assert found.caller.heard.speech_ratio is not None


def test_tones_and_noise_have_their_names() -> None:
    found = heard(of_caller(noise(12_000, -25)), of_line(cadence((480, 620), 500, 500, 12)), lasts_s=12)
    assert [tone.name for tone in found.line.heard.tones] == ["busy"]
    assert found.caller.heard.speaks == "unknown"
    fax = heard(of_caller(silence(4_000)), of_line(at_dbm0((2100,), 3_000)), lasts_s=4)
    assert [tone.name for tone in fax.line.heard.tones] == ["fax_answer"]


def test_it_does_not_matter_when_the_ears_work() -> None:
    caller, line = of_caller(talk_of(8)), of_line(cadence((440, 480), 2_000, 2_000, 2))
    assert heard(caller, line, lasts_s=8) == heard(caller, line, lasts_s=8, listens=False)


def test_frames_out_of_order_are_put_right_up_to_the_lag() -> None:
    frames = of_caller(talk_of(8))
    swapped = [*frames]
    for at in range(0, len(frames) - 10, 10):  # each tenth comes 180 ms late
        late = swapped.pop(at)
        swapped.insert(at + 9, late._replace(at_ns=late.at_ns + 9 * FRAME_NS))
    assert 9 * FRAME_NS < LAG_NS
    assert heard(swapped, [], lasts_s=8).caller.heard.speech_ms == heard(frames, [], lasts_s=8).caller.heard.speech_ms


def test_what_comes_before_the_talk_and_after_it_does_not_count() -> None:
    early = [each._replace(at_ns=each.at_ns - SECOND) for each in of_caller(talk_of(2))]
    found = heard(early, [], lasts_s=3)
    assert found.caller.heard.duration_ms == 3_000
