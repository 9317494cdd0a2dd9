"""How live calls and caps look: what fits a terminal, rows and columns that stay where they are, filters, nothing at all."""

from dataclasses import replace

import pytest
from engine_world import EAST, START_US, World, line, plan

from routing.cap import Counts, Per
from routing.override import Override, OverrideKind, TargetKind
from routing.zone import time_zone
from switch.cli.cap_text import BAR, bar, counted, is_nearly_full, percent, share, used
from switch.cli.live_table import LEAST_ROWS, MAX_CAPS, Filters, LiveTable, shown
from switch.control.messages import LiveStatus
from switch.control.watcher import LiveState
from switch.engine.live_view import CapStatus, LiveCallView
from switch.engine.status import LineStatus, TrunkStatus
from switch.output import Line, Styled, cell_width

S_US = 1_000_000
NOW_US = START_US + 100 * S_US
STATUS = LiveStatus(state="running", config="c1", overloaded=False, lag_ms=0, started_us=START_US)
UTC = time_zone("UTC")


def view(call_id: str, *, began_s: int = 0, **changes: object) -> LiveCallView:
    values = {
        "call_id": call_id,
        "state": "talking",
        "began_us": START_US + began_s * S_US,
        "since_us": START_US + began_s * S_US,
        "talk_us": START_US + began_s * S_US,
        "trunk": "carrier",
        "did": "+18005550100",
        "ani": "+12125550199",
        "publisher": "radio",
        "campaign": "quotes",
        "lines": ("east",),
        "advertiser": "acme",
        **changes,
    }
    return LiveCallView(**values)  # type: ignore[arg-type]


def cap(key: str = "line:east", *, used: int, limit: int = 100, **changes: object) -> CapStatus:
    values = {"key": key, "owner": key, "counts": Counts.ATTEMPT, "per": Per.CONCURRENCY, "limit": limit, "used": used, **changes}
    return CapStatus(**values)  # type: ignore[arg-type]


def owner(name: str, advertiser: str = "acme", *, resting_until_us: int | None = None) -> LineStatus:
    return LineStatus(
        name=name,
        advertiser=advertiser,
        calls=0,
        limit=None,
        total_calls=0,
        resting_until_us=resting_until_us,
        last_result=None,
        last_result_us=None,
    )


def override(target: str, *, limit: int | None = None, until_us: int | None = None) -> Override:
    return Override(
        number=1,
        kind=OverrideKind.PAUSE if limit is None else OverrideKind.CAP,
        target_kind=TargetKind.LINE if limit is None else TargetKind.CAP,
        target=target,
        limit=limit,
        made_us=START_US,
        until_us=until_us,
        actor="cli:anna",
        reason="test",
    )


def state(*views: LiveCallView, **changes: object) -> LiveState:
    trunk = TrunkStatus(name="carrier", calls=len(views), limit=30, total_calls=9, refused=0, malformed=0, last_seen_us=None)
    found = LiveState(status=STATUS, calls={each.call_id: each for each in views}, trunks=(trunk,), lines=(owner("east"),))
    return replace(found, **changes)  # type: ignore[arg-type]


def text(line: Line) -> str:
    parts = (line,) if isinstance(line, str | Styled) else line
    return "".join(part if isinstance(part, str) else part.text for part in parts)


def drawn(
    of: LiveState, *, columns: int | None = 80, rows: int | None = None, table: LiveTable | None = None, **filters: str
) -> list[str]:
    table = table or LiveTable(zone=UTC, filters=Filters(**filters))
    return [text(each) for each in table.lines(of, NOW_US, columns=columns, rows=rows)]


def test_eighty_columns_have_state_age_numbers_campaign_line_and_money() -> None:
    calls = (
        view("b", began_s=60, revenue_micros=25_000_000),
        view("a", state="menu", talk_us=None, ani=None, lines=(), campaign=None),
    )
    assert drawn(state(*calls)) == [
        "2026-03-02 15:01:40 UTC  running",
        "2 calls: 1 menu, 1 talking, owed so far 25.00",
        "trunks:  carrier 2/30",
        "",
        "  age  state         caller        number        campaign   line          owed",
        "─────  ────────────  ────────────  ────────────  ─────────  ──────────  ──────",
        " 1:40  menu 1:40     withheld      +18005550100  -          -                -",
        " 0:40  talking 0:40  +12125550199  +18005550100  quotes     east         25.00",
    ]


@pytest.mark.parametrize("columns", [40, 60, 79, 80, 100, 132, 200])
def test_it_fits_whatever_the_names_are_and_a_wider_terminal_has_more(columns: int) -> None:
    long = "x" * 90
    names = ("acme-east-of-somewhere", "bell-main", long)
    calls = [
        view(str(number), campaign=long, publisher=long, lines=(name,), tags={"zip": long}) for number, name in enumerate(names)
    ]
    full = tuple(cap(f"campaign:{long}-{number}", used=99) for number in range(9))
    lines = drawn(state(*calls, caps=full), columns=columns, rows=24)
    assert max(map(cell_width, lines)) <= columns
    assert len(lines) <= 24
    headings = next(each for each in lines if "caller" in each or "state" in each).split()
    assert ("publisher" in headings, "tags" in headings) == (columns >= 100, columns >= 200)
    wide = drawn(state(*calls), columns=None)
    assert all(each.count(long) >= 3 for each in wide[-3:])


def test_rows_keep_their_order_and_columns_their_places() -> None:
    table = LiveTable(zone=UTC, filters=Filters())
    before = drawn(state(view("a"), view("b", began_s=5, lines=("a-line-of-23-characters",))), columns=100, table=table)
    after = drawn(state(view("c", began_s=9), view("b", began_s=5), view("a", state="waiting")), columns=100, table=table)
    assert after[4:6] == before[4:6]
    assert [each.split()[0] for each in after[6:]] == ["1:40", "1:35", "1:31"]


def test_a_low_terminal_says_how_many_more_there_are() -> None:
    calls = [view(f"{number:02}", began_s=number) for number in range(20)]
    for rows, seen in ((26, 20), (25, 18), (12, 5), (5, LEAST_ROWS - 1)):
        lines = drawn(state(*calls), rows=rows)
        rest = f"and {20 - seen} that began later: a higher terminal or a filter shows them"
        assert (lines[-1] == rest) == (seen < 20)
        assert len(lines) == 6 + seen + (seen < 20)


def test_nothing_there_and_nothing_that_the_filters_take() -> None:
    assert drawn(state())[-1] == "no calls in progress"
    lines = drawn(state(view("a")), campaign="other", state="menu")
    assert lines[1] == "0 of 1 calls  --campaign other --state menu"
    assert lines[-1] == "no call in progress is --campaign other --state menu"


def test_each_filter_takes_its_own_and_all_are_meant() -> None:
    calls = state(
        view("a"),
        view("b", campaign="loans", publisher="tv", state="menu", lines=(), advertiser=None),
        view("c", lines=("east", "west"), advertiser=None),
        lines=(owner("east"), owner("west", "bell")),
    )
    for filters, ids in (
        (Filters(), "abc"),
        (Filters(campaign="loans"), "b"),
        (Filters(publisher="radio"), "ac"),
        (Filters(advertiser="bell"), "c"),
        (Filters(advertiser="acme"), "ac"),
        (Filters(line="east"), "ac"),
        (Filters(line="west"), "c"),
        (Filters(state="menu"), "b"),
        (Filters(state="menu", publisher="radio"), ""),
    ):
        assert "".join(each.call_id for each in shown(calls, filters)) == ids


def test_above_the_calls_stand_full_caps_trunks_and_lines_that_ail_and_a_switch_that_drains() -> None:
    resting = owner("west", resting_until_us=NOW_US + S_US)
    caps = tuple(cap(f"line:l{number}", used=74 + number) for number in range(MAX_CAPS + 2))
    status = LiveStatus(state="draining", config="c1", overloaded=True, lag_ms=300, started_us=1, ends_us=NOW_US + 9 * S_US)
    overrides = (override("east", until_us=NOW_US), override("campaign:quotes/revenue/day", limit=5_000_000))
    lines = drawn(state(caps=caps, lines=(owner("east"), resting), status=status, overrides=overrides), columns=None)
    assert lines[0] == (
        "2026-03-02 15:01:40 UTC  draining until 2026-03-02 15:01:49 at the latest, overloaded (300 ms behind): new calls get 503"
    )
    fullest = "  ".join(f"line:l{number} {74 + number} %" for number in range(2, 7))
    assert lines[2:6] == [
        f"nearly full:  {fullest}  and 1 more: payphone caps",
        "trunks:  carrier 0/30",
        "overrides:  line:east paused until 2026-03-02 15:01  campaign:quotes/revenue/day limit 5.00",
        "lines:  west resting",
    ]


def test_what_strangers_write_is_shown_as_it_is() -> None:
    lines = drawn(state(view("a", ani="\x1b[31m", campaign="[bold]x", tags={"a": "\n\u202e"})), columns=200)
    assert not any("\x1b" in each or "\n" in each or "\u202e" in each for each in lines)
    assert "[bold]x" in lines[-1]


# caps


@pytest.mark.parametrize(
    ("taken", "nearly", "is_full"), [(74, False, False), (75, True, False), (99, True, False), (100, True, True)]
)
def test_three_quarters_is_nearly_full(taken: int, *, nearly: bool, is_full: bool) -> None:
    of = cap(used=taken)
    assert (is_nearly_full(of), share(of) >= 1) == (nearly, is_full)
    assert (percent(of), used(of)) == (f"{taken} %", f"{taken}/100")
    assert is_nearly_full(cap(used=0, limit=0))  # one that takes nothing


def test_a_bar_is_as_long_as_the_cap_is_full_and_never_longer() -> None:
    for taken, drawn_bar in ((0, "·" * 12), (2, "▏" + "·" * 11), (50, "█" * 6 + "·" * 6), (100, "█" * 12), (130, "█" * 12)):
        assert bar(cap(used=taken)) == drawn_bar
        assert len(drawn_bar) == BAR
    assert bar(cap(used=1, per=Per.SPACING, limit=1)) == ""


@pytest.mark.parametrize(
    ("per", "counts", "what", "how_much"),
    [
        (Per.CONCURRENCY, Counts.ATTEMPT, "attempts at once", "7/100"),
        (Per.HOUR, Counts.CONVERSION, "conversions an hour", "7/100"),
        (Per.SECOND, Counts.ATTEMPT, "attempts a second", "7/100"),
        (Per.DAY, Counts.REVENUE, "revenue a day", "7.00/100.00"),
        (Per.TOTAL, Counts.CONNECTION, "connections in all", "7/100"),
        (Per.BALANCE, Counts.REVENUE, "prepaid balance", "93.00 left"),
        (Per.SPACING, Counts.ATTEMPT, "time between attempts", "too soon"),
    ],
)
def test_what_a_cap_counts_in_words(per: Per, counts: Counts, what: str, how_much: str) -> None:
    by = 1_000_000 if counts is Counts.REVENUE else 1
    of = cap(used=7 * by, limit=100 * by, per=per, counts=counts)
    assert (counted(of), used(of)) == (what, how_much)


def test_a_real_snapshot_can_be_drawn() -> None:
    world = World(plan(line("east", EAST)))
    world.line_phone(EAST)
    world.call()
    world.run(3_000)
    views, _ = world.engine.live_views().look()
    lines = drawn(state(*views, lines=world.engine.line_status(world.at()), caps=world.engine.cap_status(world.at())))
    assert "talking" in lines[-1]
