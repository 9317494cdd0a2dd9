"""Watches a running switch for as long as one likes: for consoles, metrics and alerts, each in a process of its own.

    watcher = Watcher(data)
    async for event in watcher.events():
        match event:
            case Replaced(): ...  # `watcher.state` is new as a whole: draw everything
            case Changed(changes=changes): ...  # `watcher.state` has them already
            case Lost(why=why): ...  # nothing is known until the next Replaced

It connects again after a restart of the switch, asks for a new snapshot where a revision is missing, and replaces its state by each
snapshot. To steer the switch, use a connection of its own (`switch.control.client`).
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from routing.override import Override
from switch.control.client import MAX_REPLY_BYTES
from switch.control.messages import VERSION, Changes, Failed, Hello, LiveStatus, Snapshot, Watch, decode_reply, encode
from switch.control.server import SOCKET_NAME
from switch.engine.live_view import CapStatus, LiveCallView
from switch.engine.status import LineStatus, TrunkStatus

RETRY_S = 0.25
"""Between two attempts to connect: a switch that restarts is gone for seconds."""
SILENCE_S = 65.0
"""A switch sends a snapshot every 30 s: one that sends nothing for longer than two of them hangs."""


@dataclass(slots=True, kw_only=True)
class LiveState:
    """What is known of a running switch. `status` None: nothing is, and all else is empty. `calls`: by id, in the order in which they
    became known. `repaired`: how many calls snapshots had otherwise than the changes before them, in all: not 0 is a defect."""

    status: LiveStatus | None = None
    calls: dict[str, LiveCallView] = field(default_factory=dict)
    lines: tuple[LineStatus, ...] = ()
    trunks: tuple[TrunkStatus, ...] = ()
    caps: tuple[CapStatus, ...] = ()
    overrides: tuple[Override, ...] = ()
    revision: int = 0
    repaired: int = 0

    def replace(self, snapshot: Snapshot) -> int:
        """Takes a snapshot. Returns how many calls it had otherwise than this state, which had another snapshot before; else 0."""
        calls = {view.call_id: view for view in sorted(snapshot.calls, key=lambda view: (view.began_us, view.call_id))}
        changed = {call_id for call_id in calls.keys() | self.calls.keys() if calls.get(call_id) != self.calls.get(call_id)}
        repaired = 0 if self.status is None else len(changed)
        self.status, self.calls, self.revision = snapshot.status, calls, snapshot.revision
        self.lines, self.trunks, self.caps, self.overrides = snapshot.lines, snapshot.trunks, snapshot.caps, snapshot.overrides
        self.repaired += repaired
        return repaired

    def apply(self, changes: Changes) -> bool:
        """Takes changes. False: some before them are missing, and nothing was taken."""
        if self.status is None or changes.revision != self.revision + 1:
            return False
        self.revision = changes.revision
        for view in changes.calls:
            self.calls[view.call_id] = view
        for call_id in changes.ended:
            self.calls.pop(call_id, None)
        self.status = changes.status or self.status
        self.lines = self.lines if changes.lines is None else changes.lines
        self.trunks = self.trunks if changes.trunks is None else changes.trunks
        self.caps = self.caps if changes.caps is None else changes.caps
        self.overrides = self.overrides if changes.overrides is None else changes.overrides
        return True

    def clear(self) -> None:
        """Nothing is known any more."""
        self.status, self.revision = None, 0
        self.calls, self.lines, self.trunks, self.caps, self.overrides = {}, (), (), (), ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """The state is that of a snapshot: the first one of a connection, after a gap, or the one of every 30 s. `repaired`: how many calls
    it had otherwise than the state before."""

    snapshot: Snapshot
    repaired: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """The state has changed by these."""

    changes: Changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The switch is not there, has gone or hangs: the state is empty. Told once, until it is there again. `why`: for people."""

    why: str


Event = Replaced | Changed | Lost


class Watcher:
    """Watches the switch whose `switch.data` is `data`. `state`: as of the last event; it belongs to the watcher, and is read only.
    `hello`: what the switch said of itself, the last time it was there."""

    def __init__(self, data: Path) -> None:
        self._path = data / SOCKET_NAME
        self.state = LiveState()
        self.hello: Hello | None = None

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yields what happens, for ever. Cancel it, or close the iterator, to end it."""
        told = ""
        while True:
            try:
                async with aclosing(self._connection()) as connection:
                    async for event in connection:
                        told = ""
                        yield event
                why = "the switch has closed the connection"
            except (FileNotFoundError, ConnectionRefusedError):
                why = f"no switch is running with its data in {self._path.parent}"
            except TimeoutError:
                why = f"the switch has said nothing for {SILENCE_S:g} s"
            except (OSError, ValueError) as error:  # msgspec's errors are ValueErrors, and so is a line beyond the limit
                why = f"the switch can't be watched: {error}"
            self.state.clear()
            if not told:
                yield Lost(why=why)
            told = why
            await asyncio.sleep(RETRY_S)

    async def _connection(self) -> AsyncGenerator[Event, None]:
        """Yields the events of one connection."""
        reader, writer = await asyncio.open_unix_connection(self._path, limit=MAX_REPLY_BYTES)
        try:
            watch = encode(Watch(id=1)) + b"\n"
            writer.write(watch)
            while line := await self._line(reader):
                match _decoded(line):
                    case Hello(version=version) as hello:
                        if version != VERSION:
                            raise ValueError(f"it speaks version {version} of control, this program {VERSION}")
                        self.hello = hello
                    case Snapshot() as snapshot:
                        yield Replaced(snapshot=snapshot, repaired=self.state.replace(snapshot))
                    case Changes() as changes if self.state.apply(changes):
                        yield Changed(changes=changes)
                    case Changes() as changes if changes.revision > self.state.revision:
                        writer.write(watch)
                    case Failed(why=why):
                        raise ValueError(why)
                    case _:
                        pass
        finally:
            writer.transport.abort()

    async def _line(self, reader: asyncio.StreamReader) -> bytes:
        """Returns the next message; nothing at the end."""
        async with asyncio.timeout(SILENCE_S):
            line = await reader.readline()
        return line if line.endswith(b"\n") else b""


class _Kind(msgspec.Struct):
    type: str


_KINDS = frozenset({"Hello", "Snapshot", "Changes", "Failed"})


def _decoded(line: bytes) -> object:
    """Returns a message, or None for one of a type that is not known. Raises msgspec.MsgspecError for one that is malformed."""
    try:
        return decode_reply(line)
    except msgspec.ValidationError:
        if msgspec.json.decode(line, type=_Kind).type in _KINDS:
            raise
        return None
