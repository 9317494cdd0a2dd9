"""A finding: something wrong with a config, by its path in the tree. `switch.settings.shape` turns it into a problem with a position."""

from dataclasses import dataclass

from switch.settings.problem import Severity
from switch.settings.source import KeyPath
from switch.settings.value import Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A problem at a path of the tree; `at_key`: the key is meant, not its value."""

    path: KeyPath
    unfit: Invalid
    severity: Severity = Severity.ERROR
    at_key: bool = False


def warning(path: KeyPath, message: str, *, hint: str | None = None, at_key: bool = False) -> Finding:
    """A warning at `path`."""
    return Finding(path=path, unfit=Invalid(message, hint=hint), severity=Severity.WARNING, at_key=at_key)
