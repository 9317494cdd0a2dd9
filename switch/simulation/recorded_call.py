"""Reads from a recorded call what the caller did and when, and how each line that was dialled for it behaved.

`replay` says what happens to the call under another config, `line_profiles` how lines behave that were not dialled for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from routing.expression import Scalar
from switch.billing.verdict import CallEvent, JudgedCall
from switch.call.cause import Cause
from switch.call.moment import US_PER_MS
from switch.call.record import AttemptRecord, CallRecord, EndedBy, FinalState, Heard, Outcome
from switch.call.state import CALLER
from switch.simulation.call_script import MESSAGE_MS, LineBehaviour, LineScript

TOLD = frozenset({"InviteArrived", "DigitHeard"})
"""The events that are read here."""
UNDECIDED = frozenset({FinalState.REJECTED_NOT_ACCEPTABLE, FinalState.REJECTED_UNAVAILABLE})
"""Calls that no config had a say in: they were refused before routing was asked."""
_CUT_OFF = frozenset(
    cause.value
    for cause in (
        Cause.OPERATOR_HUNG_UP,
        Cause.SHUTDOWN,
        Cause.CRASHED,
        Cause.BROKEN,
        Cause.MEDIA_FAILED,
        Cause.MEDIA_TIMEOUT,
        Cause.LEDGER_UNAVAILABLE,
        Cause.CALLER_NO_ACK,
    )
)
_GAVE_UP = frozenset({408, 480})
"""The SIP codes of a line that gives up before the switch does."""
DIGIT_MS = 1_500
"""The pace of a caller who pressed nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAttempt:
    """What one attempt shows of its line. `conduct` None: it was given up after `rang_ms`, and what it would have done is not known.

    `talked`: how long it talks is known too.
    """

    conduct: LineScript | None
    rang_ms: int = 0
    talked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """One call. `presses`: each digit and when it came, milliseconds from the INVITE; None: only the digits are known.

    `digit_ms`: the mean time the caller took for one. `patience_ms`: from the INVITE until the caller hung up, unless talking then.
    `message_ms`: how long the caller would speak in voicemail: until the call ended, where it did end there. `seen`: by line.
    """

    call_id: str
    did: str
    ani: str
    trunk: str
    at_us: int
    seed: int
    tags: Mapping[str, Scalar]
    digits: str
    digit_ms: int
    presses: tuple[tuple[int, str], ...] | None
    patience_ms: int | None
    message_ms: int
    seen: Mapping[str, RecordedAttempt]


def recorded_call(judged: JudgedCall, *, passed: frozenset[str]) -> RecordedCall:
    """`passed`: tags that headers fill; what a call without its events knows by them is taken to have been passed."""
    record = judged.record
    return RecordedCall(
        call_id=record.call_id,
        did=record.did,
        ani=record.ani,
        trunk=record.trunk,
        at_us=record.invited_us,
        seed=record.seed,
        tags=_tags(record, judged.events, passed=passed),
        digits=record.digits,
        digit_ms=record.menu_ms // len(record.digits) if record.digits else DIGIT_MS,
        presses=_presses(record, judged.events),
        patience_ms=_patience_ms(record),
        message_ms=max(MESSAGE_MS, record.total_ms - record.connected_ms),
        seen={attempt.line: recorded_attempt(attempt, record) for attempt in record.attempts},
    )


def cut_off(record: CallRecord) -> bool:
    """Neither of the two ended it, nor a rule: an operator did, or the switch or its media failed it."""
    return record.ended_detail in _CUT_OFF


def recorded_attempt(attempt: AttemptRecord, record: CallRecord) -> RecordedAttempt:
    after_ms = _ms(attempt.invited_us, attempt.ended_us or record.ended_us)
    match attempt.outcome:
        case Outcome.ANSWERED:
            return _answered(attempt, record, after_ms=after_ms)
        case Outcome.DECLINED:
            declines_ms = max(0, after_ms - (attempt.answer_delay_ms or 0))
            return RecordedAttempt(
                conduct=LineScript(after_ms=attempt.answer_delay_ms or 0, accepts=False, declines_ms=declines_ms)
            )
        case Outcome.BUSY:
            return RecordedAttempt(conduct=LineScript(behaviour=LineBehaviour.BUSY, after_ms=after_ms))
        case Outcome.FAILED | Outcome.CERTIFICATE_REFUSED:
            return RecordedAttempt(conduct=LineScript(behaviour=LineBehaviour.FAILS, after_ms=after_ms))
        case Outcome.SILENT:
            return RecordedAttempt(conduct=LineScript(behaviour=LineBehaviour.SILENT))
        case Outcome.NO_ANSWER if attempt.sip_code in _GAVE_UP:
            return RecordedAttempt(conduct=LineScript(behaviour=LineBehaviour.UNAVAILABLE, after_ms=after_ms))
        case Outcome.NO_ANSWER:
            return RecordedAttempt(conduct=LineScript(behaviour=LineBehaviour.RINGS))
        case Outcome.LOST_RACE | Outcome.ABANDONED:
            return RecordedAttempt(conduct=None, rang_ms=after_ms)


def _answered(attempt: AttemptRecord, record: CallRecord, *, after_ms: int) -> RecordedAttempt:
    """A line that never talked was hearing the whisper when the caller left, and had not taken the call by then."""
    ring_ms = attempt.answer_delay_ms or 0
    if attempt.talk_us is None or attempt.talk_ended_us is None or attempt.answered_us is None:
        return RecordedAttempt(conduct=LineScript(after_ms=ring_ms, accept_ms=max(LineScript().accept_ms, after_ms - ring_ms + 1)))
    by_key = attempt.accepted is True
    hung_up_us = _hung_up_us(attempt, record)
    conduct = LineScript(
        after_ms=ring_ms,
        talk_ms=_ms(attempt.talk_us, max(attempt.talk_ended_us, hung_up_us)),
        ended_by=EndedBy.LINE if attempt.ended_by is EndedBy.LINE else EndedBy.CALLER,
        accept_ms=_ms(attempt.answered_us, attempt.talk_us) if by_key else LineScript().accept_ms,
        heard=attempt.heard or Heard.BOTH,
        dead_air_ms=_ms(attempt.talk_ended_us, hung_up_us),
    )
    return RecordedAttempt(conduct=conduct, talked=True)


def _hung_up_us(attempt: AttemptRecord, record: CallRecord) -> int:
    """Returns when the first of the two hung up; talk may have ended before, where nobody was heard any more."""
    return record.ended_us if attempt.ended_us is None else min(attempt.ended_us, record.ended_us)


def _patience_ms(record: CallRecord) -> int | None:
    """A call that was cut off while nobody talked tells no more than that the caller had not hung up: the caller is taken to do so then."""
    if record.ended_by is not EndedBy.CALLER and not cut_off(record):
        return None
    talked_us = [_hung_up_us(attempt, record) for attempt in record.attempts if attempt.talk_ended_us is not None]
    return None if record.ended_us in talked_us else _ms(record.invited_us, record.ended_us)


def _tags(record: CallRecord, events: tuple[CallEvent, ...], *, passed: frozenset[str]) -> Mapping[str, Scalar]:
    for happened in events:
        tags = happened.facts.get("tags")
        if happened.event == "InviteArrived" and isinstance(tags, dict):
            return tags
    return {name: value for name, value in record.tags.items() if name in passed}


def _presses(record: CallRecord, events: tuple[CallEvent, ...]) -> tuple[tuple[int, str], ...] | None:
    """Returns the presses, those of talk and voicemail included, or None when the events do not have every digit of the record."""
    found = tuple(
        (_ms(record.invited_us, happened.at_us), str(happened.facts.get("digit")))
        for happened in events
        if happened.event == "DigitHeard" and happened.facts.get("leg") == CALLER
    )
    return found if "".join(digit for _, digit in found).startswith(record.digits) else None


def _ms(start_us: int, end_us: int) -> int:
    return max(0, (end_us - start_us) // US_PER_MS)
