"""Makes a day of invented calls for a plan: numbers, callers, what they press. `simulator` runs them.

Call ids begin with `sim-`, so that nobody takes one for a call that was.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from ivr.step import MenuContext
from routing.decide import decide
from routing.expression import Kind, Scalar
from routing.geo import known_zip
from routing.load import EMPTY_LOAD
from routing.ruling import EnterMenu, Inquiry
from routing.table import NumberState
from routing.tags import CLOSED
from switch.engine.plan import Plan
from switch.period import Period
from switch.simulation.call_script import CallScript
from switch.simulation.dtmf_model import digits
from switch.simulation.traffic import SHY_S, Callers, LineTraits, RandomLines, arrivals, lasting_ms, line_traits
from switch.simulation.traffic_model import TrafficModel

MARK = "sim-"
SEED_BITS = 48
"""As the running switch draws them."""
SUBS = 6
"""How many different texts a header passes."""


class NoNumbers(Exception):
    """The config has no tracking number that takes calls, or no trunk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What is simulated. Exactly one of `calls` and `per_hour` is given."""

    period: Period
    seed: int
    calls: int | None = None
    per_hour: float | None = None
    traffic: TrafficModel = field(default_factory=TrafficModel)


def scripts(plan: Plan, model: Model) -> tuple[int, Iterator[CallScript]]:
    """How many calls there will be, and the calls in the order they come. Raises NoNumbers."""
    numbers = sorted(did for did, number in plan.table.numbers.items() if number.state is NumberState.ASSIGNED)
    if not numbers or not plan.trunks:
        raise NoNumbers("no tracking number is assigned, or there is no trunk: nobody can call")
    instants = arrivals(model.period, _chance(model.seed, "arrivals"), calls=model.calls, per_hour=model.per_hour)
    return len(instants), _scripts(plan, model, numbers=numbers, instants=instants)


def _scripts(plan: Plan, model: Model, *, numbers: list[str], instants: list[int]) -> Iterator[CallScript]:
    chance = _chance(model.seed, "callers")
    callers = Callers(chance, model.traffic)
    liked = [_chance(model.seed, did).paretovariate(2) for did in numbers]  # some are advertised more
    traits = {line: line_traits(line, seed=model.seed, traffic=model.traffic) for line in plan.table.lines}
    trunks = [trunk.name for trunk in plan.trunks]
    for number, at_us in enumerate(instants):
        inquiry = Inquiry(
            did=chance.choices(numbers, liked)[0],
            ani=callers.next(),
            trunk=chance.choice(trunks),
            utc_us=at_us,
            seed=chance.getrandbits(SEED_BITS),
            tags=_passed(plan, chance),
        )
        yield _script(plan, model, inquiry, call_id=f"{MARK}{model.seed}-{number:07d}", traits=traits)


def _script(plan: Plan, model: Model, inquiry: Inquiry, *, call_id: str, traits: Mapping[str, LineTraits]) -> CallScript:
    traffic = model.traffic
    chance = _chance(inquiry.seed, "caller")
    shy = chance.random() < traffic.leaves_menu
    patience_ms = lasting_ms(chance, traffic.patience_s, spread=0.6, least=3_000, most=3_600_000)
    return CallScript(
        call_id=call_id,
        did=inquiry.did,
        ani=inquiry.ani,
        trunk=inquiry.trunk,
        at_us=inquiry.utc_us,
        seed=inquiry.seed,
        tags=inquiry.tags,
        digits=_pressed(plan, inquiry, chance, slips=traffic.wrong_key),
        digit_ms=lasting_ms(chance, traffic.digit_s, spread=0.35, least=200, most=20_000),
        patience_ms=int(1_000 * chance.uniform(*SHY_S)) if shy else patience_ms,
        conduct=RandomLines(seed=inquiry.seed, traffic=traffic, traits=traits),
    )


def _pressed(plan: Plan, inquiry: Inquiry, chance: Random, *, slips: float) -> str:
    """Through the menu that routing has for this call while nothing else is on."""
    choice = decide(plan.table, EMPTY_LOAD, inquiry).choice
    if not isinstance(choice, EnterMenu):
        return ""
    return digits(plan.menus[choice.menu], MenuContext(utc_us=inquiry.utc_us, tags=choice.tags), chance, slips=slips)


def _passed(plan: Plan, chance: Random) -> dict[str, Scalar]:
    """What headers pass of a call, where the config reads any; most calls have them all."""
    wanted = sorted(plan.headers.values())
    return {tag: _value(tag, kind, chance) for tag, kind in wanted if chance.random() < 0.9}


def _value(tag: str, kind: Kind, chance: Random) -> Scalar:
    if tag in CLOSED:
        return chance.choice(sorted(CLOSED[tag], key=str))
    match kind:
        case Kind.TEXT if "zip" in tag:
            return next(text for text in iter(lambda: f"{chance.randrange(100_000):05d}", "") if known_zip(text))
        case Kind.TEXT:
            return f"{tag}-{chance.randint(1, SUBS)}"
        case Kind.NUMBER:
            return chance.randint(18, 90)
        case Kind.TRUTH:
            return chance.random() < 0.5


def _chance(seed: int, of: str) -> Random:
    return Random(f"{seed}/{of}")  # noqa: S311 invented traffic, no secret
