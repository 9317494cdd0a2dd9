"""Reads the calls in progress: those of a running switch's journal that have not ended. The journal is neither locked nor written.

A journal that no process holds is what a switch left when it stopped: its calls are over, if not yet in the ledger.
"""

from pathlib import Path

from switch.call.record import CallRecord, FinalState
from switch.engine.journal_line import recover_call
from switch.ledger.journal import LOCK_NAME, recover

LOCKS = Path("/proc/locks")
_INODE = 5


def live_calls(journal: Path) -> tuple[CallRecord, ...] | None:
    """The calls in progress as far as they have come, as if cut off now; None: no switch runs on this journal, as far as can be seen.

    Calls that the ledger has are over all the same: ask it afterwards.
    """
    if not _held(journal):
        return None
    records = (_record(lines) for lines in recover(journal).calls.values())
    return tuple(record for record in records if record is not None and record.final_state is FinalState.CRASHED)


def _record(lines: tuple[bytes, ...]) -> CallRecord | None:
    """Returns the record, or None where no line identifies a call, as when only the writing was tried."""
    try:
        return recover_call(lines).record
    except ValueError:
        return None


def _held(journal: Path) -> bool:
    """Whether a process holds the journal's lock. Read from the kernel's list: to try the lock could keep a switch from starting."""
    try:
        inode = str((journal / LOCK_NAME).stat().st_ino)
        held = LOCKS.read_text()
    except OSError:
        return False
    return any(line.split()[_INODE].rpartition(":")[2] == inode for line in held.splitlines() if "FLOCK" in line)
