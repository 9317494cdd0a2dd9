"""Defines the model of what callers hear while a line rings."""

from typing import Annotated

from pydantic import GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from media.ringing_tones import RINGING_TONES
from switch.settings import field, prompt_field
from switch.settings.model.base import OneOf, may
from switch.settings.problem import quote
from switch.settings.value import Invalid, nearest

COUNTRIES = tuple(sorted(RINGING_TONES))
_COUNTRY_SCHEMA: field.JsonSchema = {"type": "string", "enum": list(COUNTRIES)}
_USUAL_SLIPS = {"uk": "gb", "en": "gb", "el": "gr", "ko": "kr", "ja": "jp", "zh": "cn", "da": "dk", "sv": "se", "cs": "cz"}
"""Top-level domains and languages that are taken for countries."""
CODE_LETTERS = 3
"""ISO 3166 has codes of two letters and of three."""


def _country(text: str) -> str:
    if text in COUNTRIES:
        return text
    hint = nearest(_USUAL_SLIPS.get(text.lower(), text.lower()), COUNTRIES)
    if len(text) > CODE_LETTERS:
        hint = f"a prompt is written {{prompt: {text}}}"
    raise Invalid(f"no ringing tone is known for {quote(text)}", expected=f"one of {', '.join(COUNTRIES)}", hint=hint)


class RingbackConfig(OneOf):
    """What callers hear while a line rings; a bare word stands for `country`."""

    country: Annotated[str, field.scalar(_country, "a country", _COUNTRY_SCHEMA)] | None = may(
        "The ringing tone of this country, by its two letters in ISO 3166, small"
    )
    prompt: prompt_field.PromptName | None = may("This prompt, over and over")

    @model_validator(mode="before")
    @classmethod
    def _bare_word(cls, raw: object) -> object:
        return {"country": raw} if isinstance(raw, str) else raw

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> field.JsonSchema:
        return {"anyOf": [_COUNTRY_SCHEMA, handler(schema)]}
