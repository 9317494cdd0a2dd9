"""What is heard of one direction: levels, speech, silence, noise, keys, dead air; and of two: one-way audio."""

import msgspec
import numpy as np
import pytest
from audio import at_dbm0, cadence, heard, louder, mixed, noise, on_the_wire
from hypothesis import given, settings
from hypothesis import strategies as st
from speech import spoken, talk

from media.dsp import g711, levels
from media.dsp.dtmf import key_tones
from media.dsp.ears import Ears
from media.dsp.heard import HeardAudio, Span, dead_air_of_both, one_way
from media.dsp.tones import silence, sine
from media.dsp.voice_activity import dilated, voiced_blocks, without_short_runs

HELLO = spoken("Hello, this is Acme plumbing. How can I help you today?")


def speech(seconds: int = 10, *, dbm0: float = -20) -> g711.Samples:
    """Talk without whisper, at that level."""
    said = talk(seconds)
    return louder(said, dbm0 - heard(said).level_dbm0)


@pytest.mark.parametrize("law", [g711.PCMU, g711.PCMA])
def test_levels_are_in_dbm0(law: int) -> None:
    found = heard(at_dbm0((1_000,), 5_000, -10), law=law)
    assert (found.level_dbm0, found.peak_dbm0) == pytest.approx((-10, -10), abs=0.3)
    half = heard(at_dbm0((1_000,), 5_000, -10), silence(5_000), law=law)
    assert (half.level_dbm0, half.peak_dbm0) == pytest.approx((-13, -10), abs=0.3)


def test_nothing_at_all() -> None:
    nothing = Ears().heard()
    assert (nothing.duration_ms, nothing.speech_ratio, nothing.speaks) == (0, None, "no")
    assert (nothing.level_dbm0, nothing.peak_dbm0, nothing.speech_dbm0) == (-120, -120, None)
    assert nothing.dead_air == ()


@pytest.mark.parametrize("law", [g711.PCMU, g711.PCMA])
def test_digital_silence_is_silence(law: int) -> None:
    found = heard(silence(12_000), law=law)
    assert (found.silence_ms, found.early_silence_ms, found.dead_air_ms) == (12_000, 12_000, 12_000)
    assert (found.speaks, found.first_speech_ms, found.speech_ratio) == ("no", None, 0.0)


@pytest.mark.parametrize("dbm0", [-10, -20, -35])
def test_talk_is_speech_however_loud(dbm0: float) -> None:
    found = heard(silence(2_000), speech(10, dbm0=dbm0), silence(3_000))
    assert found.speaks == "yes"
    assert found.speech_ms == pytest.approx(10_000, rel=0.05)
    assert found.first_speech_ms == pytest.approx(2_000, abs=150)
    assert found.early_silence_ms == found.first_speech_ms
    assert found.speech_dbm0 == pytest.approx(dbm0, abs=1)
    assert found.tone_ms == 0


@pytest.mark.parametrize("snr_db", [20, 10, 5])
def test_talk_in_noise_is_speech(snr_db: float) -> None:
    words = speech(20)
    found = heard(mixed(words, noise(20_000, -20 - snr_db)))
    assert found.speaks == "yes"
    assert found.speech_ms == pytest.approx(20_000, rel=0.1)


def test_talk_buried_in_noise_is_not_known() -> None:
    found = heard(mixed(speech(20, dbm0=-30), noise(20_000, -20)))
    assert found.speaks == "unknown"
    assert found.speech_ratio is None


@pytest.mark.parametrize(
    ("dbm0", "verdict", "unknown_ms", "dead_air_ms"),
    [(-60, "no", 0, 12_000), (-41.5, "no", 0, 12_000), (-38.5, "unknown", 12_000, 0), (-20, "unknown", 12_000, 0)],
)
def test_noise_alone_is_silence_up_to_a_level_and_then_unknown(
    dbm0: float, verdict: str, unknown_ms: int, dead_air_ms: int
) -> None:
    found = heard(noise(12_000, dbm0))
    assert found.speaks == verdict
    assert found.speech_ms == 0
    assert found.unknown_ms == pytest.approx(unknown_ms, abs=600)
    assert found.dead_air_ms == pytest.approx(dead_air_ms, abs=600)


@pytest.mark.parametrize(("dbm0", "speech_ms"), [(-49.5, 3_000), (-50.5, 0)])
def test_how_quiet_speech_may_be(dbm0: float, speech_ms: int) -> None:
    vowel = louder(steps(0)[: 300 * 8], dbm0 - levels.dbm0(1_000**2))
    assert heard(*[vowel, silence(300)] * 10).speech_ms == speech_ms


@pytest.mark.parametrize("hz", [(440, 480), (425,), (1_000,), (2_100,), (350, 440), (480, 620)])
def test_a_tone_is_never_speech(hz: tuple[int, ...]) -> None:
    found = heard(silence(500), cadence(hz, 800, 700, 6), silence(500))
    assert (found.speech_ms, found.speaks) == (0, "no")
    assert found.tone_ms == pytest.approx(4_800, abs=6 * 60)


@pytest.mark.parametrize("begins_ms", range(820, 1_100, 40))
def test_wherever_in_a_second_a_tone_or_a_voice_begins(begins_ms: int) -> None:
    tone = heard(silence(begins_ms), sine(1_000, 300), silence(1_500))
    assert (tone.speech_ms, tone.unknown_ms) == (0, 0)
    key = heard(silence(begins_ms), key_tones("5", 300), silence(1_500))
    assert (key.speech_ms, key.unknown_ms) == (0, 0)
    voice = heard(silence(begins_ms), steps(0)[: 300 * 8], silence(1_500))
    assert voice.speech_ms == pytest.approx(300, abs=60)


def test_hum_is_not_speech() -> None:
    at = np.arange(80_000) / 8_000
    hum = sum(np.sin(2 * np.pi * 60 * harmonic * at) / harmonic for harmonic in range(1, 6))
    for length in (80_000, 72_800):
        found = heard(np.rint(600 * hum).astype(np.int16)[:length])
        assert found.speech_ms == 0
        assert found.speaks == "unknown"


def test_an_offset_is_no_sound() -> None:
    found = heard(np.full(96_000, 300, np.int16))
    assert (found.level_dbm0, found.dead_air_ms) == (-120, 12_000)


@pytest.mark.parametrize("kind", ["full", "lowest", "alternating", "random", "clicks"])
def test_no_samples_break_it(kind: str) -> None:
    count = 20_011
    samples = {
        "full": np.full(count, 32_767, np.int16),
        "lowest": np.full(count, -32_768, np.int16),
        "alternating": np.where(np.arange(count) % 2, 32_767, -32_768).astype(np.int16),
        "random": np.random.default_rng(1).integers(-32_768, 32_768, count).astype(np.int16),
        "clicks": np.where(np.arange(count) % 997 == 0, 32_767, 0).astype(np.int16),
    }[kind]
    ears = Ears()
    ears.hear(samples)
    found = ears.heard()
    assert found.duration_ms == 2_500
    assert (found.tones, found.digits, found.speech_ms) == ((), (), 0)


def steps(db: float) -> g711.Samples:
    """A note of 200 Hz with overtones, its level going up and down by so much."""
    at = np.arange(80_000) / 8_000
    wave = np.sign(np.sin(2 * np.pi * 200 * at)) * 1_000 * np.where(at % 0.4 < 0.2, 1, 10 ** (db / 20))
    return np.asarray(np.rint(wave), np.int16)


@pytest.mark.parametrize(("db", "verdict"), [(5.5, "unknown"), (6.3, "yes")])
def test_a_held_note_is_not_speech(db: float, verdict: str) -> None:
    assert heard(steps(db)).speaks == verdict


@pytest.mark.parametrize(("speech_ms", "verdict"), [(500, "yes"), (200, "no")])
def test_how_much_speech_is_somebody(speech_ms: int, verdict: str) -> None:
    begins = int(np.flatnonzero(np.abs(HELLO.astype(np.int32)) > 2_000)[0])
    assert heard(silence(2_000), HELLO[begins : begins + speech_ms * 8], silence(6_000)).speaks == verdict


@pytest.mark.parametrize(("gap_ms", "parts"), [(140, 1), (220, 1), (250, 2), (600, 2)])
def test_a_stop_is_part_of_speech(gap_ms: int, parts: int) -> None:
    vowel = steps(0)[: 400 * 8]
    found = heard(silence(1_000), vowel, silence(gap_ms), vowel, silence(1_000))
    assert found.speech_ms == pytest.approx(800 + (gap_ms if parts == 1 else 0), abs=40)


@pytest.mark.parametrize(("quiet_ms", "dead"), [(9_800, 0), (10_300, 1)])
def test_dead_air_is_ten_seconds_without_speech_or_tone(quiet_ms: int, dead: int) -> None:
    found = heard(sine(1_000, 500), silence(quiet_ms), sine(1_000, 500))
    assert len(found.dead_air) == dead
    assert found.dead_air_ms == pytest.approx(quiet_ms * dead, abs=80)


@pytest.mark.parametrize(("dead_air_ms", "dead"), [(2_900, 1), (3_100, 0)])
def test_how_long_dead_air_is_may_be_asked(dead_air_ms: int, dead: int) -> None:
    found = heard(sine(1_000, 520), silence(3_050), sine(1_000, 500), ears=Ears(dead_air_ms=dead_air_ms))
    assert len(found.dead_air) == dead


@pytest.mark.parametrize(("noise_ms", "spans"), [(480, 1), (520, 2)])
def test_a_click_does_not_end_dead_air_but_noise_does(noise_ms: int, spans: int) -> None:
    found = heard(silence(12_000), noise(noise_ms, -25), silence(12_000))
    assert len(found.dead_air) == spans
    assert found.dead_air_ms == 24_000 + (noise_ms if spans == 1 else 0)
    assert found.early_silence_ms == (24_000 + noise_ms if spans == 1 else 12_000)


def test_so_many_digits_and_dead_airs_are_kept() -> None:
    keys = [part for _ in range(101) for part in (key_tones("7", 50), silence(60))]
    assert len(heard(*keys[:200], silence(500)).digits) == 100
    assert len(heard(*keys, silence(500)).digits) == 100
    airs = [part for _ in range(101) for part in (silence(400), sine(1_000, 200))]
    found = heard(*airs[:200], ears=Ears(dead_air_ms=300))
    assert (len(found.dead_air), found.dead_air_ms) == (100, sum(span.end_ms - span.start_ms for span in found.dead_air))
    more = heard(*airs, ears=Ears(dead_air_ms=300))
    assert len(more.dead_air) == 100
    assert more.dead_air_ms > found.dead_air_ms


def test_all_of_it_adds_up() -> None:
    found = heard(silence(3_000), cadence((440, 480), 2_000, 4_000, 2), HELLO, key_tones("5", 100), silence(777), noise(3_000, -20))
    assert found.duration_ms == found.speech_ms + found.tone_ms + found.silence_ms + found.unknown_ms
    assert [tone.name for tone in found.tones] == ["ringback"]
    assert found.first_speech_ms == pytest.approx(15_000, abs=100)


def test_what_is_heard_so_far_does_not_disturb_what_follows() -> None:
    samples = on_the_wire(np.concatenate((cadence((440, 480), 2_000, 4_000, 1), HELLO)))
    asked, unasked = Ears(), Ears()
    for at in range(0, len(samples), 1_600):
        asked.hear(samples[at : at + 1_600])
        unasked.hear(samples[at : at + 1_600])
        asked.heard()
    assert asked.heard() == unasked.heard()


def test_it_is_known_before_the_end() -> None:
    ears = Ears()
    ears.hear(on_the_wire(np.concatenate((silence(1_000), sine(1_100, 500), silence(3_000), sine(1_100, 500)))))
    assert [tone.name for tone in ears.heard().tones] == ["fax_calling"]


WHOLE = on_the_wire(
    np.concatenate(
        (
            cadence((440, 480), 900, 600, 2),
            HELLO,
            key_tones("5", 60),
            sine(1_000, 400),
            noise(1_300, -20),
            silence(2_013),
        )
    )
)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 9_000), max_size=30))
def test_how_it_is_cut_does_not_matter(lengths: list[int]) -> None:
    ears, whole = Ears(dead_air_ms=1_500), Ears(dead_air_ms=1_500)
    for piece in np.split(WHOLE, [int(end) for end in np.cumsum(lengths)]):
        ears.hear(piece)
    whole.hear(WHOLE)
    assert ears.heard() == whole.heard()


def test_what_is_heard_can_be_sent_as_json() -> None:
    found = heard(cadence((440, 480), 2_000, 4_000, 1), HELLO, key_tones("5", 100), silence(12_000))
    assert msgspec.json.decode(msgspec.json.encode(found), type=HeardAudio) == found


def direction(
    duration_ms: int, *, speech_ms: int = 0, tone_ms: int = 0, unknown_ms: int = 0, dead_air: tuple[Span, ...] = ()
) -> HeardAudio:
    return HeardAudio(
        duration_ms=duration_ms,
        level_dbm0=-20,
        peak_dbm0=-10,
        speech_dbm0=None,
        speech_ms=speech_ms,
        tone_ms=tone_ms,
        silence_ms=duration_ms - speech_ms - tone_ms - unknown_ms,
        unknown_ms=unknown_ms,
        first_speech_ms=None,
        early_silence_ms=0,
        dead_air_ms=0,
        dead_air=dead_air,
        tones=(),
        digits=(),
    )


TALKER = direction(20_000, speech_ms=9_000)


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        (TALKER, direction(20_000), "yes"),
        (TALKER, direction(20_000, speech_ms=380), "yes"),
        (TALKER, direction(20_000, speech_ms=400), "no"),
        (TALKER, direction(20_000, tone_ms=200), "no"),
        (TALKER, direction(20_000, unknown_ms=2_000), "yes"),
        (TALKER, direction(20_000, unknown_ms=2_020), "unknown"),
        (direction(10_000, speech_ms=2_000), direction(10_000), "yes"),
        (direction(9_980, speech_ms=2_000), direction(9_980), "no"),
        (direction(10_000, speech_ms=1_980), direction(10_000), "no"),
        (direction(10_000), direction(10_000), "no"),
        (direction(10_000, unknown_ms=9_000), direction(10_000), "unknown"),
        (TALKER, direction(9_980), "no"),
    ],
)
def test_one_way_audio_needs_both_sides(one: HeardAudio, other: HeardAudio, verdict: str) -> None:
    assert one_way(one, other) == verdict
    assert one_way(other, one) == verdict


def test_one_way_audio_as_it_is_heard() -> None:
    assert one_way(heard(speech(15)), heard(silence(15_000))) == "yes"
    assert one_way(heard(speech(15)), heard(noise(15_000, -20))) == "unknown"
    assert one_way(heard(speech(15)), heard(silence(12_000), HELLO)) == "no"


@pytest.mark.parametrize(("unknown_ms", "ratio"), [(1_000, 0.3), (1_020, None)])
def test_the_share_of_speech_is_known_unless_there_is_noise(unknown_ms: int, ratio: float | None) -> None:
    assert direction(10_000, speech_ms=3_000, unknown_ms=unknown_ms).speech_ratio == ratio


@pytest.mark.parametrize(
    ("shortest_ms", "spans"), [(4_000, [(8_000, 12_000)]), (4_001, []), (2_000, [(8_000, 12_000), (20_000, 22_000)])]
)
def test_dead_air_of_both_is_where_neither_is_heard(shortest_ms: int, spans: list[tuple[int, int]]) -> None:
    one = direction(30_000, dead_air=(Span(start_ms=0, end_ms=12_000), Span(start_ms=20_000, end_ms=30_000)))
    other = direction(30_000, dead_air=(Span(start_ms=8_000, end_ms=22_000),))
    found = dead_air_of_both(one, other, shortest_ms=shortest_ms)
    assert [(span.start_ms, span.end_ms) for span in found] == spans
    assert dead_air_of_both(other, one, shortest_ms=shortest_ms) == found


@pytest.mark.parametrize(("hz", "voiced"), [(65, 1), (390, 1), (55, 0)])
def test_the_pitch_of_a_voice(hz: float, voiced: float) -> None:
    """A train of pulses, as the vocal cords give."""
    pulses = np.zeros(8_160)
    pulses[(np.arange(0, 8_160, 8_000 / hz)).astype(int)] = 20_000
    assert voiced_blocks(pulses)[5:45].mean() == pytest.approx(voiced, abs=0.1)


@pytest.mark.parametrize(
    ("lowest_hz", "highest_hz", "tilt"), [(10, 4_000, 1), (900, 1_100, 0), (200, 4_000, 1), (0, 500, 0), (10, 4_000, 0.5)]
)
def test_noise_of_any_colour_is_no_voice(lowest_hz: float, highest_hz: float, tilt: float) -> None:
    """Rumble, hiss of one pitch, wind, a low-pass, pink noise. `tilt`: of its amplitude, by frequency."""
    samples = 20 * 8_000
    hz = np.fft.rfftfreq(samples, 1 / 8_000)
    shape = np.where((hz >= lowest_hz) & (hz < highest_hz), np.maximum(hz, 1) ** -tilt, 0)
    wave = np.fft.irfft(np.fft.rfft(np.random.default_rng(1).normal(0, 1, samples)) * shape)
    found = heard(np.rint(wave * 3_000 / wave.std()).astype(np.int16))
    assert found.speaks == "unknown"
    assert found.speech_ms <= 200


@pytest.mark.parametrize(("length", "kept"), [(2, 0), (3, 3)])
def test_three_voiced_blocks_are_a_voice(length: int, kept: int) -> None:
    flags = np.zeros(20, np.bool_)
    flags[8 : 8 + length] = True
    assert without_short_runs(flags).sum() == kept


@pytest.mark.parametrize("count", [0, 1, 3, 30])
def test_dilation_reaches_to_both_sides_and_no_further(count: int) -> None:
    flags = np.zeros(count, np.bool_)
    flags[count // 2 : count // 2 + 1] = True
    wide = dilated(flags, 2)
    assert len(wide) == count
    assert wide.sum() == min(count, 5)
