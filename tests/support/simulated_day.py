"""A day of invented calls in a ledger of its own, for tests of what is made of such a day."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from config_overlay import lay_base

from switch.engine.plan import Plan
from switch.engine.steering_rows import SteeringRows
from switch.engine.usage import Usage, UsageHistory
from switch.ledger.store import Ledger
from switch.period import Period, days, instant_us
from switch.settings.load import load
from switch.simulation.call_script import CallScript
from switch.simulation.compare import Comparison
from switch.simulation.replay import Recording, begins_us, past_of, play, read
from switch.simulation.sandbox import open_sandbox
from switch.simulation.simulate import Model, scripts
from switch.simulation.simulator import Simulator
from switch.simulation.traffic_model import TrafficModel

PLAIN = """\
switch: {sip: {listen: 127.0.0.1:5060}, data: var}
trunks: {carrier: {addresses: [127.0.0.1], cost: {per_minute: 0.0100}}}
publishers: {radio: , mail: }
numbers:
  "+18005550100": {publisher: radio, campaign: quotes}
  "+18005550101": {publisher: mail, campaign: homes}
advertisers:
  acme:
    lines:
      east: {uri: "sip:+12125550101@127.0.0.1:5071"}
      west: {uri: "sip:+12125550102@127.0.0.1:5071"}
  beta: {lines: {main: {uri: "sip:+12125550103@127.0.0.1:5072"}}}
menus:
  qualify: {prompt: welcome, timeout: 8s, keys: {"1": {route: {}}, "2": {hangup: true}}}
campaigns:
  quotes: {menu: qualify, lines: [east, {line: west, priority: 2}], revenue: 25.00, payout: 18.00}
  homes: {lines: [main], revenue: 40.00, payout: 28.00}
"""
"""A small config in one file: three lines without caps, one menu."""

DAY = days(instant_us("2026-11-18", zone="UTC", option="--from"), 1, zone="UTC")


def lay_plain(config: Path) -> None:
    lay_base(config)
    (config / "shop.yaml").unlink()
    (config / "switch.yaml").write_text(PLAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    ledger: Ledger
    plan: Plan
    prompts: dict[str, int]

    def read(self, period: Period = DAY) -> Recording:
        return read(self.ledger, period, old=self.plan)

    def replay(self, new: Plan, period: Period = DAY) -> Comparison:
        past = past_of(self.ledger, new, at_us=begins_us(period))
        return play(self.read(period), old=self.plan, new=new, past=past, prompts=self.prompts)


def simulated(
    into: Path,
    config: Path,
    *,
    calls: int,
    seed: int = 1,
    traffic: TrafficModel | None = None,
    change: Callable[[CallScript], CallScript] = lambda script: script,
    steered: Sequence[SteeringRows] = (),
) -> Day:
    """`change`: what callers do differently from what is drawn for them. `steered`: overrides of the day."""
    ledger, plan = open_sandbox(into, config=config, at_us=DAY.from_us)
    _, made = scripts(plan, Model(period=DAY, seed=seed, calls=calls, traffic=traffic or TrafficModel()))
    deployment = load(config).deployment
    assert deployment is not None
    prompts = deployment.prompt_lengths_ms
    ledger.add_steering(steered)
    past = UsageHistory(overrides=ledger.override_rows(), in_time=True)
    stage = Simulator(plan, usage=Usage(past), prompts=prompts, noting=True)
    stage.control.usage.set_groups(plan.lines_of_groups)
    ledger.write(list(stage.play(change(script) for script in made)))
    return Day(ledger=ledger, plan=plan, prompts=prompts)
