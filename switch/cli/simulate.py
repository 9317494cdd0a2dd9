"""The command `payphone simulate`: what may be asked for. What it does is in `switch.cli.simulating`."""

from pathlib import Path
from typing import Annotated

import typer

from switch.cli.common import DEFAULT_CONFIG, EXIT, AsJson, ConfigDir, app, fail
from switch.simulation.traffic_model import TrafficModel

__all__ = ["app", "simulate"]

DEFAULT_CALLS = 1_000
MAX_CALLS = 2_000_000
MAX_PER_HOUR = 100_000
MAX_DAYS = 366
USUAL = TrafficModel()


@app.command(epilog=EXIT)
def simulate(
    *,
    config: ConfigDir = DEFAULT_CONFIG,
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
    """Invent traffic and play it, in simulated time.

    Its calls go through menus, routing, caps and money. Callers come as on working days, from all over the US, press keys, err, lose
    patience; lines answer, are busy, are dead. With --into the calls go to a ledger of their own, on which `calls`, `explain` and `replay`
    can be tried.

    \b
    Examples:
      payphone simulate --rate 40 --days 7 --report
      payphone simulate --calls 20000 --into /tmp/try
      payphone calls --config /tmp/try/config
    """
    from switch.cli.simulating import simulate_calls

    if calls is not None and rate is not None:
        fail("--calls and --rate both say how many: give one of them")
    model = TrafficModel(
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
    simulate_calls(
        config,
        model,
        calls=None if rate else calls or DEFAULT_CALLS,
        per_hour=rate,
        begin=begin,
        day_count=day_count,
        zone=zone,
        seed=seed,
        into=into,
        by_part=report,
        json_lines=json_lines,
    )
