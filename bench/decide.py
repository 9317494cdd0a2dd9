"""How long a ruling takes, in a table of 200 campaigns and 1,000 lines and in one of 10 campaigns. Prints one JSON line per case.

`python bench/decide.py [--rounds 300] [--calls 20]`. The campaign asked about has 50 lines, the last of them in a priority of its own, each
with a cap of its own, one of its group and one of its advertiser; campaign, publisher, number and trunk have caps too. The two tables
take turns, round by round, and the best round of each counts: what else the machine does only ever adds, and a round is short enough to
fall between. Every call has a seed and a second of its own.
"""

import argparse
import gc
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from time import perf_counter_ns

from routing.cap import Cap, Counts, Per
from routing.decide import decide
from routing.expression import parse
from routing.hours import known_calendar
from routing.load import EmptyLoad
from routing.ruling import Attempt, Dial, Inquiry, NotRouted
from routing.table import (
    Block,
    Campaign,
    Hours,
    Line,
    NoRoute,
    Publisher,
    Table,
    Target,
    TrackingNumber,
)

LINES_ASKED = 50
CAMPAIGNS = 200
FEW_CAMPAIGNS = 10
LINES = 1_000
TARGET_US = 150
TARGET_RATIO = 1.1
MAX_ROUNDS = 1_000
MAX_CALLS = 10_000
START_US = 1_772_463_600_000_000  # Monday 2026-03-02, 10:00 in New York
FULL = 10
NEW_YORK = "America/New_York"
OFFICE = Hours(
    zone=NEW_YORK,
    blocks=tuple(Block(weekday=day, start_minute=540, end_minute=1260) for day in range(5)),
    calendars=("US",),
)
SHUT = replace(OFFICE, blocks=())


class Figures(EmptyLoad):
    """A load of fixed figures, by cap."""

    __slots__ = ("_used",)

    def __init__(self, used: Mapping[str, int]) -> None:
        self._used = used

    def used(self, cap: Cap, utc_us: int) -> int:
        del utc_us
        return self._used.get(cap.key, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`used`: what counts against caps. `change`: what is done to each of the 50 lines. `is_right`: whether a ruling is as expected."""

    name: str
    is_right: Callable[[Dial | NotRouted], bool]
    used: Mapping[str, int] = field(default_factory=dict)
    change: Callable[[Line], Line] = lambda line: line
    is_uneven: bool = False


def main() -> None:
    options = _options()
    known_calendar("US")  # loaded before calls come
    gc.disable()  # a ruling makes no cycles: what it would find is the bench's
    for case in CASES:
        many, few = (_table(case, campaigns=count) for count in (CAMPAIGNS, FEW_CAMPAIGNS))
        best = {"many": float("inf"), "few": float("inf")}
        for _ in range(options.rounds):
            for name, table in (("many", many), ("few", few)):
                best[name] = min(best[name], _round_us(case, table, calls=options.calls))
        ratio = best["many"] / best["few"]
        line = {
            "bench": "decide",
            "case": case.name,
            "us": round(best["many"], 1),
            "us_in_small_table": round(best["few"], 1),
            "ratio": round(ratio, 3),
            "campaigns": len(many.campaigns),
            "lines": len(many.lines),
            "target_us": TARGET_US,
            "met": best["many"] <= TARGET_US and ratio <= TARGET_RATIO,
        }
        print(json.dumps(line), flush=True)


def _round_us(case: Case, table: Table, *, calls: int) -> float:
    """Microseconds for one ruling, the mean of `calls` in a row."""
    load = Figures(case.used)
    inquiries = [
        Inquiry(did="+18005550000", ani=f"+1212555{n % 10_000:04}", trunk="carrier", utc_us=START_US + n * 1_000_000, seed=n)
        for n in range(calls)
    ]
    for inquiry in inquiries[:3]:
        choice = decide(table, load, inquiry).choice
        assert isinstance(choice, Dial | NotRouted), choice
        assert case.is_right(choice), choice
    began = perf_counter_ns()
    for inquiry in inquiries:
        decide(table, load, inquiry)
    return (perf_counter_ns() - began) / calls / 1_000


def _table(case: Case, *, campaigns: int) -> Table:
    """The campaign asked about is the first; the others share the lines that are left."""
    count = LINES * campaigns // CAMPAIGNS + LINES_ASKED * (campaigns < CAMPAIGNS)
    lines = {
        name: case.change(_line(name, number)) if number < LINES_ASKED else _line(name, number) for number, name in _named(count)
    }
    asked, *rest = [f"campaign-{number:03}" for number in range(campaigns)]
    names = list(lines)
    targets = {asked: names[:LINES_ASKED]} | {name: names[LINES_ASKED + at :: len(rest)] for at, name in enumerate(rest)}
    numbers = [
        TrackingNumber(did=f"+1800555{at:04}", publisher="radio", campaign=name, caps=(_cap(f"number:+1800555{at:04}", 500),))
        for at, name in enumerate(targets)
    ]
    return Table(
        version="bench",
        numbers={number.did: number for number in numbers},
        publishers={"radio": Publisher(name="radio", caps=(_cap("publisher:radio", 5_000),))},
        campaigns={name: _campaign(name, mine, is_uneven=case.is_uneven) for name, mine in targets.items()},
        lines=lines,
        trunk_caps={"carrier": (_cap("trunk:carrier", 1_000),)},
    )


def _named(count: int) -> list[tuple[int, str]]:
    return [(number, f"line-{number:04}") for number in range(count)]


def _campaign(name: str, lines: list[str], *, is_uneven: bool) -> Campaign:
    last = len(lines) - 1  # tried when nobody else is left
    targets = tuple(
        Target(line=line, priority=2 if at == last else 1, weight=at % 7 + 1 if is_uneven else 1) for at, line in enumerate(lines)
    )
    daily = Cap(owner=f"campaign:{name}", limit=500, counts=Counts.CONVERSION, per=Per.DAY, zone=NEW_YORK)
    return Campaign(name=name, targets=targets, hours=OFFICE, caps=(_cap(f"campaign:{name}", 500), daily), zone=NEW_YORK)


def _line(name: str, number: int) -> Line:
    advertiser = f"advertiser-{number // 5:03}"
    return Line(
        name=name,
        advertiser=advertiser,
        uri=f"sip:{name}@127.0.0.1:5071",
        caps=(_cap(f"line:{name}", FULL), _cap(f"group:group-{number // 10:03}", 500), _cap(f"advertiser:{advertiser}", 500)),
        hours=OFFICE,
    )


def _cap(owner: str, limit: int) -> Cap:
    return Cap(owner=owner, limit=limit)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--calls", type=int, default=20)
    options = parser.parse_args()
    if not 1 <= options.rounds <= MAX_ROUNDS or not 1 <= options.calls <= MAX_CALLS:
        parser.error(f"1 to {MAX_ROUNDS} rounds of 1 to {MAX_CALLS} calls")
    return options


def _dialled(choice: Dial | NotRouted) -> bool:
    return isinstance(choice, Dial) and isinstance(choice.attempts[0], Attempt)


def _last_dialled(choice: Dial | NotRouted) -> bool:
    return _dialled(choice) and isinstance(choice, Dial) and choice.attempts[0].line == f"line-{LINES_ASKED - 1:04}"


def _refused(because: NoRoute) -> Callable[[Dial | NotRouted], bool]:
    return lambda choice: choice == NotRouted(because=because)


_TAKEN = {f"line:{name}": FULL for _, name in _named(LINES_ASKED)}
_FILTER = parse("state in [TX, OK] and not repeat or area == 907")
CASES = (
    Case(name="first line eligible", is_right=_dialled),
    Case(
        name="last of 50 eligible",
        is_right=_last_dialled,
        used={owner: used for owner, used in _TAKEN.items() if not owner.endswith(f"{LINES_ASKED - 1:04}")},
    ),
    Case(name="all 50 barred by caps", is_right=_refused(NoRoute.CAPPED), used=_TAKEN),
    Case(name="all 50 barred by caps, uneven weights", is_right=_refused(NoRoute.CAPPED), used=_TAKEN, is_uneven=True),
    Case(name="all 50 barred by filters", is_right=_refused(NoRoute.NO_MATCH), change=lambda line: replace(line, filter=_FILTER)),
    Case(name="all 50 closed", is_right=_refused(NoRoute.CLOSED), change=lambda line: replace(line, hours=SHUT)),
)


if __name__ == "__main__":
    main()
