"""Knows how the values of a plan read to people. Does not know what has changed."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import assert_never

from ivr import menu as ivr
from routing.cap import Cap, Counts, Per
from routing.expression import Expression, show
from routing.table import Accept, Block, Health, Hours, Overflow, Repeat, ToCampaign, ToHold, ToLine, ToMessage
from switch.billing.money import show_micros
from switch.billing.terms import LASTING, BillableOn, Price, Rule
from switch.formatter.value import duration_text
from switch.settings.value import DAYS

NONE = "none"
ALWAYS = "always"
_CALENDAR = frozenset({Per.HOUR, Per.DAY, Per.WEEK, Per.MONTH})
_EVENTS = {Counts.ATTEMPT: "calls", Counts.CONNECTION: "connections", Counts.CONVERSION: "conversions", Counts.REVENUE: "revenue"}


def filter_text(expression: Expression | None) -> str:
    return f"`{show(expression)}`" if expression else "none"


def tags_text(tags: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(tags.items())) or NONE


def listed(texts: Iterable[str]) -> str:
    return ", ".join(texts) or NONE


def percent(part: int, whole: int) -> str:
    """A share, in whole percent where it is one."""
    return f"{round(100 * part / whole, 1):g} %"


def rule_text(rule: Rule) -> str:
    """When something is owed."""
    if rule.on not in LASTING:
        return f"on {rule.on}" + (f" after {duration_text(rule.at_least_ms)}" if rule.at_least_ms else "")
    what = "talk" if rule.on is BillableOn.CONNECTED_FOR else "the whole call"
    return f"after {duration_text(rule.at_least_ms)} of {what}"


def price_text(price: Price) -> str:
    """How much, and of steps when."""
    if price.percent_bp is not None:
        return f"{price.percent_bp / 100:g} % of the revenue"
    if len(price.steps) == 1:
        return show_micros(price.steps[0].amount_micros)
    return f"{price.tiers} of " + ", ".join(f"{show_micros(step.amount_micros)} {rule_text(step.rule)}" for step in price.steps)


def cap_label(cap: Cap) -> str:
    match cap.per:
        case Per.CONCURRENCY if cap.counts is Counts.ATTEMPT:
            return "cap"
        case Per.BALANCE:
            return "prepaid"
        case Per.CONCURRENCY:
            return f"cap on {_EVENTS[cap.counts]} at once"
        case Per.SPACING:
            return "least time between calls"
        case Per.TOTAL:
            return f"cap on {_EVENTS[cap.counts]} in total"
        case Per.HOUR | Per.DAY | Per.WEEK | Per.MONTH:
            return f"cap on {_EVENTS[cap.counts]} per {cap.per}"
        case _:
            assert_never(cap.per)


def cap_text(cap: Cap) -> str:
    if cap.per is Per.SPACING:
        return duration_text(cap.spacing_ms)
    limit = show_micros(cap.limit) if cap.counts is Counts.REVENUE or cap.per is Per.BALANCE else str(cap.limit)
    more = [cap.zone] if cap.per in _CALENDAR else []
    more += [f"since {instant_text(cap.since_us)}"] if cap.since_us else []
    more += ["strict"] if cap.strict and cap.per is not Per.BALANCE else []  # a balance always is
    prefix = "credit " if cap.per is Per.BALANCE else ""
    return prefix + limit + (f" ({', '.join(more)})" if more else "")


def instant_text(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def zoneless(cap: Cap) -> bool:
    """Whether its zone says nothing: no window of it begins at a boundary."""
    return cap.per not in _CALENDAR


def repeat_text(repeat: Repeat) -> str:
    money = f"{'billed' if repeat.bill else 'not billed'}, {'paid' if repeat.pay else 'not paid'}"
    return f"for {duration_text(repeat.window_ms)} per {repeat.scope}: to {repeat.route}, {money}"


def overflow_text(overflow: Overflow) -> str:
    match overflow:
        case ToCampaign(campaign=campaign):
            return f"campaign {campaign}"
        case ToLine(line=line):
            return f"line {line}"
        case ToMessage(prompt=prompt):
            return f"message {prompt}"
        case ToHold(places=places, wait_ms=wait_ms):
            return f"hold ({places} places, {duration_text(wait_ms)} each)"
        case _:
            assert_never(overflow)


def accept_text(accept: Accept) -> str:
    if accept.key is None:
        return f"hears {accept.prompt} first"
    return f"presses {accept.key} within {duration_text(accept.wait_ms)} after {accept.prompt}"


def health_text(health: Health) -> str:
    return f"left alone for {duration_text(health.rest_ms)} after {health.failures} failures in a row"


def outcome_text(outcome: ivr.Outcome) -> str:
    match outcome:
        case ivr.RouteOn(tags=tags):
            return "routing" + _with(tags)
        case ivr.TransferTo(line=line, tags=tags):
            return f"line {line}" + _with(tags)
        case ivr.GoTo(menu=menu, tags=tags):
            return f"menu {menu}" + _with(tags)
        case ivr.HangUp(prompt=prompt):
            return f"the end after {prompt}" if prompt else "the end"
        case ivr.SayAgain():
            return "the prompt once more"
        case _:
            assert_never(outcome)


def _with(tags: Mapping[str, object]) -> str:
    return f" with {tags_text(tags)}" if tags else ""


def hours_text(hours: Hours) -> str:
    """All of it, without a name."""
    parts = [blocks_text(hours.blocks), hours.zone]
    parts += [f"closed on holidays of {', '.join(hours.calendars)}"] if hours.calendars else []
    parts += [f"{day} {date_text(times)}" for day, times in sorted(hours.dates.items())]
    return ", ".join(parts)


def date_text(times: tuple[tuple[int, int], ...]) -> str:
    return ", ".join(f"{_clock(start)}-{_clock(end)}" for start, end in times) or "closed"


def blocks_text(blocks: Iterable[Block]) -> str:
    """`mon-fri 09:00-17:00, sat 10:00-14:00`."""
    days: dict[tuple[int, int], list[int]] = {}
    for block in blocks:
        days.setdefault((block.start_minute, block.end_minute), []).append(block.weekday)
    texts = [(sorted(on), f"{_days(sorted(on))} {date_text((times,))}") for times, on in days.items()]
    return listed(text for _, text in sorted(texts))


def _days(days: list[int]) -> str:
    in_row = len(days) > 2 and days[-1] - days[0] == len(days) - 1
    return f"{DAYS[days[0]]}-{DAYS[days[-1]]}" if in_row else " ".join(DAYS[day] for day in days)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
