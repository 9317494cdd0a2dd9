"""The E-model against what G.107 and others publish of it."""

import pytest

from media.dsp.g711 import PCMA, PCMU
from media.emodel import delay_impairment, effective_impairment, mos, mos_of


@pytest.mark.parametrize(
    ("r", "expected"),
    [
        (93.2, 4.41),
        (90, 4.34),
        (80, 4.03),
        (70, 3.60),
        (60, 3.10),
        (50, 2.58),
        (0, 1.0),
        (-5, 1.0),
        (3, 1.0),
        (100, 4.5),
        (120, 4.5),
    ],
)
def test_mos_of_a_rating(r: float, expected: float) -> None:
    """G.107 Annex B, table B.1."""
    assert mos_of(r) == pytest.approx(expected, abs=0.0065)


@pytest.mark.parametrize(("percent", "expected"), [(0, 0), (1, 3.64), (2, 7.01), (5, 15.78), (10, 27.07), (100, 75.94)])
def test_loss_is_concealed(percent: float, expected: float) -> None:
    """95 * Ppl / (Ppl + 25.1)."""
    assert effective_impairment(percent / 100, ie=0, bpl=25.1) == pytest.approx(expected, abs=0.005)


def test_without_concealment_loss_costs_more() -> None:
    assert effective_impairment(0.05, ie=0, bpl=4.3) == pytest.approx(51.08, abs=0.005)


@pytest.mark.parametrize(("ms", "expected"), [(0, 0), (100, 2.4), (177.3, 4.26), (200, 7.30), (300, 20.70)])
def test_delay_costs_little_up_to_a_knee(ms: float, expected: float) -> None:
    assert delay_impairment(ms) == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(("percent", "expected"), [(0, 4.41), (1, 4.33), (2, 4.23), (5, 3.92), (10, 3.41)])
def test_mos_of_g711_by_loss(percent: float, expected: float) -> None:
    for codec in (PCMU, PCMA):
        assert mos(codec=codec, loss=percent / 100, delay_ms=0) == pytest.approx(expected, abs=0.02)


def test_a_codec_that_is_not_known_has_none() -> None:
    assert mos(codec=111, loss=0, delay_ms=0) is None


@pytest.mark.parametrize("loss", [-0.5, 0.0])
def test_less_than_no_loss_is_none(loss: float) -> None:
    assert mos(codec=PCMU, loss=loss, delay_ms=0) == pytest.approx(4.409, abs=0.001)


def test_all_lost_is_as_bad_as_it_gets() -> None:
    assert mos(codec=PCMU, loss=2.0, delay_ms=1_000) == 1.0
