"""What of a call is good and what is not, at each limit and one past it."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from switch.ledger.probes import ProbeRow
from switch.probe.conversation import CallFacts, Stats
from switch.probe.measured import SILENCE, HeardAudio, HeardTone
from switch.probe.text import findings, title
from switch.probe.verdict import probe_row
from switch.probe_settings import HangUp, Hears, ProbeSettings

PROBE = ProbeSettings(name="front-door", number="+18005550100", keys=",1")
STATS = Stats(at_ms=5_000, received=250, lost=0, jitter_ms=1.0, rtt_ms=20.0, sent=250, sent_lost=0, sent_jitter_ms=2.0)
FACTS: dict[str, Any] = {
    "pdd_ms": 200,
    "answer_ms": 1_000,
    "code": 200,
    "reason": "OK",
    "sip_call_id": "x",
    "codec": "PCMU",
    "rate": 8_000,
    "stats": STATS,
    "bye_by": "caller",
    "bye_code": 200,
    "talk_ms": 5_000,
    "ended_ms": 8_400,
}
HEARD = HeardAudio(ms=4_900, level_dbm0=-16.5, tones=())


def heard_tone(hz: float, *, ms: int = 4_800, level: float = -16.0) -> HeardAudio:
    return replace(HEARD, tones=(HeardTone(hz=hz, level_dbm0=level, ms=ms),))


def row(heard: HeardAudio = HEARD, *, probe: ProbeSettings = PROBE, hang_up: HangUp = HangUp.CALLER, **facts: Any) -> ProbeRow:
    return probe_row(probe, CallFacts(**{**FACTS, **facts}), heard, number=1, hang_up=hang_up, at_us=7, actor="ops:anna")


def test_a_right_call_is_good() -> None:
    found = row()
    assert (found.good, found.failures) == (True, ())
    assert (found.probe, found.kind, found.target, found.pressed) == ("front-door", "number", "+18005550100", ",1")
    assert (found.mos, found.lost_share, found.sent_lost_share) == (4.39, 0.0, 0.0)
    assert [each.check for each in findings(found)] == ["rings", "answers", "audio", "quality", "hang-up"]
    assert title(found) == "front-door: number +18005550100, as a carrier calls it"


@pytest.mark.parametrize(
    ("changes", "failures"),
    [
        ({"pdd_ms": 4_000}, ()),
        ({"pdd_ms": 4_001}, ("rings: the first sign of life came after 4.0 s, later than 4.0 s",)),
        ({"answer_ms": None, "code": 486, "reason": "Busy Here", "ended_ms": 90}, ("answers: 486 Busy Here, after 0.1 s",)),
        ({"answer_ms": None, "code": 487, "gave_up": True}, ("answers: it only rang, for 30.0 s",)),
        ({"answer_ms": None, "pdd_ms": None, "code": 408, "gave_up": True}, ("answers: no sign of life, for 30.0 s",)),
        ({"answer_ms": None, "code": None}, ("answers: the phone ended without a word of the call",)),
        ({"bye_code": 408}, ("hang-up: our BYE was answered by 408",)),
        ({"bye_code": None}, ("hang-up: our BYE was answered by nobody",)),
        ({"bye_code": 481}, ()),
        ({"bye_by": "line"}, ("hang-up: the far end hung up after 7.4 s of the call",)),
        ({"ended_ms": None}, ("hang-up: the call did not end",)),
        ({"errors": ("can't bind",)}, ("phone: can't bind",)),
        ({"stats": None}, ()),
        ({"stats": msgspec.structs.replace(STATS, lost=20)}, ()),
        ({"stats": msgspec.structs.replace(STATS, lost=22)}, ("quality: a MOS of 3.56, below 3.6",)),
    ],
)
def test_each_failure_is_said(changes: dict[str, Any], failures: tuple[str, ...]) -> None:
    found = row(**changes)
    assert found.failures == failures
    assert found.good is not bool(failures)


@pytest.mark.parametrize(
    ("heard", "failures"),
    [
        (replace(HEARD, ms=500), ()),
        (replace(HEARD, ms=499), ("audio: 0.5 s were heard above -45 dBm0",)),
        (SILENCE, ("audio: 0.0 s were heard above -45 dBm0",)),
    ],
)
def test_half_a_second_of_audio_is_enough(heard: HeardAudio, failures: tuple[str, ...]) -> None:
    assert row(heard).failures == failures


@pytest.mark.parametrize(
    ("heard", "failures"),
    [
        (heard_tone(440), ()),
        (heard_tone(448.7), ()),
        (heard_tone(448.9), ("tone: the tone of 440 Hz was not heard, but one of 449 Hz",)),
        (heard_tone(440, ms=500), ()),
        (heard_tone(440, ms=480), ("tone: the tone of 440 Hz was heard for 0.5 s only",)),
        (heard_tone(440, level=-45.0), ()),
        (heard_tone(440, level=-45.1), ("tone: the tone of 440 Hz was heard at -45.1 dBm0, below -45",)),
        (HEARD, ("tone: the tone of 440 Hz was not heard",)),
        (SILENCE, ("tone: the tone of 440 Hz was not heard; nothing was heard at all",)),
    ],
)
def test_a_tone_has_a_pitch_a_level_and_a_length(heard: HeardAudio, failures: tuple[str, ...]) -> None:
    probe = replace(PROBE, hears=Hears.TONE, tone_hz=440)
    assert row(heard, probe=probe).failures == failures


def test_of_several_tones_the_one_that_is_expected_counts() -> None:
    both = replace(HEARD, tones=(*heard_tone(600).tones, *heard_tone(440, ms=900).tones))
    found = row(both, probe=replace(PROBE, hears=Hears.TONE, tone_hz=440))
    assert (found.good, found.tone_hz, found.tone_ms) == (True, 440, 900)
    assert row(both).tone_hz == 600


@pytest.mark.parametrize(("heard", "good"), [(heard_tone(1_004), True), (heard_tone(900), False), (SILENCE, False)])
def test_an_echo_is_our_own_tone(heard: HeardAudio, *, good: bool) -> None:
    assert row(heard, probe=replace(PROBE, hears=Hears.ECHO)).good is good


def test_nothing_need_be_heard_where_nothing_is_expected() -> None:
    assert row(SILENCE, probe=replace(PROBE, hears=Hears.NOTHING)).good


@pytest.mark.parametrize(("digits", "why"), [("5", ""), ("", "heard back none"), ("55", "heard back 55")])
def test_keys_come_back_once_each(digits: str, why: str) -> None:
    assert row(probe=replace(PROBE, echoes="5"), digits=digits).failures == ((f"keys: pressed 5, {why}",) if why else ())


@pytest.mark.parametrize(
    ("facts", "failures"),
    [
        ({"bye_by": "line"}, ()),
        ({"bye_by": "caller"}, ("hang-up: the far end did not hang up within 5.0 s",)),
    ],
)
def test_a_far_end_that_is_to_hang_up_does_so(facts: dict[str, Any], failures: tuple[str, ...]) -> None:
    assert row(hang_up=HangUp.LINE, **facts).failures == failures


def test_what_failed_stands_in_its_place_in_words() -> None:
    found = row(SILENCE, pdd_ms=4_001, errors=("can't bind",))
    assert [(each.check, each.good) for each in findings(found)] == [
        ("rings", False),
        ("answers", True),
        ("audio", False),
        ("quality", True),
        ("hang-up", True),
        ("phone", False),
    ]
    refused = row(answer_ms=None, code=486, reason="Busy Here", ended_ms=90)
    assert [(each.check, each.words) for each in findings(refused)] == [
        ("rings", "the first sign of life came after 0.2 s"),
        ("answers", "486 Busy Here, after 0.1 s"),
    ]
