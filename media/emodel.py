"""PURE. The E-model (ITU-T G.107): what listeners would say of a connection's loss and delay, as a mean opinion score.

With all of a phone's own values at their defaults: R0 - Is = 93.2. Loss counts as random (BurstR = 1), echo as at the default TELR.
"""

from switch.codec import Codec

R0_LESS_IS = 93.2
KNEE_MS = 177.3
CODEC_IMPAIRMENT: dict[int, tuple[float, float]] = {Codec.PCMU: (0.0, 25.1), Codec.PCMA: (0.0, 25.1)}
"""By codec: Ie and Bpl, with packet loss concealment (G.113 App. I), which all phones have by now; without it G.711's Bpl is 4.3."""


def effective_impairment(loss: float, *, ie: float, bpl: float) -> float:
    """Returns Ie,eff (G.107 §7.4, BurstR = 1). `loss`: a share, 0 to 1."""
    percent = 100 * min(max(loss, 0.0), 1.0)
    return ie + (95 - ie) * percent / (percent + bpl)


def delay_impairment(delay_ms: float) -> float:
    """Returns Id of a delay from mouth to ear, as Cole and Rosenbluth (2001) fitted it to G.107."""
    return 0.024 * delay_ms + 0.11 * max(0.0, delay_ms - KNEE_MS)


def mos_of(r: float) -> float:
    """Returns the MOS of a rating R (G.107 Annex B), 1 to 4.5."""
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)


def mos(*, codec: int, loss: float, delay_ms: float) -> float | None:
    """Returns the MOS of a connection of one codec; None: the codec's impairment is not known."""
    impairment = CODEC_IMPAIRMENT.get(codec)
    if impairment is None:
        return None
    ie, bpl = impairment
    return mos_of(R0_LESS_IS - delay_impairment(delay_ms) - effective_impairment(loss, ie=ie, bpl=bpl))
