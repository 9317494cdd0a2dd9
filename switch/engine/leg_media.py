"""PURE. A leg's figures, as the worker counted them, as what the ledger keeps: shares, milliseconds, and the E-model's opinion."""

from media.control import Closed, Counters
from media.emodel import mos
from switch.call.leg_media import LegMedia
from switch.codec import Codec

FRAME_MS = 20
JITTERS = 2
"""A far end's buffer holds so many times the jitter."""


def leg_media(closed: Closed, *, leg: int, codec: int | None) -> LegMedia | None:
    """Returns the figures of a leg; None: there was no audio. `codec`: what was agreed on at last."""
    counters, quality, far = closed.counters, closed.quality, closed.quality.far_end
    if not _is_any(counters):
        return None
    lost_share = _share(quality.lost, counters.received + counters.unheard + quality.lost)
    far_share = None if far is None else _share(far.lost, far.expected)
    trip_ms = _ms(quality.round_trip_us)
    jitter_ms, far_jitter_ms = _ms(quality.jitter_us), None if far is None else _ms(far.jitter_us)
    return LegMedia(
        leg=leg,
        port=closed.port,
        codec=None if codec is None else Codec(codec).name,
        received_packets=counters.received,
        received_octets=counters.received_octets,
        received_lost=quality.lost,
        received_lost_share=lost_share,
        received_jitter_ms=jitter_ms,
        received_jitter_max_ms=_ms(quality.max_jitter_us),
        received_gap_ms=_ms(quality.gap_us),
        received_mos=_mos(codec, lost_share, jitter_ms=jitter_ms, trip_ms=trip_ms),
        sent_packets=counters.sent,
        sent_octets=counters.sent_octets,
        sent_lost=None if far is None else far.lost,
        sent_lost_share=far_share,
        sent_jitter_ms=far_jitter_ms,
        sent_mos=None
        if far is None or far_share is None
        else _mos(codec, min(1.0, far_share + far.discarded), jitter_ms=far_jitter_ms, trip_ms=trip_ms),
        far_mos=None if far is None else far.mos,
        round_trip_ms=trip_ms,
        unheard=counters.unheard,
        stray=counters.stray,
        malformed=counters.malformed,
    )


def _is_any(counters: Counters) -> bool:
    return any((counters.received, counters.sent, counters.unheard, counters.stray, counters.malformed))


def _share(lost: int, expected: int) -> float | None:
    return round(min(1.0, lost / expected), 4) if expected > 0 else None


def _ms(us: int | None) -> float | None:
    return None if us is None else round(us / 1_000, 2)


def _mos(codec: int | None, share: float | None, *, jitter_ms: float | None, trip_ms: float | None) -> float | None:
    """Of what is heard by whoever gets this stream: half of the round trip, one packet, and a buffer for the jitter before it is."""
    if codec is None or share is None or jitter_ms is None:
        return None
    delay_ms = (trip_ms or 0.0) / 2 + FRAME_MS + JITTERS * jitter_ms
    found = mos(codec=codec, loss=share, delay_ms=delay_ms)
    return None if found is None else round(found, 2)
