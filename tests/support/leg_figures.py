"""What is known of a leg's audio, for tests: a minute of it, with some loss."""

from dataclasses import replace
from typing import Any

from switch.call.leg_media import LegMedia

_CALLER = LegMedia(
    leg=0,
    port=20_000,
    codec="PCMU",
    received_packets=2_970,
    received_octets=475_200,
    received_lost=30,
    received_lost_share=0.01,
    received_jitter_ms=1.25,
    received_jitter_max_ms=4.5,
    received_gap_ms=60.0,
    received_mos=4.32,
    sent_packets=3_000,
    sent_octets=480_000,
    sent_lost=150,
    sent_lost_share=0.05,
    sent_jitter_ms=2.5,
    sent_mos=3.9,
    far_mos=4.1,
    round_trip_ms=40.25,
    unheard=3,
    stray=0,
    malformed=1,
)


def figures(**changes: Any) -> LegMedia:
    """Of the caller's leg, with these changes."""
    return replace(_CALLER, **changes)


def without_far_end(**changes: Any) -> LegMedia:
    """Of a leg whose far end sends no RTCP."""
    unknown = dict.fromkeys(("sent_lost", "sent_lost_share", "sent_jitter_ms", "sent_mos", "far_mos", "round_trip_ms"))
    return replace(_CALLER, **{**unknown, **changes})
