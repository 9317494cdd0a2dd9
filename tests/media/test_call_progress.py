"""Tones are found and named, at each limit of frequency, length and pause and beyond it; speech and noise are none."""

import numpy as np
import pytest
from audio import at_dbm0, cadence, heard, louder, mixed, noise
from speech import spoken, talk

from media.dsp import g711
from media.dsp.dtmf import key_tones
from media.dsp.heard import HeardTone
from media.dsp.tones import silence, sine

MACHINE = "You have reached Acme plumbing. Nobody is in, please leave a message."
SIT = ((913.8, 274), (1370.6, 274), (1776.7, 380))


def tones(*parts: g711.Samples, law: int = g711.PCMU) -> tuple[HeardTone, ...]:
    return heard(silence(330), *parts, silence(1_000), law=law).tones


def names(*parts: g711.Samples) -> list[str]:
    return [tone.name for tone in tones(*parts)]


@pytest.mark.parametrize("law", [g711.PCMU, g711.PCMA])
@pytest.mark.parametrize("snr_db", [None, 15])
@pytest.mark.parametrize("dbm0", [-10, -35])
@pytest.mark.parametrize(
    ("name", "hz", "on_ms", "off_ms", "runs"),
    [
        ("ringback", (440, 480), 2_000, 4_000, 2),
        ("ringback", (400, 450), 400, 200, 2),
        ("ringback", (425,), 1_000, 4_000, 2),
        ("ringback", (440,), 1_500, 3_500, 2),
        ("busy", (480, 620), 500, 500, 3),
        ("busy", (425,), 480, 480, 3),
        ("reorder", (480, 620), 250, 250, 4),
        ("reorder", (425,), 240, 240, 4),
        ("dial_tone", (350, 440), 3_000, 100, 1),
        ("dial_tone", (425,), 3_000, 100, 1),
        ("fax_calling", (1_100,), 500, 3_000, 2),
        ("fax_answer", (2_100,), 3_000, 100, 1),
        ("unnamed", (1_004,), 3_000, 100, 1),
    ],
)
def test_a_tone_is_known_by_its_frequencies_and_cadence(
    name: str, hz: tuple[int, ...], on_ms: int, off_ms: int, runs: int, *, dbm0: int, snr_db: int | None, law: int
) -> None:
    signal = np.concatenate((cadence(hz, on_ms, off_ms, runs, dbm0=dbm0 - 3 * (len(hz) - 1)), silence(200)))
    if snr_db is not None:
        signal = mixed(signal, noise(len(signal) // 8, dbm0 - snr_db))
    (tone,) = tones(signal, law=law)
    assert (tone.name, tone.count) == (name, runs)
    assert tone.hz == pytest.approx(hz, abs=3)
    assert tone.level_dbm0 == pytest.approx(dbm0, abs=0.7)
    assert tone.start_ms == pytest.approx(330, abs=40)
    assert tone.end_ms == pytest.approx(330 + runs * (on_ms + off_ms) - off_ms, abs=40)


def test_special_information_tones_are_one() -> None:
    (tone,) = tones(*[at_dbm0((hz,), ms) for hz, ms in SIT], spoken("The number you have dialled is not in service."))
    assert (tone.name, tone.hz) == ("sit", (914,))
    assert tone.end_ms - tone.start_ms == pytest.approx(928, abs=60)


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (((903, 274), (1_358, 274), (1_763, 380)), "sit"),
        (((997, 274), (1_442, 274), (1_792, 380)), "sit"),
        (((885, 274), (1_370, 274), (1_777, 380)), "unnamed"),
        (((914, 274), (1_340, 274), (1_777, 380)), "unnamed"),
        (((914, 274), (1_370, 274), (1_865, 380)), "unnamed"),
        (((950, 330), (1_400, 330), (1_800, 330)), "sit"),
        (((905, 260), (1_355, 400), (1_845, 260)), "sit"),
        (((1_777, 274), (1_370, 274), (914, 380)), "unnamed"),
        (((914, 245), (1_370, 245), (1_777, 245)), "sit"),
        (((914, 160), (1_370, 274), (1_777, 380)), "unnamed"),
        (((914, 274), (1_370, 274), (1_777, 440)), "sit"),
        (((914, 274), (1_370, 274), (1_777, 500)), "unnamed"),
    ],
)
def test_what_is_a_sit(parts: tuple[tuple[int, int], ...], name: str) -> None:
    assert set(names(*[at_dbm0((hz,), ms) for hz, ms in parts])) == {name}


@pytest.mark.parametrize(("pause_ms", "name"), [(60, "sit"), (140, "unnamed")])
def test_the_parts_of_a_sit_follow_each_other(pause_ms: int, name: str) -> None:
    parts = [part for hz, ms in SIT for part in (at_dbm0((hz,), ms), silence(pause_ms))]
    assert set(names(*parts)) == {name}


def test_a_modem_turns_the_phase_of_its_tone_around() -> None:
    answer = [sign * sine(2_100, 450) for sign in (1, -1) * 4]
    assert names(*answer) == ["modem_answer"]
    assert names(mixed(np.concatenate(answer), noise(3_600, -25))) == ["modem_answer"]
    assert names(sine(2_110, 3_600)) == ["fax_answer"], "10 Hz off is no reversal"


@pytest.mark.parametrize("hz", [2_085, 2_115])
def test_an_answer_tone_may_be_off_by_15_hz(hz: int) -> None:
    assert names(sine(hz, 3_000)) == ["fax_answer"]
    assert names(*[sign * sine(hz, 460) for sign in (1, -1) * 4]) == ["modem_answer"]


@pytest.mark.parametrize(
    ("hz", "on_ms", "name"),
    [
        (2_100, 1_040, "fax_answer"),
        (2_100, 960, "unnamed"),
        (2_075, 3_000, "unnamed"),
        (2_125, 3_000, "unnamed"),
        (1_062, 500, "fax_calling"),
        (1_138, 500, "fax_calling"),
        (1_055, 500, "unnamed"),
        (1_145, 500, "unnamed"),
        (1_100, 430, "fax_calling"),
        (1_100, 550, "fax_calling"),
        (1_100, 380, "unnamed"),
        (1_100, 620, "unnamed"),
    ],
)
def test_what_is_a_fax(hz: int, on_ms: int, name: str) -> None:
    assert names(sine(hz, on_ms)) == [name]


@pytest.mark.parametrize(
    ("hz", "on_ms", "runs", "name"),
    [
        (400, 500, 2, "busy"),
        (450, 500, 2, "busy"),
        (390, 500, 2, "unnamed"),
        (460, 500, 2, "unnamed"),
        (425, 320, 2, "reorder"),
        (425, 400, 2, "busy"),
        (425, 640, 2, "busy"),
        (425, 740, 2, "ringback"),
        (425, 2_300, 1, "ringback"),
        (425, 2_460, 1, "dial_tone"),
        (425, 500, 1, "unnamed"),
    ],
)
def test_one_frequency_is_told_by_how_long_it_is(hz: int, on_ms: int, runs: int, name: str) -> None:
    assert names(cadence((hz,), on_ms, 500, runs)) == [name]


@pytest.mark.parametrize(("on_ms", "name"), [(320, "reorder"), (400, "busy")])
def test_busy_is_slower_than_reorder(on_ms: int, name: str) -> None:
    assert names(cadence((480, 620), on_ms, 400, 3)) == [name]


@pytest.mark.parametrize(("pause_ms", "counts"), [(4_500, [2]), (4_700, [1, 1])])
def test_a_cadence_goes_on_after_a_pause(pause_ms: int, counts: list[int]) -> None:
    assert [tone.count for tone in tones(cadence((440, 480), 2_000, pause_ms, 2))] == counts


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [((440, 480), (448, 480), 1), ((449, 489), (449, 489), 1), ((453, 480), (453, 480), 0), ((440, 494), (440, 494), 0)],
)
def test_a_pair_is_a_known_one(first: tuple[int, int], second: tuple[int, int], found: int) -> None:
    assert len(tones(at_dbm0(first, 1_000), silence(300), at_dbm0(second, 1_000))) == found


@pytest.mark.parametrize(("hz", "found"), [(350, 1), (330, 0), (3_580, 1), (3_640, 0)])
def test_the_range_of_single_tones(hz: int, found: int) -> None:
    assert len(tones(sine(hz, 1_000))) == found


@pytest.mark.parametrize(("on_ms", "found"), [(120, 1), (80, 0)])
def test_how_short_a_tone_may_be(on_ms: int, found: int) -> None:
    assert len(tones(sine(1_000, on_ms))) == found


@pytest.mark.parametrize(("dbm0", "found"), [(-42.5, 1), (-43.5, 0)])
def test_how_weak_a_tone_may_be(dbm0: float, found: int) -> None:
    assert len(tones(at_dbm0((1_000,), 1_000, dbm0))) == found


@pytest.mark.parametrize(("snr_db", "found"), [(9, 1), (6, 0)])
def test_how_much_noise_a_tone_bears(snr_db: float, found: int) -> None:
    """White noise of 4 kHz, of which seven eighths lie in the band that counts."""
    assert len(tones(mixed(sine(1_000, 3_000), noise(3_000, 3.17 - 13 - snr_db)))) == found


@pytest.mark.parametrize(("twist_db", "found"), [(9.5, (440, 480)), (10.5, None)])
def test_how_much_weaker_one_of_a_pair_may_be(twist_db: float, found: tuple[int, int] | None) -> None:
    both = mixed(at_dbm0((440,), 1_000), at_dbm0((480,), 1_000, -15 - twist_db))
    assert [tone.hz for tone in tones(both)] == ([found] if found else [(440,)])


@pytest.mark.parametrize(("beside_hz", "found"), [(60, 1), (150, 0), (300, 0)])
def test_hum_does_not_hide_a_tone_but_a_voice_does(beside_hz: int, found: int) -> None:
    assert len(tones(mixed(sine(1_000, 1_000), sine(beside_hz, 1_000)))) == found


@pytest.mark.parametrize(("hz_a_second", "found"), [(100, True), (120, False), (600, False)])
def test_a_pitch_that_moves_is_no_tone(hz_a_second: float, *, found: bool) -> None:
    at = np.arange(16_000) / 8_000
    sweep = np.rint(6_000 * np.sin(2 * np.pi * (600 * at + hz_a_second / 2 * at * at))).astype(np.int16)
    assert bool(tones(sweep)) == found


@pytest.mark.parametrize(("lost_ms", "counts"), [(20, [1]), (130, [1]), (155, [2])])
def test_a_lost_packet_does_not_cut_a_tone(lost_ms: int, counts: list[int]) -> None:
    found = tones(sine(1_000, 1_000), silence(lost_ms), sine(1_000, 1_000))
    assert [tone.count for tone in found] == counts


@pytest.mark.parametrize(
    ("hz", "on_ms", "name"),
    [
        (1_000, 160, "beep"),
        (1_000, 1_480, "beep"),
        (1_000, 1_560, "unnamed"),
        (1_000, 130, "unnamed"),
        (405, 400, "beep"),
        (392, 400, "unnamed"),
        (1_990, 400, "beep"),
        (2_010, 400, "unnamed"),
        (425, 1_000, "beep"),
        (1_100, 500, "beep"),
    ],
)
def test_one_tone_after_speech_is_an_answering_machine(hz: int, on_ms: int, name: str) -> None:
    assert names(spoken(MACHINE), silence(500), sine(hz, on_ms)) == [name]
    assert "beep" not in names(sine(hz, on_ms)), "nobody spoke"


@pytest.mark.parametrize(("pause_ms", "name"), [(4_800, "beep"), (5_200, "unnamed")])
def test_a_beep_follows_speech_soon(pause_ms: int, name: str) -> None:
    words = spoken(MACHINE)
    ends = int(np.flatnonzero(np.abs(words.astype(np.int32)) > 200)[-1])
    assert names(words[:ends], silence(pause_ms), sine(1_000, 400)) == [name]


@pytest.mark.parametrize(("speech_ms", "name"), [(1_200, "beep"), (800, "unnamed")])
def test_a_beep_follows_more_than_a_word(speech_ms: int, name: str) -> None:
    assert names(spoken(MACHINE)[: speech_ms * 8], silence(300), sine(1_000, 400)) == [name]


@pytest.mark.parametrize(("quiet_ms", "name"), [(400, "unnamed"), (620, "beep")])
def test_a_machine_is_quiet_after_its_beep(quiet_ms: int, name: str) -> None:
    """Else the tone belongs to a tune."""
    words = spoken(MACHINE)
    begins = int(np.flatnonzero(np.abs(words.astype(np.int32)) > 2_000)[0])
    assert names(words, silence(500), sine(1_000, 400), silence(quiet_ms), words[begins:]) == [name]


def test_busy_after_a_conversation_is_no_beep() -> None:
    assert names(spoken(MACHINE), silence(500), cadence((425,), 500, 500, 3)) == ["busy"]


def test_keys_are_digits_and_no_tones() -> None:
    said = heard(silence(300), *[part for key in "159#" for part in (key_tones(key, 200), silence(200))], silence(800))
    assert "".join(digit.digit for digit in said.digits) == "159#"
    assert said.tones == ()
    assert said.speech_ms == 0
    assert said.tone_ms >= 800
    assert [digit.start_ms for digit in said.digits] == pytest.approx([300, 700, 1_100, 1_500], abs=6)


def test_talk_has_no_tone_in_it() -> None:
    said = talk(5 * 60, seed=9)
    assert heard(said).tones == ()
    assert heard(mixed(louder(said, -10), noise(len(said) // 8, -35))).tones == ()


def test_so_many_tones_are_kept() -> None:
    many = [part for number in range(51) for part in (sine(600 + 20 * number, 160), silence(200))]
    assert len(tones(*many[:100])) == 50
    assert len(tones(*many)) == 50
