"""The publisher: a snapshot and changes give each watcher the engine's state, at a bounded rate, whoever comes, goes or does not read."""

import asyncio
from collections.abc import Callable

from engine_world import EAST, START_US, World, line, plan
from live_watcher import PlayedWatcher

from switch.call.moment import Moment
from switch.control.publisher import Publisher
from switch.control.watcher import LiveState

STARTED_US = START_US - 1


class WorldClock:
    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> Moment:
        return self._world.at()


class Desk:
    """A world, its publisher and those who watch. Time is the world's: nothing is published unless the test says so."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.publisher = Publisher(world.engine, started_us=STARTED_US, ends_us=lambda: None, clock=WorldClock(world))

    def watch(self, number: int = 1) -> PlayedWatcher:
        watcher = PlayedWatcher()
        self.publisher.add(watcher, number)
        return watcher

    def publish(self) -> None:
        self.publisher.publish(self.world.at())

    def fresh(self) -> LiveState:
        """What somebody sees who watches from now on, by a publisher of his own."""
        watcher = PlayedWatcher()
        other = Publisher(self.world.engine, started_us=STARTED_US, ends_us=lambda: None, clock=WorldClock(self.world))
        other.add(watcher, 1)
        other.close()
        return watcher.state


def played(scene: Callable[[Desk], None], *, world: World | None = None) -> None:
    async def play() -> None:
        if world is None:
            at = World(plan(line("east", EAST)))
            at.line_phone(EAST)
        desk = Desk(at if world is None else world)
        scene(desk)
        desk.publisher.close()

    asyncio.run(play())


def test_a_call_appears_changes_and_ends() -> None:
    def scene(desk: Desk) -> None:
        watcher = desk.watch()
        assert watcher.state.calls == {}
        desk.world.call(hang_up_ms=15_000)
        desk.world.run(100)
        desk.publish()
        (view,) = watcher.state.calls.values()
        assert (view.state, view.ani, view.did, view.campaign) == ("ringing", "+12125550199", "+18005550100", "quotes")
        assert (view.lines, view.advertiser, view.talk_us, view.revenue_micros) == (("east",), "acme", None, 0)
        desk.world.run(2_000)
        desk.publish()
        (view,) = watcher.state.calls.values()
        assert (view.state, view.revenue_micros) == ("talking", 0)
        assert view.talk_us is not None
        desk.world.run(10_000)
        desk.publish()
        (view,) = watcher.state.calls.values()
        assert (view.revenue_micros, view.payout_micros) == (25_000_000, 18_000_000)
        desk.world.run(4_000)
        desk.publish()
        assert watcher.state.calls == {}
        assert [message.revision for message in watcher.heard] == list(range(1, len(watcher.heard) + 1))

    played(scene)


def test_nothing_is_sent_while_nothing_changes_and_heartbeats_are_no_change() -> None:
    def scene(desk: Desk) -> None:
        desk.world.call()
        desk.world.run(5_000)
        watcher = desk.watch()
        desk.world.run(100)
        desk.publish()
        heard = len(watcher.heard)
        before = desk.world.engine.live_views().look()
        desk.world.run(1_800)  # less than until lines and trunks are compared
        desk.publish()
        assert desk.world.engine.live_views().look() == before
        assert len(watcher.heard) == heard

    played(scene)
