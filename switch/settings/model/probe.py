"""Defines the model of the section `probes`: real calls that a phone of another make places."""

from typing import Annotated

from pydantic import ValidationInfo, field_validator, model_validator

from switch.probe_settings import HangUp, Hears
from switch.settings import field
from switch.settings.model.base import Strict, may
from switch.settings.probe_text import (
    ECHOES,
    ECHOES_PATTERN,
    HEARS,
    HEARS_PATTERN,
    KEYS,
    KEYS_PATTERN,
    LEVEL,
    MAX_DBM0,
    MIN_DBM0,
    WAYS,
    parse_echoes,
    parse_hears,
    parse_keys,
    parse_level,
    parse_way,
)
from switch.settings.value import Invalid

MAX_PER_DAY = 1_000

Keys = Annotated[str, field.scalar(parse_keys, KEYS), field.text_schema(KEYS_PATTERN)]
Echoes = Annotated[str, field.scalar(parse_echoes, ECHOES), field.text_schema(ECHOES_PATTERN)]
HeardSound = Annotated[tuple[Hears, int], field.scalar(parse_hears, HEARS), field.text_schema(HEARS_PATTERN)]
Level = Annotated[int, field.scalar(parse_level, LEVEL, {"type": "integer", "minimum": MIN_DBM0, "maximum": MAX_DBM0})]
Way = Annotated[HangUp, field.scalar(parse_way, WAYS, {"type": "string", "enum": list(HangUp)})]


class ProbeCallConfig(Strict):
    """One probe: `payphone probe` places it, by itself where it has `every`."""

    number: field.E164 | None = may("The tracking number that it calls, as a carrier would")
    line: field.LineName | None = may("The line that it calls, as the switch would")
    trunk: field.Name | None = may("The trunk that it calls a number from; default: the one with `probe: true`")
    caller: field.E164 | None = may("Who calls; default: an anonymous caller")
    presses: Keys | None = may("The keys that it presses once it is answered; a comma waits for two seconds; default: none")
    hears: HeardSound = may("What it must hear then: audio, its own echo, a tone of so many Hz, or nothing", default="audio")
    echoes: Echoes | None = may("Keys that it presses after those, and must hear back; default: none")
    least: Level = may("In dBm0: what is quieter counts as silence", default="-45")
    hang_up: Way = may("Who is to end the call: caller, line, or both: two calls, one each way", default="caller")
    pdd: field.ProbeLimit = may("The longest post-dial delay, from the INVITE to the first sign of life", default="4s")
    answer: field.ProbeLimit = may("The longest that it may ring, from the INVITE", default="30s")
    talk: field.ProbeLimit = may("How long the call lasts after its keys, and how long a far end has to hang up", default="5s")
    every: field.ProbeEvery | None = may("How often it is placed by itself; default: never")
    hours: field.HoursName | None = may("When it may be; default: the hours of the line, or of the number's campaign")
    per_day: Annotated[int, field.whole(1, MAX_PER_DAY)] = may("The most calls to its target in 24 hours", default="100")

    @field_validator("trunk")
    @classmethod
    def _is_called_from_it(cls, trunk: str | None, info: ValidationInfo) -> str | None:
        if trunk is not None and info.data.get("line") is not None:
            raise Invalid("a line is called by the switch, from no trunk", hint="leave `trunk` out", at_key=True)
        return trunk

    @model_validator(mode="before")
    @classmethod
    def _calls_one(cls, raw: object) -> object:
        """Asked of what is written: a name that is unknown is one, too."""
        given = {"number", "line"} & raw.keys() if isinstance(raw, dict) else {"line"}
        if len(given) != 1:
            what = "a number and a line" if given else "neither a number nor a line"
            raise Invalid(f"{what}, where one belongs", expected="exactly one of number, line")
        return raw
