"""Asks where a call would go that nobody places, for `payphone route`. Pure but for the default of `at`, the present."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ivr.menu import DIGITS
from routing.expression import Kind, Scalar
from routing.geo import is_e164, to_e164
from routing.override import Override
from routing.zone import Zone
from switch.billing.terms import Terms
from switch.billing.verdict import JudgedCall
from switch.call.moment import Moment, iso
from switch.engine.arrival import tag_value
from switch.engine.clock import SystemClock
from switch.engine.plan import Plan
from switch.engine.usage import Usage
from switch.period import instant_us
from switch.simulation.call_script import CallScript, LineBehaviour, LineScript
from switch.simulation.simulator import Simulator

SEED = 1
"""One draw of the weighted shuffle. A call's own seed is in its record."""
PATIENCE_MS = 600_000
ANSWERS = LineScript(behaviour=LineBehaviour.ANSWERS, after_ms=1, talk_ms=1)


class BadQuery(Exception):
    """The question can't be understood; the text says how it should look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteAnswer:
    """`at_us`: of the INVITE. `outcome`: what would happen, in words. `menu`: what the menus made of the keys; None: there was none.
    `terms`: of the campaign that took the call. `warnings`: what of the question may not be meant."""

    did: str
    ani: str
    at_us: int
    outcome: str
    menu: str | None
    terms: Terms | None
    warnings: tuple[str, ...]
    judged: JudgedCall

    @property
    def reasons(self) -> tuple[Mapping[str, Any], ...]:
        """The trail of all rulings, as the record keeps it."""
        return self.judged.record.trail

    def as_json(self) -> dict[str, Any]:
        record = self.judged.record
        return {
            "did": self.did,
            "ani": self.ani,
            "at": iso(Moment(mono_ns=0, utc_us=self.at_us)),
            "outcome": self.outcome,
            "menu": self.menu,
            "publisher": record.publisher,
            "campaign": record.campaign,
            "lines": [attempt.line for attempt in record.attempts],
            "because": None if record.attempts else record.final_state.value,
            "tags": dict(record.tags),
            "seed": SEED,
            "trail": list(self.reasons),
        }


def ask_route(
    plan: Plan,
    *,
    did: str,
    ani: str,
    at: str | None,
    zone: Zone,
    digits: str,
    tags: Mapping[str, Scalar],
    overrides: Iterable[Override] = (),
) -> RouteAnswer:
    """Where the call goes while every line is free. `zone`: of `at`, where it names none; None: now. `overrides`: those that are made.

    Raises BadQuery for digits that no phone has, BadInstant for an instant that can't be read.
    """
    at_us = SystemClock().now().utc_us if at is None else instant_us(at, zone=zone.key, option="--at")
    if bad := sorted(set(digits) - DIGITS):
        raise BadQuery(f"--digits has what no phone sends: {''.join(bad)!r}")
    script = CallScript(
        call_id="asked",
        did=to_e164(did),
        ani=to_e164(ani),
        trunk="",
        at_us=at_us,
        seed=SEED,
        tags=tags,
        digits=digits,
        digit_ms=1,
        prompt_ms=1,
        patience_ms=PATIENCE_MS,
        conduct=lambda _: ANSWERS,
    )
    usage = Usage()
    for override in overrides:
        usage.overrides.add(override)
    (judged,) = Simulator(plan, usage=usage, noting=True).play([script])
    return RouteAnswer(
        did=script.did,
        ani=script.ani,
        at_us=at_us,
        outcome=_outcome(plan, judged),
        menu=_menu(judged),
        terms=plan.terms.get(judged.record.campaign or ""),
        warnings=tuple(_warnings(script)),
        judged=judged,
    )


def _warnings(script: CallScript) -> Iterator[str]:
    if script.ani and not is_e164(script.ani):
        yield f"--ani {script.ani!r} is no number: filters by place and repeat callers see an unknown caller"
    if not is_e164(script.did):
        yield f"--did {script.did!r} is no number"


def _menu(judged: JudgedCall) -> str | None:
    """What the menus made of the keys."""
    record = judged.record
    if not record.menu_ms and not record.digits:
        return None
    if not record.digits:
        return "done without a key" if record.menu_done else "waits for a key"
    return f"{'done' if record.menu_done else record.final_state.value.replace('_', ' ')}, keys {record.digits}"


def passed_tags(given: Sequence[str], kinds: Mapping[str, Kind]) -> dict[str, Scalar]:
    """`NAME=VALUE` each. Raises BadQuery for a tag that the config does not know, or a value that is none of it."""
    found: dict[str, Scalar] = {}
    for each in given:
        name, equals, text = each.partition("=")
        if not equals or name not in kinds:
            raise BadQuery(f"--tag {each!r} is not NAME=VALUE of a tag that the config knows: {', '.join(sorted(kinds))}")
        value = tag_value(text, kinds[name])
        if value is None:
            raise BadQuery(f"--tag {each!r}: {name} is a {kinds[name]}")
        found[name] = value
    return found


def _outcome(plan: Plan, judged: JudgedCall) -> str:
    """What became of it: the lines that ring, or why none does."""
    record = judged.record
    if record.attempts:
        lines = [f"line {attempt.line} at {plan.table.lines[attempt.line].uri}" for attempt in record.attempts]
        return f"{' and '.join(lines)} {'is' if len(lines) == 1 else 'are'} dialled"
    *_, choice = [str(event.facts["choice"]) for event in judged.events if event.event == "Ruled"]
    name, _, rest = choice.partition(" ")
    match name:
        case "EnterMenu" if not record.menu_done:
            entered = f"the caller enters menu {rest}"
            return f"{entered}, which ends the call" if record.digits else f"{entered}: give --digits to go on"
        case "Announce":
            prompt, _, because = rest.partition(" ")
            return f"the caller hears {prompt}: {because}"
        case "Voicemail":
            greeting, _, because = rest.partition(" ")
            return f"the caller hears {greeting} and may leave a message: {because}"
        case "Wait":
            because, _, position = rest.partition(" ")
            return f"the caller is held as number {position} in line: {because}"
        case _:
            return f"the call is refused: {rest}"
