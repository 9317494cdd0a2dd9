"""PURE. What of a probe's call is good and what is not, and the row of it. Each failure begins with the name of the check that found it."""

from collections.abc import Iterator
from dataclasses import dataclass

from media.emodel import LOW_MOS, mos
from switch.codec import Codec
from switch.ledger.probes import LINE, NUMBER, ProbeRow
from switch.probe.conversation import CallFacts, Stats
from switch.probe.measured import HeardAudio, HeardTone
from switch.probe_settings import OWN_TONE_HZ, HangUp, Hears, ProbeSettings

ENOUGH_MS = 500
"""How much must be heard of what is to be heard."""
PITCH_OFF = 0.02
"""How far a tone may be from its pitch, as a share."""
FRAME_MS, JITTERS = 20, 2
"""What a phone delays audio by: one packet, and a buffer for twice the jitter."""
GONE = 481
"""A BYE that crossed the far end's own is answered so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One direction: loss as a share, jitter in ms, MOS; None: not known."""

    lost_share: float | None = None
    jitter_ms: float | None = None
    mos: float | None = None


def probe_row(
    probe: ProbeSettings,
    facts: CallFacts,
    heard: HeardAudio,
    *,
    number: int,
    hang_up: HangUp,
    at_us: int,
    actor: str,
) -> ProbeRow:
    """Returns the row of one call. `number`: 1, or 2 for the second of a probe of two; `hang_up`: who was to end this one."""
    tone = expected_tone(probe, heard)
    here, there = _figures(facts.stats, facts.codec)
    failures = tuple(_failures(probe, facts, heard, hang_up=hang_up, score=here.mos, tone=tone))
    return ProbeRow(
        probe=probe.name,
        at_us=at_us,
        number=number,
        kind=LINE if probe.number is None else NUMBER,
        target=probe.target,
        actor=actor,
        good=not failures,
        failures=failures,
        sip_code=facts.code,
        sip_reason=facts.reason,
        sip_call_id=facts.sip_call_id,
        pdd_ms=facts.pdd_ms,
        answer_ms=facts.answer_ms,
        ended_ms=facts.ended_ms,
        ended_by=facts.bye_by,
        bye_code=facts.bye_code,
        codec=facts.codec,
        talk_ms=facts.talk_ms,
        audio_ms=heard.ms,
        level_dbm0=heard.level_dbm0,
        tone_hz=None if tone is None else tone.hz,
        tone_dbm0=None if tone is None else tone.level_dbm0,
        tone_ms=0 if tone is None else tone.ms,
        pressed=probe.keys,
        keys_sent=probe.echoes,
        keys_heard=facts.digits,
        lost_share=here.lost_share,
        jitter=here.jitter_ms,
        mos=here.mos,
        sent_lost_share=there.lost_share,
        sent_mos=there.mos,
        round_trip=None if facts.stats is None else _rounded(facts.stats.rtt_ms, 1),
    )


def expected_tone(probe: ProbeSettings, heard: HeardAudio) -> HeardTone | None:
    """Returns the tone that the probe is to hear, or else the one that it heard for longest; None: there was none."""
    wanted = {Hears.ECHO: OWN_TONE_HZ, Hears.TONE: probe.tone_hz}.get(probe.hears)
    right = [each for each in heard.tones if wanted is not None and abs(each.hz - wanted) <= PITCH_OFF * wanted]
    return next(iter((*right, *heard.tones)), None)


def _failures(
    probe: ProbeSettings, facts: CallFacts, heard: HeardAudio, *, hang_up: HangUp, score: float | None, tone: HeardTone | None
) -> Iterator[str]:
    yield from (f"phone: {what}" for what in facts.errors)
    if facts.pdd_ms is not None and facts.pdd_ms > probe.pdd_ms:
        yield f"rings: the first sign of life came after {_seconds(facts.pdd_ms)}, later than {_seconds(probe.pdd_ms)}"
    if facts.answer_ms is None:
        yield f"answers: {_unanswered(probe, facts)}"
        return
    yield from _unheard(probe, heard, tone)
    if facts.digits != probe.echoes and probe.echoes:
        yield f"keys: pressed {probe.echoes}, heard back {facts.digits or 'none'}"
    if score is not None and score < LOW_MOS:
        yield f"quality: a MOS of {score:.2f}, below {LOW_MOS:.1f}"
    yield from _not_ended(facts, hang_up)


def _unanswered(probe: ProbeSettings, facts: CallFacts) -> str:
    if facts.gave_up:
        rang = "it only rang" if facts.pdd_ms is not None else "no sign of life"
        return f"{rang}, for {_seconds(probe.answer_ms)}"
    if facts.code is None:
        return "the phone ended without a word of the call"
    return f"{facts.code} {facts.reason}, after {_seconds(facts.ended_ms or 0)}"


def _unheard(probe: ProbeSettings, heard: HeardAudio, tone: HeardTone | None) -> Iterator[str]:
    match probe.hears:
        case Hears.NOTHING:
            return
        case Hears.AUDIO if heard.ms < ENOUGH_MS:
            yield f"audio: {_seconds(heard.ms)} were heard above {probe.least_dbm0:.0f} dBm0"
            return
        case Hears.AUDIO:
            return
        case Hears.ECHO:
            wanted, what = OWN_TONE_HZ, "the probe's own tone"
        case Hears.TONE:
            wanted, what = probe.tone_hz, "the tone"
    if tone is None or abs(tone.hz - wanted) > PITCH_OFF * wanted:
        other = "" if tone is None else f", but one of {tone.hz:.0f} Hz"
        silence = "; nothing was heard at all" if heard.ms == 0 else ""
        yield f"tone: {what} of {wanted} Hz was not heard{other}{silence}"
    elif tone.ms < ENOUGH_MS:
        yield f"tone: {what} of {wanted} Hz was heard for {_seconds(tone.ms)} only"
    elif tone.level_dbm0 < probe.least_dbm0:
        yield f"tone: {what} of {wanted} Hz was heard at {tone.level_dbm0:.1f} dBm0, below {probe.least_dbm0:.0f}"


def _not_ended(facts: CallFacts, hang_up: HangUp) -> Iterator[str]:
    if facts.ended_ms is None:
        yield "hang-up: the call did not end"
    elif hang_up is HangUp.LINE and facts.bye_by != LINE:
        yield f"hang-up: the far end did not hang up within {_seconds(facts.talk_ms)}"
    elif hang_up is not HangUp.LINE and facts.bye_by == LINE:
        yield f"hang-up: the far end hung up after {_seconds(facts.ended_ms - (facts.answer_ms or 0))} of the call"
    elif facts.bye_by != LINE and facts.bye_code not in (200, GONE):
        yield f"hang-up: our BYE was answered by {facts.bye_code or 'nobody'}"


def _figures(stats: Stats | None, codec: str | None) -> tuple[Figures, Figures]:
    """Returns the figures of what was heard, and of what was sent, as the far end reports it."""
    if stats is None:
        return Figures(), Figures()
    here = _share(stats.lost, stats.received + stats.lost)
    there = None if stats.sent_lost is None else _share(stats.sent_lost, stats.sent)
    return (
        Figures(lost_share=here, jitter_ms=round(stats.jitter_ms, 1), mos=_mos(codec, here, stats.jitter_ms, stats.rtt_ms)),
        Figures(lost_share=there, mos=_mos(codec, there, stats.sent_jitter_ms, stats.rtt_ms)),
    )


def _mos(codec: str | None, share: float | None, jitter_ms: float | None, trip_ms: float | None) -> float | None:
    known = Codec.__members__.get((codec or "").upper())
    if known is None or share is None or jitter_ms is None:
        return None
    return _rounded(mos(codec=known, loss=share, delay_ms=(trip_ms or 0.0) / 2 + FRAME_MS + JITTERS * jitter_ms), 2)


def _share(lost: int, expected: int) -> float | None:
    return round(min(1.0, max(0, lost) / expected), 4) if expected > 0 else None


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _seconds(ms: int) -> str:
    return f"{ms / 1_000:.1f} s"
