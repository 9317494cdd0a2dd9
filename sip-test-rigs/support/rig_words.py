"""What files of rigs are written with: durations, and places in braces. And the error that says what is wrong with one."""

import re
from collections.abc import Mapping

PLACEHOLDER = re.compile(r"\{\{([a-z0-9_.]+)\}\}|\{([a-z0-9_]+)\}")
DURATION = re.compile(r"(\d+)(ms|s)")


class RigError(Exception):
    """The folder can't be run as it is; the text says which file and why."""


def duration_ms(text: object) -> int:
    """`300ms` or `2s` in milliseconds."""
    found = DURATION.fullmatch(str(text))
    if not found:
        raise RigError(f"{text!r} is no duration: write 300ms or 2s")
    return int(found[1]) * (1 if found[2] == "ms" else 1_000)


def fill_placeholders(text: str, values: Mapping[str, str]) -> str:
    """`{sip}` and the like replaced, and `{{name}}` by `{name}`; raises RigError for a name that has no value."""

    def value(found: re.Match[str]) -> str:
        if found[1]:
            return f"{{{found[1]}}}"
        if found[2] not in values:
            raise RigError(f"unknown placeholder {{{found[2]}}}; there are {', '.join(sorted(values))}")
        return values[found[2]]

    return PLACEHOLDER.sub(value, text)
