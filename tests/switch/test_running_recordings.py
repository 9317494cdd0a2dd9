"""Recordings of the real process: a recorder that is killed, a directory that can't be written, pause by hand, what the ledger has."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from recorder_client import frequency, read_wav
from running_switch import Stage, kill, stage
from typer.testing import CliRunner
from watchfiles import awatch

from switch.cli.common import app
from switch.ledger.database import Database, ledger_url
from switch.ledger.reading import KeptRecording
from switch.ledger.store import Ledger

PATIENCE_S = 60.0


def played(folder: Path, scene: Callable[[Stage], Awaitable[None]], *, recording: str = "both") -> None:
    async def play() -> None:
        async with stage(folder, recording=recording) as on:
            await scene(on)

    asyncio.run(play())


async def until_written(path: Path, *, octets: int) -> None:
    """A file has grown so long."""
    async with asyncio.timeout(PATIENCE_S):
        async for _ in awatch(path.parent, step=10, rust_timeout=200, yield_on_timeout=True):
            if _size(path) >= octets:
                return


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def kept(on: Stage, call_id: str) -> list[KeptRecording]:
    data = on.switch.config / "data"
    database = Database(ledger_url(data, None))
    try:
        return Ledger(database).recordings_of([call_id])
    finally:
        database.close()


def asked(on: Stage, *words: str) -> str:
    done = CliRunner().invoke(app, ["recordings", *words, "--config", str(on.switch.config)])
    return f"{done.exit_code} {done.output}"


def test_a_killed_recorder_costs_no_call_and_leaves_what_it_had(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        pid = (await on.switch.until("recorder up"))["pid"]
        call, there = await on.talk()
        folder = on.switch.config / "data" / "recordings"
        async with asyncio.timeout(PATIENCE_S):
            async for _ in awatch(folder, step=10, rust_timeout=200, yield_on_timeout=True):
                if parts := list(folder.glob("*/*/*/*.part.wav")):
                    break
        (part,) = parts
        await until_written(part, octets=44 + 32_000)
        kill(pid)
        await on.switch.until("recorder lost")
        failed = await on.switch.until("the call's recording")
        assert failed["event"] == "the call's recording: the recorder died"
        await on.switch.until("recorder up", times=2)
        recovered = await on.switch.until("recording", times=1)
        assert recovered["call_id"] == part.name.removesuffix(".part.wav")
        await there.until_hears(on.caller.hz)
        call.hang_up()
        (record,) = await on.switch.records(1)
        call_id = record["call_id"]
        (first,) = kept(on, call_id)
        assert first.recording.why == "the recorder died"
        assert "the recorder died" in await asyncio.to_thread(asked, on, "list")
        samples = read_wav(folder / first.recording.path)
        assert len(samples) >= 8_000
        assert frequency(samples[-4_000:, 0]) == pytest.approx(on.caller.hz, abs=2)
        assert frequency(samples[-4_000:, 1]) == pytest.approx(on.line.hz, abs=2)
        again, _ = await on.talk()
        again.hang_up()
        await on.switch.until("recording", times=2)

    played(tmp_path, scene)


def test_pause_by_hand_list_verify_export_explain_and_delete(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        await on.switch.until("recorder up")
        call, _ = await on.talk()
        folder = on.switch.config / "data" / "recordings"
        (part,) = list(folder.glob("*/*/*/*.part.wav"))
        call_id = part.name.removesuffix(".part.wav")
        assert await asyncio.to_thread(asked, on, "pause", call_id) == f"0 the recording of {call_id} is paused\n"
        assert await asyncio.to_thread(asked, on, "resume", call_id) == f"0 the recording of {call_id} goes on\n"
        assert "no call nobody is in progress" in await asyncio.to_thread(asked, on, "pause", "nobody")
        call.hang_up()
        await on.switch.records(1)
        await on.switch.until("recording")
        (found,) = kept(on, call_id)
        assert found.recording.paused_ms > 0
        assert found.recording.path in await asyncio.to_thread(asked, on, "list", "--line", "east", "--json")
        assert (
            await asyncio.to_thread(asked, on, "list", "--line", "west")
            == "0 no recordings: there is none that all filters let pass\n"
        )
        assert await asyncio.to_thread(asked, on, "verify") == "0 1 recording, none not as written\n"
        out = tmp_path / "out"
        assert (await asyncio.to_thread(asked, on, "export", str(out))).startswith("0 ")
        assert (out / f"{call_id}.wav").read_bytes() == (folder / found.recording.path).read_bytes()
        assert (out / f"{call_id}.wav").stat().st_mode & 0o077 == 0
        assert "File exists" in await asyncio.to_thread(asked, on, "export", str(out))
        with (folder / found.recording.path).open("r+b") as file:
            file.seek(1_000)
            file.write(b"x")
        for words in (["verify"], ["export", str(tmp_path / "other")]):
            assert "its content is not what was written" in await asyncio.to_thread(asked, on, *words)
        assert not list((tmp_path / "other").iterdir())
        for words in (["list"], ["delete", "--reason", "asked", "--yes"]):
            assert "give a call's id" in await asyncio.to_thread(asked, on, *words, "--call", "")
        deleted = await asyncio.to_thread(asked, on, "delete", "--call", call_id, "--reason", "asked", "--actor", "ann", "--yes")
        assert deleted == f"0 deleted {found.recording.path}\n"
        assert not (folder / found.recording.path).exists()
        (gone,) = kept(on, call_id)
        assert gone.deletion is not None
        assert (gone.deletion.actor, gone.deletion.reason) == ("ops:ann", "asked")
        assert await asyncio.to_thread(asked, on, "verify") == "0 0 recordings, none not as written\n"
        told = CliRunner().invoke(app, ["explain", call_id, "--config", str(on.switch.config)]).output
        assert f"recording: {found.recording.path}, both" in told
        assert "by ops:ann: asked" in told

    played(tmp_path, scene)


def test_pause_by_http(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        on.switch.signal(signal.SIGTERM)
        await on.switch.ended()
        config = on.switch.config / "config.yaml"
        text = config.read_text().replace("  data: data\n", f"  data: data\n  api: {{listen: 127.0.0.1:{on.switch.tls}}}\n")
        config.write_text(text.replace("  acme:\n", "  acme:\n    token: acme-token-0123456789\n"))
        await on.switch.start()
        call, _ = await on.talk()
        (part,) = list((on.switch.config / "data" / "recordings").glob("*/*/*/*.part.wav"))
        call_id = part.name.removesuffix(".part.wav")

        def put(name: str, *, paused: bool) -> int:
            url = f"http://127.0.0.1:{on.switch.tls}/v1/calls/{name}/recording"
            headers = {"Authorization": "Bearer acme-token-0123456789"}
            return httpx.put(url, json={"paused": paused}, headers=headers, timeout=PATIENCE_S).status_code

        assert await asyncio.to_thread(put, call_id, paused=True) == 200
        assert await asyncio.to_thread(put, "nobody", paused=True) == 409
        assert await asyncio.to_thread(put, call_id, paused=False) == 200
        call.hang_up()
        await on.switch.until("recording")
        (found,) = kept(on, call_id)
        assert found.recording.paused_ms > 0

    played(tmp_path, scene)


def test_a_killed_switch_has_the_row_of_its_recording_when_it_is_back(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        await on.switch.until("recorder up")
        folder = on.switch.config / "data" / "recordings"
        await on.talk()
        (part,) = list(folder.glob("*/*/*/*.part.wav"))
        call_id = part.name.removesuffix(".part.wav")
        await until_written(part, octets=44 + 32_000)
        on.switch.signal(signal.SIGKILL)
        await on.switch.ended()
        await on.switch.start()
        assert (await on.switch.until("recording"))["call_id"] == call_id
        (found,) = kept(on, call_id)
        assert found.recording.length_ms >= 1_000
        assert (found.recording.sides, found.recording.why) == ("both", None)
        assert await asyncio.to_thread(asked, on, "verify") == "0 1 recording, none not as written\n"

    played(tmp_path, scene)


def test_what_is_too_old_is_deleted_when_no_campaign_is_recorded_any_more(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        await on.switch.until("recorder up")
        call, _ = await on.talk()
        call.hang_up()
        (record,) = await on.switch.records(1)
        await on.switch.until("recording")
        (found,) = kept(on, record["call_id"])
        old = on.switch.config / "data" / "recordings" / found.recording.path
        on.switch.signal(signal.SIGTERM)
        await on.switch.ended()
        long_ago = old.stat().st_mtime - 91 * 86_400
        os.utime(old, (long_ago, long_ago))
        on.switch.write_config(line=on.line.address[1], recording="off")
        await on.switch.start()
        async with asyncio.timeout(PATIENCE_S):
            async for _ in awatch(on.switch.config / "data", step=10, rust_timeout=200, yield_on_timeout=True):
                if not old.exists():
                    break
        (found,) = kept(on, record["call_id"])
        assert found.deletion is not None
        assert (found.deletion.actor, found.deletion.reason) == ("retention", "age")

    played(tmp_path, scene)


def test_what_runs_at_the_stop_is_complete_and_in_the_ledger(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        await on.switch.until("recorder up")
        await on.talk()
        on.switch.signal(signal.SIGTERM)
        assert await on.switch.ended() == 0
        (record,) = await on.switch.records(1)
        (found,) = kept(on, record["call_id"])
        assert found.recording.why is None
        assert found.recording.length_ms == pytest.approx(record["total_ms"], abs=20)
        read_wav(on.switch.config / "data" / "recordings" / found.recording.path)

    played(tmp_path, scene)


def test_a_reload_begins_to_record(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        on.switch.write_config(line=on.line.address[1], recording="caller")
        await on.switch.until("config reloaded")
        await on.switch.until("recorder up")
        call, _ = await on.talk()
        call.hang_up()
        assert (await on.switch.until("recording"))["length_ms"] > 0

    played(tmp_path, scene, recording="off")


def test_a_directory_that_is_none_refuses_a_reload_and_a_start(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        (on.switch.config / "data" / "recordings").write_text("a file")
        on.switch.write_config(line=on.line.address[1], recording="both")
        refused = await on.switch.until("config refused")
        assert "recordings can't be written to" in refused["why"]
        call, _ = await on.talk()
        call.hang_up()
        on.switch.signal(signal.SIGTERM)
        await on.switch.ended()
        done = await asyncio.to_thread(CliRunner().invoke, app, ["run", "--config", str(on.switch.config)])
        assert done.exit_code == 1
        assert "recordings can't be written to" in done.output

    played(tmp_path, scene, recording="off")
