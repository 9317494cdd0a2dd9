"""Draws the table of leg states as a diagram: `python -m switch.call.diagram > docs/call-states.md`."""

import sys

from switch.call.state import MOVES, LegMove, LegState

_HEAD = """# The states of a leg

Leg 0 is the caller's, leg *n* that of the *n*-th attempt at a line. Generated from `switch/call/state.py` by
`python -m switch.call.diagram > docs/call-states.md`; a test holds the two together. Moves that change nothing are left out of the
picture: the table below has them all.
"""


def markdown() -> str:
    """The page: a Mermaid state diagram, then the whole table."""
    return "\n".join([_HEAD, "```mermaid", *_picture(), "```", "", *_table(), ""])


def _picture() -> list[str]:
    lines = ["stateDiagram-v2", f"    [*] --> {LegState.INVITED}"]
    for state, moves in MOVES.items():
        lines += [f"    {state} --> {after}: {move}" for move, after in moves.items() if after is not state]
    return [*lines, f"    {LegState.ENDED} --> [*]"]


def _table() -> list[str]:
    head = "| state | " + " | ".join(LegMove) + " |"
    rule = "|---|" + "---|" * len(LegMove)
    rows = [f"| {state} | " + " | ".join(moves[move] for move in LegMove) + " |" for state, moves in MOVES.items()]
    return [head, rule, *rows]


if __name__ == "__main__":
    sys.stdout.write(markdown())
