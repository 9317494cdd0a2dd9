"""The command `payphone simulate`. What the traffic is like and what becomes of it: `switch.simulation`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from switch.billing.verdict import JudgedCall
from switch.cli.common import EXIT, AsJson, ConfigDir, app, count, fail, from_ledger, loaded_config
from switch.cli.sums import figures_as_json, parts_table, states_table
from switch.cli.table import show
from switch.engine.clock import SystemClock
from switch.ledger.store import Ledger
from switch.output import progress, write_json
from switch.settings.load import Loaded
from switch.settings.plan import Deployment
from switch.settings.without_gc import without_gc
from switch.simulation.period import BadInstant, Period, instant, local_text, zone_of
from switch.simulation.period import days as local_days
from switch.simulation.prompt_lengths import lengths_ms
from switch.simulation.sandbox import CONFIG, NotFresh, open_sandbox
from switch.simulation.simulate import Model, NoNumbers, scripts
from switch.simulation.simulator import Simulator
from switch.simulation.totals import By, Figures
from switch.simulation.traffic import TrafficModel

DEFAULT_CALLS = 1_000
MAX_CALLS = 2_000_000
MAX_PER_HOUR = 100_000
MAX_DAYS = 366
BATCH = 500
USUAL = TrafficModel()


@app.command(epilog=EXIT)
def simulate(
    *,
    config: ConfigDir = Path("config"),
    calls: Annotated[int | None, typer.Option(min=1, max=MAX_CALLS, help=f"How many. Default: {DEFAULT_CALLS}.")] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.01, max=MAX_PER_HOUR, help="Or: calls an hour, the mean over all hours.")
    ] = None,
    begin: Annotated[str | None, typer.Option("--from", help="The first day, e.g. 2026-11-18. Default: yesterday.")] = None,
    day_count: Annotated[int, typer.Option("--days", min=1, max=MAX_DAYS, help="How many days.")] = 1,
    zone: Annotated[str | None, typer.Option(help="IANA zone of the days. Default: that of most campaigns.")] = None,
    seed: Annotated[int, typer.Option(help="The same one gives the same traffic.")] = 1,
    into: Annotated[Path | None, typer.Option(help="A new directory, for a ledger of these calls and a config beside it.")] = None,
    answered: Annotated[float, typer.Option(min=0, max=1, help="How often lines answer.")] = USUAL.answered,
    busy: Annotated[float, typer.Option(min=0, max=1, help="Of those that do not, so many are busy,")] = USUAL.busy,
    failed: Annotated[float, typer.Option(min=0, max=1, help="so many fail,")] = USUAL.failed,
    silent: Annotated[float, typer.Option(min=0, max=1, help="so many are dead; the others ring.")] = USUAL.silent,
    ring: Annotated[float, typer.Option(min=0.1, max=300, help="Seconds until a line answers, median.")] = USUAL.ring_s,
    talk: Annotated[float, typer.Option(min=0.1, max=7_200, help="Seconds of talk, median.")] = USUAL.talk_s,
    patience: Annotated[float, typer.Option(min=1, max=7_200, help="Seconds that a caller waits, median.")] = USUAL.patience_s,
    wrong_key: Annotated[float, typer.Option(min=0, max=1, help="How often a menu is answered wrongly.")] = USUAL.wrong_key,
    leaves_menu: Annotated[float, typer.Option(min=0, max=1, help="How many callers hang up at once.")] = USUAL.leaves_menu,
    again: Annotated[float, typer.Option(min=0, max=1, help="How many have called before.")] = USUAL.again,
    report: Annotated[bool, typer.Option("--report", help="By campaign, publisher, advertiser and line too.")] = False,
    json_lines: AsJson = False,
) -> None:
    """Make traffic where there is none: invented calls through menus, routing, caps and money, in simulated time.

    Callers come as on working days, from all over the US, walk the menus, err, lose patience; lines answer, are busy, are dead. The same
    seed gives the same calls. With --into they go to a ledger of their own, on which `calls`, `explain` and `replay` can be tried.

    \b
    Examples:
      payphone simulate --rate 200 --days 2 --report
      payphone simulate --calls 20000 --into /tmp/try
      payphone calls --config /tmp/try/config
    """
    if calls is not None and rate is not None:
        fail("--calls and --rate both say how many: give one of them")
    manners = TrafficModel(
        answered=answered,
        busy=busy,
        failed=failed,
        silent=silent,
        ring_s=ring,
        talk_s=talk,
        patience_s=patience,
        wrong_key=wrong_key,
        leaves_menu=leaves_menu,
        again=again,
    )
    loaded = loaded_config(config)
    period = _period(loaded, begin, days=day_count, zone=zone)
    many = None if rate else calls or DEFAULT_CALLS
    model = Model(period=period, seed=seed, calls=many, per_hour=rate, manners=manners)
    figures = _run(loaded, model, config=config, into=into)
    if json_lines:
        for row in figures_as_json(figures):
            write_json(row)
        return
    show(_title(period, figures.total.calls, currency=_deployment(loaded).switch.currency), states_table(figures))
    show(*(parts_table(figures, by) for by in (By if report else (By.CAMPAIGN,))))
    if into is not None:
        show(f"{count(figures.total.calls, 'invented call')} in {into}: try `payphone calls --config {into / CONFIG}`")


def _deployment(loaded: Loaded) -> Deployment:
    if loaded.deployment is None:
        raise AssertionError("loaded_config lets no such config pass")
    return loaded.deployment


def _title(period: Period, calls: int, *, currency: str) -> str:
    first, last = (local_text(at_us, period.zone)[:10] for at_us in (period.from_us, period.to_us - 1))
    when = f"of {first}" if first == last else f"from {first} to {last}"
    return f"{count(calls, 'invented call')} {when}, {period.zone}, amounts in {currency}"


def _period(loaded: Loaded, begin: str | None, *, days: int, zone: str | None) -> Period:
    zone = zone or zone_of(_deployment(loaded).plan)
    try:
        first = yesterday() if begin is None else instant(begin, zone=zone)
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
    stage = Simulator(plan, prompts=lengths_ms(deployment.switch.prompts), noting=ledger is not None)
    stage.control.usage.grouped(plan.lines_of_groups)
    figures = Figures()
    with without_gc(), progress("simulating") as done:
        played = stage.play(made) if ledger is None else _kept(stage.play(made), ledger)
        for over, judged in enumerate(played, start=1):
            figures.add(judged)
            if over % BATCH == 0:
                done(over, expected)
    return figures


def _kept(played: Iterator[JudgedCall], ledger: Ledger) -> Iterator[JudgedCall]:
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


def yesterday() -> datetime:
    return datetime.fromtimestamp(SystemClock().now().utc_us / 1_000_000, UTC) - timedelta(days=1)
