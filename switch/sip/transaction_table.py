"""PURE. Holds the four transaction machines of RFC 3261 §17, and the Accepted states of RFC 6026, as data. `transaction` runs them.

How to read a table. A machine is in one `State`; something happens, a `Input`; the row for the two says which state is next and what
is done, in order. No row means: nothing happens. That is how late, duplicated and crossed messages are absorbed.

Timers belong to states. A state has at most two: one that sends again (A, E, G) and one that bounds the stay (the others). Entering
a state starts its timers and stops those of the state left; a timer that both states have runs on (E and F across a 1xx).

The tables are for unreliable transports. A client's cues PROVISIONAL, SUCCESS, FAILURE, FINAL are answers received; a server's are
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


class State(IntEnum):
    """The states of a transaction."""

    CALLING = auto()
    TRYING = auto()
    PROCEEDING = auto()
    ACCEPTED = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    TERMINATED = auto()


class Input(IntEnum):
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
    """What a transaction does on a cue."""

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


END_BY_CUE: Mapping[Input, TransactionEnd] = {
    Input.TIMER_B: TransactionEnd.TIMEOUT,
    Input.TIMER_F: TransactionEnd.TIMEOUT,
    Input.TIMER_H: TransactionEnd.NO_ACK,
    Input.TRANSPORT_ERROR: TransactionEnd.UNREACHABLE,
}
"""How a transaction ended, by the cue that terminated it; any other cue: `TransactionEnd.DONE`."""

SHORT_LIVES = frozenset({Input.TIMER_I, Input.TIMER_K})
"""Timers that last T4. The others that bound a stay last 64*T1."""

Row = tuple[State, tuple[Action, ...]]
StateTimers = tuple[Input | None, Input | None]
"""(the timer that sends again, the timer that bounds the stay)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionMachine:
    """One of the four machines. `invite`: whether 2xx and 300-699 are different cues."""

    name: str
    invite: bool
    start: State
    timers: Mapping[State, StateTimers]
    rows: Mapping[tuple[State, Input], Row]

    def cue_of(self, status: int) -> Input:
        """Returns the cue of an answer with this status."""
        if status < 200:
            return Input.PROVISIONAL
        if not self.invite:
            return Input.FINAL
        return Input.SUCCESS if status < 300 else Input.FAILURE


# RFC 3261 §17.1.1, RFC 6026 §7.2. Timer B bounds Calling only: an INVITE may stay in Proceeding for ever, the user hangs up.
INVITE_CLIENT = TransactionMachine(
    name="INVITE client",
    invite=True,
    start=State.CALLING,
    timers={
        State.CALLING: (Input.TIMER_A, Input.TIMER_B),
        State.PROCEEDING: (None, None),
        State.ACCEPTED: (None, Input.TIMER_M),
        State.COMPLETED: (None, Input.TIMER_D),
        State.TERMINATED: (None, None),
    },
    rows={
        (State.CALLING, Input.TIMER_A): (State.CALLING, (Action.SEND,)),
        (State.CALLING, Input.TIMER_B): (State.TERMINATED, ()),
        (State.CALLING, Input.TRANSPORT_ERROR): (State.TERMINATED, ()),
        (State.CALLING, Input.PROVISIONAL): (State.PROCEEDING, (Action.PASS,)),
        (State.CALLING, Input.SUCCESS): (State.ACCEPTED, (Action.PASS,)),
        (State.CALLING, Input.FAILURE): (State.COMPLETED, (Action.SEND_ACK, Action.PASS)),
        (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, (Action.PASS,)),
        (State.PROCEEDING, Input.SUCCESS): (State.ACCEPTED, (Action.PASS,)),
        (State.PROCEEDING, Input.FAILURE): (State.COMPLETED, (Action.SEND_ACK, Action.PASS)),
        (State.ACCEPTED, Input.SUCCESS): (State.ACCEPTED, (Action.PASS,)),
        (State.ACCEPTED, Input.TIMER_M): (State.TERMINATED, ()),
        (State.COMPLETED, Input.FAILURE): (State.COMPLETED, (Action.SEND,)),
        (State.COMPLETED, Input.TRANSPORT_ERROR): (State.TERMINATED, ()),
        (State.COMPLETED, Input.TIMER_D): (State.TERMINATED, ()),
    },
)

# RFC 3261 §17.1.2.
OTHER_CLIENT = TransactionMachine(
    name="non-INVITE client",
    invite=False,
    start=State.TRYING,
    timers={
        State.TRYING: (Input.TIMER_E, Input.TIMER_F),
        State.PROCEEDING: (Input.TIMER_E, Input.TIMER_F),
        State.COMPLETED: (None, Input.TIMER_K),
        State.TERMINATED: (None, None),
    },
    rows={
        (State.TRYING, Input.TIMER_E): (State.TRYING, (Action.SEND,)),
        (State.TRYING, Input.TIMER_F): (State.TERMINATED, ()),
        (State.TRYING, Input.TRANSPORT_ERROR): (State.TERMINATED, ()),
        (State.TRYING, Input.PROVISIONAL): (State.PROCEEDING, (Action.PASS,)),
        (State.TRYING, Input.FINAL): (State.COMPLETED, (Action.PASS,)),
        (State.PROCEEDING, Input.TIMER_E): (State.PROCEEDING, (Action.SEND,)),
        (State.PROCEEDING, Input.TIMER_F): (State.TERMINATED, ()),
        (State.PROCEEDING, Input.TRANSPORT_ERROR): (State.TERMINATED, ()),
        (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, (Action.PASS,)),
        (State.PROCEEDING, Input.FINAL): (State.COMPLETED, (Action.PASS,)),
        (State.COMPLETED, Input.TIMER_K): (State.TERMINATED, ()),
    },
)

# RFC 3261 §17.2.1, RFC 6026 §7.1. A 2xx is sent again by the user until its ACK comes; Accepted only absorbs the INVITE and lets
# ACKs through (they match here when the peer reuses the branch). A transport error does not end Accepted: the dialog lives.
INVITE_SERVER = TransactionMachine(
    name="INVITE server",
    invite=True,
    start=State.PROCEEDING,
    timers={
        State.PROCEEDING: (None, None),
        State.ACCEPTED: (None, Input.TIMER_L),
        State.COMPLETED: (Input.TIMER_G, Input.TIMER_H),
        State.CONFIRMED: (None, Input.TIMER_I),
        State.TERMINATED: (None, None),
    },
    rows={
        (State.PROCEEDING, Input.REQUEST): (State.PROCEEDING, (Action.SEND,)),
        (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, (Action.SEND,)),
        (State.PROCEEDING, Input.SUCCESS): (State.ACCEPTED, (Action.SEND,)),
        (State.PROCEEDING, Input.FAILURE): (State.COMPLETED, (Action.SEND,)),
        (State.PROCEEDING, Input.TRANSPORT_ERROR): (State.TERMINATED, ()),
        (State.ACCEPTED, Input.SUCCESS): (State.ACCEPTED, (Action.SEND,)),
        (State.ACCEPTED, Input.ACK): (State.ACCEPTED, (Action.PASS,)),
        (State.ACCEPTED, Input.TIMER_L): (State.TERMINATED, ()),
        (State.COMPLETED, Input.REQUEST): (State.COMPLETED, (Action.SEND,)),
        (State.COMPLETED, Input.TIMER_G): (State.COMPLETED, (Action.SEND,)),
        (State.COMPLETED, Input.ACK): (State.CONFIRMED, ()),
        (State.COMPLETED, Input.TIMER_H): (State.TERMINATED, ()),
        (State.COMPLETED, Input.TRANSPORT_ERROR): (State.TERMINATED, ()),
        (State.CONFIRMED, Input.TIMER_I): (State.TERMINATED, ()),
    },
)

# RFC 3261 §17.2.2.
OTHER_SERVER = TransactionMachine(
    name="non-INVITE server",
    invite=False,
    start=State.TRYING,
    timers={
        State.TRYING: (None, None),
        State.PROCEEDING: (None, None),
        State.COMPLETED: (None, Input.TIMER_J),
        State.TERMINATED: (None, None),
    },
    rows={
        (State.TRYING, Input.PROVISIONAL): (State.PROCEEDING, (Action.SEND,)),
        (State.TRYING, Input.FINAL): (State.COMPLETED, (Action.SEND,)),
        (State.PROCEEDING, Input.REQUEST): (State.PROCEEDING, (Action.SEND,)),
        (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, (Action.SEND,)),
        (State.PROCEEDING, Input.FINAL): (State.COMPLETED, (Action.SEND,)),
        (State.PROCEEDING, Input.TRANSPORT_ERROR): (State.TERMINATED, ()),
        (State.COMPLETED, Input.REQUEST): (State.COMPLETED, (Action.SEND,)),
        (State.COMPLETED, Input.TRANSPORT_ERROR): (State.TERMINATED, ()),
        (State.COMPLETED, Input.TIMER_J): (State.TERMINATED, ()),
    },
)
