"""What `payphone recordings` does: which recordings are meant, how they look, whether their files are as they were written."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import typer

from routing.zone import Zone
from switch.cli.call_filter import call_filter
from switch.cli.common import count, deployed, fail, from_ledger, ledger_of
from switch.cli.posting import actor_of, confirm, reason_of
from switch.cli.statement import only_one
from switch.console import local
from switch.engine.clock import SystemClock
from switch.ledger.reading import KeptRecording, as_plain
from switch.ledger.store import Ledger
from switch.ledger.tables import RecordingDeletionRow
from switch.output import Column, Table, write_folded, write_json, write_line
from switch.period import zone_of
from switch.settings.value import Invalid, days

READ_BYTES = 1 << 20
US_PER_DAY = 86_400_000_000
NOTHING = "-"
MODE = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which recordings; None: any. Texts are as they were typed."""

    limit: int
    call: str | None
    publisher: str | None
    campaign: str | None
    line: str | None
    number: str | None
    caller: str | None
    since: str | None
    until: str | None
    zone: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`directory`: where the files are. `clock`: of the times that are shown."""

    ledger: Ledger
    directory: Path
    clock: Zone
    recordings: Sequence[KeptRecording]


def show(config: Path, wanted: Wanted, *, as_json_lines: bool) -> None:
    found = _found(config, wanted)
    if as_json_lines:
        for each in found.recordings:
            write_json(as_plain(each))
        return
    if not found.recordings:
        write_line("no recordings: there is none that all filters let pass", err=True)
        return
    table = Table(
        [
            Column(f"began {found.clock.key}"),
            Column("call"),
            Column("seconds", right=True),
            Column("kind"),
            Column("sides"),
            Column("lost", right=True),
            Column("file"),
            Column("ended early"),
            Column("deleted"),
        ]
    )
    for each in found.recordings:
        row, gone = each.recording, each.deletion
        table.add_row(
            local(row.started_us, found.clock),
            row.call_id,
            f"{row.length_ms / 1_000:.1f}",
            row.kind,
            row.sides,
            str(row.frames_lost),
            row.path,
            row.why or NOTHING,
            NOTHING if gone is None else f"{local(gone.at_us, found.clock)} {gone.actor}: {gone.reason}",
        )
    table.show()


def verify(config: Path, wanted: Wanted, *, as_json_lines: bool) -> None:
    """Exit 1 where a file is not as it was written."""
    found = _found(config, wanted)
    there = [each for each in found.recordings if each.deletion is None]
    bad = 0
    for each in there:
        why = _flaw(found.directory / each.recording.path, each)
        bad += why is not None
        if as_json_lines:
            write_json({"path": each.recording.path, "call_id": each.recording.call_id, "why": why})
        elif why is not None:
            write_folded([f"{each.recording.path}: {why}"])
    if not as_json_lines:
        write_line(f"{count(len(there), 'recording')}, {bad or 'none'} not as written")
    if bad:
        raise typer.Exit(1)


def export(config: Path, wanted: Wanted, *, to: Path, as_json_lines: bool) -> None:
    found = _found(config, wanted)
    failed = 0
    try:
        to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"{to}: {error.strerror or error}")
    for each in found.recordings:
        if each.deletion is not None:
            continue
        source, target = found.directory / each.recording.path, to / Path(each.recording.path).name
        why = _copied(source, target, each)
        failed += why is not None
        if as_json_lines:
            write_json({"path": each.recording.path, "to": str(target), "why": why})
        else:
            write_folded([f"{target}" if why is None else f"{each.recording.path}: {why}"], err=why is not None)
    if failed:
        raise typer.Exit(1)


def delete(
    config: Path,
    *,
    call: str | None,
    older_than: str | None,
    reason: str,
    actor: str | None,
    yes: bool,
    as_json_lines: bool,
) -> None:
    """The ledger is told first: a file that is gone without a row nobody could explain."""
    deployment = deployed(config)[0]
    ledger, directory = ledger_of(deployment, config=config), deployment.switch.recordings_in.directory
    now_us = SystemClock().now().utc_us
    recordings = _of_call(ledger, call) if call is not None else _older(ledger, older_than or "", now_us)
    wanted = [each for each in recordings if each.deletion is None or (directory / each.recording.path).exists()]
    if not wanted:
        fail("no recording is there that could be deleted")
    by, why = actor_of(actor), reason_of(reason)
    confirm(f"delete {count(len(wanted), 'recording')}?", yes=yes)
    rows = [RecordingDeletionRow(path=each.recording.path, at_us=now_us, actor=by, reason=why) for each in wanted]
    from_ledger(lambda: ledger.add_recording_deletions(rows))
    for row in rows:
        try:
            (directory / row.path).unlink(missing_ok=True)
        except OSError as error:
            fail(f"{row.path}: {error.strerror or error}; do it again")
        if as_json_lines:
            write_json(asdict(row))
        else:
            write_line(f"deleted {row.path}")


def _found(config: Path, wanted: Wanted) -> Found:
    deployment = deployed(config)[0]
    ledger = ledger_of(deployment, config=config)
    directory = deployment.switch.recordings_in.directory
    calls, clock = call_filter(
        publisher=wanted.publisher,
        campaign=wanted.campaign,
        line=wanted.line,
        number=wanted.number,
        caller=wanted.caller,
        since=wanted.since,
        until=wanted.until,
        zone=wanted.zone or zone_of(deployment.plan),
        recorded=True,
    )
    if wanted.call is not None:
        return Found(ledger=ledger, directory=directory, clock=clock, recordings=_of_call(ledger, wanted.call))
    ids = [each.record.call_id for each in from_ledger(lambda: ledger.calls_matching(calls, limit=wanted.limit))]
    kept = from_ledger(lambda: ledger.recordings_of(ids))
    return Found(ledger=ledger, directory=directory, clock=clock, recordings=kept[::-1])


def _of_call(ledger: Ledger, beginning: str) -> Sequence[KeptRecording]:
    if not beginning:
        fail("--call: give a call's id, or how it begins")
    call_id = only_one(from_ledger(lambda: ledger.ids_like(beginning)), beginning)
    return from_ledger(lambda: ledger.recordings_of([call_id]))


def _older(ledger: Ledger, age: str, now_us: int) -> Sequence[KeptRecording]:
    try:
        before_us = now_us - days(age) * US_PER_DAY
    except (Invalid, ValueError) as error:
        fail(f"--older-than {age}: {error}; write 90d")
    return from_ledger(lambda: ledger.recordings_before(before_us))


def _flaw(path: Path, kept: KeptRecording) -> str | None:
    """Returns what is wrong with a file, or None."""
    try:
        with path.open("rb") as file:
            return _flaw_of(_blocks(file), kept)
    except OSError as error:
        return error.strerror or str(error)


def _copied(source: Path, target: Path, kept: KeptRecording) -> str | None:
    """Copies a file, for this user alone; returns why not, or None. A copy that is not whole is deleted."""
    try:
        with source.open("rb") as file:
            out = os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "wb")
            why = "it was not copied to its end"
            try:
                with out:
                    why = _flaw_of((data for data in _blocks(file) if out.write(data)), kept) or ""
            finally:
                if why:
                    target.unlink()
    except OSError as error:
        return f"{error.filename or target}: {error.strerror or error}"
    return why or None


def _flaw_of(blocks: Iterable[bytes], kept: KeptRecording) -> str | None:
    digest = hashlib.sha256()
    for data in blocks:
        digest.update(data)
    return None if digest.hexdigest() == kept.recording.sha256 else "its content is not what was written"


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while data := file.read(READ_BYTES):
        yield data
