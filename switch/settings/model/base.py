"""Defines what all models have in common: strictness, optional and required keys, sections. No single key is defined here."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from switch.settings.field import without_left_out
from switch.settings.value import Invalid

T = TypeVar("T")
K = TypeVar("K")
Items = Annotated[list[T], BeforeValidator(without_left_out)]
Entries = Annotated[dict[K, T], BeforeValidator(without_left_out)]
"""Lists and mappings that may be left out of a document with errors; single values and models may be so by themselves."""


def may(description: str, *, default: str | None = None) -> Any:
    """A key that may be left out. Defaults are written as config writes them, and go the same way."""
    return Field(default=default, description=description)


def must(description: str) -> Any:
    return Field(description=description)


def section(description: str) -> Any:
    return Field(default_factory=dict, description=description)


def some_of(description: str) -> Any:
    """A list that may be left out."""
    return Field(default_factory=list, description=description)


def repeated(names: Sequence[str]) -> Iterator[tuple[int, str]]:
    """(index, name) of each that stands further to the front too."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield index, name
        seen.add(name)


class Strict(BaseModel):
    """Unknown keys are errors: a typo must not be a setting that is silently not there."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        # Editors show the titles to people who write a config: there is no other kind of menu for them.
        model_title_generator=lambda model: model.__name__.removesuffix("Config"),
    )

    _pass_by = model_validator(mode="before")(without_left_out)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """A field that was left out is None. Only documents with errors have such fields (`switch.settings.validate`)."""
            return None if name in type(self).model_fields else super().__getattr__(name)


class OneOf(Strict):
    """Exactly one of the keys."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            given = f"{len(self.model_fields_set) or 'no'} keys"
            raise Invalid(f"{given} where one belongs", expected=f"exactly one of {', '.join(type(self).model_fields)}")
        return self
