"""A test that fails, or is killed in the middle, leaves no process behind: switch, media workers, SIPp, PJSIP and baresip phones,
Kamailio, PostgreSQL, and Asterisk where it is there."""

import os
import signal
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from child_process import Program, wait_until
from rig_programs import path_of
from victims import UP

ROOT = Path(__file__).parents[1]
MARK = "PAYPHONE_TEST_RUN"
DEADLINE_S = 240
PROGRAMS = {
    "payphone switch": b"switch.cli",
    "media worker": b"media.worker",
    "SIPp": b"sipp",
    "PJSIP phone": b"pj_phone",
    "baresip": b"baresip\0-",
    "Kamailio": b"kamailio\0-f",
    "PostgreSQL": b"postgres",
    **({"Asterisk": b"asterisk\0-C"} if path_of("asterisk") else {}),
}


def marked(mark: str) -> list[bytes]:
    """Command lines of all processes that have `mark` in their environment: children inherit it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes())
        except OSError:  # ended meanwhile
            continue
    return [command for command in found if command]


@pytest.mark.parametrize(
    ("victim", "told"),
    [("test_that_fails", None), ("test_that_never_ends", signal.SIGTERM), ("test_that_never_ends", signal.SIGKILL)],
)
def test_nothing_is_left_running(victim: str, told: signal.Signals | None, tmp_path: Path) -> None:
    mark = uuid4().hex
    command = [sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider", f"{ROOT}/tests/support/victims.py::{victim}"]
    run = Program(command, output=tmp_path / "pytest.log", folder=ROOT, env={MARK: mark, "PYTEST_ADDOPTS": ""}, follow=True)
    try:
        assert run.says(lambda lines: any(UP in line for line in lines), DEADLINE_S), run.output.read_text()
        if told is not None:
            there = b" ".join(marked(mark))
            assert [name for name, word in PROGRAMS.items() if word not in there] == []
            os.kill(run.process.pid, told)
        assert run.wait(DEADLINE_S) is not None
        wait_until(lambda: not marked(mark), DEADLINE_S)
        assert marked(mark) == []
    finally:
        run.stop()
