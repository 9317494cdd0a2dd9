"""Knows how a call test is run, and whether what happened is what was expected. Does not know YAML, nor how a result is shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import assert_never

from routing.cap import Cap
from switch.billing.money import show_micros
from switch.billing.verdict import JudgedCall
from switch.calltest.calltest import Aspect, Behaviour, CallTest, Expectation, PlannedCall, Wanted
from switch.engine.plan import Plan
from switch.engine.usage import Usage
from switch.settings.problem import Problem
from switch.simulation.call_script import DEFAULT_LINE_SCRIPT, CallScript, LineBehaviour, LineScript
from switch.simulation.simulator import Simulator

TESTED = "tested"
"""The id of the call that is tested; the nth before it is `earlier-n`."""
NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What came of a test. `failures`: expectations that were missed. `earlier`: calls that came before; None: still live at its end."""

    test: CallTest
    judged: JudgedCall
    earlier: tuple[JudgedCall | None, ...]
    failures: tuple[Problem, ...]

    @property
    def passed(self) -> bool:
        return not self.failures


class _World(Usage):
    """Books in which some caps are full, or partly used, whatever else is counted."""

    __slots__ = ("_full", "_used")

    def __init__(self, test: CallTest, plan: Plan) -> None:
        super().__init__()
        self._full = test.full
        self._used = test.used
        self.grouped(plan.lines_of_groups)
        for advertiser, micros in test.deposits.items():
            self.deposited(advertiser, micros)

    def used(self, cap: Cap, utc_us: int) -> int:
        counted = super().used(cap, utc_us) + self._used.get(cap.key, 0)
        return max(counted, cap.limit) if cap.key in self._full else counted


def verify(test: CallTest, plan: Plan) -> Verified:
    """Play the test's calls in a world of their own, up to the end of the one that is tested, and look at that."""
    scripts = [_script(call, f"earlier-{number}") for number, call in enumerate(test.earlier, 1)]
    scripts.append(_script(test.call, TESTED))
    ended: dict[str, JudgedCall] = {}
    for judged in Simulator(plan, usage=_World(test, plan), noting=True).play(scripts):
        ended[judged.record.call_id] = judged
        if judged.record.call_id == TESTED:
            break
    judged = ended[TESTED]
    missed = (_missed(expectation, judged) for expectation in test.expect)
    return Verified(
        test=test,
        judged=judged,
        earlier=tuple(ended.get(script.call_id) for script in scripts[:-1]),
        failures=tuple(problem for problem in missed if problem is not None),
    )


def heard(judged: JudgedCall) -> tuple[str, ...]:
    """The prompts that were played to the caller, in order. A whisper is for the line."""
    commands = (command.split() for event in judged.events for command in _then(event.facts))
    return tuple(words[2] for words in commands if words[0] == "Play" and len(words) == 3)


def _then(facts: Mapping[str, object]) -> list[str]:
    then = facts.get("then")
    return [str(command) for command in then] if isinstance(then, list) else []


def _script(call: PlannedCall, call_id: str) -> CallScript:
    others = DEFAULT_LINE_SCRIPT if call.others is None else _conduct(call.others)
    lines = {name: _conduct(behaviour) for name, behaviour in call.lines.items()}
    return CallScript(
        call_id=call_id,
        did=call.did,
        ani=call.ani,
        trunk=call.trunk,
        at_us=call.at_us,
        seed=call.seed,
        tags=call.tags,
        digits=call.digits,
        patience_ms=call.patience_ms,
        conduct=lambda line: lines.get(line, others),
    )


def _conduct(behaviour: Behaviour) -> LineScript:
    return LineScript(
        manner=LineBehaviour(behaviour.deed.value),
        after_ms=behaviour.after_ms,
        talk_ms=behaviour.talk_ms,
        ended_by=behaviour.ended_by,
        accepts=behaviour.accepts,
        accept_ms=behaviour.accept_ms,
    )


def _missed(expectation: Expectation, judged: JudgedCall) -> Problem | None:
    """None: it is as expected."""
    aspect, wanted = expectation.aspect, expectation.wanted
    happened = judged.record.tags.get(expectation.tag) if aspect is Aspect.TAG else _LOOK[aspect](judged)
    if _holds(aspect, wanted, happened):
        return None
    return expectation.missed(_told(aspect, happened), wanted=_wish(aspect, wanted))


def _holds(aspect: Aspect, wanted: Wanted, happened: Wanted | None) -> bool:
    match aspect:
        case Aspect.LINE:
            return isinstance(wanted, tuple) and happened in wanted
        case Aspect.HEARS:
            following = iter(happened if isinstance(happened, tuple) else ())
            return isinstance(wanted, tuple) and all(prompt in following for prompt in wanted)
        case _:
            return wanted == happened


def _line(judged: JudgedCall) -> str | None:
    """Where the caller talked last."""
    return next((tried.line for tried in reversed(judged.record.attempts) if tried.talk_us is not None), None)


_LOOK: Mapping[Aspect, Callable[[JudgedCall], Wanted | None]] = {
    Aspect.LINE: _line,
    Aspect.TRIED: lambda judged: tuple(tried.line for tried in judged.record.attempts),
    Aspect.STATE: lambda judged: judged.record.final_state.value,
    Aspect.CAMPAIGN: lambda judged: judged.record.campaign,
    Aspect.PUBLISHER: lambda judged: judged.record.publisher,
    Aspect.HEARS: heard,
    Aspect.REVENUE: lambda judged: judged.verdict.revenue_micros,
    Aspect.PAYOUT: lambda judged: judged.verdict.payout_micros,
    Aspect.CONNECTED: lambda judged: judged.record.connected_ms,
    Aspect.ENDED_BY: lambda judged: judged.record.ended_by.value,
    Aspect.SIP: lambda judged: judged.record.sip_code,
}


def _told(aspect: Aspect, value: Wanted | None) -> str:
    """A value for people."""
    match value:
        case None | ():
            return NONE
        case tuple():
            return ", ".join(value)
        case bool():
            return "true" if value else "false"
        case int() if aspect in (Aspect.REVENUE, Aspect.PAYOUT):
            return show_micros(value)
        case int() if aspect is Aspect.CONNECTED:
            return f"{value / 1_000:g}s"
        case int() | str():
            return str(value)
        case unknown:
            assert_never(unknown)


def _wish(aspect: Aspect, wanted: Wanted) -> str:
    if aspect is Aspect.LINE and isinstance(wanted, tuple):
        return " or ".join(wanted)
    return _told(aspect, wanted)
