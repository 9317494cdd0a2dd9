"""Templates of a request: a text with `{field}` and `{tag.NAME}` in it. `{{` and `}}` are braces. What is not known of a call is empty."""

import re
from collections.abc import Iterator, Mapping

from switch.webhook.view import Field

_PART = re.compile(r"\{\{|\}\}|\{([A-Za-z0-9_.-]+)\}|[{}]")


class BadTemplate(Exception):
    """`at`: the column of what can't be read, from 0."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


def names_in(template: str) -> Iterator[tuple[str, int]]:
    """Yields (field, column) of all that it asks for. Raises BadTemplate."""
    for found in _PART.finditer(template):
        if found[1]:
            yield found[1], found.start(1)
        elif found[0] in ("{", "}"):
            raise BadTemplate(f"a lone {found[0]}", found.start())


def text_of(template: str, seen: Mapping[str, Field]) -> str:
    """Returns the template filled in, as text."""
    return _PART.sub(lambda found: _shown(seen.get(found[1])) if found[1] else found[0][0], template)


def value_of(template: str, seen: Mapping[str, Field]) -> Field:
    """Returns the template filled in; one that is a single field stays the number or truth that it is."""
    whole = _PART.fullmatch(template)
    return seen.get(whole[1]) if whole and whole[1] else text_of(template, seen)


def _shown(value: Field) -> str:
    if value is None:
        return ""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
