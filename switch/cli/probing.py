"""What `payphone probe` does: finds the probe that is meant, places its call, shows what was found, now or before."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer

from routing.geo import to_e164
from switch.cli.common import deployed, fail, from_ledger, ledger_of, open_ledger
from switch.cli.posting import actor_of
from switch.console import local
from switch.deployment import Deployment
from switch.engine.clock import SystemClock
from switch.ledger.probes import ProbeRow, failing_now, probe_as_json
from switch.output import Column, Styled, Table, write_folded, write_json, write_line
from switch.period import BadInstant, clock_of
from switch.probe.placed import CannotPlace
from switch.probe.run import NOT_INSTALLED, ProbeRefused, ProbeRun, is_installed, run_probe
from switch.probe.text import findings, title
from switch.probe_settings import ProbeSettings
from switch.settings.probe_text import parse_hears, parse_keys, parse_way
from switch.settings.value import Invalid, nearest

NOTHING = "-"
CHECK_WIDTH = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line says of the call; None: as the probe of the config, or the default. Texts are as they were typed."""

    caller: str | None
    presses: str | None
    hears: str | None
    trunk: str | None
    hang_up: str | None


def place(
    config: Path, target: str | None, asked: Asked, *, keep: Path | None, log: Path | None, actor: str | None, as_json_lines: bool
) -> None:
    """Exit 1 where something is not good, or no call could be placed."""
    deployment = deployed(config)[0]
    probe = _as_asked(_meant(deployment, target), asked)
    if not is_installed():
        fail(NOT_INSTALLED)
    how = ProbeRun(actor=actor_of(actor), now_us=lambda: SystemClock().now().utc_us, keep=keep, log="" if log is None else str(log))
    ledger = ledger_of(deployment, config=config)
    try:
        rows = from_ledger(lambda: run_probe(deployment, probe, ledger, how))
    except (CannotPlace, ProbeRefused) as error:
        fail(str(error))
    for row in rows:
        if as_json_lines:
            write_json(probe_as_json(row))
        else:
            _show(row)
    if not all(row.good for row in rows):
        raise typer.Exit(1)


def _meant(deployment: Deployment, target: str | None) -> ProbeSettings:
    """Returns the probe of that name, or of that number or line; or one with everything at its default."""
    probes, table = deployment.probes, deployment.plan.table
    if target is None:
        there = f"the config has {', '.join(sorted(probes))}" if probes else "a tracking number, or a line"
        fail(f"which probe? Name one: {there}")
    number = to_e164(target)
    for probe in (*filter(None, [probes.get(target)]), *probes.values()):
        if probe.name == target or probe.target in (target, number):
            return probe
    if target not in table.lines and number not in table.numbers:
        hint = nearest(target, (*probes, *table.lines, *table.numbers))
        fail(f"there is no probe, number or line {target}" + (f": {hint}" if hint else ""))
    if target in table.lines:
        return ProbeSettings(name=target, line=target)
    return ProbeSettings(name=number, number=number)


def _as_asked(probe: ProbeSettings, asked: Asked) -> ProbeSettings:
    changed: dict[str, Any] = {} if asked.trunk is None else {"trunk": asked.trunk}
    try:
        if asked.caller is not None:
            changed["caller"] = to_e164(asked.caller)
        if asked.presses is not None:
            changed["keys"] = parse_keys(asked.presses)
        if asked.hears is not None:
            changed["hears"], changed["tone_hz"] = parse_hears(asked.hears)
        if asked.hang_up is not None:
            changed["hang_up"] = parse_way(asked.hang_up)
    except Invalid as error:
        fail(f"{error.message}; expected {error.expected}")
    if changed:
        changed["name"] = probe.target  # what it finds says nothing of the config's own probe
    return replace(probe, **changed)


def _show(row: ProbeRow) -> None:
    write_folded([title(row)])
    for found in findings(row):
        mark = Styled("good", "green") if found.good else Styled("BAD ", "red bold")
        write_line("  ", mark, f"  {found.check:<{CHECK_WIDTH}}{found.words}")


def show_history(config: Path, target: str | None, *, limit: int, zone: str | None, as_json_lines: bool) -> None:
    """Shows the newest results, and says which probes are failing now."""
    ledger, place_ = open_ledger(config)
    try:
        clock = clock_of(zone or place_.zone)
    except BadInstant as error:
        fail(str(error))
    rows = from_ledger(lambda: ledger.probes(limit=None if target else limit))
    if target is not None:
        rows = [row for row in rows if target in (row.probe, row.target) or row.target == to_e164(target)][:limit]
    if as_json_lines:
        for row in rows:
            write_json(probe_as_json(row))
        return
    if not rows:
        write_line("no results: no probe has been placed", err=True)
        return
    table = Table([Column(f"at {clock.key}", key=True), *_COLUMNS])
    for row in rows:
        table.add_row(local(row.at_us, clock, to="minutes"), *_cells(row), style="" if row.good else "red")
    table.show()
    for failing in failing_now(rows):
        often = "once" if failing.times == 1 else f"{failing.times} times in a row"
        write_folded([f"{failing.probe} fails since {local(failing.since_us, clock)}, {often}: {'; '.join(failing.failures)}"])


_COLUMNS = (
    Column("probe", key=True),
    Column("result"),
    Column("code", right=True),
    Column("rings s", right=True),
    Column("answers s", right=True),
    Column("dBm0", right=True),
    Column("MOS", right=True),
)


def _cells(row: ProbeRow) -> Sequence[str]:
    checks = dict.fromkeys(why.partition(":")[0] for why in row.failures)
    return (
        row.probe,
        "good" if row.good else f"BAD {' '.join(checks)}",
        _text(row.sip_code),
        _seconds(row.pdd_ms),
        _seconds(row.answer_ms),
        _text(row.level_dbm0),
        _text(row.mos),
    )


def _text(value: float | None) -> str:
    return NOTHING if value is None else f"{value}"


def _seconds(ms: int | None) -> str:
    return NOTHING if ms is None else f"{ms / 1_000:.1f}"
