"""How `payphone simulate` plays invented calls and shows what becomes of them. What traffic is like: `switch.simulation`."""

from collections.abc import Iterator
from pathlib import Path

from switch.billing.verdict import JudgedCall
from switch.cli.common import count, fail, from_ledger, loaded_config
from switch.cli.sums import figures_as_json, parts_table, states_table
from switch.cli.table import show
from switch.deployment import Deployment
from switch.engine.clock import SystemClock
from switch.ledger.store import Ledger
from switch.output import progress, write_json
from switch.period import BadInstant, Period, instant_us, local_text, zone_of
from switch.period import days as local_days
from switch.settings.load import Loaded
from switch.simulation.sandbox import CONFIG, NotFresh, open_sandbox
from switch.simulation.simulate import Model, NoNumbers, scripts
from switch.simulation.simulator import Simulator
from switch.simulation.totals import By, Figures
from switch.simulation.traffic_model import TrafficModel
from switch.without_gc import without_gc

BATCH = 500
DAY_US = 86_400_000_000


def simulate_calls(
    config: Path,
    traffic: TrafficModel,
    *,
    calls: int | None,
    per_hour: float | None,
    begin: str | None,
    day_count: int,
    zone: str | None,
    seed: int,
    into: Path | None,
    by_part: bool,
    json_lines: bool,
) -> None:
    """Plays exactly `calls`, or as many as come at `per_hour`, and writes what they come to; exit 1 where it can't."""
    loaded = loaded_config(config)
    period = _period(loaded, begin, days=day_count, zone=zone)
    model = Model(period=period, seed=seed, calls=calls, per_hour=per_hour, traffic=traffic)
    figures = _run(loaded, model, config=config, into=into)
    if json_lines:
        for row in figures_as_json(figures):
            write_json(row)
        return
    show(_title(period, figures.total.calls, currency=_deployment(loaded).switch.currency), states_table(figures))
    show(*(parts_table(figures, by) for by in (By if by_part else (By.CAMPAIGN,))))
    if into is not None:
        show(f"{count(figures.total.calls, 'invented call')} in {into}: try `payphone calls --config {into / CONFIG}`")


def _deployment(loaded: Loaded) -> Deployment:
    if loaded.deployment is None:
        raise AssertionError("loaded_config lets no such config pass")
    return loaded.deployment


def _title(period: Period, calls: int, *, currency: str) -> str:
    first, last = (local_text(at_us, period.zone)[:10] for at_us in (period.from_us, period.to_us - 1))
    when = f"of {first}" if first == last else f"from {first} to {last}"
    return f"{count(calls, 'invented call')} {when}, {period.zone}, amounts in {currency}, rounded to cents"


def _period(loaded: Loaded, begin: str | None, *, days: int, zone: str | None) -> Period:
    zone = zone or zone_of(_deployment(loaded).plan)
    try:
        first = yesterday_us() if begin is None else instant_us(begin, zone=zone, option="--from")
        return local_days(first, days, zone=zone)
    except BadInstant as error:
        fail(str(error))


def _run(loaded: Loaded, model: Model, *, config: Path, into: Path | None) -> Figures:
    """What all calls come to, with a bar while they are played."""
    deployment = _deployment(loaded)
    plan, ledger = deployment.plan, None
    try:
        if into is not None:
            ledger, plan = from_ledger(lambda: open_sandbox(into, config=config, at_us=model.period.from_us))
        expected, made = scripts(plan, model)
    except (NoNumbers, NotFresh) as error:
        fail(str(error))
    simulator = Simulator(plan, prompts=deployment.prompt_lengths_ms, noting=ledger is not None)
    simulator.control.usage.set_groups(plan.lines_of_groups)
    figures = Figures()
    with without_gc(), progress("simulating") as done:
        played = simulator.play(made) if ledger is None else _recorded(simulator.play(made), ledger)
        for over, judged in enumerate(played, start=1):
            figures.add(judged)
            if over % BATCH == 0:
                done(over, expected)
    return figures


def _recorded(played: Iterator[JudgedCall], ledger: Ledger) -> Iterator[JudgedCall]:
    """The same calls; each is in the ledger when the last one has been given."""
    waiting: list[JudgedCall] = []
    for judged in played:
        waiting.append(judged)
        if len(waiting) == BATCH:
            _write(ledger, waiting)
        yield judged
    _write(ledger, waiting)


def _write(ledger: Ledger, waiting: list[JudgedCall]) -> None:
    from_ledger(lambda: ledger.write(waiting))
    waiting.clear()


def yesterday_us() -> int:
    """This time yesterday."""
    return SystemClock().now().utc_us - DAY_US
