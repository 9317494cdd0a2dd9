"""The process that makes prompts, as who needs them sees it: started with the first one, restarted after one that ended it.

Sound files come from strangers and libraries that read them are large: what they can do wrong ends a process that has nothing else to do.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from select import select
from types import TracebackType
from typing import IO, Self

import msgspec

from media.prompts.prompt import Prompt, Unplayable
from media.prompts.source import PromptFile, PromptOctets, Source, Speech

MAKE_S = 120.0
"""How long one prompt may take, a program that speaks included."""
MAX_LATE = 3
"""After so many that took too long no further one is tried: whoever waits for a config is to hear of them soon."""
MAX_ANSWER_BYTES = 65_536
END_S = 5.0
NICENESS = 10


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """`path`, or `octets`, or `text` and `command`."""

    path: str | None = None
    octets: bytes | None = None
    text: str = ""
    command: tuple[str, ...] = ()


encode_line = msgspec.json.Encoder().encode
decode_task = msgspec.json.Decoder(Task).decode
_decode_answer: Callable[[bytes], Prompt | Unplayable] = msgspec.json.Decoder(Prompt | Unplayable).decode


class PromptMaker:
    """Makes prompts into `directory`, one at a time. `told`: a source that is about to be made."""

    def __init__(self, directory: Path, *, told: Callable[[Source], None] = lambda _: None) -> None:
        self._directory = directory
        self._told = told
        self._late = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end()

    def __call__(self, source: Source) -> Prompt | Unplayable:
        if self._late >= MAX_LATE:
            return Unplayable(why="not prepared: what came before it took too long, or the switch is to stop")
        self._told(source)
        task = encode_line(_task(source)) + b"\n"
        try:
            process = self._process = self._process or _started(self._directory)
            pipe_in, pipe_out = _pipes(process)
            pipe_in.write(task)
            pipe_in.flush()
            answer = _line(pipe_out.fileno())
        except OSError as error:
            self._end()
            return Unplayable(why=f"the process that makes prompts can't be had: {error.strerror}")
        if answer is None:
            self._late += 1
            self._end()
            return Unplayable(why=f"it took longer than {MAKE_S:.0f} s to prepare")
        try:
            return _decode_answer(answer)
        except msgspec.MsgspecError:
            status = self._end()
            return Unplayable(why=f"the process that makes prompts ended on it, with status {status}")

    def abandon(self) -> None:
        """From another thread: ends what is being made, and has nothing else tried."""
        self._late = MAX_LATE
        if (process := self._process) is not None:
            process.kill()

    def _end(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        pipe_in, pipe_out = _pipes(process)
        with suppress(OSError):
            pipe_in.close()
        try:
            status = process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        pipe_out.close()
        return status


def _pipes(process: "subprocess.Popen[bytes]") -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise AssertionError("it was started with both")
    return process.stdin, process.stdout


def _task(source: Source) -> Task:
    match source:
        case PromptFile(path=path):
            return Task(path=str(path.absolute()))
        case Speech(text=text, command=command):
            return Task(text=text, command=command)
        case PromptOctets(data=data):
            return Task(octets=data)


def _started(directory: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "media.prompts", str(directory)]
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONSAFEPATH": "1"}
    # A session of its own: Ctrl-C in a terminal is for the switch. What the libraries remark is nobody's: a prompt's fault is the answer.
    return subprocess.Popen(  # noqa: S603 (this interpreter)
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True, env=env
    )


def _line(fd: int) -> bytes | None:
    """One answer; what came before the end where the process ended; None where nothing came in time."""
    line = b""
    while not line.endswith(b"\n") and len(line) < MAX_ANSWER_BYTES:
        ready, _, _ = select([fd], [], [], MAKE_S)
        if not ready:
            return None
        part = os.read(fd, MAX_ANSWER_BYTES)
        if not part:
            break
        line += part
    return line
