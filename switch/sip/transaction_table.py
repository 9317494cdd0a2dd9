"""PURE. Knows the four transaction machines of RFC 3261 §17, and the Accepted states of RFC 6026, as data. `transaction` runs it.

How to read a table. A machine is in one `State`; something happens, a `Cue`; the row for the two says which state is next and what
is done, in order. No row means: nothing happens. That is how late, duplicated and crossed messages are absorbed.

Timers belong to states. A state has at most two: one that sends again (A, E, G) and one that bounds the stay (the others). Entering
a state starts its timers and stops those of the state left; a timer that both states have runs on (E and F across a 1xx).

The tables are for unreliable transports. A client's cues PROVISIONAL, SUCCESS, FAILURE, FINAL are answers received; a server's are
answers its user sends. INVITE tells 2xx (SUCCESS) from 300-699 (FAILURE), other methods only know FINAL.

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
    """Where a transaction is."""

    CALLING = auto()
    TRYING = auto()
    PROCEEDING = auto()
    ACCEPTED = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    TERMINATED = auto()


class Cue(IntEnum):
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


class Do(IntEnum):
    """What a transaction does on a cue."""

    SEND = auto()
    """Send what was last sent, or what the user just gave."""
    SEND_ACK = auto()
    """Make the ACK to a 300-699 answer (§17.1.1.3) and send it; from now on that is what SEND sends."""
    PASS = auto()
    """Give the message to the user."""


class End(IntEnum):
    """How a transaction ended."""

    DONE = auto()
    TIMEOUT = auto()
    """Nobody answered our request (Timers B, F)."""
    NO_ACK = auto()
    """Nobody acknowledged our 300-699 (Timer H)."""
    UNREACHABLE = auto()
    """The transport could not send."""


END_BY_CUE: Mapping[Cue, End] = {
    Cue.TIMER_B: End.TIMEOUT,
    Cue.TIMER_F: End.TIMEOUT,
    Cue.TIMER_H: End.NO_ACK,
    Cue.TRANSPORT_ERROR: End.UNREACHABLE,
}
"""The cue that terminates a transaction tells how it ended; any other cue: `End.DONE`."""

SHORT_LIVES = frozenset({Cue.TIMER_I, Cue.TIMER_K})
"""Timers that last T4. The others that bound a stay last 64*T1."""

Row = tuple[State, tuple[Do, ...]]
StateTimers = tuple[Cue | None, Cue | None]
"""(the timer that sends again, the timer that bounds the stay)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One of the four machines. `invite`: whether 2xx and 300-699 are different cues."""

    name: str
    invite: bool
    start: State
    timers: Mapping[State, StateTimers]
    rows: Mapping[tuple[State, Cue], Row]

    def cue_of(self, status: int) -> Cue:
        """The cue that an answer of this status is."""
        if status < 200:
            return Cue.PROVISIONAL
        if not self.invite:
            return Cue.FINAL
        return Cue.SUCCESS if status < 300 else Cue.FAILURE


# RFC 3261 §17.1.1, RFC 6026 §7.2. Timer B bounds Calling only: an INVITE that rings may ring for ever, the user hangs up.
INVITE_CLIENT = Machine(
    name="INVITE client",
    invite=True,
    start=State.CALLING,
    timers={
        State.CALLING: (Cue.TIMER_A, Cue.TIMER_B),
        State.PROCEEDING: (None, None),
        State.ACCEPTED: (None, Cue.TIMER_M),
        State.COMPLETED: (None, Cue.TIMER_D),
        State.TERMINATED: (None, None),
    },
    rows={
        (State.CALLING, Cue.TIMER_A): (State.CALLING, (Do.SEND,)),
        (State.CALLING, Cue.TIMER_B): (State.TERMINATED, ()),
        (State.CALLING, Cue.TRANSPORT_ERROR): (State.TERMINATED, ()),
        (State.CALLING, Cue.PROVISIONAL): (State.PROCEEDING, (Do.PASS,)),
        (State.CALLING, Cue.SUCCESS): (State.ACCEPTED, (Do.PASS,)),
        (State.CALLING, Cue.FAILURE): (State.COMPLETED, (Do.SEND_ACK, Do.PASS)),
        (State.PROCEEDING, Cue.PROVISIONAL): (State.PROCEEDING, (Do.PASS,)),
        (State.PROCEEDING, Cue.SUCCESS): (State.ACCEPTED, (Do.PASS,)),
        (State.PROCEEDING, Cue.FAILURE): (State.COMPLETED, (Do.SEND_ACK, Do.PASS)),
        (State.ACCEPTED, Cue.SUCCESS): (State.ACCEPTED, (Do.PASS,)),
        (State.ACCEPTED, Cue.TIMER_M): (State.TERMINATED, ()),
        (State.COMPLETED, Cue.FAILURE): (State.COMPLETED, (Do.SEND,)),
        (State.COMPLETED, Cue.TRANSPORT_ERROR): (State.TERMINATED, ()),
        (State.COMPLETED, Cue.TIMER_D): (State.TERMINATED, ()),
    },
)

# RFC 3261 §17.1.2.
OTHER_CLIENT = Machine(
    name="non-INVITE client",
    invite=False,
    start=State.TRYING,
    timers={
        State.TRYING: (Cue.TIMER_E, Cue.TIMER_F),
        State.PROCEEDING: (Cue.TIMER_E, Cue.TIMER_F),
        State.COMPLETED: (None, Cue.TIMER_K),
        State.TERMINATED: (None, None),
    },
    rows={
        (State.TRYING, Cue.TIMER_E): (State.TRYING, (Do.SEND,)),
        (State.TRYING, Cue.TIMER_F): (State.TERMINATED, ()),
        (State.TRYING, Cue.TRANSPORT_ERROR): (State.TERMINATED, ()),
        (State.TRYING, Cue.PROVISIONAL): (State.PROCEEDING, (Do.PASS,)),
        (State.TRYING, Cue.FINAL): (State.COMPLETED, (Do.PASS,)),
        (State.PROCEEDING, Cue.TIMER_E): (State.PROCEEDING, (Do.SEND,)),
        (State.PROCEEDING, Cue.TIMER_F): (State.TERMINATED, ()),
        (State.PROCEEDING, Cue.TRANSPORT_ERROR): (State.TERMINATED, ()),
        (State.PROCEEDING, Cue.PROVISIONAL): (State.PROCEEDING, (Do.PASS,)),
        (State.PROCEEDING, Cue.FINAL): (State.COMPLETED, (Do.PASS,)),
        (State.COMPLETED, Cue.TIMER_K): (State.TERMINATED, ()),
    },
)

# RFC 3261 §17.2.1, RFC 6026 §7.1. A 2xx is sent again by the user until its ACK comes; Accepted only absorbs the INVITE and lets
# ACKs through (they match here when the peer reuses the branch). A transport error does not end Accepted: the dialog lives.
INVITE_SERVER = Machine(
    name="INVITE server",
    invite=True,
    start=State.PROCEEDING,
    timers={
        State.PROCEEDING: (None, None),
        State.ACCEPTED: (None, Cue.TIMER_L),
        State.COMPLETED: (Cue.TIMER_G, Cue.TIMER_H),
        State.CONFIRMED: (None, Cue.TIMER_I),
        State.TERMINATED: (None, None),
    },
    rows={
        (State.PROCEEDING, Cue.REQUEST): (State.PROCEEDING, (Do.SEND,)),
        (State.PROCEEDING, Cue.PROVISIONAL): (State.PROCEEDING, (Do.SEND,)),
        (State.PROCEEDING, Cue.SUCCESS): (State.ACCEPTED, (Do.SEND,)),
        (State.PROCEEDING, Cue.FAILURE): (State.COMPLETED, (Do.SEND,)),
        (State.PROCEEDING, Cue.TRANSPORT_ERROR): (State.TERMINATED, ()),
        (State.ACCEPTED, Cue.SUCCESS): (State.ACCEPTED, (Do.SEND,)),
        (State.ACCEPTED, Cue.ACK): (State.ACCEPTED, (Do.PASS,)),
        (State.ACCEPTED, Cue.TIMER_L): (State.TERMINATED, ()),
        (State.COMPLETED, Cue.REQUEST): (State.COMPLETED, (Do.SEND,)),
        (State.COMPLETED, Cue.TIMER_G): (State.COMPLETED, (Do.SEND,)),
        (State.COMPLETED, Cue.ACK): (State.CONFIRMED, ()),
        (State.COMPLETED, Cue.TIMER_H): (State.TERMINATED, ()),
        (State.COMPLETED, Cue.TRANSPORT_ERROR): (State.TERMINATED, ()),
        (State.CONFIRMED, Cue.TIMER_I): (State.TERMINATED, ()),
    },
)

# RFC 3261 §17.2.2.
OTHER_SERVER = Machine(
    name="non-INVITE server",
    invite=False,
    start=State.TRYING,
    timers={
        State.TRYING: (None, None),
        State.PROCEEDING: (None, None),
        State.COMPLETED: (None, Cue.TIMER_J),
        State.TERMINATED: (None, None),
    },
    rows={
        (State.TRYING, Cue.PROVISIONAL): (State.PROCEEDING, (Do.SEND,)),
        (State.TRYING, Cue.FINAL): (State.COMPLETED, (Do.SEND,)),
        (State.PROCEEDING, Cue.REQUEST): (State.PROCEEDING, (Do.SEND,)),
        (State.PROCEEDING, Cue.PROVISIONAL): (State.PROCEEDING, (Do.SEND,)),
        (State.PROCEEDING, Cue.FINAL): (State.COMPLETED, (Do.SEND,)),
        (State.PROCEEDING, Cue.TRANSPORT_ERROR): (State.TERMINATED, ()),
        (State.COMPLETED, Cue.REQUEST): (State.COMPLETED, (Do.SEND,)),
        (State.COMPLETED, Cue.TRANSPORT_ERROR): (State.TERMINATED, ()),
        (State.COMPLETED, Cue.TIMER_J): (State.TERMINATED, ()),
    },
)
