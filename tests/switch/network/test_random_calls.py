"""10,000 calls of people who do anything at any time, on networks that lose, double, delay, reorder and fall apart.

Each world comes from one seed. One that breaks a promise prints what is wrong, the command that plays it again, and the trace of one call.
"""

import pytest
from network_checks import broken_promises, told
from network_users import RandomCalls
from network_world import CARRIERS, LINES

from switch.call.record import Outcome

CALLS = 400
MOST_SHOWN = 5


def test_whatever_people_and_the_network_do(network_seed: int) -> None:
    world = RandomCalls(seed=network_seed, calls=CALLS).played()
    broken = list(broken_promises(world))
    if broken:
        lines = [f"{len(broken)} promises are broken in world {network_seed}. To play it again:"]
        lines += [f"  .venv/bin/pytest tests/switch/network/test_random_calls.py --network-seed {network_seed}"]
        lines += [f"{each.what}  {' '.join(each.call_ids)}" for each in broken[:MOST_SHOWN]]
        traced = next((each for each in broken if each.call_ids), None)
        pytest.fail("\n".join([*lines, *([told(world, traced)] if traced else [])]), pytrace=False)


def test_a_world_has_everything_in_it() -> None:
    """So that what the worlds promise is promised of something."""
    records = [judged.record for judged in RandomCalls(seed=1, calls=CALLS).played().records]
    outcomes = {(tried.line, tried.outcome) for record in records for tried in record.attempts}
    assert {(line, Outcome.ANSWERED) for line in LINES} <= outcomes
    assert set(Outcome) - {Outcome.CERTIFICATE_REFUSED} <= {outcome for _, outcome in outcomes}  # these worlds have no TLS
    assert {"caller_hung_up", "line_hung_up", "unauthorized", "unknown_number"} <= {each.ended_detail for each in records}
    assert {record.trunk for record in records if record.connected_ms} == set(CARRIERS)


def test_one_seed_is_one_history() -> None:
    once, again = (RandomCalls(seed=3, calls=60).played() for _ in range(2))
    assert once.flown == again.flown
    assert once.records == again.records
