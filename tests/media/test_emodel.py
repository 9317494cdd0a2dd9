"""The E-model against what G.107, G.107.1, G.113 and others publish of it."""

import pytest

from media.dsp.g711 import PCMA, PCMU
from media.emodel import (
    delay_impairment,
    effective_impairment,
    mos,
    mos_of,
    wideband_delay_impairment,
    wideband_mos_of,
)
from switch.codec import Codec, MosScale


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


@pytest.mark.parametrize(
    ("r", "expected"),
    [(129, 4.5), (140, 4.5), (128, 4.494), (116.1, 4.339), (116, 4.337), (90.3, 3.597), (64.5, 2.575), (0, 1.0), (-5, 1.0)],
)
def test_mos_of_a_wideband_rating(r: float, expected: float) -> None:
    """G.107.1 Annex A: that of R / 1.29."""
    assert wideband_mos_of(r) == pytest.approx(expected, abs=0.0005)


@pytest.mark.parametrize(("ms", "expected"), [(0, 0), (100, 0), (150, 0.2110), (200, 3.9273), (250, 11.5026)])
def test_delay_costs_wideband_nothing_up_to_100_ms(ms: float, expected: float) -> None:
    """1.29 times the Idd of G.107, which is 0.1635 at 150 ms, 3.0444 at 200 ms and 8.9167 at 250 ms."""
    assert wideband_delay_impairment(ms) == pytest.approx(expected, abs=0.0005)


@pytest.mark.parametrize(
    ("kbits", "ie", "bpl", "percent", "expected"),
    [
        ("G.722.2 at 23.05", 1, 4.6, 0, 4.494),
        ("at 12.65", 13, 4.3, 0, 4.337),
        ("at 6.6", 41, 4.3, 0, 3.512),
        ("at 12.65", 20, 4.3, 2, 3.406),
    ],
)
def test_wideband_codecs_of_g113_come_out_as_published(kbits: str, ie: float, bpl: float, percent: float, expected: float) -> None:
    """G.113 Appendix IV, tables IV.1 and IV.4, through R = 129 - Ie,eff."""
    ie_eff = effective_impairment(percent / 100, ie=ie, bpl=bpl)
    assert wideband_mos_of(129 - ie_eff) == pytest.approx(expected, abs=0.0005)


@pytest.mark.parametrize(("percent", "expected"), [(0, 4.34), (1, 3.94), (2, 3.58), (5, 2.88), (10, 2.34)])
def test_mos_of_g722_by_loss(percent: float, expected: float) -> None:
    assert mos(codec=Codec.G722, loss=percent / 100, delay_ms=100) == pytest.approx(expected, abs=0.005)


def test_delay_counts_for_g722_too() -> None:
    assert mos(codec=Codec.G722, loss=0, delay_ms=250) == pytest.approx(wideband_mos_of(129 - 13 - 11.5026), abs=0.0005)


@pytest.mark.parametrize("codec", [Codec.OPUS, 111])
def test_a_codec_that_is_not_known_has_none(codec: int) -> None:
    assert mos(codec=codec, loss=0, delay_ms=0) is None


@pytest.mark.parametrize("codec", Codec)
def test_a_codec_has_a_score_where_it_has_a_scale(codec: Codec) -> None:
    assert (mos(codec=codec, loss=0, delay_ms=0) is None) is (codec.mos_scale is None)


def test_the_scale_is_that_of_the_band() -> None:
    scales = [codec.mos_scale for codec in (Codec.PCMU, Codec.PCMA, Codec.G722)]
    assert scales == [MosScale.NARROWBAND, MosScale.NARROWBAND, MosScale.WIDEBAND]


@pytest.mark.parametrize("loss", [-0.5, 0.0])
def test_less_than_no_loss_is_none(loss: float) -> None:
    assert mos(codec=PCMU, loss=loss, delay_ms=0) == pytest.approx(4.409, abs=0.001)


def test_all_lost_is_as_bad_as_it_gets() -> None:
    assert mos(codec=PCMU, loss=2.0, delay_ms=1_000) == 1.0
