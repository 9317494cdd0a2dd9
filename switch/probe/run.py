"""Runs a probe: starts its phone, has it do what is to be done, listens to what it recorded, and gives the rows. Blocks until it is over.

What it costs is bounded: one call at a time to one target, whoever asks; so many in 24 hours; each no longer than `LONGEST_CALL_S`.
"""

import fcntl
import json
import os
import selectors
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

import msgspec

from switch.deployment import Deployment
from switch.ledger.probes import ProbeRow
from switch.ledger.store import Ledger
from switch.probe.conversation import CallFacts, Closed, Conversation, PhoneCommand, Script, decode_phone_event
from switch.probe.measured import heard_in, write_own_tone
from switch.probe.placed import PlacedCall, placed_call
from switch.probe.verdict import probe_row
from switch.probe_settings import HangUp, ProbeSettings

PHONE = "switch.probe.phone"
NOT_INSTALLED = "probes need pjsua2, which is GPL and a process of its own: pip install 'payphone[probe]'"
DAY_US = 86_400_000_000
SILENT_S = 20.0
"""A phone that says nothing for so long is hung: it says something every 100 ms."""
CLOSE_S = 10.0


class ProbeRefused(Exception):
    """Why no call is placed now, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRun:
    """`actor`: who asks. `now_us`: the present, UTC microseconds. `keep`: where the last recording is copied to; None: nowhere.
    `log`: where PJSIP writes what it sends and gets; "": nowhere. `ended`: whether whoever asks is to end: the call is given up then,
    without a row."""

    actor: str
    now_us: Callable[[], int]
    keep: Path | None = None
    log: str = ""
    ended: Callable[[], bool] = lambda: False


def is_installed() -> bool:
    """Returns whether there is a pjsua2. It is not imported."""
    return find_spec("pjsua2") is not None


def run_probe(deployment: Deployment, probe: ProbeSettings, ledger: Ledger, how: ProbeRun) -> tuple[ProbeRow, ...]:
    """Places the calls of a probe, writes their rows, and returns them. Raises ProbeRefused, CannotPlace; and what the ledger raises."""
    if not is_installed():
        raise ProbeRefused(NOT_INSTALLED)
    call = placed_call(deployment, probe)
    ways = (HangUp.CALLER, HangUp.LINE) if probe.hang_up is HangUp.BOTH else (probe.hang_up,)
    with _alone(deployment.switch.data, probe):
        at_us = how.now_us()
        used = ledger.probes(since_us=at_us - DAY_US, target=probe.target)
        if len(used) + len(ways) > probe.per_day:
            raise ProbeRefused(f"{probe.target} has had {len(used)} probe calls in 24 hours, of {probe.per_day}: see `per_day`")
        rows = tuple(_placed(call, probe, how, number=number, way=way, at_us=at_us) for number, way in enumerate(ways, start=1))
        ledger.add_probes(rows)
    return rows


def _placed(call: PlacedCall, probe: ProbeSettings, how: ProbeRun, *, number: int, way: HangUp, at_us: int) -> ProbeRow:
    script = Script(keys=probe.keys, echoes=probe.echoes, talk_ms=probe.talk_ms, answer_ms=probe.answer_ms)
    with TemporaryDirectory(prefix="payphone-probe-") as name:
        folder = Path(name)
        play, record = folder / "own.wav", folder / "heard.wav"
        write_own_tone(play)
        facts = _conversed(call.spec(play=str(play), record=str(record), log=how.log), script, ended=how.ended)
        heard = heard_in(record, least_dbm0=probe.least_dbm0)
        if how.keep is not None and record.exists():
            copyfile(record, how.keep)
    return probe_row(probe, facts, heard, number=number, hang_up=way, at_us=at_us, actor=how.actor)


def _conversed(spec: dict[str, object], script: Script, *, ended: Callable[[], bool]) -> CallFacts:
    """Returns what the phone saw. Whatever becomes of it, its process has ended then. Raises ProbeRefused where it is given up."""
    conversation = Conversation(script)
    with _phone() as phone:
        _tell(phone, spec)
        for line in _lines(phone):
            if ended():
                raise ProbeRefused("the probe was given up")
            try:
                event = decode_phone_event(line)
            except msgspec.DecodeError:
                continue  # PJSIP's own words
            for command in conversation.feed(event):
                _tell(phone, _written(command))
            if isinstance(event, Closed):
                break
    return conversation.facts


def _written(command: PhoneCommand) -> dict[str, object]:
    return {"do": command.do.value, "digits": command.digits} if command.digits else {"do": command.do.value}


@contextmanager
def _phone() -> Iterator[subprocess.Popen[bytes]]:
    """The process. Its end of input is its end: one whose starter is killed leaves no phone behind."""
    command = [sys.executable, "-m", PHONE]
    phone = subprocess.Popen(  # noqa: S603 (our own module)
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield phone
    finally:
        if phone.stdin is not None:
            with suppress(OSError):
                phone.stdin.close()
        try:
            phone.wait(timeout=CLOSE_S)
        except subprocess.TimeoutExpired:
            phone.kill()
            phone.wait()
        if phone.stdout is not None:
            phone.stdout.close()


def _lines(phone: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Yields the lines that the phone writes, until it ends, or is silent for too long."""
    if phone.stdout is None:
        return
    unread = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(phone.stdout, selectors.EVENT_READ)
        while selector.select(SILENT_S):
            chunk = os.read(phone.stdout.fileno(), 65_536)
            if not chunk:
                return
            unread += chunk
            *lines, rest = bytes(unread).split(b"\n")
            unread[:] = rest
            yield from lines


def _tell(phone: subprocess.Popen[bytes], command: dict[str, object]) -> None:
    if phone.stdin is not None:
        with suppress(OSError):  # it is gone: its end is seen by whoever reads
            phone.stdin.write(json.dumps(command).encode() + b"\n")
            phone.stdin.flush()


@contextmanager
def _alone(data: Path, probe: ProbeSettings) -> Iterator[None]:
    """One call at a time to one target, whoever asks. Raises ProbeRefused."""
    folder = data / "probes"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / f"{probe.target}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ProbeRefused(f"{folder} can't be written: {error.strerror or error}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ProbeRefused(f"another probe calls {probe.target} now: wait until it is over") from error
    finally:
        os.close(lock)


def all_good(rows: Sequence[ProbeRow]) -> bool:
    return all(row.good for row in rows)
