"""Knows one side of a comparison: a plan, and what of its config a plan no longer says: the names of hours, the switch's settings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from ivr.menu import Branch
from routing.cap import Cap, Counts, Per
from routing.table import Hours
from switch.config_diff.change import Fact, arrow
from switch.config_diff.words import ALWAYS, cap_label, cap_text, hours_text, zoneless
from switch.engine.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """`hours`: opening hours by name. `settings`: of the switch, by their keys in config, as text. `tokens`: advertisers that have one;
    what tells two apart, or "" where it is not known."""

    plan: Plan
    hours: Mapping[str, Hours] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    tokens: Mapping[str, str] = field(default_factory=dict)
    caps: Mapping[str, list[Cap]] = field(init=False)
    """By owner, all caps there are; what several lines share is there once."""

    def __post_init__(self) -> None:
        found: dict[str, list[Cap]] = {}
        for cap in _all_caps(self.plan):
            of_owner = found.setdefault(cap.owner, [])
            telling = replace(cap, zone="") if zoneless(cap) else cap
            if telling not in of_owner:
                of_owner.append(telling)
        object.__setattr__(self, "caps", found)

    def name_of(self, hours: Hours) -> str | None:
        """What config calls them."""
        return next((name for name, other in self.hours.items() if other == hours), None)

    def hours_fact(self, hours: Hours | None, *, label: str = "hours") -> Fact | None:
        """When something is open. Hours that have changed under their name are told once, of the name."""
        if hours is None:
            return None
        name = self.name_of(hours)
        text = f"{name} ({hours_text(hours)})" if name else hours_text(hours)
        return Fact(label=label, value=hours, text=text, absent=ALWAYS, note=name or "", say=_say_hours)

    def cap_facts(self, owner: str) -> dict[str, Fact]:
        """The caps of one owner, as facts of it."""
        facts: dict[str, Fact] = {}
        by_key: dict[str, list[Cap]] = {}
        for cap in self.caps.get(owner, []):
            by_key.setdefault(cap.key, []).append(cap)
        for key, caps in by_key.items():
            cap = caps[0]
            at_once = cap.per is Per.CONCURRENCY and cap.counts is Counts.ATTEMPT
            facts[
                "prepaid" if cap.per is Per.BALANCE else "cap" if at_once else f"caps{key.removeprefix(owner)}".replace("/", ".")
            ] = Fact(
                label=cap_label(cap),
                value=tuple(caps),
                text=", ".join(map(cap_text, caps)),
                unit="calls at once" if at_once else "",
                money=cap.counts is Counts.REVENUE or cap.per is Per.BALANCE,
            )
        return facts


def _all_caps(plan: Plan) -> Iterator[Cap]:
    table = plan.table
    for owners in (table.lines, table.campaigns, table.publishers, table.numbers):
        for owner in owners.values():
            yield from owner.caps
    for caps in table.trunk_caps.values():
        yield from caps


def used_hours(plan: Plan) -> Iterator[Hours]:
    """All opening hours that a plan has, some more than once."""
    yield from (campaign.hours for campaign in plan.table.campaigns.values() if campaign.hours)
    yield from (line.hours for line in plan.table.lines.values() if line.hours)
    for menus in plan.menus.values():
        for node in menus.nodes.values():
            if isinstance(node, Branch):
                yield from (case.when for case in node.cases if isinstance(case.when, Hours))


def _say_hours(name: str, before: Fact | None, after: Fact | None) -> str | None:
    same_name = before and after and before.note and before.note == after.note
    return None if same_name else arrow(name, before, after)
