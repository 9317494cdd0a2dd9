"""PURE. A probe's row in words: what was looked at, whether it is good, and what was found."""

from collections.abc import Iterator
from dataclasses import dataclass

from switch.ledger.probes import LINE, NUMBER, ProbeRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check: its name, whether it is good, and what was found."""

    check: str
    good: bool
    words: str


def title(row: ProbeRow) -> str:
    """`front-door: +18005550100, as a carrier calls it`."""
    how = "as a carrier calls it" if row.kind == NUMBER else "as the switch calls it"
    which = "" if row.number == 1 else ", second call"
    return f"{row.probe}: {row.kind} {row.target}, {how}{which}"


def findings(row: ProbeRow) -> Iterator[Finding]:
    """Yields the checks of a call that it came to, in their order."""
    bad: dict[str, list[str]] = {}
    for failure in row.failures:
        check, _, words = failure.partition(": ")
        bad.setdefault(check, []).append(words)
    good = dict(_found(row))
    for check in dict.fromkeys((*bad, *good)) if not good else dict.fromkeys((*_ORDER, *bad)):
        if check in bad:
            yield from (Finding(check=check, good=False, words=words) for words in bad[check])
        elif check in good:
            yield Finding(check=check, good=True, words=good[check])


_ORDER = ("rings", "answers", "audio", "tone", "keys", "quality", "hang-up")


def _found(row: ProbeRow) -> Iterator[tuple[str, str]]:
    """Yields what is known of each check, good or not."""
    if row.pdd_ms is not None:
        yield "rings", f"the first sign of life came after {_s(row.pdd_ms)}"
    if row.answer_ms is None:
        return
    yield "answers", f"{row.sip_code} {row.sip_reason} after {_s(row.answer_ms)}, {row.codec or 'no codec'}"
    level = "" if row.level_dbm0 is None else f", at {row.level_dbm0:.1f} dBm0"
    yield "audio", f"{_s(row.audio_ms)} of {_s(row.talk_ms)}{level}"
    if row.tone_hz is not None:
        yield "tone", f"{row.tone_hz:.0f} Hz for {_s(row.tone_ms)}, at {row.tone_dbm0:.1f} dBm0"
    if row.keys_sent:
        yield "keys", f"pressed {row.keys_sent}, heard back {row.keys_heard or 'none'}"
    if row.mos is not None:
        yield "quality", "; ".join(_quality(row))
    if row.ended_by is not None:
        who = "the far end hung up" if row.ended_by == LINE else f"our BYE was answered by {row.bye_code}"
        yield "hang-up", f"{who}, {_s((row.ended_ms or 0) - row.answer_ms)} after the answer"


def _quality(row: ProbeRow) -> Iterator[str]:
    yield f"MOS {row.mos:.2f}, loss {_percent(row.lost_share)}, jitter {row.jitter or 0:.1f} ms"
    if row.sent_mos is not None:
        yield f"the far end reports MOS {row.sent_mos:.2f}, loss {_percent(row.sent_lost_share)}"


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.1f} %"


def _s(ms: int) -> str:
    return f"{ms / 1_000:.1f} s"
