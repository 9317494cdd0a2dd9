"""How the answer of `payphone route` looks."""

from collections.abc import Mapping, Sequence

from routing.zone import Zone
from switch.billing.money import show_micros
from switch.billing.terms import LASTING, BillableOn, Price, Rule
from switch.console import NOTHING, local, read_text, value_text
from switch.formatter.schema_place import duration_text
from switch.output import Styled, write_folded, write_line
from switch.settings.problem import Position
from switch.settings.source import position_of
from switch.simulation.route_query import RouteAnswer


def show_ruling(answer: RouteAnswer, positions: Mapping[str, Position], clock: Zone) -> None:
    """Where the call would go; what the menu, the tags and the price have to do with it; then why."""
    record = answer.judged.record
    at = f"{local(answer.at_us, clock)} {clock.key}"
    write_line(Styled(answer.did, "bold"), f" from {answer.ani or 'a withheld number'}, {at}")
    write_folded([Styled(f"→ {answer.outcome}", "bold")])
    write_line(f"  publisher  {record.publisher or NOTHING}")
    write_line(f"  campaign   {record.campaign or NOTHING}")
    if answer.menu is not None:
        write_line(f"  menu       {answer.menu}")
    tags = ", ".join(f"{name} {value_text(value)}" for name, value in sorted(record.tags.items()) if value != "")
    write_folded([f"  tags       {tags or 'none'}"])
    if answer.terms is not None and record.attempts:
        for name, price in (("owed", answer.terms.revenue), ("earned", answer.terms.payout_of(record.publisher or ""))):
            when = f" {rule_text(price.steps[0].rule)}" if len(price.steps) == 1 else ""
            write_folded([f"  {name:<9}  {price_text(price)}{when}"])
    write_line("why")
    _show_reasons(answer.reasons, positions, clock)


def _show_reasons(reasons: Sequence[Mapping[str, object]], positions: Mapping[str, Position], clock: Zone) -> None:
    """One line per rule that was looked at, with what it read, and the file and line it stands in.

    After the menu routing is asked again. What comes out the same then is left out, and so is the menu's rule.
    """
    shown: set[tuple[str, str]] = set()
    for reason in reasons:
        rule, verdict, read = str(reason["rule"]), str(reason["verdict"]), reason["read"]
        key = (rule, "" if rule.endswith(".menu") else verdict)
        if key in shown:
            continue
        shown.add(key)
        figures = read_text(read if isinstance(read, Mapping) else {}, clock)
        where = position_of(positions, rule)
        place = f"  {where.file}:{where.line}" if where else ""
        write_folded([f"  {rule}: {verdict}" + (f"  ({figures})" if figures else "") + place])


def rule_text(rule: Rule) -> str:
    """When something is owed: `after 90s of talk`, `on disposition`."""
    if rule.on not in LASTING:
        return f"on {rule.on}" + (f" after {duration_text(rule.at_least_ms)}" if rule.at_least_ms else "")
    what = "talk" if rule.on is BillableOn.CONNECTED_FOR else "the whole call"
    return f"after {duration_text(rule.at_least_ms)} of {what}"


def price_text(price: Price) -> str:
    """How much is owed, and where it has steps, when."""
    if price.percent_bp is not None:
        return f"{price.percent_bp / 100:g} % of the revenue"
    if len(price.steps) == 1:
        return show_micros(price.steps[0].amount_micros)
    return f"{price.tiers} of " + ", ".join(f"{show_micros(step.amount_micros)} {rule_text(step.rule)}" for step in price.steps)
