"""PURE. The E-model: what listeners would say of a connection's loss and delay, as a mean opinion score.

Narrowband by ITU-T G.107, with all of a phone's own values at their defaults: R0 - Is = 93.2, echo as at the default TELR. Wideband by
ITU-T G.107.1: R0 = 129, Is = 0, echo left out. Loss counts as random (BurstR = 1). The two are scales of their own, each from 1 to 4.5: the
best of narrowband is 4.4 among listeners who know no better, so a score says nothing beside one of the other scale.
"""

import math
from typing import NamedTuple

from switch.codec import Codec, MosScale

R0_LESS_IS = 93.2
R0_WIDEBAND = 129.0
RATING_RATIO = 1.29
"""Wideband ratings are so many times as large (G.107.1 Annex A, equation A-1)."""
KNEE_MS = 177.3
LEAST_DELAY_MS = 100.0
"""Delays of up to so many ms are not noticed (G.107 §7.4: mT, by default)."""

LOW_MOS = 3.6
"""On either scale: below it, many users are dissatisfied (G.107 table B.1: R = 70)."""


class Impairment(NamedTuple):
    """What a codec costs (`ie`), and how well it takes loss (`bpl`), on its own scale."""

    ie: float
    bpl: float


CODEC_IMPAIRMENT: dict[int, Impairment] = {
    Codec.PCMU: Impairment(0.0, 25.1),
    Codec.PCMA: Impairment(0.0, 25.1),
    Codec.G722: Impairment(13.0, 4.3),
}
"""G.711: G.113 Appendix I, with packet loss concealment, which all phones have by now; without it Bpl is 4.3. G.722 at 64 kbit/s: Ie,wb of
G.113 Appendix IV. Its Bpl is assumed, the least that G.113 has of any codec (ADR 0034). Opus has no figures there."""


def effective_impairment(loss: float, *, ie: float, bpl: float) -> float:
    """Returns Ie,eff (G.107 §7.5, BurstR = 1; G.107.1 §7.5 is the same). `loss`: a share, 0 to 1."""
    percent = 100 * min(max(loss, 0.0), 1.0)
    return ie + (95 - ie) * percent / (percent + bpl)


def delay_impairment(delay_ms: float) -> float:
    """Returns Id of a delay from mouth to ear, as Cole and Rosenbluth (2001) fitted it to G.107."""
    return 0.024 * delay_ms + 0.11 * max(0.0, delay_ms - KNEE_MS)


def wideband_delay_impairment(delay_ms: float) -> float:
    """Returns Idd, of a delay without echo (G.107.1 §7.4: 1.29 times that of G.107)."""
    if delay_ms <= LEAST_DELAY_MS:
        return 0.0
    x = math.log2(delay_ms / LEAST_DELAY_MS)
    return RATING_RATIO * 25 * (math.pow(1 + x**6, 1 / 6) - 3 * math.pow(1 + (x / 3) ** 6, 1 / 6) + 2)


def mos_of(r: float) -> float:
    """Returns the MOS of a narrowband rating R (G.107 Annex B), 1 to 4.5."""
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)


def wideband_mos_of(r: float) -> float:
    """Returns the MOS of a wideband rating R (G.107.1 Annex A), 1 to 4.5."""
    return mos_of(r / RATING_RATIO)


def mos(*, codec: int, loss: float, delay_ms: float) -> float | None:
    """Returns the MOS of a connection of one codec, on the codec's scale; None: the codec's impairment is not known."""
    impairment = CODEC_IMPAIRMENT.get(codec)
    if impairment is None:
        return None
    ie_eff = effective_impairment(loss, ie=impairment.ie, bpl=impairment.bpl)
    if Codec(codec).mos_scale is MosScale.WIDEBAND:
        return wideband_mos_of(R0_WIDEBAND - wideband_delay_impairment(delay_ms) - ie_eff)
    return mos_of(R0_LESS_IS - delay_impairment(delay_ms) - ie_eff)
