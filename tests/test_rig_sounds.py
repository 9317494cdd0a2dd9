"""The ear of a rig's phone hears what was played, in order, and `expected.yaml` may ask for it by name. Knows no rig."""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

SUPPORT = Path(__file__).resolve().parent.parent / "sip-test-rigs" / "support"
sys.path.insert(0, str(SUPPORT))

from rig_audio import find_cadence  # noqa: E402
from rig_expect import differences, unheard  # noqa: E402
from rig_sounds import PITCHES, PROMPTS, Ear  # noqa: E402

from media.dsp.g711 import encode  # noqa: E402
from media.dsp.ringing import ringing  # noqa: E402
from media.dsp.tones import frames, silence, sine  # noqa: E402
from media.ringing_tones import RINGING_TONES  # noqa: E402

PCMU = 0


def hear(*parts: np.ndarray[tuple[int], np.dtype[np.int16]]) -> list[str]:
    """What an ear makes of these samples, packet by packet."""
    ear = Ear()
    for frame in frames(np.concatenate(parts)):
        ear.hear(encode(frame, PCMU))
    return ear.heard


@pytest.mark.parametrize(("name", "hz"), PITCHES.items())
def test_every_sound_is_told_from_all_others_even_where_packets_do_not_fall_on_its_frames(name: str, hz: int) -> None:
    if name == "ringback":
        assert hear(silence(60), ringing("us"), ringing("us")) == [name]
    else:
        assert hear(silence(60), sine(hz, 300, level_db=-12), silence(300)) == [name]


def test_sounds_are_heard_in_their_order_with_nothing_added_at_the_seams() -> None:
    names = ["welcome", "you-typed", "digit-7", "digit-5", "is-it-right", "ringback", "phone", "ringback", "phone", "all-busy"]
    sounds = [ringing("us")[: 8 * 2_010] if name == "ringback" else sine(PITCHES[name], 310, level_db=-12) for name in names]
    assert hear(*sounds) == names


@pytest.mark.parametrize("country", ["gb", "in", "au", "de", "hu"])
def test_a_cadence_is_measured_to_50_ms_whatever_else_is_heard(country: str) -> None:
    tone, other = RINGING_TONES[country], sine(1_000, 700, level_db=-12)
    played = np.concatenate((other, *[ringing(country)] * 3, other)) / 32_768
    found = find_cadence(played, [int(hz) for hz in tone.hz], floor_db=-20)
    assert found == pytest.approx((tone.cadence * 3)[:-1][: len(found)], abs=50)
    assert len(found) == 3 * len(tone.cadence) - 2, "the last burst is followed by no other"
    assert find_cadence(played, [620], floor_db=-20) == []


def test_pitches_lie_far_enough_apart() -> None:
    pitches = sorted(PITCHES.values())
    assert min(high - low for low, high in pairwise(pitches)) >= 40
    assert len(PROMPTS) == 17


def test_what_was_heard_is_compared_by_packets_or_by_names() -> None:
    packets, sounds = {"caller": 70, "line-a": 0}, {"caller": ["whisper", "phone"], "line-a": []}
    assert unheard({"caller": [50, 200], "line-a": []}, packets, sounds) == []
    assert unheard({"caller": ["whisper", "phone"]}, packets, sounds) == []
    assert unheard({"caller": [80, 200]}, packets, sounds) == ["RTP packets heard: caller: expected 80 to 200, got 70"]
    assert unheard({"caller": ["phone", "whisper"]}, packets, sounds) == [
        "sounds heard: caller 1: expected 'phone', got 'whisper'",
        "sounds heard: caller 2: expected 'whisper', got 'phone'",
    ]
    assert unheard({"caller": ["phone"]}, packets, sounds) == ["sounds heard: caller: expected 1 ('phone'), got 'whisper', 'phone'"]


@pytest.mark.parametrize(
    ("got", "fits"), [("beta-b: connected 1894 ms, enough", True), ("acme-a: connected 3 ms", False), (None, False)]
)
def test_text_may_be_asked_for_by_a_regular_expression(got: object, fits: object) -> None:
    said = [problem for problem in differences([{"why": r"/beta-b: connected \d+ ms/"}], [{"why": got}]) if "expected" in problem]
    assert (said == []) == fits


BEFORE_THE_CALLER = {
    **dict.fromkeys(("call_id", "did", "ani", "trunk", "publisher", "campaign", "final_state", "ended_by", "sip_code", "rule"), ""),
    "invited_at": "2026-03-01T14:00:00.000Z",
    "answered_at": "2026-03-01T14:00:01.005Z",
    "ended_at": "2026-03-01T14:00:03.005Z",
    "total_ms": 2000,
    "menu_ms": 0,
    "billable": True,
    "revenue_micros": 1,
    "payout_micros": 1,
}
TALK = {
    "line": "a",
    "outcome": "answered",
    "sip_code": 200,
    "answer_delay_ms": 1,
    "connected_ms": 1,
    "talk_at": "2026-03-01T14:00:01.000Z",
}


@pytest.mark.parametrize(("connected_ms", "sound"), [(2006, True), (2007, False)])
def test_talk_may_be_longer_than_the_call_by_what_the_line_answered_before_the_caller_was(connected_ms: int, sound: object) -> None:
    record = {**BEFORE_THE_CALLER, "connected_ms": connected_ms, "attempts": [TALK]}
    assert (differences([{}], [record]) == []) == sound
