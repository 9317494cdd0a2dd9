"""One round of fuzzing: a whole switch in a simulated world hears calls, and mutated datagrams between them. All of it follows from a seed.

Mutated are the messages that have just flown in that world, whose tags and branches are live, and the kept corpus (`tests/fuzz/corpus`).
"""

from pathlib import Path
from random import Random

from engine_world import CARRIER, EAST, MENU, STRANGER, SWITCH, line, plan
from hostile_wire import Wire, mutated

from switch.engine.effect import LogPeer

CORPUS = Path(__file__).parents[1] / "fuzz" / "corpus"
RECENT = 300
"""Datagrams of the world from which the next is drawn."""
CALL_EVERY = 60
MAX_LOGGED = 10
"""Lines that one host may cause; less than an hour passes before the peers fall silent."""
SOURCES = (CARRIER, CARRIER, EAST, STRANGER)


def corpus() -> list[bytes]:
    """The kept messages, in the order of their names."""
    return [path.read_bytes() for path in sorted(CORPUS.glob("*.sip"))]


def fuzz_round(seed: int, *, datagrams: int) -> int:
    """Plays a round of so many datagrams. Returns how many calls left a record. Raises AssertionError, or whatever the switch raises."""
    random = Random(seed)
    kept = corpus()
    world = Wire(plan(line("east", EAST), menu=MENU, max_calls=100), seed=seed)
    world.line_phone(EAST, answer_ms=300)
    for number in range(datagrams):
        if number % CALL_EVERY == 0:
            world.forget_flown(RECENT)
            world.call(hang_up_ms=random.choice((None, 200, 5_000)))
            world.run(30)
            world.press("1")
            world.run(1_000)
        world.hear(_datagram(world, kept, number, random), random.choice(SOURCES))
        assert world.complaints == [], f"datagram {number}: {world.complaints[0]}"
    _is_quiet_in_the_log(world)
    world.wind_down()
    return len(world.records)


def _datagram(world: Wire, kept: list[bytes], number: int, random: Random) -> bytes:
    live = [data for data, _, target in world.flown[-RECENT:] if target == SWITCH]
    data = random.choice(kept if random.random() < 0.3 or not live else live)
    fresh = data.replace(b"z9hG4bK", b"z9hG4bK%d" % number, 1) if random.random() < 0.5 else data
    return mutated(fresh, random)


def _is_quiet_in_the_log(world: Wire) -> None:
    logged = [effect.source.host for effect in world.effects if isinstance(effect, LogPeer)]
    assert all(logged.count(host) <= MAX_LOGGED for host in set(logged))
