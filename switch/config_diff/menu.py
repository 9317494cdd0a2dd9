"""Knows what there is to say about menus, opening hours, tags, and the switch itself."""

from collections.abc import Iterator
from typing import assert_never

from ivr import menu as ivr
from routing.table import Block, Hours
from switch.config_diff.change import Fact, Thing, arrow
from switch.config_diff.view import View, used_hours
from switch.config_diff.words import blocks_text, date_text, filter_text, listed, outcome_text, tags_text
from switch.formatter.value import duration_text

MENU_GROUP = 4
HOURS_GROUP = 5
TAG_GROUP = 7
SWITCH_GROUP = 8
_SORTS = {ivr.Menu: "asks for a key", ivr.Gather: "asks for digits", ivr.Say: "says something", ivr.Branch: "branches"}


def menus_of(view: View) -> Iterator[Thing]:
    """All nodes that calls can come to."""
    nodes = {name: node for plan in view.plan.menus.values() for name, node in plan.nodes.items()}
    for name, node in nodes.items():
        sort = _SORTS[type(node)]
        yield Thing(
            path=f"menus.{name}",
            name=f"menu {name}",
            group=(MENU_GROUP, name),
            facts=dict(_facts(node, view)),
            about=sort,
            sort=sort,
        )


def _facts(node: ivr.Node, view: View) -> Iterator[tuple[str, Fact]]:
    match node:
        case ivr.Menu():
            yield from _asking(node)
            yield "digits", _plain("digits of an answer", node.digits)
            yield "whole", _whole(node)
            for key, outcome in node.keys.items():
                yield f"keys.{key}", _leads(f"key {key}", outcome)
        case ivr.Gather():
            yield from _asking(node)
            yield from _gathering(node)
        case ivr.Say():
            yield "say", Fact(label="says", value=node.prompts, text=listed(node.prompts))
            yield "whole", _whole(node)
            yield "tags", Fact(label="tags", value=node.tags, text=tags_text(node.tags))
            yield "then", _leads("then it", node.then)
        case ivr.Branch():
            for number, case in enumerate(node.cases, start=1):
                yield from _case(number, case, view)
            yield "otherwise", _leads("otherwise it", node.otherwise)
        case _:
            assert_never(node)


def _asking(node: ivr.Menu | ivr.Gather) -> Iterator[tuple[str, Fact]]:
    yield "prompt", _plain("prompt", node.prompt)
    yield "invalid", _plain("prompt after a wrong answer", node.invalid)
    yield "timeout", Fact(label="waits for", value=node.timeout_ms, text=duration_text(node.timeout_ms))
    yield "retries", _plain("retries", node.retries)
    yield "failed", _leads("a caller who fails", node.failed)


def _gathering(node: ivr.Gather) -> Iterator[tuple[str, Fact]]:
    yield "gather", Fact(label="tag", value=(node.tag, node.kind), text=f"{node.tag} ({node.kind})")
    yield "min", _plain("fewest digits", node.min_digits)
    yield "max", _plain("most digits", node.max_digits)
    yield "valid", Fact(label="valid answers", value=node.valid, text=_valid(node.valid))
    yield "finish", _plain("finishing key", node.finish)
    yield "between", Fact(label="waits between digits for", value=node.between_ms, text=duration_text(node.between_ms))
    back = node.read_back
    yield "read_back", Fact(label="read back", value=back, text=f"{back.lead_in}, digits, {back.confirm}" if back else "no")
    yield "then", _leads("a valid answer", node.then)


def _case(number: int, case: ivr.BranchCase, view: View) -> Iterator[tuple[str, Fact]]:
    if isinstance(case.when, Hours):
        when = view.hours_fact(case.when, label=f"case {number}")
        assert when is not None  # noqa: S101 (it has hours)
        yield f"branch.{number - 1}.when", when
    else:
        yield f"branch.{number - 1}.when", Fact(label=f"case {number}", value=case.when, text=filter_text(case.when))
    yield f"branch.{number - 1}.then", _leads(f"case {number}", case.then)


def _leads(what: str, outcome: ivr.Outcome) -> Fact:
    return Fact(label=what, value=outcome, text=outcome_text(outcome), say=_say_leads)


def _say_leads(name: str, before: Fact | None, after: Fact | None) -> str:
    if after:
        return f"{name}: {after.label} now leads to {after.text}" + (f", not to {before.text}" if before else "")
    assert before is not None  # noqa: S101 (a change has at least one side)
    return f"{name}: {before.label} is not there any more (it led to {before.text})"


def _plain(label: str, value: str | int | None) -> Fact:
    return Fact(label=label, value=value, text="none" if value is None else str(value))


def _whole(node: ivr.Menu | ivr.Say) -> Fact:
    return Fact(label="digits cut it short", value=node.whole, text="no" if node.whole else "yes")


def _valid(valid: ivr.Valid | None) -> str:
    match valid:
        case None:
            return "any"
        case ivr.Within(low=low, high=high):
            return f"{low}-{high}"
        case ivr.Matching(pattern=pattern):
            return f"/{pattern}/"
        case ivr.KnownZip():
            return "ZIP codes"
        case _:
            assert_never(valid)


def hours_of(view: View) -> Iterator[Thing]:
    """Hours that something is open by. Others are no part of a plan."""
    used = list(used_hours(view.plan))
    for name, hours in view.hours.items():
        if hours in used:
            yield Thing(path=f"hours.{name}", name=f"hours {name}", group=(HOURS_GROUP, name), facts=dict(_hours_facts(hours)))


def _hours_facts(hours: Hours) -> Iterator[tuple[str, Fact]]:
    yield "zone", Fact(label="zone", value=hours.zone, text=hours.zone)
    yield "days", Fact(label="days", value=hours.blocks, text=blocks_text(hours.blocks), note=hours.zone, say=_say_blocks)
    yield "holidays", Fact(label="closed on holidays of", value=hours.calendars, text=listed(hours.calendars))
    for date, times in hours.dates.items():
        yield f"dates.{date}", Fact(label=date, value=times, text=date_text(times), absent="as usual")


def _say_blocks(name: str, before: Fact | None, after: Fact | None) -> str:
    assert before is not None  # noqa: S101 (hours always have days)
    assert after is not None  # noqa: S101
    one, other = _minutes(before), _minutes(after)
    told = [f"also open {blocks_text(_blocks(other - one))}"] if other - one else []
    told += [f"no longer open {blocks_text(_blocks(one - other))}"] if one - other else []
    return f"{name}: {'; '.join(told)} {after.note}" if told else arrow(name, before, after)


def _minutes(fact: Fact) -> set[tuple[int, int]]:
    """Every minute of the week that is open, with its weekday."""
    blocks: tuple[Block, ...] = fact.value if isinstance(fact.value, tuple) else ()
    return {(block.weekday, minute) for block in blocks for minute in range(block.start_minute, block.end_minute)}


def _blocks(minutes: set[tuple[int, int]]) -> Iterator[Block]:
    """What makes up these minutes."""
    starts = sorted((day, minute) for day, minute in minutes if (day, minute - 1) not in minutes)
    ends = sorted((day, minute + 1) for day, minute in minutes if (day, minute + 1) not in minutes)
    for (day, start), (_, end) in zip(starts, ends, strict=True):
        yield Block(weekday=day, start_minute=start, end_minute=end)


def tags_of(view: View) -> Iterator[Thing]:
    headers = {tag: header for header, (tag, _) in view.plan.headers.items()}
    for tag in sorted({*view.plan.tag_kinds, *headers}):
        kind, header = view.plan.tag_kinds.get(tag), headers.get(tag)
        facts = {"type": Fact(label="type", value=kind, text=str(kind)), "header": _plain("read from header", header)}
        yield Thing(path=f"tags.{tag}", name=f"tag {tag}", group=(TAG_GROUP, tag), facts=facts, about=f"{kind}")


def switch_of(view: View) -> Iterator[Thing]:
    plan = view.plan
    facts = {key: Fact(label=key, value=value, text=value, unit="takes a restart") for key, value in view.settings.items()}
    facts["limits.max_call"] = Fact(label="longest call", value=plan.max_call_ms, text=duration_text(plan.max_call_ms))
    facts["limits.max_calls"] = Fact(label="live calls at most", value=plan.max_calls, text=str(plan.max_calls))
    yield Thing(path="switch", name="switch", group=(SWITCH_GROUP, ""), facts=facts)
