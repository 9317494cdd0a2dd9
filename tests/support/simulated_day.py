"""A day of invented calls in a ledger of its own, for tests of what is made of such a day."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from switch.engine.plan import Plan
from switch.ledger.store import Ledger
from switch.rehearsal.compare import Comparison
from switch.rehearsal.period import Period, days
from switch.rehearsal.prompts import lengths_ms
from switch.rehearsal.replay import Recorded, begins_us, past_of, play, read
from switch.rehearsal.sandbox import open_sandbox
from switch.rehearsal.simulate import Model, scripts
from switch.rehearsal.stage import Stage
from switch.rehearsal.traffic import Manners

DAY = days(datetime(2026, 11, 18, 12, tzinfo=UTC), 1, zone="UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    ledger: Ledger
    plan: Plan
    prompts: dict[str, int]

    def read(self, period: Period = DAY) -> Recorded:
        return read(self.ledger, period, old=self.plan)

    def replay(self, new: Plan, period: Period = DAY) -> Comparison:
        past = past_of(self.ledger, new, at_us=begins_us(period))
        return play(self.read(period), old=self.plan, new=new, past=past, prompts=self.prompts)


def simulated(into: Path, config: Path, *, calls: int, seed: int = 1, manners: Manners | None = None) -> Day:
    ledger, plan = open_sandbox(into, config=config, at_us=DAY.from_us)
    _, made = scripts(plan, Model(period=DAY, seed=seed, calls=calls, manners=manners or Manners()))
    prompts = dict(lengths_ms(config / "prompts"))
    stage = Stage(plan, prompts=prompts, noting=True)
    stage.brain.books.grouped(plan.lines_of_groups)
    ledger.write(list(stage.play(made)))
    return Day(ledger=ledger, plan=plan, prompts=prompts)
