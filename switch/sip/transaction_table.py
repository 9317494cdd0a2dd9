"""PURE. Holds the four transaction machines of RFC 3261 §17, and the Accepted states of RFC 6026, as data. `transaction` runs them.

How to read a table. A machine is in one `TransactionState`; something happens, an `Event`; the row for the two says which state is next
and what is done, in order. No row means: nothing happens. That is how late, duplicated and crossed messages are absorbed.

Timers belong to states. A state has at most two: one that sends again (A, E, G) and one that bounds the stay (the others). Entering
a state starts its timers and stops those of the state left; a timer that both states have runs on (E and F across a 1xx).

The tables are for UDP. Over a reliable transport nothing is sent again, and a state that only absorbs what comes again (Timers D, I, J, K)
is left at once. A client's events PROVISIONAL, SUCCESS, FAILURE, FINAL are answers received; a server's are
answers its user sends. INVITE distinguishes 2xx (SUCCESS) from 300-699 (FAILURE), other methods only have FINAL.

    INVITE client                         INVITE server
    Calling ──1xx──▸ Proceeding           Proceeding ──2xx──▸ Accepted ──L──▸ Terminated
      │  └─B─▸ Terminated  │                  └──300-699──▸ Completed ──ACK──▸ Confirmed ──I──▸ Terminated
      ├──2xx──▸ Accepted ◂─┤ ──M──▸ Terminated                 └──H──▸ Terminated
      └300-699▸ Completed ◂┘ ──D──▸ Terminated

    other client                          other server
    Trying ──1xx──▸ Proceeding            Trying ──1xx──▸ Proceeding
      └──200-699──▸ Completed ◂┘ ──K──▸ Terminated   └──200-699──▸ Completed ◂┘ ──J──▸ Terminated
    (F ends Trying and Proceeding)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, auto


class TransactionState(IntEnum):
    """The states of a transaction."""

    CALLING = auto()
    TRYING = auto()
    PROCEEDING = auto()
    ACCEPTED = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    TERMINATED = auto()


class Event(IntEnum):
    """What can happen to a transaction."""

    PROVISIONAL = auto()
    SUCCESS = auto()
    FAILURE = auto()
    FINAL = auto()
    REQUEST = auto()
    """The request came again."""
    ACK = auto()
    TRANSPORT_ERROR = auto()
    TIMER_A = auto()
    TIMER_B = auto()
    TIMER_D = auto()
    TIMER_E = auto()
    TIMER_F = auto()
    TIMER_G = auto()
    TIMER_H = auto()
    TIMER_I = auto()
    TIMER_J = auto()
    TIMER_K = auto()
    TIMER_L = auto()
    TIMER_M = auto()


class Action(IntEnum):
    """What a transaction does on an event."""

    SEND = auto()
    """Send what was last sent, or what the user has just passed in."""
    SEND_ACK = auto()
    """Make the ACK to a 300-699 answer (§17.1.1.3) and send it; from now on that is what SEND sends."""
    PASS = auto()
    """Pass the message to the user."""


class TransactionEnd(IntEnum):
    """How a transaction ended."""

    DONE = auto()
    TIMEOUT = auto()
    """No answer to our request (Timers B, F)."""
    NO_ACK = auto()
    """No ACK to our 300-699 (Timer H)."""
    UNREACHABLE = auto()
    """The transport could not send."""
    CERTIFICATE_REFUSED = auto()
    """It could not, since the far end's certificate is no good."""


END_BY_EVENT: Mapping[Event, TransactionEnd] = {
    Event.TIMER_B: TransactionEnd.TIMEOUT,
    Event.TIMER_F: TransactionEnd.TIMEOUT,
    Event.TIMER_H: TransactionEnd.NO_ACK,
    Event.TRANSPORT_ERROR: TransactionEnd.UNREACHABLE,
}
"""How a transaction ended, by the event that terminated it; any other event: `TransactionEnd.DONE`."""

SHORT_LIVES = frozenset({Event.TIMER_I, Event.TIMER_K})
"""Timers that last T4. The others that bound a stay last 64*T1."""

ABSORBING = frozenset({Event.TIMER_D, Event.TIMER_I, Event.TIMER_J, Event.TIMER_K})
"""Timers of states that only absorb retransmissions: zero over reliable transports (RFC 3261 §17.1.1.2, §17.1.2.2, §17.2.1, §17.2.2)."""

Row = tuple[TransactionState, tuple[Action, ...]]
StateTimers = tuple[Event | None, Event | None]
"""(the timer that sends again, the timer that bounds the stay)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionMachine:
    """One of the four machines. `invite`: whether 2xx and 300-699 are different events."""

    name: str
    invite: bool
    start: TransactionState
    timers: Mapping[TransactionState, StateTimers]
    rows: Mapping[tuple[TransactionState, Event], Row]


# RFC 3261 §17.1.1, RFC 6026 §7.2. Timer B bounds Calling only: an INVITE may stay in Proceeding for ever, the user hangs up.
INVITE_CLIENT = TransactionMachine(
    name="INVITE client",
    invite=True,
    start=TransactionState.CALLING,
    timers={
        TransactionState.CALLING: (Event.TIMER_A, Event.TIMER_B),
        TransactionState.PROCEEDING: (None, None),
        TransactionState.ACCEPTED: (None, Event.TIMER_M),
        TransactionState.COMPLETED: (None, Event.TIMER_D),
        TransactionState.TERMINATED: (None, None),
    },
    rows={
        (TransactionState.CALLING, Event.TIMER_A): (TransactionState.CALLING, (Action.SEND,)),
        (TransactionState.CALLING, Event.TIMER_B): (TransactionState.TERMINATED, ()),
        (TransactionState.CALLING, Event.TRANSPORT_ERROR): (TransactionState.TERMINATED, ()),
        (TransactionState.CALLING, Event.PROVISIONAL): (TransactionState.PROCEEDING, (Action.PASS,)),
        (TransactionState.CALLING, Event.SUCCESS): (TransactionState.ACCEPTED, (Action.PASS,)),
        (TransactionState.CALLING, Event.FAILURE): (TransactionState.COMPLETED, (Action.SEND_ACK, Action.PASS)),
        (TransactionState.PROCEEDING, Event.PROVISIONAL): (TransactionState.PROCEEDING, (Action.PASS,)),
        (TransactionState.PROCEEDING, Event.SUCCESS): (TransactionState.ACCEPTED, (Action.PASS,)),
        (TransactionState.PROCEEDING, Event.FAILURE): (TransactionState.COMPLETED, (Action.SEND_ACK, Action.PASS)),
        (TransactionState.ACCEPTED, Event.SUCCESS): (TransactionState.ACCEPTED, (Action.PASS,)),
        (TransactionState.ACCEPTED, Event.TIMER_M): (TransactionState.TERMINATED, ()),
        (TransactionState.COMPLETED, Event.FAILURE): (TransactionState.COMPLETED, (Action.SEND,)),
        (TransactionState.COMPLETED, Event.TRANSPORT_ERROR): (TransactionState.TERMINATED, ()),
        (TransactionState.COMPLETED, Event.TIMER_D): (TransactionState.TERMINATED, ()),
    },
)

# RFC 3261 §17.1.2.
OTHER_CLIENT = TransactionMachine(
    name="non-INVITE client",
    invite=False,
    start=TransactionState.TRYING,
    timers={
        TransactionState.TRYING: (Event.TIMER_E, Event.TIMER_F),
        TransactionState.PROCEEDING: (Event.TIMER_E, Event.TIMER_F),
        TransactionState.COMPLETED: (None, Event.TIMER_K),
        TransactionState.TERMINATED: (None, None),
    },
    rows={
        (TransactionState.TRYING, Event.TIMER_E): (TransactionState.TRYING, (Action.SEND,)),
        (TransactionState.TRYING, Event.TIMER_F): (TransactionState.TERMINATED, ()),
        (TransactionState.TRYING, Event.TRANSPORT_ERROR): (TransactionState.TERMINATED, ()),
        (TransactionState.TRYING, Event.PROVISIONAL): (TransactionState.PROCEEDING, (Action.PASS,)),
        (TransactionState.TRYING, Event.FINAL): (TransactionState.COMPLETED, (Action.PASS,)),
        (TransactionState.PROCEEDING, Event.TIMER_E): (TransactionState.PROCEEDING, (Action.SEND,)),
        (TransactionState.PROCEEDING, Event.TIMER_F): (TransactionState.TERMINATED, ()),
        (TransactionState.PROCEEDING, Event.TRANSPORT_ERROR): (TransactionState.TERMINATED, ()),
        (TransactionState.PROCEEDING, Event.PROVISIONAL): (TransactionState.PROCEEDING, (Action.PASS,)),
        (TransactionState.PROCEEDING, Event.FINAL): (TransactionState.COMPLETED, (Action.PASS,)),
        (TransactionState.COMPLETED, Event.TIMER_K): (TransactionState.TERMINATED, ()),
    },
)

# RFC 3261 §17.2.1, RFC 6026 §7.1. A 2xx is sent again by the user until its ACK comes; Accepted only absorbs the INVITE and lets
# ACKs through (they match here when the peer reuses the branch). A transport error does not end Accepted: the dialog lives.
INVITE_SERVER = TransactionMachine(
    name="INVITE server",
    invite=True,
    start=TransactionState.PROCEEDING,
    timers={
        TransactionState.PROCEEDING: (None, None),
        TransactionState.ACCEPTED: (None, Event.TIMER_L),
        TransactionState.COMPLETED: (Event.TIMER_G, Event.TIMER_H),
        TransactionState.CONFIRMED: (None, Event.TIMER_I),
        TransactionState.TERMINATED: (None, None),
    },
    rows={
        (TransactionState.PROCEEDING, Event.REQUEST): (TransactionState.PROCEEDING, (Action.SEND,)),
        (TransactionState.PROCEEDING, Event.PROVISIONAL): (TransactionState.PROCEEDING, (Action.SEND,)),
        (TransactionState.PROCEEDING, Event.SUCCESS): (TransactionState.ACCEPTED, (Action.SEND,)),
        (TransactionState.PROCEEDING, Event.FAILURE): (TransactionState.COMPLETED, (Action.SEND,)),
        (TransactionState.PROCEEDING, Event.TRANSPORT_ERROR): (TransactionState.TERMINATED, ()),
        (TransactionState.ACCEPTED, Event.SUCCESS): (TransactionState.ACCEPTED, (Action.SEND,)),
        (TransactionState.ACCEPTED, Event.ACK): (TransactionState.ACCEPTED, (Action.PASS,)),
        (TransactionState.ACCEPTED, Event.TIMER_L): (TransactionState.TERMINATED, ()),
        (TransactionState.COMPLETED, Event.REQUEST): (TransactionState.COMPLETED, (Action.SEND,)),
        (TransactionState.COMPLETED, Event.TIMER_G): (TransactionState.COMPLETED, (Action.SEND,)),
        (TransactionState.COMPLETED, Event.ACK): (TransactionState.CONFIRMED, ()),
        (TransactionState.COMPLETED, Event.TIMER_H): (TransactionState.TERMINATED, ()),
        (TransactionState.COMPLETED, Event.TRANSPORT_ERROR): (TransactionState.TERMINATED, ()),
        (TransactionState.CONFIRMED, Event.TIMER_I): (TransactionState.TERMINATED, ()),
    },
)

# RFC 3261 §17.2.2.
OTHER_SERVER = TransactionMachine(
    name="non-INVITE server",
    invite=False,
    start=TransactionState.TRYING,
    timers={
        TransactionState.TRYING: (None, None),
        TransactionState.PROCEEDING: (None, None),
        TransactionState.COMPLETED: (None, Event.TIMER_J),
        TransactionState.TERMINATED: (None, None),
    },
    rows={
        (TransactionState.TRYING, Event.PROVISIONAL): (TransactionState.PROCEEDING, (Action.SEND,)),
        (TransactionState.TRYING, Event.FINAL): (TransactionState.COMPLETED, (Action.SEND,)),
        (TransactionState.PROCEEDING, Event.REQUEST): (TransactionState.PROCEEDING, (Action.SEND,)),
        (TransactionState.PROCEEDING, Event.PROVISIONAL): (TransactionState.PROCEEDING, (Action.SEND,)),
        (TransactionState.PROCEEDING, Event.FINAL): (TransactionState.COMPLETED, (Action.SEND,)),
        (TransactionState.PROCEEDING, Event.TRANSPORT_ERROR): (TransactionState.TERMINATED, ()),
        (TransactionState.COMPLETED, Event.REQUEST): (TransactionState.COMPLETED, (Action.SEND,)),
        (TransactionState.COMPLETED, Event.TRANSPORT_ERROR): (TransactionState.TERMINATED, ()),
        (TransactionState.COMPLETED, Event.TIMER_J): (TransactionState.TERMINATED, ()),
    },
)
