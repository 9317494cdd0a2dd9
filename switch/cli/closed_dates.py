"""What depends on today's date: the dates of the next twelve months on which opening hours are not as in an ordinary week, and tables that
have grown old. The moment is passed in."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from ivr.menu import Branch
from routing.area_codes import COMPARED, MAX_AGE_MONTHS, months_old
from routing.hours import holiday_on, wall_clock
from routing.table import Hours
from switch.engine.plan import Plan
from switch.settings.problem import Problem, Severity
from switch.settings.value import DAYS

DAYS_SHOWN = 365
MINUTES_PER_HOUR = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialDate:
    """A local date that is closed, or has hours of its own. `why`: `holiday Christmas Day (US)`, `closed by dates`, `open 08:00-12:00`.
    `usual`: whether the ordinary week is open on that day at all."""

    date: str
    why: str
    closed: bool
    usual: bool

    @property
    def weekday(self) -> str:
        return DAYS[date.fromisoformat(self.date).weekday()].title()


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Hours that several may share. `of`: `campaign medicare`, `line acme-west`, `menu greet`; `dates`: in order."""

    of: tuple[str, ...]
    zone: str
    holidays: tuple[str, ...]
    dates: tuple[SpecialDate, ...]


def calendars(plan: Plan, utc_us: int) -> tuple[Calendar, ...]:
    """One for each set of hours in use, with its special dates from the moment's local date on, for a year."""
    users: dict[object, tuple[Hours, list[str]]] = {}
    for name, hours in _in_use(plan):
        same = (hours.zone, hours.blocks, hours.calendars, tuple(hours.dates.items()))
        users.setdefault(same, (hours, []))[1].append(name)
    return tuple(
        Calendar(of=tuple(dict.fromkeys(names)), zone=hours.zone, holidays=hours.calendars, dates=tuple(_special(hours, utc_us)))
        for hours, names in users.values()
    )


def calendar_lines(found: tuple[Calendar, ...]) -> Iterator[str]:
    """Returns the calendars for people, line by line."""
    for calendar in found:
        kept = f"; holidays {', '.join(calendar.holidays)}" if calendar.holidays else "; no holidays"
        yield f"{', '.join(calendar.of)} ({calendar.zone}{kept})"
        for each in calendar.dates:
            anyway = (
                "" if each.usual else f", closed on {each.weekday} anyway" if each.closed else f", closed on other {each.weekday}s"
            )
            yield f"  {each.weekday} {each.date}  {each.why}{anyway}"
        if not calendar.dates:
            yield "  no special dates in the next twelve months"
    if not found:
        yield "no opening hours: every campaign and line is open at all times"


def as_json(calendar: Calendar) -> Iterator[dict[str, object]]:
    """One row a date."""
    for each in calendar.dates:
        yield {
            "of": list(calendar.of),
            "zone": calendar.zone,
            "date": each.date,
            "weekday": each.weekday.lower(),
            "closed": each.closed,
            "usually_open": each.usual,
            "why": each.why,
        }


def stale_tables(root: str, utc_us: int) -> tuple[Problem, ...]:
    """A warning where our table of new area codes has not been compared for long. `root`: the config directory as people are told it."""
    months = months_old(date.fromisoformat(wall_clock("UTC", utc_us).date))
    if months < MAX_AGE_MONTHS:
        return ()
    message = f"the table of new area codes is {months} months old: callers from area codes opened since {COMPARED} have no state"
    hint = "update payphone; until then `state` is missing for them, and they match no filter that asks for it"
    return (Problem(path=root, line=0, column=0, severity=Severity.WARNING, message=message, hint=hint),)


def _in_use(plan: Plan) -> Iterator[tuple[str, Hours]]:
    table = plan.table
    yield from ((f"campaign {name}", each.hours) for name, each in table.campaigns.items() if each.hours is not None)
    yield from ((f"line {name}", each.hours) for name, each in table.lines.items() if each.hours is not None)
    for menu in plan.menus.values():
        for name, node in menu.nodes.items():
            cases = node.cases if isinstance(node, Branch) else ()
            yield from ((f"menu {name}", case.when) for case in cases if isinstance(case.when, Hours))


def _special(hours: Hours, utc_us: int) -> Iterator[SpecialDate]:
    today = date.fromisoformat(wall_clock(hours.zone, utc_us).date)
    open_on = {block.weekday for block in hours.blocks}
    for day in (today + timedelta(days=ahead) for ahead in range(DAYS_SHOWN)):
        text, usual = day.isoformat(), day.weekday() in open_on
        own = hours.dates.get(text)
        if own:
            yield SpecialDate(date=text, why=f"open {', '.join(map(_block, own))}", closed=False, usual=usual)
        elif own is not None:
            yield SpecialDate(date=text, why="closed by `dates`", closed=True, usual=usual)
        elif holiday := holiday_on(hours.calendars, text):
            yield SpecialDate(date=text, why=holiday, closed=True, usual=usual)


def _block(block: tuple[int, int]) -> str:
    return "-".join(f"{minute // MINUTES_PER_HOUR:02d}:{minute % MINUTES_PER_HOUR:02d}" for minute in block)
