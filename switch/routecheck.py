"""Knows how to ask routing about a call that nobody places: `payphone route`. Pure but for the default of `at`, the present."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

import ivr.step as menu
from ivr.menu import MenuPlan
from routing.decide import decide
from routing.ruling import Announce, Attempt, EnterMenu, Inquiry, NotRouted, Reason, Ruling
from routing.trail import as_plain
from switch.engine.clock import SystemClock
from switch.engine.number import e164
from switch.engine.plan import Plan

SEED = 1
"""One draw of the weighted shuffle. A call's own seed is in its record."""


class BadQuestion(Exception):
    """The question can't be understood; the text says how it should look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`reasons`: the trail of all rulings, a menu's digits included. `outcome`: what would happen, in words."""

    did: str
    ani: str
    at: str
    outcome: str
    ruling: Ruling
    reasons: tuple[Reason, ...]

    def as_json(self) -> dict[str, Any]:
        choice = self.ruling.choice
        return {
            "did": self.did,
            "ani": self.ani,
            "at": self.at,
            "outcome": self.outcome,
            "choice": type(choice).__name__,
            "publisher": self.ruling.publisher,
            "campaign": self.ruling.campaign,
            "line": choice.line if isinstance(choice, Attempt) else None,
            "because": choice.because.value if isinstance(choice, Announce | NotRouted) else None,
            "seed": SEED,
            "trail": [as_plain(reason) for reason in self.reasons],
        }


def ask(plan: Plan, *, did: str, ani: str, at: str | None, digits: str) -> Answer:
    """Where the call goes. Raises BadQuestion for a number, an instant or digits that can't be read."""
    instant = _instant(at)
    utc_us = int((instant - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
    inquiry = Inquiry(did=e164(did), ani=e164(ani), trunk="", utc_us=utc_us, seed=SEED)
    ruling = decide(plan.table, {}, inquiry)
    reasons = ruling.trail
    outcome = _outcome(ruling)
    if isinstance(ruling.choice, EnterMenu):
        walked, outcome = _walk(ruling.choice.plan, digits)
        reasons += (Reason(rule=f"menus.{ruling.choice.plan.start}", verdict=outcome, read={"digits": digits}),)
        if walked is not None:
            ruling = decide(plan.table, {}, replace(inquiry, tags=walked, menu_done=True))
            reasons += ruling.trail
            outcome = _outcome(ruling)
    shown = instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Answer(did=inquiry.did, ani=inquiry.ani, at=shown, outcome=outcome, ruling=ruling, reasons=reasons)


def _instant(at: str | None) -> datetime:
    if at is None:
        return datetime.fromtimestamp(SystemClock().now().utc_us / 1_000_000, tz=UTC)
    try:
        instant = datetime.fromisoformat(at)
    except ValueError as error:
        raise BadQuestion(f"--at {at!r} is no ISO 8601 instant, e.g. 2026-03-02T14:00:00-05:00") from error
    if instant.tzinfo is None:
        raise BadQuestion(f"--at {at!r} has no zone: add Z or an offset such as -05:00")
    return instant.astimezone(UTC)


def _walk(plan: MenuPlan, digits: str) -> tuple[Mapping[str, str] | None, str]:
    """What the digits lead to in the menus: the tags to route on, or None with why the call stays or ends there."""
    if bad := sorted(set(digits) - set("0123456789*#ABCD")):
        raise BadQuestion(f"--digits has what no phone sends: {''.join(bad)!r}")
    session = menu.start(plan).session
    for digit in digits:
        turn = menu.step(plan, session, menu.Digit(digit=digit))
        session = turn.session
        match turn.outcome:
            case menu.Routed(tags=tags):
                learned = ", ".join(f"{name}={value}" for name, value in sorted(tags.items()))
                return tags, f"the caller qualifies{f' with {learned}' if learned else ''}"
            case menu.Left(reason=reason):
                return None, f"the menu ends the call ({reason})"
            case None:
                pass
    return None, f"the caller is in menu {session.menu}: give --digits to go on"


def _outcome(ruling: Ruling) -> str:
    match ruling.choice:
        case EnterMenu(plan=plan):
            return f"the caller enters menu {plan.start}"
        case Attempt(line=line, uri=uri):
            return f"line {line} is dialled at {uri}"
        case Announce(prompt=prompt, because=because):
            return f"the caller hears {prompt}: {because.value}"
        case NotRouted(because=because):
            return f"the call is refused: {because.value}"
