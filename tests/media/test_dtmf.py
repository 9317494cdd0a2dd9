"""Keys in band: what ITU-T Q.24 and carriers ask of a receiver, at each limit and beyond it, and nothing heard in half an hour of talk."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from speech import talk

from media.dsp import g711, levels
from media.dsp.dtmf import HIGH_HZ, KEYPAD, LOW_HZ, DtmfDetector, DtmfDigit, key_tones

ALL = "123A456B789C*0#D"
MS = 8
Wave = npt.NDArray[np.float64]


def key(digit: str, on_ms: float, *, dbm0: float, twist_db: float, low_off: float, high_off: float, phase: float) -> Wave:
    """Both tones together at `dbm0`, the high one louder by `twist_db`, each off its frequency by a share of it."""
    row = next(row for row in KEYPAD if digit in row)
    low_hz, high_hz = LOW_HZ[KEYPAD.index(row)] * (1 + low_off), HIGH_HZ[row.index(digit)] * (1 + high_off)
    at = np.arange(round(on_ms * MS)) / 8_000
    ratio = 10 ** (twist_db / 10)
    power = levels.mean_square(dbm0)
    low = np.sqrt(2 * power / (1 + ratio)) * np.sin(2 * np.pi * low_hz * at + phase)
    high = np.sqrt(2 * power * ratio / (1 + ratio)) * np.sin(2 * np.pi * high_hz * at + 2 * phase)
    return np.asarray(low + high, np.float64)


def pressed(
    digits: str,
    *,
    on_ms: float = 40,
    off_ms: float = 40,
    dbm0: float = -10,
    twist_db: float = 0,
    low_off: float = 0,
    high_off: float = 0,
    snr_db: float | None = None,
    law: int = g711.PCMU,
    seed: int = 1,
) -> tuple[g711.Samples, list[tuple[int, int]]]:
    """Keys as a carrier sends them, and from where to where each lies. No two begin at the same place in a window."""
    draw = np.random.default_rng(seed)
    parts, places, position = [np.zeros(401)], [], 401
    for digit in digits:
        tones = key(digit, on_ms, dbm0=dbm0, twist_db=twist_db, low_off=low_off, high_off=high_off, phase=draw.uniform(0, 6.28))
        pause = np.zeros(round(off_ms * MS) + (int(draw.integers(0, 40)) if off_ms else 0))
        places.append((position, position + len(tones)))
        parts += [tones, pause]
        position += len(tones) + len(pause)
    wave = np.concatenate([*parts, np.zeros(800)])
    if snr_db is not None:
        wave = wave + draw.normal(0, np.sqrt(levels.mean_square(dbm0 - snr_db)), len(wave))
    samples = np.clip(np.rint(wave), -32_768, 32_767).astype(np.int16)
    return g711.decode(g711.encode(samples, law), law), places


def heard(samples: g711.Samples, *, piece: int = 160) -> list[DtmfDigit]:
    detector = DtmfDetector()
    found = [digit for at in range(0, len(samples), piece) for digit in detector.hear(samples[at : at + piece])]
    return [*found, *detector.finish()]


def digits_in(samples: g711.Samples) -> str:
    return "".join(digit.digit for digit in heard(samples, piece=8_000))


@pytest.mark.parametrize("law", [g711.PCMU, g711.PCMA])
@pytest.mark.parametrize("dbm0", [0, -10, -25])
@pytest.mark.parametrize("twist_db", [0, 8, -8])
@pytest.mark.parametrize("offs", [(0, 0), (0.015, 0.015), (-0.015, -0.015), (0.015, -0.015), (-0.015, 0.015)])
@pytest.mark.parametrize("snr_db", [None, 15])
def test_all_sixteen_are_heard_within_the_limits(
    law: int, dbm0: float, twist_db: float, offs: tuple[float, float], snr_db: float | None
) -> None:
    digits, (low_off, high_off), seed = ALL * 2, offs, int(100 + dbm0 + twist_db)
    samples, _ = pressed(
        digits, dbm0=dbm0, twist_db=twist_db, low_off=low_off, high_off=high_off, snr_db=snr_db, law=law, seed=seed
    )
    assert digits_in(samples) == digits


@pytest.mark.parametrize("off", [0.035, -0.035, 0.05, -0.05])
@pytest.mark.parametrize("snr_db", [None, 15])
def test_a_tone_off_its_frequency_is_no_key(off: float, snr_db: float | None) -> None:
    for twist_db in (0, 8, -8):
        assert digits_in(pressed(ALL * 2, low_off=off, twist_db=twist_db, snr_db=snr_db)[0]) == ""
        assert digits_in(pressed(ALL * 2, high_off=off, twist_db=twist_db, snr_db=snr_db)[0]) == ""


@pytest.mark.parametrize(
    ("off", "digits"), [(0.022, ALL), (0.028, ""), (-0.022, ALL), (-0.028, "")], ids=["up to", "beyond", "down to", "below"]
)
def test_how_far_a_frequency_may_be_off(off: float, digits: str) -> None:
    """Between 1.5 %, which all take, and 3.5 %, which none do."""
    assert digits_in(pressed(ALL, on_ms=80, low_off=off)[0]) == digits
    assert digits_in(pressed(ALL, on_ms=80, high_off=off)[0]) == digits


@pytest.mark.parametrize(("twist_db", "digits"), [(9.3, ALL), (9.8, ""), (-9.3, ALL), (-9.8, "")])
def test_how_much_louder_one_tone_may_be(twist_db: float, digits: str) -> None:
    assert digits_in(pressed(ALL, on_ms=80, twist_db=twist_db)[0]) == digits


@pytest.mark.parametrize(("tone_dbm0", "digits"), [(-35.0, ALL), (-36.0, "")])
def test_how_loud_each_tone_must_be(tone_dbm0: float, digits: str) -> None:
    assert digits_in(pressed(ALL, on_ms=80, dbm0=tone_dbm0 + 3.01)[0]) == digits


@pytest.mark.parametrize(("on_ms", "most"), [(20, 0), (30, 16)])
def test_how_long_a_key_must_be_down(on_ms: float, most: int) -> None:
    assert len(digits_in(pressed(ALL, on_ms=on_ms)[0])) == most


@pytest.mark.parametrize(("off_ms", "digits"), [(10, "5"), (20, "55"), (40, "55")])
def test_an_interruption_is_no_pause(off_ms: int, digits: str) -> None:
    for at in range(1_600, 1_600 + 40, 3):
        samples, _ = pressed("5", on_ms=400)
        samples[at : at + off_ms * MS] = 0
        assert digits_in(samples) == digits


def test_noise_within_a_long_key_does_not_make_it_two() -> None:
    samples, _ = pressed("5", on_ms=5_000, snr_db=15)
    assert digits_in(samples) == "5"


def test_one_key_right_after_another_ends_it() -> None:
    samples, places = pressed("159D", on_ms=60, off_ms=0)
    found = heard(samples)
    assert [digit.digit for digit in found] == list("159D")
    assert max(abs(digit.start - start) for digit, (start, _) in zip(found, places, strict=True)) <= 10 * MS


def test_too_much_noise_is_no_key() -> None:
    assert digits_in(pressed(ALL, on_ms=80, snr_db=3)[0]) == ""


@pytest.mark.parametrize("snr_db", [None, 15])
def test_each_says_where_it_begins_and_ends(snr_db: float | None) -> None:
    samples, places = pressed(ALL * 4, on_ms=70, snr_db=snr_db)
    found = heard(samples)
    assert [digit.digit for digit in found] == list(ALL * 4)
    off = [(digit.start - start, digit.end - end) for digit, (start, end) in zip(found, places, strict=True)]
    assert np.abs(off).max() <= 6 * MS


def test_a_key_is_known_while_it_is_down() -> None:
    samples, ((start, _),) = pressed("7", on_ms=200)
    detector = DtmfDetector()
    assert detector.hear(samples[: start + 50 * MS]) == ()
    assert detector.pressed is not None
    assert detector.pressed.digit == "7"
    detector.hear(samples[start + 50 * MS : start + 150 * MS])
    (last,) = detector.finish()
    assert last.digit == "7"
    assert last.end == pytest.approx(start + 150 * MS, abs=10 * MS)
    assert detector.pressed is None


def test_no_single_tone_is_a_key() -> None:
    at = np.arange(8_000) / 8_000
    for hz in (*LOW_HZ, *HIGH_HZ, 440, 1_100, 2_100):
        assert digits_in(np.rint(8_000 * np.sin(2 * np.pi * hz * at)).astype(np.int16)) == ""


def test_no_two_tones_of_one_group_are_a_key() -> None:
    at = np.arange(8_000) / 8_000
    for first, second in ((697, 770), (697, 941), (1209, 1336), (1209, 1633), (440, 480), (350, 440), (480, 620)):
        both = np.sin(2 * np.pi * first * at) + np.sin(2 * np.pi * second * at)
        assert digits_in(np.rint(8_000 * both).astype(np.int16)) == ""


@pytest.mark.parametrize("law", [g711.PCMU, g711.PCMA])
def test_what_we_send_is_what_is_heard(law: int) -> None:
    pause = np.zeros(60 * MS, np.int16)
    sent = np.concatenate([part for digit in ALL for part in (key_tones(digit, 60), pause)])
    assert digits_in(g711.decode(g711.encode(sent, law), law)) == ALL


def test_tones_are_as_loud_as_asked() -> None:
    tones = key_tones("5", 1_000, low_dbm0=-12, high_dbm0=-9)
    assert len(tones) == 8_000
    assert levels.tone_db(tones, 770) + 3.17 == pytest.approx(-12, abs=0.3)  # 770 Hz lies between two bins of 20 Hz
    assert levels.tone_db(tones, 1_336) + 3.17 == pytest.approx(-9, abs=0.3)


@pytest.mark.parametrize("no_digit", ["E", "", "12"])
def test_what_is_no_digit_has_no_tones(no_digit: str) -> None:
    with pytest.raises(ValueError, match="digit"):
        key_tones(no_digit, 40)


def test_half_an_hour_of_talk_has_no_key_in_it() -> None:
    said = talk(30 * 60)
    for law in (g711.PCMU, g711.PCMA):
        assert heard(g711.decode(g711.encode(said, law), law), piece=8_000) == []


def test_talk_and_keys_side_by_side() -> None:
    said, (tones, _) = talk(20), pressed(ALL, on_ms=60, off_ms=60)
    assert digits_in(np.concatenate((said, tones, said))) == ALL


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 700), max_size=40), st.integers(0, 3))
def test_how_it_is_cut_does_not_matter(lengths: list[int], seed: int) -> None:
    samples, _ = pressed("1590D", on_ms=45, snr_db=20, seed=seed)
    ends = [int(end) for end in np.cumsum(lengths)]
    detector = DtmfDetector()
    found = [digit for piece in np.split(samples, ends) for digit in detector.hear(piece)]
    assert [*found, *detector.finish()] == heard(samples, piece=len(samples))
