"""Knows the shape of menus: nodes of seven kinds, each told by its key, and the outcomes between them."""

from typing import Annotated

from pydantic import BeforeValidator, Discriminator, Tag

from switch.settings.field import (
    MAX_DIGITS,
    MAX_RETRIES,
    Answer,
    DeclaredTag,
    Duration,
    Filter,
    HangUpAfter,
    HoursName,
    LineName,
    MenuName,
    OneKey,
    OnlyTrue,
    PromptName,
    Tags,
    Truth,
    Valid,
    number_schema,
    some,
    whole,
)
from switch.settings.model.base import OneOf, Strict, may, must, section
from switch.settings.problem import quote
from switch.settings.value import Unfit

Retries = Annotated[int, whole(0, MAX_RETRIES), number_schema(0, MAX_RETRIES)]
Digits = Annotated[int, whole(1, MAX_DIGITS), number_schema(1, MAX_DIGITS)]
RETRIES = "How many more tries after the first one failed"
FAILED = "What happens when the tries are used up; default: the call ends"
INVALID = "What is played after a wrong key or none"


class Onward(OneOf):
    """What a node leads to."""

    route: Tags | None = may("The caller qualified: find a line, with these tags on the call; {} for none")
    menu: MenuName | None = may("Go to this menu")
    hangup: HangUpAfter | None = may("End the call after this prompt; true for none")
    transfer: LineName | None = may("Go to this line and no other")


class Outcome(OneOf):
    """What a key leads to."""

    route: Tags | None = may("The caller qualified: find a line, with these tags on the call; {} for none")
    menu: MenuName | None = may("Go to this menu")
    again: OnlyTrue | None = may("Play the prompt once more; true")
    hangup: HangUpAfter | None = may("End the call after this prompt; true for none")
    transfer: LineName | None = may("Go to this line and no other")


class Menu(Strict):
    """Asks the caller for one of several keys."""

    prompt: PromptName = must("What is played; a digit cuts it short")
    invalid: PromptName | None = may(INVALID)
    timeout: Duration = may("How long to wait for a digit after the prompt, and between digits", default="5s")
    retries: Retries = may(RETRIES, default="2")
    digits: Digits = may("How many digits an answer has", default="1")
    keys: Annotated[dict[Answer, Outcome], some("a menu without keys", "at least one key")] = must("Answers and what they lead to")
    failed: Onward | None = may(FAILED)


class Say(Strict):
    """Says something and goes on."""

    say: PromptName = must("What is played")
    whole: Truth = may("Digits do not cut it short", default="false")
    tags: Tags = section("Tags the call gets by it")
    then: Onward = must("What follows")


class Gather(Strict):
    """Asks for digits and keeps them as a tag."""

    gather: DeclaredTag = must("The tag; its type says how digits are read")
    prompt: PromptName = must("What is played; a digit cuts it short")
    invalid: PromptName | None = may("What is played after a wrong answer or none")
    min: Digits = may("The fewest digits of an answer", default="1")
    max: Digits = must("The most digits of an answer")
    valid: Valid | None = may("LOW-HIGH for numbers, /a regular expression/ for text; default: any digits")
    finish: OneKey = may("The key that ends an answer", default="#")
    timeout: Duration = may("How long to wait for the first digit after the prompt", default="5s")
    between: Duration = may("How long to wait for the next digit", default="3s")
    retries: Retries = may(RETRIES, default="2")
    then: Onward = must("What follows a valid answer")
    failed: Onward | None = may(FAILED)


class Zip(Strict):
    """Asks for a ZIP code, and reads it back where `read_back` and `confirm` are there."""

    zip: OnlyTrue = must("true; the digits become the tag `zip`")
    prompt: PromptName = must("What is played; a digit cuts it short")
    invalid: PromptName | None = may("What is played after a ZIP code that does not exist, or none")
    read_back: PromptName | None = may("What is played before the digits are read back")
    confirm: PromptName | None = may("What is played after them: 1 it is right, 2 once more")
    timeout: Duration = may("How long to wait for the first digit after the prompt", default="5s")
    between: Duration = may("How long to wait for the next digit", default="3s")
    retries: Retries = may(RETRIES, default="2")
    then: Onward = must("What follows a ZIP code")
    failed: Onward | None = may(FAILED)


class YesNo(Strict):
    """Asks a question: 1 is yes, 2 is no."""

    yes_no: DeclaredTag = must("The tag that keeps the answer; its type is truth")
    prompt: PromptName = must("What is played; a digit cuts it short")
    invalid: PromptName | None = may(INVALID)
    timeout: Duration = may("How long to wait for a digit after the prompt", default="5s")
    retries: Retries = may(RETRIES, default="2")
    then: Onward = must("What follows either answer")
    failed: Onward | None = may(FAILED)


class Consent(Strict):
    """A notice that is heard whole."""

    consent: PromptName = must("The notice; digits do not cut it short")
    key: OneKey | None = may("The key that agrees to it; default: staying on the line does")
    timeout: Duration = may("How long to wait for the key after the notice", default="5s")
    then: Onward = must("What follows; the call has the tag `consent` then")
    failed: Onward | None = may("What follows where the key is not pressed; default: the call ends")


class Case(Strict):
    """One way of a branch."""

    when: Filter | None = may("Taken when this holds for the call")
    hours: HoursName | None = may("Taken when these hours are open")
    then: Onward = must("What follows")


class Branch(Strict):
    """Goes on by what the call is known by, or by the time; the caller hears nothing."""

    branch: Annotated[list[Case], some("a branch without cases", "at least one case")] = must("The first case that holds is taken")
    otherwise: Onward = must("What follows when none does")


KINDS = {"keys": Menu, "say": Say, "gather": Gather, "zip": Zip, "yes_no": YesNo, "consent": Consent, "branch": Branch}
"""The key that tells a kind."""


def kinds_of(node: object) -> list[str]:
    """The keys of `node` that tell its kind."""
    return [kind for kind in KINDS if isinstance(node, dict) and kind in node]


def _of_one_kind(node: object) -> object:
    if len(kinds := kinds_of(node)) > 1:
        both = " and ".join(quote(kind) for kind in kinds)
        raise Unfit(f"a menu of {len(kinds)} kinds: {both}", expected=f"exactly one of {', '.join(KINDS)}")
    return node


def _model(node: object) -> str:
    """A node that does not say its kind is most likely a menu whose keys are missing."""
    return KINDS[next(iter(kinds_of(node)), "keys")].__name__


Node = Annotated[
    Annotated[Menu, Tag("Menu")]
    | Annotated[Say, Tag("Say")]
    | Annotated[Gather, Tag("Gather")]
    | Annotated[Zip, Tag("Zip")]
    | Annotated[YesNo, Tag("YesNo")]
    | Annotated[Consent, Tag("Consent")]
    | Annotated[Branch, Tag("Branch")],
    Discriminator(_model),
    BeforeValidator(_of_one_kind),
]
AnyNode = Menu | Say | Gather | Zip | YesNo | Consent | Branch
