"""Knows how to ask where a call would go that nobody places: `payphone route`. Pure but for the default of `at`, the present."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ivr.menu import DIGITS
from routing.e164 import to_e164
from routing.expression import Kind, Scalar
from switch.billing.verdict import JudgedCall
from switch.engine.clock import SystemClock
from switch.engine.plan import Plan, tag_value
from switch.simulation.call_script import CallScript, LineBehaviour, LineScript
from switch.simulation.simulator import Simulator

SEED = 1
"""One draw of the weighted shuffle. A call's own seed is in its record."""
PATIENCE_MS = 600_000
ANSWERS = LineScript(manner=LineBehaviour.ANSWERS, after_ms=1, talk_ms=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BadQuery(Exception):
    """The question can't be understood; the text says how it should look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteAnswer:
    """`outcome`: what would happen, in words. `reasons`: the trail of all rulings, as the record keeps it."""

    did: str
    ani: str
    at: str
    outcome: str
    judged: JudgedCall

    @property
    def reasons(self) -> tuple[Mapping[str, Any], ...]:
        return self.judged.record.trail

    def as_json(self) -> dict[str, Any]:
        record = self.judged.record
        return {
            "did": self.did,
            "ani": self.ani,
            "at": self.at,
            "outcome": self.outcome,
            "publisher": record.publisher,
            "campaign": record.campaign,
            "lines": [attempt.line for attempt in record.attempts],
            "because": None if record.attempts else record.final_state.value,
            "tags": dict(record.tags),
            "seed": SEED,
            "trail": list(self.reasons),
        }


def ask_route(plan: Plan, *, did: str, ani: str, at: str | None, digits: str, tags: Mapping[str, Scalar]) -> RouteAnswer:
    """Where the call goes while every line is free. Raises BadQuestion for a number, an instant or digits that can't be read."""
    instant = _instant(at)
    if bad := sorted(set(digits) - DIGITS):
        raise BadQuery(f"--digits has what no phone sends: {''.join(bad)!r}")
    script = CallScript(
        call_id="asked",
        did=to_e164(did),
        ani=to_e164(ani),
        trunk="",
        at_us=int((instant - EPOCH).total_seconds() * 1_000_000),
        seed=SEED,
        tags=tags,
        digits=digits,
        digit_ms=1,
        prompt_ms=1,
        patience_ms=PATIENCE_MS,
        conduct=lambda _: ANSWERS,
    )
    (judged,) = Simulator(plan, noting=True).play([script])
    shown = instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return RouteAnswer(did=script.did, ani=script.ani, at=shown, outcome=_outcome(plan, judged), judged=judged)


def passed_tags(given: Sequence[str], kinds: Mapping[str, Kind]) -> dict[str, Scalar]:
    """`NAME=VALUE` each. Raises BadQuestion for a tag that the config does not know, or a value that is none of it."""
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


def _instant(at: str | None) -> datetime:
    if at is None:
        return datetime.fromtimestamp(SystemClock().now().utc_us / 1_000_000, tz=UTC)
    try:
        instant = datetime.fromisoformat(at)
    except ValueError as error:
        raise BadQuery(f"--at {at!r} is no ISO 8601 instant, e.g. 2026-03-02T14:00:00-05:00") from error
    if instant.tzinfo is None:
        raise BadQuery(f"--at {at!r} has no zone: add Z or an offset such as -05:00")
    return instant.astimezone(UTC)


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
        case "Wait":
            return f"the caller is held: {rest}"
        case _:
            return f"the call is refused: {rest}"
