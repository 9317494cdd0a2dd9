"""The commands that ask a running switch: status, trunks, lines, statistics, drain. All go by its control socket."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from switch.certificate_dates import WARN_DAYS
from switch.cli.common import DEFAULT_CONFIG, EXIT, AsJson, ConfigDir, actor, app, count, fail, place_of
from switch.output import Column, Styled, Table, write_folded, write_json, write_line

if TYPE_CHECKING:
    from routing.zone import Zone
    from switch.control.client import ControlClient
    from switch.control.messages import Status
    from switch.engine.peer_state import HealthState, RegistrationState
    from switch.engine.status import LineStatus, TrunkStatus

NOTHING = "-"
US_PER_DAY = 86_400_000_000
END_S = 30.0
"""How much longer than its limit a drain is waited for."""
__all__ = ["app", "drain", "lines", "statistics", "status", "trunks"]


@app.command(epilog=EXIT)
def status(config: ConfigDir = DEFAULT_CONFIG, *, json_lines: AsJson = False) -> None:
    """Say whether the switch runs, drains or is overloaded, and how many calls it has.

    \b
    Examples:
      payphone status --config /etc/payphone
      payphone status --json | jq .calls
    """
    from switch.control.messages import GetStatus, Status

    with connected_switch(config) as (switch, zone):
        found = switch.ask(GetStatus(id=1), Status)
    if json_lines:
        write_json({"pid": switch.hello.pid, **_plain(found)})
        return
    write_folded(_status_lines(found, switch.hello.pid, zone))


@app.command(epilog=EXIT)
def trunks(config: ConfigDir = DEFAULT_CONFIG, *, json_lines: AsJson = False) -> None:
    """Show each trunk of the running switch: calls now and since the start, and when it was last heard.

    calls now: 3/30 are three where max_calls is 30. refused: calls that were rejected at once. malformed: messages of its addresses with
    an error in them. OPTIONS: whether it answers them (unknown: not yet), and its last answer. registered: until when, or no, and the
    registrar's last answer.

    \b
    Examples:
      payphone trunks --config /etc/payphone
      payphone trunks --json | jq 'select(.calls > 0)'
    """
    from switch.control.messages import GetTrunks, Trunks

    with connected_switch(config) as (switch, zone):
        found = switch.ask(GetTrunks(id=1), Trunks).trunks
    if json_lines:
        _write_each(found)
    else:
        _trunk_table(found, zone).show()


@app.command(epilog=EXIT)
def lines(
    config: ConfigDir = DEFAULT_CONFIG,
    *,
    advertiser: Annotated[str | None, typer.Option(help="Only this advertiser's.")] = None,
    json_lines: AsJson = False,
) -> None:
    """Show each line of the running switch: calls now and since the start, its rest, its last result.

    calls now: 2/5 are two where cap is 5. A line rests after failures, as its `health` in the config says, or is paused. OPTIONS: whether
    it answers (unknown: not yet), and its last answer. The last result is of an attempt whose call is over, with the line's SIP status,
    and why it failed.

    \b
    Examples:
      payphone lines --config /etc/payphone
      payphone lines --advertiser acme
      payphone lines --json | jq 'select(.resting_until_us)'
    """
    from switch.control.messages import GetLines, Lines

    with connected_switch(config) as (switch, zone):
        found = switch.ask(GetLines(id=1), Lines).lines
    wanted = [line for line in found if advertiser in (None, line.advertiser)]
    if json_lines:
        _write_each(wanted)
    elif advertiser is not None and not wanted:
        fail(f"the running switch has no line of an advertiser {advertiser}")
    else:
        _line_table(wanted, zone).show()


@app.command(epilog=EXIT)
def statistics(
    config: ConfigDir = DEFAULT_CONFIG,
    *,
    hosts: Annotated[bool, typer.Option("--hosts", help="One row for each address too, the busiest first.")] = False,
    json_lines: AsJson = False,
) -> None:
    """Show what peers sent and were refused, counted since the start.

    stranger: datagrams from addresses that no trunk has, dropped unread. scanner: those of known scanners. malformed_...: what could not be
    used. refused_STATUS: requests that got this final answer. docs/guide-ops.md lists all.

    \b
    Examples:
      payphone statistics --config /etc/payphone
      payphone statistics --hosts
      payphone statistics --json
    """
    from switch.control.messages import GetStatistics, Statistics

    with connected_switch(config) as (switch, _):
        counts = switch.ask(GetStatistics(id=1), Statistics).counts
    if json_lines:
        for kind, by_host in sorted(counts.items()):
            write_json({"counter": kind, "total": sum(by_host.values()), "hosts": by_host})
        return
    table = Table([Column("counter", key=True), *([Column("address")] if hosts else []), Column("count", right=True)])
    for kind, by_host in sorted(counts.items()):
        if hosts:
            for host, number in sorted(by_host.items(), key=lambda each: (-each[1], each[0])):
                table.add_row(kind, host or NOTHING, str(number))
        else:
            table.add_row(kind, str(sum(by_host.values())))
    if counts:
        table.show()
    else:
        write_line("nothing was counted yet")


@app.command(epilog=EXIT)
def drain(
    config: ConfigDir = DEFAULT_CONFIG,
    *,
    limit: Annotated[
        str | None,
        typer.Option(
            help="How long calls in progress may go on: 90s, 2h; 0s: end now. Default: switch.limits.drain.", metavar="TIME"
        ),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the switch has ended.")] = True,
    json_lines: AsJson = False,
) -> None:
    """Take no new calls, let those in progress finish, then end the switch.

    New calls and OPTIONS get 503 with Retry-After, so that carriers send calls elsewhere. What is still on after the limit is ended, each
    call with its record. There is no way back but a new start. Given again, it sets a new limit.

    \b
    Examples:
      payphone drain --config /etc/payphone
      payphone drain --limit 2h --no-wait
      payphone drain --limit 0s
    """
    from switch.control.messages import MAX_DRAIN_MS, Drain, Status
    from switch.settings.value import Invalid, duration_ms

    try:
        limit_ms = None if limit is None else duration_ms(limit, low=0, high=MAX_DRAIN_MS)
    except (Invalid, ValueError) as error:
        fail(f"--limit {limit}: {error}; write 90s, 30m or 2h, up to 24h")
    with connected_switch(config) as (switch, zone):
        found = switch.ask(Drain(id=1, limit_ms=limit_ms, actor=actor()), Status)
        if json_lines:
            write_json({"pid": switch.hello.pid, **_plain(found)})
        else:
            write_folded(_status_lines(found, switch.hello.pid, zone))
        if not wait:
            return
        left_s = 0 if found.ends_us is None or limit_ms == 0 else (found.ends_us - _now_us()) / 1_000_000
        if not switch.wait_for_end(max(0, left_s) + END_S):
            fail("the switch has not ended; `payphone status` says what it waits for")
    if not json_lines:
        write_line("the switch has ended")


@contextmanager
def connected_switch(config: Path) -> "Iterator[tuple[ControlClient, Zone]]":
    """A connection to the switch of a config, and the zone that its times are shown in. Exit 1 where there is none."""
    from routing.zone import time_zone
    from switch.control.client import ControlError, NotRunning, connected

    place = place_of(config)
    try:
        with connected(place.data) as switch:
            yield switch, time_zone(place.zone or "UTC")
    except NotRunning as error:
        fail(f"{error}: `payphone run --config {config}` starts one")
    except ControlError as error:
        fail(str(error))


def _status_lines(found: "Status", pid: int, zone: "Zone") -> Iterator[str | Styled]:
    since = _moment(found.since_us, zone)
    until = "" if found.ends_us is None else f", at the latest until {_moment(found.ends_us, zone)}"
    yield f"{found.state} since {since} {zone.key}{until}"
    yield f"{count(found.calls, 'call')} in progress"
    yield f"config {found.config}, process {pid}"
    for certificate in found.certificates:
        is_near = certificate.until_us - _now_us() <= WARN_DAYS * US_PER_DAY
        what = "ran out on" if certificate.until_us <= _now_us() else "valid until"
        yield Styled(f"certificate {certificate.file} {what} {_moment(certificate.until_us, zone)}", "yellow" if is_near else "")
    if found.ledger.why is not None:
        yield Styled(f"new calls get 503, the ledger can't be written: {found.ledger.why}", "yellow")
    for process in found.processes:
        if process.up < process.wanted:
            yield Styled(f"{process.up} of {count(process.wanted, process.name)} up", "yellow")
    if found.overloaded:
        yield f"overloaded: new calls get 503 until the switch, {found.lag_ms} ms behind, has caught up"


def _trunk_table(found: "Sequence[TrunkStatus]", zone: "Zone") -> Table:
    figures = [Column(heading, right=True) for heading in (["calls", "now"], ["calls", "so far"], "refused", "malformed")]
    states = [Column("OPTIONS"), Column(["registered", "until"])]
    table = Table([Column("trunk", key=True), *figures, Column(["last seen", zone.key]), *states])
    for trunk in found:
        seen = NOTHING if trunk.last_seen_us is None else _moment(trunk.last_seen_us, zone)
        calls = (_calls(trunk), str(trunk.total_calls), str(trunk.refused), str(trunk.malformed))
        is_well = _is_well(trunk.health) and (trunk.registration is None or trunk.registration.until_us is not None)
        states_of = (_health(trunk.health), _registered(trunk.registration, zone))
        table.add_row(trunk.name, *calls, seen, *states_of, style="" if is_well else "yellow")
    return table


def _line_table(found: "Sequence[LineStatus]", zone: "Zone") -> Table:
    table = Table(
        [
            Column("line", key=True),
            Column("advertiser"),
            Column(["calls", "now"], right=True),
            Column(["calls", "so far"], right=True),
            Column(["resting until", zone.key]),
            Column("OPTIONS"),
            Column("last result"),
        ]
    )
    for line in found:
        resting = NOTHING if line.resting_until_us is None else _moment(line.resting_until_us, zone)
        resting = "paused" if line.paused else resting
        result = (line.last_result or NOTHING).replace("_", " ") + ("" if line.last_sip_code is None else f" {line.last_sip_code}")
        result += "" if line.last_why is None else f": {line.last_why}"
        is_well = line.resting_until_us is None and _is_well(line.health) and not line.paused
        calls = (_calls(line), str(line.total_calls))
        table.add_row(line.name, line.advertiser, *calls, resting, _health(line.health), result, style="" if is_well else "yellow")
    return table


def _calls(found: "TrunkStatus | LineStatus") -> str:
    """Its live calls, and how many it may have, where that is limited: 3/30."""
    return str(found.calls) if found.limit is None else f"{found.calls}/{found.limit}"


_UP = {True: "up", False: "down", None: "unknown"}


def _is_well(state: "HealthState | None") -> bool:
    return state is None or state.is_up is not False


def _health(state: "HealthState | None") -> str:
    """What OPTIONS say: up, down or not known yet, and the last answer."""
    if state is None:
        return NOTHING
    return _UP[state.is_up] + ("" if state.last_status is None else f" {state.last_status}")


def _registered(state: "RegistrationState | None", zone: "Zone") -> str:
    """Until when a trunk is registered, or that it is not, and the registrar's last answer."""
    if state is None:
        return NOTHING
    if state.until_us is not None:
        return _moment(state.until_us, zone)
    return "no" if state.status is None else f"no {state.status}"


def _moment(utc_us: int, zone: "Zone") -> str:
    from switch.console import local

    return local(utc_us, zone)


def _now_us() -> int:
    from switch.engine.clock import SystemClock

    return SystemClock().now().utc_us


def _write_each(rows: "Sequence[TrunkStatus | LineStatus]") -> None:
    for row in rows:
        write_json(_plain(row))


def _plain(message: "Status | TrunkStatus | LineStatus") -> dict[str, object]:
    """A message as JSON values, without what only the connection needs."""
    import msgspec

    values: dict[str, object] = msgspec.to_builtins(message)
    return {key: value for key, value in values.items() if key not in ("type", "id")}
