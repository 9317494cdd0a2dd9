"""Pauses garbage collection: configs and simulated calls are very many objects, and none of them are in reference cycles.

Looking for cycles time and again takes a tenth of all the rest, or half.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_gc() -> Iterator[None]:
    """Switches the collector off; afterwards it is as it was before, and takes what was made meanwhile for old: its first look at all of it
    would cost what was saved."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            if not gc.get_freeze_count():  # a running switch has frozen its tables, and unfreezing would be for all
                gc.freeze()
                gc.unfreeze()  # into the oldest generation
            gc.enable()
