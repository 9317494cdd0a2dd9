"""Defines the models of menus: nodes of seven kinds, each recognised by its key, and the outcomes between them."""

from collections.abc import Iterator
from typing import Annotated, cast

from pydantic import BeforeValidator, Discriminator, Tag, ValidationInfo, field_validator

from ivr.menu import DIGIT_PROMPTS, MAX_DIGITS
from routing.expression import Kind
from switch.settings import field, prompt_field
from switch.settings.model.base import Entries, Items, OneOf, Strict, may, must, section
from switch.settings.names import EntryKind, Names
from switch.settings.problem import quote
from switch.settings.prompts import PromptChoice
from switch.settings.value import Invalid, raise_all

Retries = Annotated[int, field.whole(0, field.MAX_RETRIES)]
Digits = Annotated[int, field.whole(1, MAX_DIGITS)]
RETRIES = "How many more tries after the first one failed"
FAILED = "What happens when the tries are used up; default: the call ends"
INVALID = "What is played after a wrong key or none"
LANGUAGE = "The language of its texts; default: that of `switch.speech`"


def _kind(tag: str | None, info: ValidationInfo) -> Kind | None:
    """Returns the kind of a tag's values, or None where the tag is not declared."""
    return None if tag is None else cast(Names, info.context).kinds.get(tag)


def _read_back_flaws(read_back: PromptChoice | None, confirm: PromptChoice | None, names: Names) -> Iterator[Invalid]:
    if (read_back is None) != (confirm is None):
        one, other = ("read_back", "confirm") if confirm is None else ("confirm", "read_back")
        yield Invalid(f"`{one}` without `{other}`", hint="the digits are said between the two", at_key=True, where=(one,))
    if not isinstance(read_back, str) or not names.prompts:
        return  # the digits of a text are spoken with it
    missing = [prompt for prompt in DIGIT_PROMPTS.values() if prompt not in names.prompts.names]
    if missing:
        message = f"prompts to say digits are missing: {', '.join(missing)}"
        hint = "or let the digits be spoken: read_back: {say: TEXT}"
        yield Invalid(message, expected="sound files digit-0 to digit-9", hint=hint, at_key=True, where=("read_back",))
        return
    for prompt in DIGIT_PROMPTS.values():
        try:
            names.check(EntryKind.PROMPT, prompt)
        except Invalid as error:
            yield Invalid(error.message, expected=error.expected, hint=error.hint, at_key=True, where=("read_back",))


class OnwardConfig(OneOf):
    """What a node leads to."""

    route: field.Tags | None = may("The caller qualified: find a line, with these tags on the call; {} for none")
    menu: field.MenuName | None = may("Go to this menu")
    hangup: prompt_field.HangUpAfter | None = may("End the call after this prompt; true for none")
    transfer: field.LineName | None = may("Go to this line and no other")


class OutcomeConfig(OneOf):
    """What a key leads to."""

    route: field.Tags | None = may("The caller qualified: find a line, with these tags on the call; {} for none")
    menu: field.MenuName | None = may("Go to this menu")
    again: field.OnlyTrue | None = may("Play the prompt once more; true")
    hangup: prompt_field.HangUpAfter | None = may("End the call after this prompt; true for none")
    transfer: field.LineName | None = may("Go to this line and no other")


class MenuConfig(Strict):
    """Asks the caller for one of several keys."""

    prompt: prompt_field.PromptName = must("What is played; a digit cuts it short")
    invalid: prompt_field.PromptName | None = may(INVALID)
    timeout: field.Duration = may("How long to wait for a digit after the prompt, and between digits", default="5s")
    retries: Retries = may(RETRIES, default="2")
    digits: Digits = may("How many digits an answer has", default="1")
    keys: Annotated[Entries[field.Answer, OutcomeConfig], field.some("a menu without keys", "at least one key")] = must(
        "Answers and what they lead to"
    )
    failed: OnwardConfig | None = may(FAILED)
    language: prompt_field.Language | None = may(LANGUAGE)

    @field_validator("keys")
    @classmethod
    def _can_be_entered(cls, keys: dict[str, OutcomeConfig], info: ValidationInfo) -> dict[str, OutcomeConfig]:
        digits = info.data.get("digits")
        expected = f"{digits} digit{'' if digits == 1 else 's'}, as `digits` says"
        raise_all(
            Invalid(f"key {quote(key)} can never be entered", expected=expected, at_key=True, where=("keys", key))
            for key in keys
            if digits and len(key) != digits
        )
        return keys


class SayConfig(Strict):
    """Says something and goes on."""

    say: prompt_field.PromptName = must("What is played")
    whole: field.Truth = may("Digits do not cut it short", default="false")
    tags: field.Tags = section("Tags the call gets by it")
    then: OnwardConfig = must("What follows")
    language: prompt_field.Language | None = may(LANGUAGE)


class GatherConfig(Strict):
    """Asks for digits and keeps them as a tag."""

    gather: field.DeclaredTag = must("The tag; its type says how digits are read")
    prompt: prompt_field.PromptName = must("What is played; a digit cuts it short")
    invalid: prompt_field.PromptName | None = may("What is played after a wrong answer or none")
    min: Digits = may("The fewest digits of an answer", default="1")
    max: Digits = must("The most digits of an answer")
    valid: field.Valid | None = may("LOW-HIGH for numbers, /a regular expression/ for text; default: any digits")
    finish: field.OneKey = may("The key that ends an answer", default="#")
    timeout: field.Duration = may("How long to wait for the first digit after the prompt", default="5s")
    between: field.Duration = may("How long to wait for the next digit", default="3s")
    retries: Retries = may(RETRIES, default="2")
    then: OnwardConfig = must("What follows a valid answer")
    failed: OnwardConfig | None = may(FAILED)
    language: prompt_field.Language | None = may(LANGUAGE)

    @field_validator("gather")
    @classmethod
    def _holds_digits(cls, tag: str, info: ValidationInfo) -> str:
        if _kind(tag, info) is Kind.TRUTH:
            raise Invalid("digits are no truth", hint="ask with `yes_no`, or declare it number or text")
        return tag

    @field_validator("max")
    @classmethod
    def _is_most(cls, most: int, info: ValidationInfo) -> int:
        least = info.data.get("min", 0)
        if least > most:
            raise Invalid(f"min is {least}, but max is {most}", expected=f"from 1 to {most}", where=("min",))
        return most

    @field_validator("valid")
    @classmethod
    def _compares_what_it_is(cls, valid: tuple[int, int] | str | None, info: ValidationInfo) -> tuple[int, int] | str | None:
        kind = _kind(info.data.get("gather"), info)
        if isinstance(valid, str) and kind is Kind.NUMBER:
            hint = "declare the tag `type: text` to match digits as they are typed"
            raise Invalid("a number has no pattern", expected="a range such as 18-99", hint=hint)
        if isinstance(valid, tuple) and kind is Kind.TEXT:
            expected, hint = "a regular expression such as /[2-9][0-9]{9}/", "declare the tag `type: number` to compare its value"
            raise Invalid("a text has no range", expected=expected, hint=hint)
        return valid


class ZipConfig(Strict):
    """Asks for a ZIP code, and reads it back where `read_back` and `confirm` are there."""

    zip: field.OnlyTrue = must("true; the digits become the tag `zip`")
    prompt: prompt_field.PromptName = must("What is played; a digit cuts it short")
    invalid: prompt_field.PromptName | None = may("What is played after a ZIP code that does not exist, or none")
    read_back: prompt_field.PromptName | None = may(
        "What is played before the digits are read back; those of a text are spoken, too"
    )
    confirm: prompt_field.PromptName | None = may("What is played after them: 1 it is right, 2 once more")
    timeout: field.Duration = may("How long to wait for the first digit after the prompt", default="5s")
    between: field.Duration = may("How long to wait for the next digit", default="3s")
    retries: Retries = may(RETRIES, default="2")
    then: OnwardConfig = must("What follows a ZIP code")
    failed: OnwardConfig | None = may(FAILED)
    language: prompt_field.Language | None = may(LANGUAGE)

    @field_validator("confirm")
    @classmethod
    def _reads_back(cls, confirm: PromptChoice | None, info: ValidationInfo) -> PromptChoice | None:
        if "read_back" in info.data:
            raise_all(_read_back_flaws(info.data["read_back"], confirm, cast(Names, info.context)))
        return confirm


class YesNoConfig(Strict):
    """Asks a question: 1 is yes, 2 is no."""

    yes_no: field.DeclaredTag = must("The tag that keeps the answer; its type is truth")
    prompt: prompt_field.PromptName = must("What is played; a digit cuts it short")
    invalid: prompt_field.PromptName | None = may(INVALID)
    timeout: field.Duration = may("How long to wait for a digit after the prompt", default="5s")
    retries: Retries = may(RETRIES, default="2")
    then: OnwardConfig = must("What follows either answer")
    failed: OnwardConfig | None = may(FAILED)
    language: prompt_field.Language | None = may(LANGUAGE)

    @field_validator("yes_no")
    @classmethod
    def _holds_an_answer(cls, tag: str, info: ValidationInfo) -> str:
        if (kind := _kind(tag, info)) not in (None, Kind.TRUTH):
            raise Invalid(f"yes or no is no {kind}", hint="declare the tag `type: truth`")
        return tag


class ConsentConfig(Strict):
    """A notice that is heard whole."""

    consent: prompt_field.PromptName = must("The notice; digits do not cut it short")
    key: field.OneKey | None = may("The key that agrees to it; default: staying on the line does")
    timeout: field.Duration = may("How long to wait for the key after the notice", default="5s")
    then: OnwardConfig = must("What follows; the call has the tag `consent` then")
    failed: OnwardConfig | None = may("What follows where the key is not pressed; default: the call ends")
    language: prompt_field.Language | None = may(LANGUAGE)

    @field_validator("failed")
    @classmethod
    def _can_fail(cls, failed: OnwardConfig | None, info: ValidationInfo) -> OnwardConfig | None:
        if failed is not None and "key" in info.data and info.data["key"] is None:
            hint = "with `key` callers must agree; without it they only have to stay"
            raise Invalid("this consent can't fail", hint=hint, at_key=True)
        return failed


class CaseConfig(Strict):
    """One way of a branch."""

    when: field.Filter | None = may("Taken when this holds for the call")
    hours: field.HoursName | None = may("Taken when these hours are open")

    @field_validator("hours")
    @classmethod
    def _has_one_condition(cls, hours: str | None, info: ValidationInfo) -> str | None:
        if "when" in info.data and (info.data["when"] is None) == (hours is None):
            message = "a case without a condition" if hours is None else "a case with two conditions"
            raise Invalid(message, expected="exactly one of when, hours", where=())
        return hours

    then: OnwardConfig = must("What follows")


class BranchConfig(Strict):
    """Goes on by what the call is known by, or by the time; the caller hears nothing."""

    branch: Annotated[Items[CaseConfig], field.some("a branch without cases", "at least one case")] = must(
        "The first case that holds is taken"
    )
    otherwise: OnwardConfig = must("What follows when none does")


KINDS = {
    "keys": MenuConfig,
    "say": SayConfig,
    "gather": GatherConfig,
    "zip": ZipConfig,
    "yes_no": YesNoConfig,
    "consent": ConsentConfig,
    "branch": BranchConfig,
}
"""The key that tells a kind."""


def kinds_of(node: object) -> list[str]:
    """Returns the keys of `node` that tell its kind."""
    return [kind for kind in KINDS if isinstance(node, dict) and kind in node]


def _of_one_kind(node: object) -> object:
    if len(kinds := kinds_of(node)) > 1:
        both = " and ".join(quote(kind) for kind in kinds)
        raise Invalid(f"a menu of {len(kinds)} kinds: {both}", expected=f"exactly one of {', '.join(KINDS)}")
    return node


def _model(node: object) -> str:
    """A node that does not say its kind is most likely a menu whose keys are missing."""
    return KINDS[next(iter(kinds_of(node)), "keys")].__name__.removesuffix("Config")


Node = Annotated[
    Annotated[MenuConfig, Tag("Menu")]
    | Annotated[SayConfig, Tag("Say")]
    | Annotated[GatherConfig, Tag("Gather")]
    | Annotated[ZipConfig, Tag("Zip")]
    | Annotated[YesNoConfig, Tag("YesNo")]
    | Annotated[ConsentConfig, Tag("Consent")]
    | Annotated[BranchConfig, Tag("Branch")],
    Discriminator(_model),
    BeforeValidator(_of_one_kind),
]
AnyNode = MenuConfig | SayConfig | GatherConfig | ZipConfig | YesNoConfig | ConsentConfig | BranchConfig
