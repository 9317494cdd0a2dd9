"""Knows the states of one leg and every move between them. Does not know SIP messages: the agent has turned them into facts.

Leg 0 is the caller's, leg n the n-th attempt's. The table is total: whatever happens to a leg in whatever state has a row, so
that a late or doubled fact is harmless. `docs/call-states.md` is generated from it (`python -m switch.call.diagram`).
"""

from enum import StrEnum


class LegState(StrEnum):
    INVITED = "invited"
    """INVITE received (caller) or sent (line)."""
    RINGING = "ringing"
    ANSWERED = "answered"
    LEAVING = "leaving"
    """We told it to end (CANCEL, BYE or a refusal is on its way) and wait for the end."""
    ENDED = "ended"


class LegMove(StrEnum):
    RINGS = "rings"
    ANSWERS = "answers"
    IS_TOLD_TO_END = "is told to end"
    ENDS = "ends"


_I, _R, _A, _L, _E = LegState
_RINGS, _ANSWERS, _TOLD, _ENDS = LegMove

MOVES: dict[LegState, dict[LegMove, LegState]] = {
    _I: {_RINGS: _R, _ANSWERS: _A, _TOLD: _L, _ENDS: _E},
    _R: {_RINGS: _R, _ANSWERS: _A, _TOLD: _L, _ENDS: _E},
    _A: {_RINGS: _A, _ANSWERS: _A, _TOLD: _L, _ENDS: _E},  # an 18x that the 200 overtook changes nothing
    _L: {_RINGS: _L, _ANSWERS: _L, _TOLD: _L, _ENDS: _E},  # a 200 that crossed our CANCEL: told to end once more
    _E: {_RINGS: _E, _ANSWERS: _E, _TOLD: _E, _ENDS: _E},
}

Legs = tuple[LegState, ...]

CALLER = 0


def moved(legs: Legs, leg: int, move: LegMove) -> Legs:
    """`legs` after `move` happened to number `leg`."""
    return (*legs[:leg], MOVES[legs[leg]][move], *legs[leg + 1 :])


def all_ended(legs: Legs) -> bool:
    return all(state is LegState.ENDED for state in legs)
