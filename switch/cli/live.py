"""The commands that look at what goes on in a running switch: its live calls, and how full its caps are."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from switch.cli.common import DEFAULT_CONFIG, EXIT, AsJson, ConfigDir, app, fail, place_of
from switch.cli.control import connected_switch
from switch.output import Column, Styled, Table, is_terminal, screen, width, write_json, write_line, write_lines

if TYPE_CHECKING:
    from routing.override import Override
    from routing.zone import Zone
    from switch.cli.live_table import Filters
    from switch.control.messages import Snapshot
    from switch.control.watcher import Event, Watcher
    from switch.engine.live_view import CapStatus

NOTHING = "-"
REDRAW_S = 1.0
"""Ages and talk times go on while nothing happens."""
__all__ = ["app", "caps", "live"]


@app.command(epilog=EXIT)
def live(
    config: ConfigDir = DEFAULT_CONFIG,
    *,
    campaign: Annotated[str | None, typer.Option(help="Only of this campaign.")] = None,
    publisher: Annotated[str | None, typer.Option(help="Only this publisher's.")] = None,
    advertiser: Annotated[str | None, typer.Option(help="Only those with a line of this advertiser.")] = None,
    line: Annotated[str | None, typer.Option(help="Only those with this line.")] = None,
    state: Annotated[str | None, typer.Option(help="Only in this state: talking, waiting, menu, ringing, ...")] = None,
    once: Annotated[bool, typer.Option("--once", help="Show what is there now, and end.")] = False,
    json_lines: AsJson = False,
) -> None:
    """Show the calls in progress, and keep showing them until Ctrl-C.

    Above them: caps that are three quarters full, trunks, and lines that rest or are down. The oldest call is on top and rows keep their
    places. state: what the call is doing, and for how long; talking: since talk began as money counts it. owed: what the advertiser owes
    should it end now. A terminal that is wider has more columns.

    With --json: one object when the switch is there ("event": "watching"), one for each call that is there, comes or changes ("call"), ends
    or is no longer meant by the filters ("gone"), and when the switch goes away ("lost"). With --once the calls alone. Where stdout is no
    terminal, --once is meant.

    \b
    Examples:
      payphone live --config /etc/payphone
      payphone live --campaign auto-quotes --state waiting
      payphone live --advertiser acme --once
      payphone live --once --json | jq 'select(.talk_us)'
      payphone live --json | jq -c 'select(.event == "gone")'
    """
    import asyncio

    from switch.cli.live_table import Filters
    from switch.engine.live_view import CallState

    if state is not None and state not in get_args(CallState):
        fail(f"no call is ever in a state {state}; there are {', '.join(get_args(CallState))}")
    filters = Filters(campaign=campaign, publisher=publisher, advertiser=advertiser, line=line, state=state)
    snapshot, zone = snapshot_of(config)
    check_names(snapshot, filters)
    if once or not (json_lines or is_terminal()):
        _show_once(snapshot, filters, zone, json_lines=json_lines)
        return
    try:
        asyncio.run(_follow(place_of(config).data, filters, zone, json_lines=json_lines))
    except KeyboardInterrupt:
        return


@app.command(epilog=EXIT)
def caps(
    config: ConfigDir = DEFAULT_CONFIG,
    *,
    owner: Annotated[str | None, typer.Option(help="Only of this one: acme-east, line:acme-east, +18005550100, ...")] = None,
    full: Annotated[int, typer.Option("--full", min=0, max=100, help="Only those that are so full, in percent.")] = 0,
    json_lines: AsJson = False,
) -> None:
    """Show how full each cap of the running switch is, and when it is counted from zero again.

    A strict cap counts calls that may still come to count. A balance is what is left of a prepaid deposit. Yellow: three quarters full;
    red: full. A limit by an override says whose it is, and until when.

    \b
    Examples:
      payphone caps --config /etc/payphone
      payphone caps --full 75
      payphone caps --owner acme-east
      payphone caps --json | jq 'select(.used >= .limit) | .key'
    """
    import msgspec

    from switch.cli.cap_text import share
    from switch.control.messages import Caps, GetCaps, GetOverrides, Overrides

    with connected_switch(config) as (switch, zone):
        every = switch.ask(GetCaps(id=1), Caps).caps
        overrides = switch.ask(GetOverrides(id=2), Overrides).overrides
    found = [cap for cap in every if owner is None or owner in (cap.owner, cap.owner.partition(":")[2])]
    if owner is not None and not found:
        fail(f"the running switch has no cap of {owner}")
    wanted = [cap for cap in found if 100 * share(cap) >= full]
    if json_lines:
        for cap in wanted:
            write_json(msgspec.to_builtins(cap))
    elif wanted:
        _cap_table(wanted, {each.target: each for each in overrides if each.limit is not None}, zone).show()
    else:
        write_line("there are no caps" if not every else f"no cap is {full} % full")


def _cap_table(wanted: "Sequence[CapStatus]", limited: "Mapping[str, Override]", zone: "Zone") -> Table:
    """`limited`: overrides by the key of their cap."""
    from switch.cli.cap_text import bar, counted, is_nearly_full, percent, used
    from switch.console import local

    has_limited = any(cap.key in limited for cap in wanted)
    columns = ["cap", "counts", "used", "", "full", ["reset", zone.key], *(["limit by"] if has_limited else [])]
    table = Table([Column(heading, right=place in (2, 4), key=not place) for place, heading in enumerate(columns)])
    for cap in wanted:
        reset = NOTHING if cap.resets_us is None else local(cap.resets_us, zone, to="minutes")
        style = "red" if cap.used >= cap.limit and is_nearly_full(cap) else "yellow" if is_nearly_full(cap) else ""
        row = [cap.owner, counted(cap), used(cap), bar(cap), percent(cap) if bar(cap) else "", reset]
        if has_limited:
            override = limited.get(cap.key)
            until = None if override is None else override.until_us
            ends = "" if until is None else f" until {local(until, zone, to='minutes')}"
            row.append(NOTHING if override is None else f"{override.actor}{ends}")
        table.add_row(*row, style=style)
    return table


def snapshot_of(config: Path) -> "tuple[Snapshot, Zone]":
    from switch.control.messages import Snapshot, Watch

    with connected_switch(config) as (switch, zone):
        return switch.ask(Watch(id=1), Snapshot), zone


def check_names(snapshot: "Snapshot", filters: "Filters") -> None:
    """What the running switch does not have is no filter: exit 1."""
    for what, name, known in (
        ("line", filters.line, {line.name for line in snapshot.lines}),
        ("advertiser", filters.advertiser, {line.advertiser for line in snapshot.lines}),
    ):
        if name is not None and name not in known:
            fail(f"the running switch has no {what} {name}")


def _show_once(snapshot: "Snapshot", filters: "Filters", zone: "Zone", *, json_lines: bool) -> None:
    import msgspec

    from switch.cli.live_table import LiveTable, shown
    from switch.control.watcher import LiveState

    state = LiveState()
    state.replace(snapshot)
    if json_lines:
        for view in shown(state, filters):
            write_json(msgspec.to_builtins(view))
    else:
        write_lines(LiveTable(zone=zone, filters=filters).lines(state, _now_us(), columns=width()))


async def _follow(data: Path, filters: "Filters", zone: "Zone", *, json_lines: bool) -> None:
    from switch.control.watcher import Watcher

    watcher = Watcher(data)
    if json_lines:
        await _write_changes(watcher, filters)
    else:
        await _draw(watcher, filters, zone)


async def _draw(watcher: "Watcher", filters: "Filters", zone: "Zone") -> None:
    """Draws the state at each event, and every second."""
    import asyncio

    from switch.cli.live_table import LiveTable
    from switch.console import local
    from switch.control.watcher import Lost

    table = LiveTable(zone=zone, filters=filters)
    events = watcher.events()
    coming: asyncio.Task[Event] = asyncio.ensure_future(anext(events))
    gone = ""
    with screen() as terminal:
        while True:
            done, _ = await asyncio.wait({coming}, timeout=REDRAW_S)
            if done:
                event = coming.result()
                coming = asyncio.ensure_future(anext(events))
                gone = f"{event.why}, since {local(_now_us(), zone)}" if isinstance(event, Lost) else ""
            columns, rows = terminal.size
            if gone:
                terminal.draw([Styled(gone, "yellow"), "It is shown again as soon as it is back; Ctrl-C ends."])
            elif watcher.state.status is not None:
                terminal.draw(table.lines(watcher.state, _now_us(), columns=columns, rows=rows))


async def _write_changes(watcher: "Watcher", filters: "Filters") -> None:
    """Writes what differs from what was written before."""
    import msgspec

    from switch.cli.live_table import shown
    from switch.control.watcher import Lost

    written: dict[str, object] = {}
    is_told = False
    async for event in watcher.events():
        if isinstance(event, Lost):
            written.clear()
            is_told = False
            write_json({"event": "lost", "why": event.why})
            continue
        if not is_told:
            is_told = True
            write_json({"event": "watching", "calls": len(watcher.state.calls)})
        now = {view.call_id: view for view in shown(watcher.state, filters)}
        for call_id in [call_id for call_id in written if call_id not in now]:
            del written[call_id]
            write_json({"event": "gone", "call_id": call_id})
        for call_id, view in now.items():
            if written.get(call_id) != view:
                written[call_id] = view
                write_json({"event": "call", **msgspec.to_builtins(view)})


def _now_us() -> int:
    from switch.engine.clock import SystemClock

    return SystemClock().now().utc_us
