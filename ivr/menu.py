"""Defines a menu: nodes, and the outcomes that lead from one to the next or out of the plan.

How prompts are played, how digits are heard, what moves a caller on (`step`) and what a route leads to are decided elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ivr.spoken_value import Way
from routing.expression import Expression, Kind, Scalar
from routing.table import Hours

DECIMAL = frozenset("0123456789")
DIGITS = DECIMAL | frozenset("*#ABCD")
DIGIT_PROMPTS = {digit: f"digit-{digit}" for digit in sorted(DECIMAL)}
"""What a read-back says for each digit, where nothing else is named."""
CONFIRM_KEY = "1"
CORRECT_KEY = "2"
MAX_DIGITS = 20  # of one answer: no telephone or account number is longer, and a careless regular expression takes 2**digits steps

Tags = Mapping[str, Scalar]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteOn:
    """The caller qualified: ask routing, with these tags added to the call's."""

    tags: Tags = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferTo:
    """The caller goes to this line, with these tags added to the call's."""

    line: str
    tags: Tags = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoTo:
    """Enter another node of the same plan, with these tags learned."""

    menu: str
    tags: Tags = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUp:
    """End the call, after `prompt` where one is named."""

    prompt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SayAgain:
    """Play the menu's prompt once more; not counted as a failed try."""


MenuAction = RouteOn | TransferTo | GoTo | HangUp
"""What leaves a node."""
Outcome = MenuAction | SayAgain


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """Asks for one of several answers. Yes/no is one of two keys; a consent is one whose `prompt` is whole and that has one key.

    `prompt` and `invalid` name prompts. `whole`: digits are not heard until they have ended. `timeout_ms` is the silence allowed after
    the prompt ended (and between digits). `retries`: how many more tries after the first failed one (silence or a wrong key).
    `digits`: how many make an answer. `keys`: the answers that are valid, each with its outcome. `failed`: what happens when the
    tries are used up.
    """

    name: str
    prompt: str
    invalid: str | None = None
    whole: bool = False
    timeout_ms: int = 5_000
    retries: int = 2
    digits: int = 1
    keys: Mapping[str, Outcome]
    failed: MenuAction = field(default_factory=HangUp)


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """A whole number from `low` to `high`, both included."""

    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """All digits together match the regular expression `pattern`, which compiles."""

    pattern: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownZip:
    """The ZIP code of a place."""


Valid = Within | Matching | KnownZip


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """What was typed is said digit by digit between `lead_in` and `confirm`, which asks: 1 it is right, 2 once more.

    `digits`: the prompt of each.
    """

    lead_in: str
    confirm: str
    digits: Mapping[str, str] = field(default_factory=lambda: DIGIT_PROMPTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather:
    """Asks for digits, and keeps them as `tag`: NUMBER as a number, TEXT as typed.

    `min_digits` to `max_digits` make an answer, 1 <= min <= max <= MAX_DIGITS; it ends with the last one, with `finish` or with silence.
    `timeout_ms` is the silence allowed after the prompt ended, `between_ms` after a digit. `retries`, `failed`, `invalid`: as in a menu.
    """

    name: str
    tag: str
    kind: Kind = Kind.TEXT
    prompt: str
    invalid: str | None = None
    min_digits: int = 1
    max_digits: int
    finish: str | None = "#"
    timeout_ms: int = 5_000
    between_ms: int = 3_000
    retries: int = 2
    valid: Valid | None = None
    read_back: ReadBack | None = None
    then: MenuAction
    failed: MenuAction = field(default_factory=HangUp)


@dataclass(frozen=True, slots=True, kw_only=True)
class SayTag:
    """Says the value of a tag, in pieces: `names` has the prompt of each. Nothing is said where the tag has no value that can be said so.
    `language`: as `ivr.spoken_value` has it."""

    tag: str
    way: Way
    language: str
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Says prompts and values, at least one, and goes on. `whole`: digits are not heard until they have ended.

    `tags`: learned as they are said; those of a whole one only once it has been heard.
    """

    name: str
    prompts: tuple[str | SayTag, ...]
    whole: bool = False
    tags: Tags = field(default_factory=dict)
    then: MenuAction


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchCase:
    """Taken when the expression holds for what is known of the caller, or the hours are open."""

    when: Expression | Hours
    then: MenuAction


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """Goes on with the first case that is to be taken, unheard by the caller."""

    name: str
    cases: tuple[BranchCase, ...]
    otherwise: MenuAction


Node = Menu | Gather | Say | Branch


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuPlan:
    """The nodes a call may walk through. `start` is a key of `nodes`; so is every `GoTo.menu`."""

    start: str
    nodes: Mapping[str, Node]
