"""Finds the machine's libopus. Nothing of it is called here: config asks whether there is one."""

import ctypes
from functools import cache

LIBRARY = "libopus.so.0"
PACKAGE = "libopus0"
"""Debian's name of what has it."""


@cache
def load() -> ctypes.CDLL | None:
    """Returns the library, or None where the machine has none."""
    try:
        return ctypes.CDLL(LIBRARY)
    except OSError:
        return None
