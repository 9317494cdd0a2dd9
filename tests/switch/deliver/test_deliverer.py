"""The deliver process without its network: what is in the ledger is told, in order, once, whatever fails or dies."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace

import pytest
from webhook_cases import ACME, CAMPAIGN, PASSED, PUBLISHER, hook, judged, row

from switch.billing.verdict import MoneyKind
from switch.deliver import service
from switch.deliver.sender import Answer
from switch.deliver.service import Deliverer
from switch.ledger.database import LedgerUnreadable
from switch.ledger.deliveries import Attempt, DeliveryState, DeliveryStore
from switch.ledger.store import Append, Ledger, Read
from switch.webhook.request import WebhookRequest
from switch.webhook.retry import GIVEN_UP_US
from switch.webhook.terms import Webhook, WebhookEvent, Webhooks

S = DeliveryState
HOOKS = (hook(CAMPAIGN, "all"), hook(PUBLISHER, "pub", "https://pub.example.com/"))


@dataclass
class Receiver:
    """In the place of the sender. `answers`: by event and how often it came; what is not there is taken. Its clock jumps to what is due."""

    told: list[tuple[str, str]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    answer: Callable[[str, int], Answer] = lambda _event, _nth: Answer(status=200, why="", took_ms=1)
    hangs: frozenset[str] = frozenset()
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, request: WebhookRequest) -> Answer:
        event = request.headers["Payphone-Event"]
        self.told.append((request.url, event))
        self.ids.append(request.headers["Idempotency-Key"])
        self.arrived.set()
        if request.url in self.hangs:
            await asyncio.Event().wait()
        return self.answer(event, sum(each == (request.url, event) for each in self.told))


class World:
    def __init__(self, store: DeliveryStore, receiver: Receiver, hooks: Iterable[Webhook] = HOOKS) -> None:
        self.now_us, self.said = 1_000, list[str]()
        self.store, self.receiver = store, receiver
        self.webhooks = Webhooks(all=tuple(hooks), passed=PASSED)
        self.deliverer = Deliverer(
            store,
            receiver,  # type: ignore[arg-type]
            now_us=lambda: self.now_us,
            chance=lambda: 0.0,
            complain=lambda doing, why: self.said.append(f"{doing}: {why}"),
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        """Runs it until then. Time jumps whenever nothing happens for a moment."""
        await self.deliverer.configure(self.webhooks, version="")
        running = asyncio.create_task(self.deliverer.run())
        try:
            async with asyncio.timeout(20):
                while not condition():
                    self.receiver.arrived.clear()
                    arrival = asyncio.create_task(self.receiver.arrived.wait())
                    await asyncio.wait([arrival, running], timeout=0.05, return_when=asyncio.FIRST_COMPLETED)
                    arrival.cancel()
                    if running.done():
                        running.result()
                    self.now_us += 1_000_000
                    self.deliverer._wake.set()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def states(self) -> dict[str, set[str]]:
        found = defaultdict(set)
        for each in self.store.listed(limit=999):
            found[each.webhook].add(each.state.value)
        return dict(found)

    def all_are(self, *states: str) -> Callable[[], bool]:
        return lambda: {state for found in self.states().values() for state in found} == set(states)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "POLL_S", 0.01)
    monkeypatch.setattr(service, "RETRY_S", 0.01)


def registered(store: DeliveryStore, hooks: Iterable[Webhook] = HOOKS) -> None:
    store.register([each.key for each in hooks], version="", now_us=0)


def run(work: Awaitable[None]) -> None:
    asyncio.run(work)  # type: ignore[arg-type]


def test_a_call_is_told_in_order(ledger: Ledger, store: DeliveryStore) -> None:
    registered(store)
    ledger.write([judged()])
    receiver = Receiver()

    run(World(store, receiver).until(lambda: len(receiver.told) == 14 and not store.waiting(HOOKS[1].key)))

    for each in HOOKS:
        assert [event for url, event in receiver.told if url == each.url] == [
            *("call.started", "menu.done", "connected", "connected", "converted", "payout", "ended")
        ]
    assert len(set(receiver.ids)) == 14


def test_what_fails_is_tried_again_with_the_same_id_and_payout_waits(ledger: Ledger, store: DeliveryStore) -> None:
    registered(store, HOOKS[:1])
    ledger.write([judged()])
    failed = Answer(status=500, why="answered 500", took_ms=1)
    taken = Answer(status=200, why="", took_ms=1)
    receiver = Receiver(answer=lambda event, nth: failed if event == "converted" and nth < 3 else taken)
    world = World(store, receiver, HOOKS[:1])

    run(world.until(world.all_are("delivered")))

    events = [event for _, event in receiver.told]
    assert [event for event in events if event in ("converted", "payout")] == ["converted"] * 3 + ["payout"]
    ids = {receiver.ids[at] for at, event in enumerate(events) if event == "converted"}
    assert len(ids) == 1


def test_a_receiver_that_never_answers_costs_nobody_else(ledger: Ledger, store: DeliveryStore) -> None:
    registered(store)
    ledger.write([judged(f"c{number}") for number in range(10)])
    receiver = Receiver(hangs=frozenset({HOOKS[0].url}))
    world = World(store, receiver)

    run(world.until(lambda: world.states()[HOOKS[1].key] == {"delivered"} if HOOKS[1].key in world.states() else False))

    assert sum(url == HOOKS[0].url for url, _ in receiver.told) == 4
    assert world.states()[HOOKS[0].key] == {"waiting"}


def test_what_was_not_written_down_is_sent_again_after_a_kill(ledger: Ledger, store: DeliveryStore) -> None:
    registered(store)
    ledger.write([judged()])
    before = Receiver(hangs=frozenset({HOOKS[1].url}))
    run(World(store, before).until(lambda: bool([url for url, _ in before.told if url == HOOKS[1].url])))
    after = Receiver()
    world = World(store, after)

    run(world.until(world.all_are("delivered")))

    assert set(before.ids) & set(after.ids)
    assert len({*before.ids, *after.ids}) == 14
    assert after.ids.count(before.ids[-1]) <= 1


def test_a_day_of_failures_is_dead_and_can_be_sent_again(ledger: Ledger, store: DeliveryStore) -> None:
    registered(store, HOOKS[:1])
    ledger.write([judged()])
    receiver = Receiver(answer=lambda _event, _nth: Answer(status=None, why="no answer", took_ms=1))
    world = World(store, receiver, HOOKS[:1])

    def jump() -> bool:
        world.now_us += GIVEN_UP_US // 20
        return world.all_are("dead")()

    run(world.until(jump))
    assert any("given up: no answer" in said for said in world.said)
    dead = store.listed(state=S.DEAD, limit=99)
    receiver.answer = lambda _event, _nth: Answer(status=200, why="", took_ms=1)
    now_us = world.now_us
    asked = Attempt(delivery=0, at_us=now_us, state=S.WAITING, tries=0, since_us=now_us, next_us=now_us, actor="cli:a")
    store.record([replace(asked, delivery=each.number) for each in dead])
    again = World(store, receiver, HOOKS[:1])
    again.now_us = now_us
    run(again.until(again.all_are("delivered")))


def test_it_is_asked_for_again_while_it_runs(ledger: Ledger, store: DeliveryStore) -> None:
    registered(store, HOOKS[:1])
    ledger.write([judged()])
    receiver = Receiver()
    world = World(store, receiver, HOOKS[:1])
    asked: list[int] = []

    def ask() -> bool:
        if not asked and world.all_are("delivered")():
            each = store.listed(limit=1)[0]
            asked.append(each.number)
            store.record([Attempt(delivery=each.number, at_us=1, state=S.WAITING, tries=0, since_us=1, next_us=1, actor="cli:a")])
        return bool(asked) and len(receiver.told) == 8

    run(world.until(ask))
    assert receiver.told[-1][1] == "ended"


def test_who_waits_is_told_at_once_when_that_is_asked_for(ledger: Ledger, store: DeliveryStore) -> None:
    hooks = (hook(CAMPAIGN, events=frozenset({WebhookEvent.ENDED})),)
    registered(store, hooks)
    ledger.write([judged()])
    failed, taken = Answer(status=500, why="answered 500", took_ms=1), Answer(status=200, why="", took_ms=1)
    receiver = Receiver(answer=lambda _event, nth: failed if nth == 1 else taken)
    world = World(store, receiver, hooks)
    asked: list[int] = []

    def ask() -> bool:
        world.now_us = 1_000  # no time goes by
        each = store.listed(limit=1)
        if not asked and each and each[0].tries == 1:
            asked.append(each[0].number)
            again = Attempt(delivery=each[0].number, at_us=1, state=S.WAITING, tries=0, since_us=1, next_us=1, actor="ops:a")
            store.record([again])
        return world.all_are("delivered")()

    run(world.until(ask))
    assert len(receiver.told) == 2


def test_a_webhook_that_comes_while_the_feed_is_read(ledger: Ledger, store: DeliveryStore) -> None:
    """It is told of the calls of its config, whenever they are read, and of no others."""
    both = (*HOOKS[:1], hook(CAMPAIGN, "late", "https://late.example.com/"))
    registered(store, HOOKS[:1])
    calls = [judged(f"c{number}") for number in range(6)]
    calls = [replace(each, record=replace(each.record, config="" if at > 2 else "old")) for at, each in enumerate(calls)]
    ledger.write(calls)
    receiver = Receiver()
    world = World(store, receiver, HOOKS[:1])

    async def play() -> None:
        await world.deliverer.configure(world.webhooks, version="old")
        running = asyncio.create_task(world.deliverer.run())
        world.webhooks = Webhooks(all=both, passed=PASSED)
        await world.deliverer.configure(world.webhooks, version="")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await world.until(lambda: len(store.listed(webhook=both[1].key, limit=99)) == 21 and world.all_are("delivered")())

    asyncio.run(play())
    assert {each.call_id for each in store.listed(webhook=both[1].key, limit=99)} == {"c3", "c4", "c5"}
    assert len(store.listed(webhook=both[0].key, limit=99)) == 42


def test_what_is_posted_later(ledger: Ledger, store: DeliveryStore) -> None:
    hooks = (hook(ACME, events=frozenset({WebhookEvent.CONVERTED})),)
    registered(store, hooks)
    ledger.write([judged(converted=False)])
    receiver = Receiver()
    world = World(store, receiver, hooks)
    sold = replace(row("c1", MoneyKind.REVENUE, "acme", 9_000_000, "acme-1"), key="c1/post/acme-1/k/sale/revenue")

    def decide(_read: Read) -> tuple[Append, None]:
        return Append(money=[sold]), None

    ledger.transact("c1", postings=[], decide=decide)
    run(world.until(lambda: bool(receiver.told) and world.all_are("delivered")()))
    assert [event for _, event in receiver.told] == ["converted"]
    assert store.listed(limit=1)[0].seen["revenue"] == "9.00"


def test_a_ledger_that_can_not_be_read_for_a_while(ledger: Ledger, store: DeliveryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    registered(store)
    ledger.write([judged()])
    receiver = Receiver()
    world = World(store, receiver)
    fails, news = iter(range(3)), store.news

    def sometimes() -> object:
        if next(fails, None) is not None:
            raise LedgerUnreadable("it is away")
        return news()

    monkeypatch.setattr(store, "news", sometimes)
    run(world.until(lambda: len(receiver.told) == 14))
    assert world.said == ["reading or writing the ledger: it is away"]


def test_more_than_there_is_room_for_waits_in_the_ledger(
    ledger: Ledger, store: DeliveryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_PENDING", 10)
    monkeypatch.setattr(store, "waiting", lambda key: DeliveryStore.waiting(store, key, limit=10))
    registered(store, HOOKS[:1])
    ledger.write([judged(f"c{number}") for number in range(8)])
    receiver = Receiver()
    world = World(store, receiver, HOOKS[:1])

    run(world.until(lambda: len(receiver.told) >= 56 and world.all_are("delivered")()))

    assert len(set(receiver.ids)) == 56
