"""The publisher: a snapshot and changes give each watcher the engine's state, at a bounded rate, whoever comes, goes or does not read."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from engine_world import EAST, MENU, START_US, WEST, World, line, plan
from hypothesis import given, note, settings
from hypothesis import strategies as st
from live_watcher import PlayedWatcher

from media import control as mc
from routing.cap import Cap, Counts, Per
from routing.override import TargetKind
from routing.table import NoRoute, ToHold
from switch.call.moment import Moment
from switch.control import publisher as module
from switch.control.messages import Changes, Snapshot, encode
from switch.control.publisher import LOOK_NS, MAX_UNSENT_BYTES, PUBLISH_S, RECONCILE_NS, Publisher
from switch.control.watcher import LiveState
from switch.engine.plan import Plan

STARTED_US = START_US - 1
PUBLISH_MS = round(PUBLISH_S * 1_000)
LOOK_MS = LOOK_NS // 1_000_000
RECONCILE_MS = RECONCILE_NS // 1_000_000


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

    def publish(self, *, after_ms: float = 0) -> None:
        self.world.run(after_ms)
        self.publisher.publish(self.world.at())

    def fresh(self) -> LiveState:
        """What somebody sees who watches from now on, by a publisher of his own."""
        watcher = PlayedWatcher()
        other = Publisher(self.world.engine, started_us=STARTED_US, ends_us=lambda: None, clock=WorldClock(self.world))
        other.add(watcher, 1)
        other.close()
        return watcher.state


def world_of(with_plan: Plan | None = None) -> World:
    world = World(with_plan or plan(line("east", EAST)))
    world.line_phone(EAST)
    return world


def played(scene: Callable[[Desk], None], world: World | None = None) -> None:
    async def play() -> None:
        desk = Desk(world or world_of())
        scene(desk)
        desk.publisher.close()

    asyncio.run(play())


def test_a_call_appears_changes_and_ends() -> None:
    def scene(desk: Desk) -> None:
        watcher = desk.watch()
        assert watcher.state.calls == {}
        desk.world.call(hang_up_ms=15_000)
        desk.publish(after_ms=100)
        (view,) = watcher.state.calls.values()
        assert (view.state, view.ani, view.did, view.campaign) == ("ringing", "+12125550199", "+18005550100", "quotes")
        assert (view.lines, view.advertiser, view.talk_us, view.revenue_micros) == (("east",), "acme", None, 0)
        desk.publish(after_ms=2_000)
        (view,) = watcher.state.calls.values()
        assert (view.state, view.revenue_micros) == ("talking", 0)
        assert view.talk_us is not None
        assert START_US + 1_000_000 < view.talk_us < START_US + 1_100_000
        desk.publish(after_ms=10_000)
        (view,) = watcher.state.calls.values()
        assert (view.revenue_micros, view.payout_micros) == (25_000_000, 18_000_000)
        desk.publish(after_ms=4_000)
        assert watcher.state.calls == {}
        assert [message.revision for message in watcher.heard] == list(range(1, len(watcher.heard) + 1))

    played(scene)


def test_nothing_is_sent_while_nothing_changes_and_heartbeats_are_no_change() -> None:
    def scene(desk: Desk) -> None:
        desk.world.call()
        desk.world.run(5_900)
        watcher = desk.watch()
        desk.publish(after_ms=100)
        desk.publish(after_ms=1_500)  # the heartbeat of every five seconds lies here
        assert [type(message) for message in watcher.heard] == [Snapshot]

    played(scene)


def test_all_get_the_same_bytes_encoded_once_but_for_the_id_of_their_command(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[type] = []

    def counted(message: Snapshot | Changes) -> bytes:
        encoded.append(type(message))
        return encode(message)

    monkeypatch.setattr(module, "encode", counted)

    def scene(desk: Desk) -> None:
        watchers = [desk.watch(number) for number in (1, 1, 77)]
        assert encoded == [Snapshot]
        for _ in range(2):
            desk.world.call()
            desk.publish(after_ms=30)
        assert encoded == [type(message) for message in watchers[0].heard]
        assert len(encoded) > 2
        assert watchers[0].lines == watchers[1].lines
        assert {message.id for message in watchers[2].heard} == {77}
        assert [text.replace(b'"id":77', b'"id":1', 1) for text in watchers[2].lines] == watchers[0].lines
        assert watchers[0].state == watchers[2].state

    played(scene)


def test_who_comes_later_gets_the_state_of_the_last_revision_and_misses_none() -> None:
    def scene(desk: Desk) -> None:
        first = desk.watch()
        desk.world.call()
        desk.world.run(100)
        second = desk.watch()  # before the call was published
        assert second.state.calls == first.state.calls == {}
        desk.publish()
        third = desk.watch()
        assert len(third.state.calls) == 1
        desk.publish(after_ms=2_000)
        assert first.state == second.state == third.state
        assert (first.missed, second.missed, third.missed) == (0, 0, 0)

    played(scene)


def test_who_asks_again_gets_another_snapshot_and_what_follows_once() -> None:
    def scene(desk: Desk) -> None:
        watcher = desk.watch()
        desk.publisher.add(watcher, 1)
        assert [type(message) for message in watcher.heard] == [Snapshot, Snapshot]
        desk.world.call()
        desk.publish(after_ms=100)
        assert [type(message) for message in watcher.heard[2:]] == [Changes]

    played(scene)


@pytest.mark.parametrize(("over", "is_dropped"), [(0, False), (1, True)])
def test_a_watcher_that_does_not_read_is_dropped_when_so_much_waits(over: int, *, is_dropped: bool) -> None:
    def scene(desk: Desk) -> None:
        slow, other = desk.watch(), desk.watch()
        slow.unsent = MAX_UNSENT_BYTES + over
        desk.world.call()
        desk.publish(after_ms=100)
        assert (slow.aborted, desk.publisher.watchers) == (is_dropped, 2 - is_dropped)
        assert len(slow.heard) == 2 - is_dropped
        assert len(other.heard) == 2

    played(scene)


@pytest.mark.parametrize(
    ("after_ms", "lines", "caps"),
    [(LOOK_MS // 2 - 1, False, False), (LOOK_MS // 2, False, True), (LOOK_MS - 1, False, True), (LOOK_MS, True, True)],
)
def test_lines_trunks_and_caps_are_compared_every_two_seconds_by_turns(after_ms: int, *, lines: bool, caps: bool) -> None:
    def scene(desk: Desk) -> None:
        watcher = desk.watch()
        desk.world.call()
        desk.publish(after_ms=after_ms)
        changes = watcher.heard[-1]
        assert isinstance(changes, Changes)
        assert [each is not None for each in (changes.lines, changes.trunks, changes.caps)] == [lines, lines, caps]
        desk.publish(after_ms=LOOK_MS)
        assert [cap.used for cap in watcher.state.caps] == [1]
        assert [line.calls for line in watcher.state.lines] == [1]

    played(scene)


@pytest.mark.parametrize(("after_ms", "snapshots"), [(RECONCILE_MS - 1, 1), (RECONCILE_MS, 2)])
def test_a_snapshot_comes_every_thirty_seconds_and_repairs_nothing(after_ms: int, snapshots: int) -> None:
    def scene(desk: Desk) -> None:
        watcher = desk.watch()
        desk.world.call()
        desk.publish(after_ms=after_ms)
        assert sum(isinstance(message, Snapshot) for message in watcher.heard) == snapshots
        assert watcher.state.repaired == 0
        assert len(watcher.state.calls) == 1

    played(scene)


def test_a_snapshot_repairs_what_a_defect_has_left() -> None:
    def scene(desk: Desk) -> None:
        watcher = desk.watch()
        desk.world.call()
        desk.publish(after_ms=100)
        (view,) = watcher.state.calls.values()
        watcher.state.calls["dead"] = view
        desk.publish(after_ms=RECONCILE_MS)
        assert watcher.state.repaired == 1
        assert list(watcher.state.calls) == [view.call_id]

    played(scene)


def test_at_most_five_times_a_second_and_never_while_nobody_watches() -> None:
    """By the running loop's own timers: it is asked when they are due."""

    async def play() -> None:
        loop, desk = asyncio.get_running_loop(), Desk(world_of())
        began_s = loop.time()
        published: list[float] = []
        publish = desk.publisher.publish

        def counted(at: Moment) -> None:
            published.append(loop.time())
            publish(at)
            if len(published) == 3:
                over.set()

        over = asyncio.Event()
        desk.publisher.publish = counted  # type: ignore[method-assign]
        watcher = desk.watch()
        async with asyncio.timeout(30):
            await over.wait()
        gaps = [after - before for before, after in zip([began_s, *published], published, strict=False)]
        assert min(gaps) >= PUBLISH_S - 0.002  # the loop's clock ticks in milliseconds
        desk.publisher.remove(watcher)
        assert desk.publisher._timer is None
        assert desk.publisher._views.views() == ()

    asyncio.run(play())


def test_a_draining_switch_says_so_and_how_late_it_is_is_no_news_of_its_own() -> None:
    def scene(desk: Desk) -> None:
        watcher = desk.watch()
        desk.world.engine.load(30, desk.world.at())
        desk.publish(after_ms=PUBLISH_MS)
        assert len(watcher.heard) == 1
        desk.world.engine.drain(desk.world.at())
        desk.publish(after_ms=PUBLISH_MS)
        status = watcher.state.status
        assert status is not None
        assert (status.state, status.lag_ms, status.started_us) == ("draining", 0, STARTED_US)
        desk.publish(after_ms=LOOK_MS)
        status = watcher.state.status
        assert status is not None
        assert status.lag_ms == 30

    played(scene)


CAPS = (
    Cap(owner="line:west", limit=1),
    Cap(owner="line:west", limit=100_000_000, counts=Counts.REVENUE, per=Per.DAY, zone="America/New_York", strict=True),
    Cap(owner="group:both", limit=3, counts=Counts.CONNECTION),
)
ACTIONS = st.one_of(
    st.tuples(st.just("call"), st.integers(0, 40_000)),
    st.tuples(st.just("run"), st.integers(1, 4_000)),
    st.tuples(st.just("publish"), st.just(0)),
    st.tuples(st.just("watch"), st.integers(1, 3)),
    st.tuples(st.just("leave"), st.integers(0, 5)),
    st.tuples(st.just("press"), st.sampled_from([0, 1, 9])),
    st.tuples(st.just("reload"), st.just(0)),
    st.tuples(st.just("worker dies"), st.just(0)),
    st.tuples(st.just("hang up"), st.integers(0, 5)),
    st.tuples(st.just("pause"), st.integers(1, 20_000)),
    st.tuples(st.just("limit"), st.integers(0, 5)),
    st.tuples(st.just("lift"), st.integers(1, 3)),
)


def same(state: LiveState, fresh: LiveState, *, all_of_it: bool) -> None:
    assert (state.calls, state.overrides) == (fresh.calls, fresh.overrides)
    assert state.status is not None
    if all_of_it:
        assert (state.lines, state.trunks, state.caps) == (fresh.lines, fresh.trunks, fresh.caps)
    assert state.repaired == 0


class Day:
    """A world that actions are done to, with watchers that come and go."""

    def __init__(self, *, seed: int, loss: float, has_menu: bool) -> None:
        east = replace(line("east", EAST, limit=2, ring_ms=4_000, silence_ms=2_000))
        west = replace(line("west", WEST, ring_ms=3_000), caps=CAPS)
        hold = {NoRoute.CAPPED: ToHold(places=3, wait_ms=20_000)}
        self.plan = plan(east, west, menu=MENU if has_menu else None, overflow=hold)
        self.desk = Desk(World(self.plan, seed=seed, loss=loss, doubling=loss, delay_ms=(1, 120)))
        self.desk.world.line_phone(EAST, answer_ms=700)
        self.desk.world.line_phone(WEST, answer_ms=1_500, talk_ms=11_000)
        self.watchers: list[PlayedWatcher] = []
        self.versions = 1

    def do(self, action: str, number: int) -> None:
        world, desk = self.desk.world, self.desk
        match action:
            case "call":
                world.call(hang_up_ms=number)
            case "run":
                world.run(number)
            case "publish":
                self.publish()
            case "watch":
                self.watchers.append(desk.watch(number))
            case "leave" if self.watchers:
                desk.publisher.remove(self.watchers.pop(number % len(self.watchers)))
            case "press" if world.told(mc.Play):
                world.press(str(number))
            case "reload":
                self.versions += 1
                world.engine.reload(replace(self.plan, version=f"v{self.versions}"))
            case "worker dies":
                world.engine.worker_lost(1, world.at())
                world.engine.report(1, mc.Ready(pid=1), world.at())
            case _:
                self._steer(action, number)

    def _steer(self, action: str, number: int) -> None:
        engine, at = self.desk.world.engine, self.desk.world.at()
        match action:
            case "hang up" if live := list(engine._calls):
                engine.hang_up((live[number % len(live)].call_id,), at, actor="cli:anna", reason="test")
            case "pause":
                until_us = at.utc_us + number * 1_000
                engine.steering.pause(TargetKind.LINE, "east", at, until_us=until_us, actor="cli:anna", reason="test")
            case "limit":
                engine.steering.limit_cap("line:west", number, at, until_us=None, actor="cli:anna", reason="test")
            case "lift":
                engine.steering.lift(number, at, actor="cli:anna", reason="test")
            case _:
                pass

    def publish(self, *, all_of_it: bool = False) -> None:
        self.desk.publish()
        fresh = self.desk.fresh()
        for watcher in self.watchers:
            same(watcher.state, fresh, all_of_it=all_of_it)
            assert watcher.missed == 0
            assert not set(watcher.state.calls) & {judged.record.call_id for judged in self.desk.world.records}


@settings(max_examples=60, deadline=None, print_blob=True)
@given(seed=st.integers(0, 2**32), loss=st.sampled_from([0.0, 0.1]), has_menu=st.booleans(), actions=st.lists(ACTIONS, max_size=40))
def test_snapshot_and_changes_are_always_what_a_fresh_snapshot_is(
    *, seed: int, loss: float, has_menu: bool, actions: list[tuple[str, int]]
) -> None:
    note(f"seed {seed}")

    async def play() -> None:
        day = Day(seed=seed, loss=loss, has_menu=has_menu)
        day.do("watch", 1)
        for action, number in actions:
            day.do(action, number)
        day.do("watch", 2)
        day.publish()
        day.desk.world.run(LOOK_MS)
        day.publish(all_of_it=True)
        day.desk.world.run(600_000)
        day.publish(all_of_it=True)
        assert [watcher.state.calls for watcher in day.watchers] == [{}] * len(day.watchers)
        day.desk.publisher.close()

    asyncio.run(play())
