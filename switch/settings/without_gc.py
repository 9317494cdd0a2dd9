"""Doing without garbage collection for a while: configs and rehearsed calls are very many objects, and none of them are cycles.

Looking for cycles time and again takes a tenth of all the rest, or half.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_gc() -> Iterator[None]:
    """Switches the collector off; afterwards it is as it was before."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
