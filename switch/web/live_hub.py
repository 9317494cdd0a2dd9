"""Passes on what the switch's control socket says to all open pages, each in the measure of what its user may see.

What all users of one sight get is made once.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, assert_never

import msgspec

from routing.override import Override
from switch.control.messages import Changes, LiveStatus
from switch.control.watcher import Changed, Event, Lost, Replaced, Watcher
from switch.engine.live_view import CapStatus, LiveCallView
from switch.engine.status import LineStatus, TrunkStatus
from switch.web.sight import Sight

MAX_WAITING = 50
"""Events that wait for a page; one that reads slower gets a whole picture instead."""

_encode = msgspec.json.Encoder().encode


class Listener:
    """One open page. `news`: events in the form of Server-Sent Events."""

    def __init__(self) -> None:
        self.news: asyncio.Queue[bytes] = asyncio.Queue(MAX_WAITING)


class LiveHub:
    """`watcher`: of the switch. `state` of it is what is shown."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._listeners: dict[Sight, set[Listener]] = defaultdict(set)
        self._shown: dict[Sight, set[str]] = {}
        """The calls that pages of a sight have: no other call's end is told them."""
        self.lost: str | None = "the switch has not been heard of yet"

    @property
    def status(self) -> LiveStatus | None:
        return self._watcher.state.status

    def call(self, call_id: str, sight: Sight) -> LiveCallView | None:
        """Returns a call in progress as it may be seen, or None."""
        view = self._watcher.state.calls.get(call_id)
        return None if view is None else sight.live(view)

    def is_paused(self, call_id: str) -> bool | None:
        """Returns whether the recording of a call in progress is paused; None: there is no such call."""
        view = self._watcher.state.calls.get(call_id)
        return None if view is None else view.recording == "paused"

    def calls(self, sight: Sight) -> list[LiveCallView]:
        return [seen for view in self._watcher.state.calls.values() if (seen := sight.live(view)) is not None]

    def lines(self, sight: Sight) -> list[LineStatus]:
        return [line for line in self._watcher.state.lines if sight.line(line)]

    @property
    def overrides(self) -> tuple[Override, ...]:
        """Those in force, for operators."""
        return self._watcher.state.overrides

    @property
    def caps(self) -> tuple[CapStatus, ...]:
        """All, for operators."""
        return self._watcher.state.caps

    async def run(self) -> None:
        """Watches for as long as it is not cancelled."""
        async for event in self._watcher.events():
            self.lost = event.why if isinstance(event, Lost) else None
            self.tell(event)

    @contextmanager
    def listener(self, sight: Sight) -> Iterator[Listener]:
        """A page that is open for as long as the context is. The whole picture is its first news."""
        listener = Listener()
        listener.news.put_nowait(self.picture(sight))
        self._listeners[sight].add(listener)
        try:
            yield listener
        finally:
            self._listeners[sight].discard(listener)
            if not self._listeners[sight]:
                del self._listeners[sight], self._shown[sight]

    def picture(self, sight: Sight) -> bytes:
        """Returns all that may be seen, as one event."""
        if self.lost is not None:
            self._shown[sight] = set()
            return _event("lost", {"why": self.lost})
        return _event("snapshot", self._whole(sight))

    def _whole(self, sight: Sight) -> dict[str, Any]:
        state, calls = self._watcher.state, self.calls(sight)
        self._shown[sight] = {view.call_id for view in calls}
        return {
            "status": state.status,
            "calls": calls,
            **self._rest(sight, lines=state.lines, trunks=state.trunks, caps=state.caps, overrides=state.overrides),
        }

    def _rest(
        self,
        sight: Sight,
        *,
        lines: Iterable[LineStatus] | None,
        trunks: Iterable[TrunkStatus] | None,
        caps: Iterable[CapStatus] | None,
        overrides: Iterable[Override] | None,
    ) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if lines is not None:
            found["lines"] = [line for line in lines if sight.line(line)]
        if trunks is not None and sight.is_whole:
            found["trunks"] = list(trunks)
        if overrides is not None and sight.is_whole:
            found["overrides"] = list(overrides)
        if caps is not None:
            own = frozenset(line.name for line in self._watcher.state.lines if sight.line(line))
            found["caps"] = [cap for cap in caps if sight.cap(cap, own)]
        return found

    def _changes(self, changes: Changes, sight: Sight) -> dict[str, Any]:
        found = self._rest(sight, lines=changes.lines, trunks=changes.trunks, caps=changes.caps, overrides=changes.overrides)
        shown, seen, ended = self._shown[sight], [], []
        for view in changes.calls:
            if (visible := sight.live(view)) is not None:
                shown.add(view.call_id)
                seen.append(visible)
            elif view.call_id in shown:  # a line of this party rang, and does not any more
                ended.append(view.call_id)
        ended += [call_id for call_id in changes.ended if call_id in shown]
        shown.difference_update(ended)
        if seen:
            found["calls"] = seen
        if ended:
            found["ended"] = ended
        if changes.status is not None:
            found["status"] = changes.status
        return found

    def tell(self, event: Event) -> None:
        for sight, listeners in list(self._listeners.items()):
            match event:
                case Replaced() | Lost():
                    told = self.picture(sight)
                case Changed(changes=changes):
                    found = self._changes(changes, sight)
                    if not found:
                        continue
                    told = _event("changes", found)
                case unknown:
                    assert_never(unknown)
            for listener in listeners:
                self._put(listener, told, sight)

    def _put(self, listener: Listener, told: bytes, sight: Sight) -> None:
        """A page that is behind forgets what waits, and gets the whole picture."""
        if listener.news.full():
            while not listener.news.empty():
                listener.news.get_nowait()
            told = self.picture(sight)
        listener.news.put_nowait(told)


def _event(name: str, value: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), _encode(value))


async def stream(
    listener: Listener, *, beat_s: float, now_us: Callable[[], int], is_valid: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """Yields the listener's news, and the time after `beat_s` without any, until `is_valid()` does not hold any more."""
    yield _event("beat", {"now_ms": now_us() // 1_000})
    while is_valid():
        try:
            async with asyncio.timeout(beat_s):
                yield await listener.news.get()
        except TimeoutError:
            yield _event("beat", {"now_ms": now_us() // 1_000})
    yield _event("out", {})
