"""What a prompt is made of: a sound file, octets, or a text that a program speaks; its key; and its octets.

A key is a digest of all that decides how the prompt sounds. A program that speaks is started without a shell: the text goes to its standard
input, a sound file comes from its standard output.
"""

import errno
import os
import signal
import stat
import subprocess
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from threading import Event, Thread, Timer

import msgspec

from media.prompts.prompt import MAX_FILE_BYTES, Unplayable

VERSION = b"payphone prompt 1\n"
"""A change of what is made of the same source takes a new one."""
SPEAK_S = 30.0
MAX_SPOKEN_BYTES = 64 * 1024 * 1024
MAX_REMARK = 200
PART_BYTES = 1 << 20
END_S = 5.0
INSTALL = {"espeak-ng": "run: apt-get install espeak-ng"}
NO_VOICE = {"espeak-ng": "`espeak-ng --voices` lists its languages; other programs: switch.speech.voices"}


@dataclass(frozen=True, slots=True)
class PromptFile:
    path: Path


@dataclass(frozen=True, slots=True)
class PromptOctets:
    """A file that is in memory."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Speech:
    """`command`: the program and its arguments."""

    text: str
    command: tuple[str, ...]


Source = PromptFile | PromptOctets | Speech


def key_of(source: Source) -> str | Unplayable:
    """The key: 64 hexadecimal digits."""
    match source:
        case PromptOctets(data=data):
            return sha256(VERSION + data).hexdigest()
        case Speech(text=text, command=command):
            return sha256(VERSION + b"speech\n" + msgspec.json.encode((text, command))).hexdigest()
        case PromptFile(path=path):
            digest = sha256(VERSION)
            try:
                for part in _parts(path):
                    digest.update(part)
            except OSError as error:
                return _unreadable(error)
            return digest.hexdigest()


def octets_of(source: Source) -> bytes | Unplayable:
    """The sound file; of one that is too large, a little more than is taken."""
    match source:
        case PromptOctets(data=data):
            return data
        case Speech(text=text, command=command):
            return _spoken(text, command)
        case PromptFile(path=path):
            try:
                return b"".join(_parts(path))
            except OSError as error:
                return _unreadable(error)


def _parts(path: Path) -> Iterator[bytes]:
    """OSError where it can't be read. A pipe would be waited for, a device read without end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "Not a regular file")
    with path.open("rb") as file:
        left = MAX_FILE_BYTES + 1
        while left > 0 and (part := file.read(min(left, PART_BYTES))):
            left -= len(part)
            yield part


def _unreadable(error: OSError) -> Unplayable:
    return Unplayable(why=error.strerror or "it cannot be read")


def _spoken(text: str, command: tuple[str, ...]) -> bytes | Unplayable:
    program = command[0]
    try:
        process = subprocess.Popen(  # noqa: S603 (a program that the config names, and no shell)
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
    except OSError as error:
        if error.errno == errno.ENOENT:
            return Unplayable(why=f"{program} is not installed", hint=INSTALL.get(program))
        return Unplayable(why=f"{program} can't be started: {error.strerror}")
    except ValueError as error:  # an octet 0
        return Unplayable(why=f"{program} can't be started: {error}")
    too_late = Event()

    def end() -> None:
        too_late.set()
        _end(process)

    watch = Timer(SPEAK_S, end)
    watch.start()
    try:
        sound, remark = _heard(process, text.encode())
    finally:
        watch.cancel()
        watch.join()
        _end(process)
        status = process.wait()
    if too_late.is_set():
        return Unplayable(why=f"{program} took longer than {SPEAK_S:.0f} s")
    if len(sound) > MAX_SPOKEN_BYTES:
        return Unplayable(why=f"{program} wrote more than {MAX_SPOKEN_BYTES // 1024**2} MiB")
    if status or not sound:
        what = f"{program} ended with status {status}" if status else f"{program} wrote nothing"
        return Unplayable(why=f"{what}: {remark}" if remark else what, hint=NO_VOICE.get(program))
    return sound


def _heard(process: "subprocess.Popen[bytes]", text: bytes) -> tuple[bytes, str]:
    """What the program wrote to its standard output, a little more than `MAX_SPOKEN_BYTES` at most, and the last it said for people."""
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise AssertionError("it was started with all three")
    remarks: deque[bytes] = deque(maxlen=1)
    listener = Thread(target=remarks.extend, args=(iter(partial(process.stderr.readline, MAX_REMARK), b""),), daemon=True)
    listener.start()
    with suppress(OSError):  # it ended, or does not read
        process.stdin.write(text)
        process.stdin.close()
    sound = process.stdout.read(MAX_SPOKEN_BYTES + 1)
    if len(sound) > MAX_SPOKEN_BYTES:
        _end(process)
    os.waitid(
        os.P_PID, process.pid, os.WEXITED | os.WNOWAIT
    )  # not reaped before all that it started is ended: its number stays its own
    _end(process)
    listener.join(END_S)
    return sound, remarks[0].decode(errors="replace").strip() if remarks else ""


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ends it with all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
