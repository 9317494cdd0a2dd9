"""Voicemail of the real process: a message from its beep to the ledger, a recorder that is killed, a directory that can't be written."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from recorder_client import frequency, read_wav
from running_switch import Stage, kill, stage
from typer.testing import CliRunner
from watchfiles import awatch

from media.prompts import beep
from switch.cli.common import app
from switch.demo.phone import PhoneCall
from switch.ledger.database import Database, ledger_url
from switch.ledger.reading import KeptRecording
from switch.ledger.store import Ledger

PATIENCE_S = 60.0
VOICEMAIL = """off
    paused: true
    overflow: {closed: {voicemail: {greeting: digit-1, goodbye: digit-2}}}
"""
"""The end of a campaign that is closed, and records nothing but messages."""
SECOND = 44 + 16_000
"""Octets of a file."""


def played(folder: Path, scene: Callable[[Stage], Awaitable[None]], *, recording: str = VOICEMAIL) -> None:
    async def play() -> None:
        async with stage(folder, recording=recording) as on:
            await scene(on)

    asyncio.run(play())


def recordings(on: Stage) -> Path:
    return on.switch.config / "data" / "recordings"


async def leaves_message(on: Stage) -> tuple[PhoneCall, Path]:
    """A caller who has spoken for a second, and the file."""
    call = await on.call()
    await call.until_answered()
    call.audio.talking = True
    await call.until_hears(beep.HZ)
    async with asyncio.timeout(PATIENCE_S):
        async for _ in awatch(recordings(on), step=10, rust_timeout=200, yield_on_timeout=True):
            for part in recordings(on).glob("*/*/*/*.part.wav"):
                if part.stat().st_size >= SECOND:
                    return call, part
    raise AssertionError("nothing is watched any more")


def kept(on: Stage, call_id: str) -> list[KeptRecording]:
    database = Database(ledger_url(on.switch.config / "data", None))
    try:
        return Ledger(database).recordings_of([call_id])
    finally:
        database.close()


def asked(on: Stage, *words: str) -> str:
    return CliRunner().invoke(app, [*words, "--config", str(on.switch.config)]).output


def test_a_message_is_in_the_ledger_and_told_apart(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        call, part = await leaves_message(on)
        call.audio.press("#")
        await call.until_over()
        (record,) = await on.switch.records(1)
        call_id = record["call_id"]
        assert part.name == f"{call_id}.voicemail.part.wav"
        assert (record["final_state"], record["ended_by"], record["attempts"]) == ("closed", "switch", [])
        await on.switch.until("recording")
        (found,) = kept(on, call_id)
        row = found.recording
        assert (row.kind, row.sides, row.why) == ("voicemail", "caller", None)
        assert row.length_ms == pytest.approx(len(read_wav(recordings(on) / row.path)) / 8, abs=1)
        assert frequency(read_wav(recordings(on) / row.path)[:, 0]) == pytest.approx(on.caller.hz, abs=2)
        assert "voicemail  caller" in await asyncio.to_thread(asked, on, "recordings", "list")
        assert '"kind": "voicemail"' in await asyncio.to_thread(asked, on, "recordings", "list", "--json")
        assert await asyncio.to_thread(asked, on, "recordings", "verify") == "1 recording, none not as written\n"
        told = await asyncio.to_thread(asked, on, "explain", call_id)
        assert "the caller hears digit-1 and may leave a message: closed" in told
        assert "begins to record the caller's message" in told
        assert f"message: {row.path}, caller" in told

    played(tmp_path, scene)


def test_a_killed_recorder_leaves_what_it_had_and_the_caller_goes_on(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        pid = (await on.switch.until("recorder up"))["pid"]
        call, part = await leaves_message(on)
        kill(pid)
        await on.switch.until("recorder lost")
        await on.switch.until("recorder up", times=2)
        assert (await on.switch.until("recording"))["path"].endswith(".voicemail.wav")
        assert call.ended is None
        call.hang_up()
        (record,) = await on.switch.records(1)
        call_id = record["call_id"]
        assert part.name == f"{call_id}.voicemail.part.wav"
        assert (record["final_state"], record["ended_by"]) == ("closed", "caller")
        (found,) = kept(on, call_id)
        assert (found.recording.kind, found.recording.why) == ("voicemail", "the recorder died")

    played(tmp_path, scene)


def test_a_directory_that_is_none_refuses_a_config_with_voicemail(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        recordings(on).write_text("a file")
        on.switch.write_config(line=on.line.address[1], recording=VOICEMAIL)
        assert "recordings can't be written to" in (await on.switch.until("config refused"))["why"]

    played(tmp_path, scene, recording="off")


def test_a_reload_begins_to_take_messages(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        on.switch.write_config(line=on.line.address[1], recording=VOICEMAIL)
        await on.switch.until("config reloaded")
        await on.switch.until("recorder up")
        call, _ = await leaves_message(on)
        call.hang_up()
        assert (await on.switch.until("recording"))["length_ms"] >= 1_000

    played(tmp_path, scene, recording="off")
