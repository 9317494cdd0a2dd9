"""The commands that steer a running switch: calls are hung up, targets paused and resumed, caps limited otherwise. All go by its control
socket; who did what is read from the ledger."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from switch.cli.common import DEFAULT_CONFIG, EXIT, AsJson, ConfigDir, actor, app, count, fail, from_ledger, open_ledger
from switch.cli.control import connected_switch
from switch.cli.options import Since, Until, Yes, ZoneName
from switch.output import Column, Table, confirmed, write_folded, write_json, write_line

if TYPE_CHECKING:
    from routing.override import Override
    from routing.zone import Zone
    from switch.cli.live_table import Filters
    from switch.control.messages import HungUp
    from switch.engine.live_view import LiveCallView

MAX_NAMED = 10
"""Calls that are named before it is asked whether they are meant."""
US_PER_DAY = 86_400_000_000
FOREVER = "until it is lifted"
__all__ = ["actions", "app", "cap", "hangup", "overrides", "pause", "resume"]


class Kind(StrEnum):
    """What may be paused; as `routing.override.TargetKind`, which a command's help does not wait for."""

    LINE = "line"
    ADVERTISER = "advertiser"
    CAMPAIGN = "campaign"
    PUBLISHER = "publisher"
    NUMBER = "number"


Reason = Annotated[str, typer.Option(help="Why; kept with it, and shown with each call that it concerns.")]
End = Annotated[str | None, typer.Option("--until", help="When it ends: 15:00, the next time that is, or 2026-12-01T09:00.")]
For = Annotated[str | None, typer.Option("--for", help="How long it lasts: 90s, 30m, 2h, 3d.", metavar="TIME")]
TargetKind = Annotated[Kind, typer.Argument(help="What: line, advertiser, campaign, publisher or number.", metavar="KIND")]
Name = Annotated[str, typer.Argument(help="Its name in the config, or the number.")]


@app.command(epilog=EXIT)
def hangup(
    calls: Annotated[
        list[str] | None, typer.Argument(help="Ids of calls, or their beginnings: `payphone live` shows them.", metavar="[CALL]...")
    ] = None,
    config: ConfigDir = DEFAULT_CONFIG,
    *,
    campaign: Annotated[str | None, typer.Option(help="All of this campaign.")] = None,
    publisher: Annotated[str | None, typer.Option(help="All of this publisher.")] = None,
    advertiser: Annotated[str | None, typer.Option(help="All with a line of this advertiser.")] = None,
    line: Annotated[str | None, typer.Option(help="All with this line.")] = None,
    state: Annotated[str | None, typer.Option(help="All in this state: talking, waiting, menu, ringing, ...")] = None,
    reason: Reason = "",
    yes: Yes = False,
    json_lines: AsJson = False,
) -> None:
    """Hang up calls in progress: those that are named, or all that match.

    The options mean the same calls as those of `payphone live`. How many match is said first, and asked; what starts to match later is not
    touched. Each call ends now, as if the switch had ended it: talk so far counts, and its record says who hung up and why. With --json:
    the ids of calls that have ended, and of those that were over already.

    \b
    Examples:
      payphone hangup 3f2a9c0d --reason "test call"
      payphone hangup --line acme-east --state ringing
      payphone hangup --campaign auto-quotes --yes --reason fraud
    """
    from switch.cli.live_table import Filters

    filters = Filters(campaign=campaign, publisher=publisher, advertiser=advertiser, line=line, state=state)
    if bool(calls) == bool(str(filters)):
        fail("give ids of calls, or what they have in common, such as --line acme-east: one of both")
    views = _live_calls(config, filters)
    if calls:
        call_ids = [_whole(call, views) for call in calls]
    else:
        call_ids = [view.call_id for view in views]
        if not call_ids:
            fail(f"no call in progress is one with {filters}")
        if not yes:
            _tell(views)
            if not confirmed(f"Hang up {count(len(call_ids), 'call')}?"):
                fail("nothing was done")
    found = _hang_up(config, call_ids, reason)
    if json_lines:
        write_json({"ended": list(found.ended), "unknown": list(found.unknown)})
        return
    write_line(f"{count(len(found.ended), 'call')} hung up")
    if found.unknown:
        write_folded([f"over already: {' '.join(found.unknown)}"])


@app.command(epilog=EXIT)
def pause(
    kind: TargetKind,
    name: Name,
    config: ConfigDir = DEFAULT_CONFIG,
    *,
    until: End = None,
    length: For = None,
    reason: Reason = "",
    json_lines: AsJson = False,
) -> None:
    """Let no more calls go to a line, an advertiser, a campaign, a publisher or a number.

    Calls in progress go on. It is an override: the config stays as it is, a restart keeps it, `payphone explain` names it with each call
    that it keeps away, `payphone resume` and `payphone overrides --lift` end it. Without --until and --for it lasts until then.

    \b
    Examples:
      payphone pause line acme-east --for 2h --reason "their PBX is down"
      payphone pause advertiser acme --until 15:00
      payphone pause number +18005550100 --reason "spot pulled"
    """
    from routing.override import TargetKind as Target
    from switch.control.messages import Overridden, Pause

    with connected_switch(config) as (switch, zone):
        until_us = _until_us(until, length, zone)
        order = Pause(id=1, target_kind=Target(kind), name=name, until_us=until_us, actor=actor(), reason=reason)
        _show_made(switch.ask(order, Overridden).override, zone, json_lines=json_lines)


@app.command(epilog=EXIT)
def resume(
    kind: TargetKind, name: Name, config: ConfigDir = DEFAULT_CONFIG, *, reason: Reason = "", json_lines: AsJson = False
) -> None:
    """Let calls go again to what was paused by `payphone pause`.

    Lifts every pause of it that is in force. What the config itself has paused stays so.

    \b
    Examples:
      payphone resume line acme-east
      payphone resume publisher radio-one --reason "invoice is paid"
    """
    from routing.geo import to_e164
    from routing.override import OverrideKind
    from switch.control.messages import GetOverrides, Lifted, LiftOverride, Overrides

    target = to_e164(name) if kind is Kind.NUMBER else name
    with connected_switch(config) as (switch, zone):
        in_force = switch.ask(GetOverrides(id=1), Overrides).overrides
        meant = [each for each in in_force if each.kind is OverrideKind.PAUSE and each.key == f"{kind}:{target}"]
        if not meant:
            fail(f"{kind} {name} is not paused by an override: `payphone overrides` lists those in force")
        for each in meant:
            order = LiftOverride(id=1, number=each.number, actor=actor(), reason=reason)
            _show_lifted(switch.ask(order, Lifted).override, zone, json_lines=json_lines)


@app.command(epilog=EXIT)
def cap(
    key: Annotated[str, typer.Argument(help="The cap: `payphone caps --json` has each one's key.")],
    limit: Annotated[str, typer.Argument(help="Its limit for now: calls, or an amount where it counts revenue.")],
    config: ConfigDir = DEFAULT_CONFIG,
    *,
    until: End = None,
    length: For = None,
    reason: Reason = "",
    json_lines: AsJson = False,
) -> None:
    """Give a cap another limit for a while, lower or higher than the config's.

    An override, as `payphone pause` makes one; 0 keeps all calls away. Of several for one cap the latest holds. Calls in progress go on,
    and count. A prepaid balance has no other limit: a deposit raises it.

    \b
    Examples:
      payphone cap line:acme-east 2 --until 17:00 --reason "two agents are sick"
      payphone cap campaign:auto-quotes/conversion/day 80 --for 1d
      payphone cap advertiser:acme/revenue/day 1250.00
    """
    from switch.control.messages import LimitCap, Overridden

    amount = _limit(key, limit)
    with connected_switch(config) as (switch, zone):
        until_us = _until_us(until, length, zone)
        order = LimitCap(id=1, key=key, limit=amount, until_us=until_us, actor=actor(), reason=reason)
        _show_made(switch.ask(order, Overridden).override, zone, json_lines=json_lines)


@app.command(epilog=EXIT)
def overrides(
    config: ConfigDir = DEFAULT_CONFIG,
    *,
    lift: Annotated[int | None, typer.Option(help="End this one now, by its number.", metavar="NUMBER")] = None,
    reason: Reason = "",
    json_lines: AsJson = False,
) -> None:
    """List what is paused and limited otherwise than the config says, by whom, why and until when; or lift one.

    They survive a restart. Yellow: the config has no such target any more.

    \b
    Examples:
      payphone overrides --config /etc/payphone
      payphone overrides --lift 7 --reason "agents are back"
      payphone overrides --json | jq 'select(.until_us == null)'
    """
    from switch.control.messages import GetOverrides, Lifted, LiftOverride, Overrides

    with connected_switch(config) as (switch, zone):
        if lift is not None:
            order = LiftOverride(id=1, number=lift, actor=actor(), reason=reason)
            _show_lifted(switch.ask(order, Lifted).override, zone, json_lines=json_lines)
            return
        found = switch.ask(GetOverrides(id=1), Overrides).overrides
    if json_lines:
        for each in found:
            write_json(_plain(each))
        return
    if not found:
        write_line("nothing is overridden: the config holds")
        return
    table = Table([Column("no.", key=True, right=True), Column("what"), Column(["until", zone.key]), Column("by"), Column("why")])
    for each in found:
        what = _what(each) if each.in_config else f"{_what(each)} (not in the config)"
        until = "-" if each.until_us is None else _moment(each.until_us, zone)
        table.add_row(str(each.number), what, until, each.actor, each.reason or "-", style="" if each.in_config else "yellow")
    table.show()


@app.command(epilog=EXIT)
def actions(
    config: ConfigDir = DEFAULT_CONFIG,
    *,
    who: Annotated[str | None, typer.Option("--actor", help="Only of this one: cli:anna, console:anna, api:TOKEN.")] = None,
    action: Annotated[str | None, typer.Option(help="Only these: hangup, pause, cap, lift, drain, login, ...")] = None,
    target: Annotated[str | None, typer.Option(help="Only on this one: a call's id, line:acme-east.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100_000, help="How many, newest first.")] = 50,
    zone: ZoneName = None,
    json_lines: AsJson = False,
) -> None:
    """Show who did what to the running switch and in the console, the newest first.

    Every command that changes something is here, refused ones too, and everybody who logged in. The database lets nobody change these rows.

    \b
    Examples:
      payphone actions --config /etc/payphone
      payphone actions --actor cli:anna --since 2026-11-30
      payphone actions --target line:acme-east --json
    """
    from dataclasses import asdict

    from switch.ledger.steering import ActionFilter
    from switch.period import BadInstant, clock_of, parse_period

    ledger, place = open_ledger(config)
    try:
        clock = clock_of(zone or place.zone or "UTC")
        period = parse_period(since, until, zone=clock.key, options=("--since", "--until"))
    except BadInstant as error:
        fail(str(error))
    wanted = ActionFilter(
        actor=who,
        action=action,
        target=target,
        since_us=period.from_us if period.has_start else None,
        until_us=period.to_us if period.has_end else None,
    )
    found = from_ledger(lambda: ledger.actions(wanted, limit=limit))
    if json_lines:
        for row in found:
            write_json(asdict(row))
        return
    if not found:
        write_line("nobody did anything of that kind")
        return
    table = Table([Column(["date", clock.key], key=True), Column("by"), Column("what"), Column("target"), Column("more")])
    for row in found:
        more = [_detail(name, value, clock) for name, value in row.detail.items()]
        more += [] if row.outcome == "done" else [row.outcome]
        cells = (row.actor, row.action.replace("_", " "), row.target)
        table.add_row(_moment(row.at_us, clock), *cells, ", ".join(more), style="" if row.outcome == "done" else "yellow")
    table.show()


def _live_calls(config: Path, filters: "Filters") -> "list[LiveCallView]":
    """The calls in progress that are meant, the oldest first, without those that are ending already."""
    from switch.cli.live import check_names, snapshot_of
    from switch.cli.live_table import shown
    from switch.control.watcher import LiveState

    snapshot, _ = snapshot_of(config)
    check_names(snapshot, filters)
    state = LiveState()
    state.replace(snapshot)
    return [view for view in shown(state, filters) if view.state != "releasing"]


def _whole(beginning: str, views: "list[LiveCallView]") -> str:
    """The id of the one call that begins so."""
    found = [view.call_id for view in views if view.call_id.startswith(beginning)]
    if not beginning or not found:
        fail(f"no call in progress is {beginning or 'one without an id'}: `payphone live` shows those that are")
    if len(found) > 1:
        fail(f"{count(len(found), 'call')} in progress begin with {beginning}: give more of its id")
    return found[0]


def _tell(views: "list[LiveCallView]") -> None:
    """What is about to be hung up."""
    for view in views[:MAX_NAMED]:
        caller, place = view.ani or "withheld", " ".join(view.lines) or view.campaign or ""
        write_folded([f"{view.call_id}  {view.state}  {caller} to {view.did}  {place}".rstrip()], err=True)
    if len(views) > MAX_NAMED:
        write_line(f"and {len(views) - MAX_NAMED} more", err=True)


def _hang_up(config: Path, call_ids: list[str], reason: str) -> "HungUp":
    """A few at a time: the switch's own calls have their turns in between."""
    from switch.control.messages import MAX_HUNG_UP, HangUp, HungUp

    ended: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    with connected_switch(config) as (switch, _):
        for start in range(0, len(call_ids), MAX_HUNG_UP):
            some = tuple(call_ids[start : start + MAX_HUNG_UP])
            found = switch.ask(HangUp(id=1, call_ids=some, actor=actor(), reason=reason), HungUp)
            ended, unknown = ended + found.ended, unknown + found.unknown
    return HungUp(ended=ended, unknown=unknown)


def _until_us(until: str | None, length: str | None, zone: "Zone") -> int | None:
    """When an override ends, UTC; None: when it is lifted."""
    from switch.engine.clock import SystemClock
    from switch.period import BadInstant, next_us
    from switch.settings.value import Invalid, duration_ms

    now_us = SystemClock().now().utc_us
    if until is not None and length is not None:
        fail("--until or --for, not both")
    if length is not None:
        try:
            return now_us + 1_000 * duration_ms(length, low=1_000, high=400 * US_PER_DAY // 1_000)
        except (Invalid, ValueError) as error:
            fail(f"--for {length}: {error}; write 90s, 30m, 2h or 3d, up to 400d")
    try:
        return None if until is None else next_us(until, after_us=now_us, zone=zone.key, option="--until")
    except BadInstant as error:
        fail(str(error))


def _limit(key: str, text: str) -> int:
    """Calls, or micros of a cap on revenue."""
    from switch.cli.posting import amount_of

    if "/revenue/" in key:
        return amount_of(text)
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        fail(f"{text!r} is no limit: {key} counts calls; write a whole number, such as 5")
    return int(text)


def _show_made(override: "Override", zone: "Zone", *, json_lines: bool) -> None:
    if json_lines:
        write_json(_plain(override))
    else:
        until = FOREVER if override.until_us is None else f"until {_moment(override.until_us, zone)} {zone.key}"
        write_folded([f"override {override.number}: {_what(override)} {until}"])


def _show_lifted(override: "Override", zone: "Zone", *, json_lines: bool) -> None:
    if json_lines:
        write_json(_plain(override))
    else:
        write_folded([f"override {override.number} is lifted: {_what(override)}, since {_moment(override.made_us, zone)}"])


def _what(override: "Override") -> str:
    """`line acme-east is paused`."""
    from switch.billing.money import show_micros

    target = override.key.replace(":", " ", 1)
    if override.limit is None:
        return f"{target} is paused"
    return f"the cap {target} is {show_micros(override.limit) if override.is_money else override.limit}"


def _detail(name: str, value: object, zone: "Zone") -> str:
    shown = _moment(value, zone) if name.endswith("_us") and isinstance(value, int) else value
    return f"{name.removesuffix('_us')} {shown}"


def _moment(utc_us: int, zone: "Zone") -> str:
    from switch.console import local

    return local(utc_us, zone)


def _plain(override: "Override") -> dict[str, object]:
    import msgspec

    values: dict[str, object] = msgspec.to_builtins(override)
    return values
