"""Knows what the engine asks of the world, in the order it is to be done. Does not do it: the shell (`switch.app`) does."""

from dataclasses import dataclass

from media.control import Order
from switch.billing.verdict import JudgedCall
from switch.sip.message import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """Append one line: before anything that follows it is done."""

    call_id: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncJournal:
    """Make the journal durable up to here, then call `Engine.secured` with the same call and leg."""

    call_id: str
    leg: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSip:
    data: bytes
    target: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class TellWorker:
    worker: int
    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepRecord:
    """The call is over: its record goes to the ledger, and one canonical line to the log."""

    judged: JudgedCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Complain:
    """Something that should never happen did; it cost at most one call. `trace`: the traceback, as text, where there is one."""

    what: str
    trace: str = ""


Effect = Journal | SyncJournal | SendSip | TellWorker | KeepRecord | Complain
