"""A finding: something wrong with a config, by its path in the tree. `switch.settings.shape` turns it into a problem with a position."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from switch.settings.problem import Severity
from switch.settings.source import KeyPath, Spot, Value
from switch.settings.value import Invalid

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A problem at a path of the tree; `at_key`: the key is meant, not its value. `spot`: where, if not at the path."""

    path: KeyPath
    unfit: Invalid
    severity: Severity = Severity.ERROR
    at_key: bool = False
    spot: Spot | None = None


def attempt(parse: Callable[[str], T], raw: Value | None) -> T | None:
    """Returns the parsed value, or None where it is missing or invalid."""
    try:
        return parse(raw) if isinstance(raw, str) else None
    except Invalid:
        return None


def warning(path: KeyPath, message: str, *, hint: str | None = None, at_key: bool = False) -> Finding:
    """A warning at `path`."""
    return Finding(path=path, unfit=Invalid(message, hint=hint), severity=Severity.WARNING, at_key=at_key)
