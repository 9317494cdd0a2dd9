"""Runs a call test: simulates its calls in a switch of their own, and compares what happened with what is expected."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from routing.cap import Cap
from routing.expression import Scalar
from switch.billing.money import show_micros
from switch.billing.verdict import JudgedCall
from switch.engine.plan import Plan
from switch.engine.usage import Usage
from switch.settings.problem import Position, Problem
from switch.settings.source import SourceFile, Span, error_at
from switch.simulation.call_script import CallScript
from switch.simulation.simulator import Simulator

TESTED = "tested"
"""The id of the call that is tested; the nth before it is `earlier-n`."""
NONE = "none"


class Aspect(StrEnum):
    """A property of a call that a test may expect, by its key in YAML."""

    LINE = "line"
    TRIED = "tried"
    STATE = "state"
    CAMPAIGN = "campaign"
    PUBLISHER = "publisher"
    HEARS = "hears"
    VOICEMAIL = "voicemail"
    REVENUE = "revenue"
    PAYOUT = "payout"
    CONNECTED = "connected"
    ENDED_BY = "ended_by"
    SIP = "sip"
    TAG = "tags"


Expected = Scalar | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One property and the value it must have, with the place in the file. `tag`: which one, for TAG. Money is in micros, time in ms.

    `expected`: for LINE, any of these; for HEARS, these in this order; for TRIED, exactly these; else the value.
    """

    aspect: Aspect
    expected: Expected
    file: SourceFile
    span: Span
    tag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTest:
    """`earlier`: calls before `call`, by their instants. `full`: keys of caps. `used`: by key of a cap, how much of it others have
    taken. `deposits`: by advertiser, micros."""

    name: str
    position: Position
    call: CallScript
    expect: tuple[Expectation, ...]
    earlier: tuple[CallScript, ...] = ()
    full: frozenset[str] = frozenset()
    used: Mapping[str, int] = field(default_factory=dict)
    deposits: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTestResult:
    """`failures`: expectations that were not met. `earlier`: the calls before; None: still live when the tested call ended."""

    test: CallTest
    judged: JudgedCall
    earlier: tuple[JudgedCall | None, ...]
    failures: tuple[Problem, ...]

    @property
    def passed(self) -> bool:
        return not self.failures


class _TestUsage(Usage):
    """Usage in which some caps are full, or partly used, whatever else is counted."""

    __slots__ = ("_full", "_used")

    def __init__(self, test: CallTest, plan: Plan) -> None:
        super().__init__()
        self._full = test.full
        self._used = test.used
        self.set_groups(plan.lines_of_groups)
        for advertiser, micros in test.deposits.items():
            self.caps.add_deposit(advertiser, micros)

    def used(self, cap: Cap, utc_us: int) -> int:
        counted = super().used(cap, utc_us) + self._used.get(cap.key, 0)
        return max(counted, cap.limit) if cap.key in self._full else counted


def run_call_test(test: CallTest, plan: Plan) -> CallTestResult:
    """Simulates the test's calls up to the end of the tested one, and compares that with what is expected."""
    ended: dict[str, JudgedCall] = {}
    for judged in Simulator(plan, usage=_TestUsage(test, plan), noting=True).play((*test.earlier, test.call)):
        ended[judged.record.call_id] = judged
        if judged.record.call_id == TESTED:
            break
    judged = ended[TESTED]
    failures = (_failure(expectation, judged) for expectation in test.expect)
    return CallTestResult(
        test=test,
        judged=judged,
        earlier=tuple(ended.get(call.call_id) for call in test.earlier),
        failures=tuple(problem for problem in failures if problem is not None),
    )


_TO_CALLER = {("Play", 3), ("PlayMusic", 2)}
"""A whisper has another word: to whom it is played."""


def prompts_heard(judged: JudgedCall) -> tuple[str, ...]:
    """The prompts that were played to the caller, in order, music on hold too. A whisper is for the line."""
    commands = (command.split() for event in judged.events for command in _commands(event.facts))
    return tuple(words[-1] for words in commands if (words[0], len(words)) in _TO_CALLER)


def message_ms(judged: JudgedCall) -> int | None:
    """The length of the message that the caller left, or None: it left none."""
    began_us: int | None = None
    for event in judged.events:
        commands = _commands(event.facts)
        if began_us is not None and "StopRecording" in commands:
            return (event.at_us - began_us) // 1_000
        if any(command.startswith("StartRecording") and command.endswith(" voicemail") for command in commands):
            began_us = event.at_us
    return None


def _commands(facts: Mapping[str, object]) -> list[str]:
    then = facts.get("then")
    return [str(command) for command in then] if isinstance(then, list) else []


def _failure(expectation: Expectation, judged: JudgedCall) -> Problem | None:
    """Returns what happened instead, as a problem at the place of the expectation, or None: it is met."""
    aspect, expected = expectation.aspect, expectation.expected
    actual = judged.record.tags.get(expectation.tag) if aspect is Aspect.TAG else _ACTUAL[aspect](judged)
    if _is_met(aspect, expected, actual):
        return None
    what = f"{aspect} {expectation.tag}" if expectation.tag else str(aspect)
    wanted = " or ".join(expected) if aspect is Aspect.LINE and isinstance(expected, tuple) else _text(aspect, expected)
    return error_at(expectation.file, expectation.span, f"{what}: got {_text(aspect, actual)}", expected=wanted)


def _is_met(aspect: Aspect, expected: Expected, actual: Expected | None) -> bool:
    match aspect:
        case Aspect.LINE:
            return isinstance(expected, tuple) and actual in expected
        case Aspect.HEARS:
            following = iter(actual if isinstance(actual, tuple) else ())
            return isinstance(expected, tuple) and all(prompt in following for prompt in expected)
        case _:
            return expected == actual


def _last_line(judged: JudgedCall) -> str | None:
    """Returns the line that the caller talked to last, or None."""
    return next((attempt.line for attempt in reversed(judged.record.attempts) if attempt.talk_us is not None), None)


_ACTUAL: Mapping[Aspect, Callable[[JudgedCall], Expected | None]] = {
    Aspect.LINE: _last_line,
    Aspect.TRIED: lambda judged: tuple(attempt.line for attempt in judged.record.attempts),
    Aspect.STATE: lambda judged: judged.record.final_state.value,
    Aspect.CAMPAIGN: lambda judged: judged.record.campaign,
    Aspect.PUBLISHER: lambda judged: judged.record.publisher,
    Aspect.HEARS: prompts_heard,
    Aspect.VOICEMAIL: message_ms,
    Aspect.REVENUE: lambda judged: judged.verdict.revenue_micros,
    Aspect.PAYOUT: lambda judged: judged.verdict.payout_micros,
    Aspect.CONNECTED: lambda judged: judged.record.connected_ms,
    Aspect.ENDED_BY: lambda judged: judged.record.ended_by.value,
    Aspect.SIP: lambda judged: judged.record.sip_code,
}


def _text(aspect: Aspect, value: Expected | None) -> str:
    """A value as people read it."""
    match value:
        case None | ():
            return NONE
        case tuple():
            return ", ".join(value)
        case bool():
            return "true" if value else "false"
        case int() if aspect in (Aspect.REVENUE, Aspect.PAYOUT):
            return show_micros(value)
        case int() if aspect in (Aspect.CONNECTED, Aspect.VOICEMAIL):
            return f"{value / 1_000:g}s"
        case int() | str():
            return str(value)
        case unknown:
            assert_never(unknown)
