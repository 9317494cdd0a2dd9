"""Defines the types of prompts in config: a name, a text that is spoken, or none after which a call ends; and of who speaks."""

import re
from typing import Annotated, cast

from pydantic import BeforeValidator, InstanceOf, ValidationInfo, WithJsonSchema

from ivr.spoken_value import Way
from switch.call.hold_terms import POSITION
from switch.settings import value as v
from switch.settings.field import JsonSchema, scalar, scalar_text, some, text_schema, without_left_out
from switch.settings.names import EntryKind, Names
from switch.settings.problem import quote
from switch.settings.prompts import PromptChoice, Spoken, SpokenTag, parts_of
from switch.settings.value import Invalid


def _language(text: str) -> str:
    if not re.fullmatch(v.LANGUAGE_PATTERN, text):
        raise Invalid(f"bad language {quote(text)}", expected=v.LANGUAGE)
    return text


def _spoken_text(text: str) -> str:
    if not text.strip() or len(text) > v.MAX_SPOKEN or not text.replace("\n", " ").isprintable():
        raise Invalid(f"bad text {quote(text)}", expected=v.SPOKEN)
    return text.strip()


def _prompt(raw: object, info: ValidationInfo) -> PromptChoice:
    """The name of a prompt that can be played, or `{say: TEXT}`."""
    if not isinstance(raw, dict):
        names = cast(Names, info.context)
        return names.check(EntryKind.PROMPT, scalar_text(raw, f"the name of {EntryKind.PROMPT.one}, or {{say: TEXT}}"))
    where = info.field_name or ""
    for key in raw:
        if key not in _SPOKEN_KEYS:
            expected, hint = "say, language", v.nearest(str(key), _SPOKEN_KEYS)
            raise Invalid(f"unknown key {quote(str(key))}", expected=expected, hint=hint, at_key=True, where=(where, key))
    if "say" not in raw:
        raise Invalid("`say` is missing", expected="{say: TEXT}")
    found: dict[str, str] = {}
    for key, (parse, expected) in _SPOKEN_KEYS.items():
        if key in raw:
            try:
                found[key] = parse(scalar_text(raw[key], expected))
            except Invalid as error:
                error.where = (where, key)
                raise
    spoken = Spoken(found["say"], found.get("language"))
    try:
        _check_tags(spoken, cast(Names, info.context), where=where)
    except Invalid as error:
        error.where = (where, "say")
        raise
    return spoken


def _check_tags(spoken: Spoken, names: Names, *, where: str) -> None:
    """`{TAG:WAY}` is for menus that `say`, the caller's place for what a hold queue announces; no other brace has a meaning. `where`: the
    key of the text."""
    tags = [part for part in parts_of(spoken) if isinstance(part, SpokenTag)]
    if tags and where not in ("say", "announce"):
        raise Invalid(
            "a tag where none can be said", expected="a menu that is told by its key `say`, or `announce` of a hold queue"
        )
    announced = where == "announce"
    known, expected = ((POSITION,), _PLACE) if announced else (names.kinds, "a tag that the call may have")
    rest = spoken.text
    for part in tags:
        rest = rest.replace(f"{{{part.tag}:{part.way}}}", "")
        if part.tag not in known:
            raise Invalid(f"unknown tag {quote(part.tag)}", expected=expected, hint=v.nearest(part.tag, known))
        if announced and part.way not in _PLACE_WAYS:
            raise Invalid(f"a place in a queue is no {part.way}", expected=_PLACE)
    if "{" in rest or "}" in rest:
        ways = _PLACE if announced else f"{{TAG:WAY}}, where WAY is one of {', '.join(Way)}"
        raise Invalid("a brace that is part of no tag", expected=ways)


_PLACE_WAYS = (Way.NUMBER, Way.DIGITS)
_PLACE = " or ".join(f"{{{POSITION}:{way}}}" for way in _PLACE_WAYS)
_SPOKEN_KEYS = {"say": (_spoken_text, v.SPOKEN), "language": (_language, v.LANGUAGE)}
_SPOKEN_SCHEMA: JsonSchema = {
    "type": "object",
    "properties": {
        "say": {"type": "string", "maxLength": v.MAX_SPOKEN, "description": "What is spoken"},
        "language": {
            "type": "string",
            "pattern": v.LANGUAGE_PATTERN,
            "description": "Default: the menu's, or that of `switch.speech`",
        },
    },
    "required": ["say"],
    "additionalProperties": False,
}
PromptName = Annotated[
    str | InstanceOf[Spoken], BeforeValidator(_prompt), WithJsonSchema({"anyOf": [{"type": "string"}, _SPOKEN_SCHEMA]})
]
Language = Annotated[str, scalar(_language, v.LANGUAGE), text_schema(v.LANGUAGE_PATTERN)]
Command = Annotated[
    list[Annotated[str, scalar(str, "a word of a command", {"type": ["string", "number"]})]],
    some("no command", "a program and its arguments, such as [piper, --model, FILE, --output_file, -]"),
    BeforeValidator(without_left_out),
]


def _hangup(raw: object, info: ValidationInfo) -> PromptChoice | bool:
    return True if raw == "true" else _prompt(raw, info)


HangUpAfter = Annotated[
    str | bool | InstanceOf[Spoken],
    BeforeValidator(_hangup),
    WithJsonSchema({"anyOf": [{"const": True}, {"type": "string"}, _SPOKEN_SCHEMA]}),
]
