"""How live calls look on a terminal: which columns there is room for, which rows, and what stands above them. Nothing is fetched here."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import get_args

from routing.cap import Per
from routing.override import Override
from routing.zone import Zone
from switch.billing.money import show_micros
from switch.cli.cap_text import is_nearly_full, percent, share
from switch.console import local
from switch.control.messages import LiveStatus
from switch.control.watcher import LiveState
from switch.engine.live_view import CallState, CapStatus, LiveCallView
from switch.engine.status import LineStatus, TrunkStatus
from switch.output import GAP, Column, Line, Styled, Table, cell_width, cropped

NOTHING = "-"
MAX_CAPS = 5
LEAST_ROWS = 3
"""However low the terminal is, so many calls are drawn."""
_STYLES = {
    "talking": "green",
    "ringing": "cyan",
    "hunting": "cyan",
    "waiting": "yellow",
    "voicemail": "magenta",
    "releasing": "dim",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which calls are shown; None: all."""

    campaign: str | None = None
    publisher: str | None = None
    advertiser: str | None = None
    line: str | None = None
    state: str | None = None

    def take(self, view: LiveCallView, advertisers: "dict[str, str]") -> bool:
        """Returns whether a call is shown. `advertisers`: by line."""
        return (
            self.campaign in (None, view.campaign)
            and self.publisher in (None, view.publisher)
            and (self.advertiser is None or self.advertiser in {view.advertiser, *(advertisers.get(line) for line in view.lines)})
            and (self.line is None or self.line in view.lines)
            and self.state in (None, view.state)
        )

    def __str__(self) -> str:
        """As they are given on the command line; empty: there are none."""
        given = {name: getattr(self, name) for name in ("campaign", "publisher", "advertiser", "line", "state")}
        return " ".join(f"--{name} {value}" for name, value in given.items() if value is not None)


def shown(state: LiveState, filters: Filters) -> list[LiveCallView]:
    """Returns the calls that the filters take, the oldest first: a row keeps its place, and new ones come below."""
    advertisers = {line.name: line.advertiser for line in state.lines}
    found = [view for view in state.calls.values() if filters.take(view, advertisers)]
    return sorted(found, key=lambda view: (view.began_us, view.call_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figure:
    """One column. `rank`: columns of a lower one are taken first where there is not room for all. `least`, `most`: how wide it may be."""

    heading: str
    rank: int
    least: int
    most: int
    text: Callable[[LiveCallView, int], str]
    right: bool = False


def _state(view: LiveCallView, now_us: int) -> str:
    since_us = view.since_us if view.talk_us is None else view.talk_us
    return f"{view.state} {_length(now_us - since_us)}"


def _length(us: int) -> str:
    """`0:05`, `12:30`, `1:02:03`."""
    minutes, seconds = divmod(max(0, us) // 1_000_000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _money(view: LiveCallView, _: int) -> str:
    return show_micros(view.revenue_micros) if view.revenue_micros else NOTHING


def _tags(view: LiveCallView, _: int) -> str:
    return " ".join(f"{name}={value}" for name, value in sorted(view.tags.items())) or NOTHING


_FIGURES = (
    _Figure(heading="age", rank=1, least=5, most=8, right=True, text=lambda view, now_us: _length(now_us - view.began_us)),
    _Figure(heading="state", rank=0, least=12, most=19, text=_state),
    _Figure(heading="caller", rank=2, least=12, most=16, text=lambda view, _: view.ani or "withheld"),
    _Figure(heading="number", rank=5, least=12, most=16, text=lambda view, _: view.did),
    _Figure(heading="campaign", rank=4, least=9, most=24, text=lambda view, _: view.campaign or NOTHING),
    _Figure(heading="line", rank=3, least=10, most=32, text=lambda view, _: ", ".join(view.lines) or NOTHING),
    _Figure(heading="owed", rank=6, least=6, most=9, right=True, text=_money),
    _Figure(heading="publisher", rank=7, least=9, most=24, text=lambda view, _: view.publisher or NOTHING),
    _Figure(heading="advertiser", rank=8, least=10, most=24, text=lambda view, _: view.advertiser or NOTHING),
    _Figure(heading="trunk", rank=9, least=6, most=16, text=lambda view, _: view.trunk),
    _Figure(heading="recorded", rank=10, least=8, most=8, text=lambda view, _: view.recording or NOTHING),
    _Figure(heading="call", rank=11, least=16, most=24, text=lambda view, _: view.call_id),
    _Figure(heading="tags", rank=12, least=12, most=60, text=_tags),
)


@dataclass(slots=True, kw_only=True)
class LiveTable:
    """Draws a state again and again. Columns stay where they are: one that had to be wide once stays so. `zone`: of all times."""

    zone: Zone
    filters: Filters
    _widest: Counter[str] = field(default_factory=Counter)

    def lines(self, state: LiveState, now_us: int, *, columns: int | None, rows: int | None = None) -> list[Line]:
        """Returns what is shown, at most `rows` lines of `columns`; None: as much as there is."""
        calls = shown(state, self.filters)
        head = [*self._head(state, calls, now_us), *(_fit(line, columns) for line in self._around(state)), ""]
        if not calls:
            return [*head, Styled(self._none(state), "dim")]
        room = len(calls) if rows is None else max(LEAST_ROWS, rows - len(head) - 2)
        seen = calls if len(calls) <= room else calls[: room - 1]
        drawn: list[Line] = [*head, *self._table(seen, now_us, columns).lines(columns)]
        if len(seen) < len(calls):
            drawn.append(Styled(f"and {len(calls) - len(seen)} that began later: a higher terminal or a filter shows them", "dim"))
        return drawn

    def _head(self, state: LiveState, calls: Sequence[LiveCallView], now_us: int) -> Iterator[Line]:
        status = state.status
        if status is None:
            return
        words: Counter[str] = Counter(view.state for view in calls)
        total = f"{len(calls)} of {len(state.calls)} calls" if str(self.filters) else _count(len(calls))
        told = ", ".join(f"{words[word]} {word}" for word in get_args(CallState) if words[word])
        owed = sum(view.revenue_micros for view in calls)
        money = f", owed so far {show_micros(owed)}" if owed else ""
        what = f"{total}{': ' if told else ''}{told}{money}"
        at = f"{local(now_us, self.zone)} {self.zone.key}"
        yield [Styled(at, "dim"), "  ", Styled(_running(status, self.zone), "" if _is_well(status) else "yellow")]
        yield [Styled(what, "bold"), *([Styled(f"  {self.filters}", "cyan")] if str(self.filters) else [])]

    def _around(self, state: LiveState) -> Iterator[tuple[str, list[Styled]]]:
        caps = [cap for cap in state.caps if is_nearly_full(cap)]
        fullest = sorted(sorted(caps, key=share, reverse=True)[:MAX_CAPS], key=lambda cap: cap.key)
        more = len(caps) - len(fullest)
        if fullest:
            rest = [Styled(f"and {more} more: payphone caps", "dim")] if more else []
            yield "nearly full", [*(_cap(cap) for cap in fullest), *rest]
        if state.trunks:
            yield "trunks", [_trunk(trunk) for trunk in state.trunks]
        if state.overrides:
            yield "overrides", [_override(each, self.zone) for each in state.overrides]
        unwell = [line for line in state.lines if line.resting_until_us is not None or (line.health and line.health.is_up is False)]
        if unwell:
            yield "lines", [Styled(f"{line.name} {_ails(line)}", "yellow") for line in unwell]

    def _none(self, state: LiveState) -> str:
        if state.calls:
            return f"no call in progress is {self.filters}"
        return "no calls in progress"

    def _table(self, calls: Sequence[LiveCallView], now_us: int, columns: int | None) -> Table:
        cells = {figure: [figure.text(view, now_us) for view in calls] for figure in _FIGURES}
        for figure, texts in cells.items():
            self._widest[figure.heading] = max(self._widest[figure.heading], *map(cell_width, texts))
        widths = self._widths(columns)
        taken = [figure for figure in _FIGURES if figure in widths]
        table = Table(
            [Column(figure.heading, right=figure.right, key=not place) for place, figure in enumerate(taken)],
            least=[widths[figure] for figure in taken],
        )
        for number, view in enumerate(calls):
            row = [cropped(cells[figure][number], widths[figure]) for figure in taken]
            table.add_row(*row, style=_STYLES.get(view.state, ""))
        return table

    def _widths(self, columns: int | None) -> dict[_Figure, int]:
        """Returns how wide each column is that there is room for. What is left of the room goes to names that are cut off, the most
        important first."""
        whole = {figure: max(figure.least, self._widest[figure.heading]) for figure in _FIGURES}
        if columns is None:
            return whole
        wanted = {figure: min(figure.most, wide) for figure, wide in whole.items()}
        ranked = sorted(_FIGURES, key=lambda figure: figure.rank)
        taken: dict[_Figure, int] = {}
        left = columns + GAP
        for figure in ranked:
            if left - GAP - figure.least < 0:
                break
            taken[figure] = figure.least
            left -= GAP + figure.least
        for figure in taken:
            more = min(left, wanted[figure] - figure.least)
            taken[figure] += more
            left -= more
        return taken


def _fit(line: tuple[str, list[Styled]], columns: int | None) -> Line:
    """A heading and what stands behind it, as much of it as there is room for."""
    heading, parts = line
    drawn: list[str | Styled] = [Styled(f"{heading}:", "dim")]
    room = None if columns is None else columns - cell_width(heading) - 1
    for number, part in enumerate(parts):
        need = GAP + cell_width(part.text)
        after = 0 if number == len(parts) - 1 else GAP  # room for the sign that there is more
        if room is not None:
            if need + after > room:
                return [*drawn, Styled(" …", "dim")]
            room -= need
        drawn += [" " * GAP, part]
    return drawn


def _count(number: int) -> str:
    return f"{number} call{'' if number == 1 else 's'}"


def _is_well(status: LiveStatus) -> bool:
    return status.state == "running" and not status.overloaded


def _running(status: LiveStatus, zone: Zone) -> str:
    until = "" if status.ends_us is None else f" until {local(status.ends_us, zone)} at the latest"
    load = f", overloaded ({status.lag_ms} ms behind): new calls get 503" if status.overloaded else ""
    return f"{status.state}{until}{load}"


def _cap(cap: CapStatus) -> Styled:
    is_full = cap.used >= cap.limit
    what = cap.owner if cap.per is Per.CONCURRENCY else f"{cap.owner} {cap.counts}s/{cap.per}"
    return Styled(f"{what} {percent(cap)}", "red" if is_full else "yellow")


def _trunk(trunk: TrunkStatus) -> Styled:
    calls = str(trunk.calls) if trunk.limit is None else f"{trunk.calls}/{trunk.limit}"
    down = trunk.health is not None and trunk.health.is_up is False
    unregistered = trunk.registration is not None and trunk.registration.until_us is None
    word = " down" if down else " not registered" if unregistered else ""
    return Styled(f"{trunk.name} {calls}{word}", "yellow" if word else "")


def _override(override: Override, zone: Zone) -> Styled:
    until = "" if override.until_us is None else f" until {local(override.until_us, zone, to='minutes')}"
    if override.limit is None:
        return Styled(f"{override.key} paused{until}", "yellow")
    limit = show_micros(override.limit) if override.is_money else str(override.limit)
    return Styled(f"{override.key} limit {limit}{until}", "yellow")


def _ails(line: LineStatus) -> str:
    return "resting" if line.resting_until_us is not None else "down"
