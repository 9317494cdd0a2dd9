"""Knows how to do without garbage collection for a while: configs and rehearsed calls are very many objects, and none of them are cycles.

Looking for cycles time and again takes a tenth of all the rest, or half. Does not know what is done meanwhile.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """As it was before, afterwards."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
