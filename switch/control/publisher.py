"""Publishes a running engine's state to those who watch it: a snapshot, then what changes.

Views are made only while somebody watches, and encoded once for all. Nothing waits for a watcher: one that does not read is dropped. What a
watcher has been sent up to a revision is alike for all of them: a snapshot for a new one is of the last revision that was published.
"""

import asyncio
from collections.abc import Callable

from msgspec.structs import replace

from switch.call.moment import Moment
from switch.control.messages import Changes, LiveStatus, Publication, Snapshot, encode
from switch.engine.clock import Clock
from switch.engine.engine import Engine
from switch.engine.live_view import LiveCallView

PUBLISH_S = 0.2
"""How often changes are sent, at most."""
LOOK_NS = 2_000_000_000
"""How often lines and trunks are compared, and a second later caps: of a thousand lines each takes some milliseconds."""
RECONCILE_NS = 30_000_000_000
"""How often everything is made anew and sent whole: what a defect has left in a watcher's state lasts no longer."""
MAX_UNSENT_BYTES = 1 << 20
"""A watcher that has left more than this unread when there is more to send is dropped."""


class Publisher:
    """Publishes `engine` to its watchers, on the running loop. `started_us`: when the switch was ready. `ends_us()`: when the last calls
    are ended, if it drains. Both UTC."""

    def __init__(self, engine: Engine, *, started_us: int, ends_us: Callable[[], int | None], clock: Clock) -> None:
        self._engine = engine
        self._started_us = started_us
        self._ends_us = ends_us
        self._clock = clock
        self._views = engine.live_views()
        self._watchers: dict[asyncio.WriteTransport, int] = {}
        self._state: Snapshot | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._look_ns = 0
        self._caps_ns = 0
        self._reconcile_ns = 0
        self._snapshot: bytes | None = None

    @property
    def watchers(self) -> int:
        return len(self._watchers)

    def add(self, watcher: asyncio.WriteTransport, number: int) -> None:
        """Sends `watcher` a snapshot, and all changes from now on, with `number` for their id. One that watches already gets another
        snapshot."""
        if self._state is None:
            self._state = self._whole(self._clock.now(), revision=1)
        self._watchers[watcher] = number
        if self._timer is None:
            self._arm()
        if self._snapshot is None:
            self._snapshot = encode(self._with_calls(self._state))
        _send(watcher, _line(self._snapshot, number))

    def remove(self, watcher: asyncio.WriteTransport) -> None:
        """It has left. Changes nothing for one that did not watch."""
        self._watchers.pop(watcher, None)
        if not self._watchers:
            self.close()

    def close(self) -> None:
        """Publishes nothing more, and forgets what it knew."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._state = self._snapshot = None
        self._watchers.clear()
        self._views.forget()

    def publish(self, at: Moment) -> None:
        """Sends what has changed since the last time, and every 30 s a snapshot."""
        if self._state is None:
            return
        calls, ended = self._views.look()
        changes = self._compare(self._state, calls=calls, ended=ended, at=at)
        if changes is not None:
            self._state, self._snapshot = _updated(self._state, changes), None
            self._send_all(changes)
        if at.mono_ns >= self._reconcile_ns and self._watchers:
            self._state, self._snapshot = self._whole(at, revision=self._state.revision), None
            self._send_all(self._with_calls(self._state))

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(PUBLISH_S, self._on_time)

    def _on_time(self) -> None:
        self._arm()  # first: an error in a view is logged by the loop, and does not end the publishing
        self.publish(self._clock.now())

    def _whole(self, at: Moment, *, revision: int) -> Snapshot:
        """Looks at everything anew. Returns the state, without its calls: those are kept by `_views`."""
        self._views.forget()
        self._views.look()
        self._look_ns, self._caps_ns, self._reconcile_ns = (at.mono_ns + ns for ns in (LOOK_NS, LOOK_NS // 2, RECONCILE_NS))
        engine = self._engine
        return Snapshot(
            revision=revision,
            status=self._status(),
            lines=engine.line_status(at),
            trunks=engine.trunk_status(at),
            caps=engine.cap_status(at),
            overrides=engine.steering.overrides(at),
        )

    def _with_calls(self, state: Snapshot) -> Snapshot:
        return replace(state, calls=self._views.views())

    def _status(self) -> LiveStatus:
        engine = self._engine
        return LiveStatus(
            state="running" if engine.draining_since_us is None else "draining",
            config=engine.plan.version,
            overloaded=engine.is_overloaded,
            lag_ms=engine.lag_ms,
            started_us=self._started_us,
            ends_us=self._ends_us(),
        )

    def _compare(self, state: Snapshot, *, calls: tuple[LiveCallView, ...], ended: tuple[str, ...], at: Moment) -> Changes | None:
        """Returns what differs from `state`, or None. How late the switch is changes all the time: that is looked at with the lines."""
        status = self._status()
        lines = trunks = caps = None
        overrides = self._engine.steering.overrides(at)
        if at.mono_ns >= self._look_ns:
            self._look_ns = at.mono_ns + LOOK_NS
            lines = self._engine.line_status(at)
            trunks = self._engine.trunk_status(at)
        else:
            status = replace(status, lag_ms=state.status.lag_ms)
        if at.mono_ns >= self._caps_ns:
            self._caps_ns = at.mono_ns + LOOK_NS
            caps = self._engine.cap_status(at)
        found = Changes(
            revision=state.revision + 1,
            calls=calls,
            ended=ended,
            status=None if status == state.status else status,
            lines=None if lines == state.lines else lines,
            trunks=None if trunks == state.trunks else trunks,
            caps=None if caps == state.caps else caps,
            overrides=None if overrides == state.overrides else overrides,
        )
        return None if found == Changes(revision=found.revision) else found

    def _send_all(self, publication: Publication) -> None:
        encoded = encode(publication)
        lines: dict[int, bytes] = {}
        for watcher, number in list(self._watchers.items()):
            line = lines.get(number)
            if line is None:
                line = lines[number] = _line(encoded, number)
            if not _send(watcher, line):
                self.remove(watcher)


def _updated(state: Snapshot, changes: Changes) -> Snapshot:
    return replace(
        state,
        revision=changes.revision,
        status=changes.status or state.status,
        lines=state.lines if changes.lines is None else changes.lines,
        trunks=state.trunks if changes.trunks is None else changes.trunks,
        caps=state.caps if changes.caps is None else changes.caps,
        overrides=state.overrides if changes.overrides is None else changes.overrides,
    )


def _line(encoded: bytes, number: int) -> bytes:
    """A publication, encoded without an id, as a line for a watcher whose command had this one."""
    head, found, rest = encoded.partition(b'"revision":')
    kind = head.partition(b',"id":')[0].rstrip(b",")
    return b'%s,"id":%d,%s%s\n' % (kind, number, found, rest)


def _send(watcher: asyncio.WriteTransport, line: bytes) -> bool:
    """Returns whether the watcher still reads; one that does not is cut off."""
    if watcher.is_closing():
        return False
    if watcher.get_write_buffer_size() > MAX_UNSENT_BYTES:
        watcher.abort()
        return False
    watcher.write(line)
    return True
