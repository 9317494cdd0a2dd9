"""Knows what a menu is. Does not know how prompts are played, how digits are heard, or what a route leads to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

DIGITS = frozenset("0123456789*#ABCD")


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteOn:
    """The caller qualified: ask routing, with these tags added to the call's."""

    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoTo:
    """Enter another menu of the same plan."""

    menu: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUp:
    """End the call, after `prompt` where one is named."""

    prompt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SayAgain:
    """Play the menu's prompt once more; not counted as a failed try."""


Outcome = RouteOn | GoTo | HangUp | SayAgain


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """One menu node.

    `prompt` and `invalid` name prompts. `timeout_ms` is the silence allowed after the prompt ended (and between digits).
    `retries`: how many more tries after the first failed one (silence or a wrong key). `digits`: how many make an answer.
    `keys`: the answers that are valid, each with its outcome. `failed`: what happens when the tries are used up.
    """

    name: str
    prompt: str
    invalid: str | None = None
    timeout_ms: int = 5_000
    retries: int = 2
    digits: int = 1
    keys: Mapping[str, Outcome]
    failed: HangUp | RouteOn = field(default_factory=HangUp)


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuPlan:
    """The menus a call may walk through. `start` is a key of `menus`; so is every `GoTo.menu`."""

    start: str
    menus: Mapping[str, Menu]
