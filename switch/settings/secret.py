"""Reads a secret of a config: as text, or from an environment variable or a file that the config names."""

import os
from pathlib import Path

from switch.settings.problem import quote
from switch.settings.source import NoValue
from switch.settings.value import Invalid
from switch.sip.digest import Secret

MAX_CHARS = 256
SECRET = "{env: NAME}, {file: PATH}, or the secret itself in quotes"  # noqa: S105 (says how one is written)
WAYS = ("env", "file")
"""Keys of a secret that stands elsewhere."""


def secret_of(raw: object, directory: Path | None) -> Secret:
    """Raises Invalid. `directory`: what files are relative to; None: the config was in force once, and where its secrets were then need
    not hold them now."""
    match raw:
        case str():
            return _checked(raw, "the secret")
        case {**pairs} if len(pairs) == 1 and set(pairs) <= set(WAYS):
            ((way, place),) = pairs.items()
            if not isinstance(place, str) or not place or "\0" in place or (way == "env" and "=" in place):
                raise Invalid("no secret", expected=SECRET)
            if directory is None:
                return Secret("")
            return _from_environment(place) if way == "env" else _from_file(place, directory)
        case NoValue():
            raise Invalid("no value", expected=SECRET)
        case _:
            raise Invalid("no secret", expected=SECRET)


def _from_environment(name: str) -> Secret:
    text = os.environ.get(name)
    if text is None:
        hint = (
            f"set it where the switch is started (a service: EnvironmentFile=), and where `payphone check` runs: export {name}=..."
        )
        raise Invalid(f"there is no environment variable {quote(name)}", hint=hint)
    return _checked(text, f"environment variable {quote(name)}")


def _from_file(name: str, directory: Path) -> Secret:
    """The first line of a file, relative to the config directory."""
    try:
        path = directory / name
        if not path.is_file():
            raise Invalid(f"there is no file {quote(name)}", hint="its path is relative to the config directory")
        with path.open(encoding="utf-8") as file:
            text = file.readline(MAX_CHARS + 2)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Invalid(f"the file {quote(name)} cannot be read: {why}") from error
    return _checked(text.rstrip("\r\n"), f"the first line of {quote(name)}")


def _checked(text: str, what: str) -> Secret:
    if not text or not text.isprintable():
        raise Invalid(f"{what} is empty" if not text else f"{what} has characters that no password has", expected=SECRET)
    if len(text) > MAX_CHARS:
        raise Invalid(f"{what} is longer than {MAX_CHARS} characters", expected=SECRET)
    return Secret(text)
