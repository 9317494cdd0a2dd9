"""Rows of probes as tests want them."""

from dataclasses import replace
from typing import Any

from switch.ledger.probes import LINE, ProbeRow

GOOD = ProbeRow(
    probe="acme-east",
    at_us=1_000_000,
    number=1,
    kind=LINE,
    target="acme-east",
    actor="ops:anna",
    good=True,
    failures=(),
    sip_code=200,
    sip_reason="OK",
    sip_call_id="x@y",
    pdd_ms=120,
    answer_ms=800,
    ended_ms=6_000,
    ended_by="caller",
    bye_code=200,
    codec="PCMU",
    talk_ms=5_000,
    audio_ms=4_900,
    level_dbm0=-16.5,
    tone_hz=440.0,
    tone_dbm0=-16.6,
    tone_ms=4_800,
    pressed=",1",
    keys_sent="5",
    keys_heard="5",
    lost_share=0.0,
    jitter=1.5,
    mos=4.4,
    sent_lost_share=None,
    sent_mos=None,
    round_trip=None,
)


def found(**changes: Any) -> ProbeRow:
    """A good one, but for `changes`; one with failures is bad."""
    row = replace(GOOD, **changes)
    return replace(row, good=not row.failures)
