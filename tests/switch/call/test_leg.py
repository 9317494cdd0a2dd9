"""The table of leg states is total, ends for good, and is what the docs show."""

from pathlib import Path

from switch.call.diagram import markdown
from switch.call.state import MOVES, LegMove, LegState, all_ended, move_leg


def test_every_move_has_a_row_in_every_state() -> None:
    assert set(MOVES) == set(LegState)
    assert all(set(moves) == set(LegMove) for moves in MOVES.values())


def test_nothing_comes_back_from_the_dead() -> None:
    assert set(MOVES[LegState.ENDED].values()) == {LegState.ENDED}
    assert set(MOVES[LegState.LEAVING].values()) == {LegState.LEAVING, LegState.ENDED}


def test_one_leg_moves_and_the_others_stay() -> None:
    legs = (LegState.RINGING, LegState.INVITED, LegState.INVITED)
    assert move_leg(legs, 1, LegMove.ANSWERS) == (LegState.RINGING, LegState.ANSWERED, LegState.INVITED)
    assert not all_ended(legs)


def test_the_docs_show_this_table() -> None:
    assert (Path(__file__).parents[3] / "docs" / "call-states.md").read_text(encoding="utf-8") == markdown()
