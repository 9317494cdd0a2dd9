"""Reads what is new in the ledger, keeps what webhooks are to be told of it, and tells them; each failure is tried again later.

What is kept is never lost: a try counts only when the ledger has it, so a process that is killed tries once more what it had not written
down yet. The ledger is read and written in threads, again and again until it works.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from switch.deliver.sender import Answer, Sender
from switch.ledger.database import LedgerUnreadable, LedgerUnwritable, RecordRefused
from switch.ledger.deliveries import MAX_FEED, MAX_PENDING, Attempt, DeliveryState, DeliveryStore, KeptDelivery, News
from switch.ledger.tables import RecordingRow
from switch.webhook.happenings import Delivery, deliveries, of_call, of_money, of_recording
from switch.webhook.queue import DeliveryQueue, Waiting
from switch.webhook.request import request_of
from switch.webhook.retry import next_try_us
from switch.webhook.terms import Webhook, Webhooks
from switch.webhook.view import RecordingFile

T = TypeVar("T")

POLL_S = 0.5
"""How soon what is new in the ledger is seen."""
RETRY_S = 1.0
US_PER_S = 1_000_000


class Deliverer:
    """`webhooks`: those of the config in force. `complain(doing, why)`: something for the log. `chance`: a random number from 0 to 1."""

    def __init__(
        self,
        store: DeliveryStore,
        sender: Sender,
        *,
        now_us: Callable[[], int],
        chance: Callable[[], float],
        complain: Callable[[str, str], None],
        currency: str = "USD",
    ) -> None:
        self._store = store
        self._sender = sender
        self._now_us = now_us
        self._chance = chance
        self._complain = complain
        self._currency = currency
        self._webhooks: dict[str, Webhook] = {}
        self._passed: frozenset[str] = frozenset()
        self._since: dict[str, int] = {}
        self._queue = DeliveryQueue()
        self._kept: dict[int, KeptDelivery] = {}
        self._loaded: Counter[str] = Counter()
        self._more: set[str] = set()
        self._ended: set[int] = set()
        self._reading = asyncio.Lock()
        self._wake = asyncio.Event()
        self._attempts: list[tuple[Attempt, asyncio.Future[None]]] = []
        self._to_record = asyncio.Event()
        self._last_attempt = 0
        self._said = ""

    async def configure(self, webhooks: Webhooks, *, version: str) -> None:
        """Another config, by its version. What waits for a webhook that it has is taken up."""
        known = {webhook.key: webhook for webhook in webhooks.all}
        async with self._reading:  # a new webhook is told of all that is read from here on, and of nothing that is being read
            self._since = dict(
                await self._insist(partial(self._store.register, list(known), version=version, now_us=self._now_us()))
            )
            self._webhooks, self._passed = known, webhooks.passed
        self._queue.set_hosts({key: webhook.host for key, webhook in known.items()})
        for key in known:
            await self._load(key)
        self._wake.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        self._last_attempt, _ = await self._insist(partial(self._store.asked_again, 0))
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read())
            group.create_task(self._record())
            await self._send(group)

    # what is new

    async def _read(self) -> None:
        while True:
            async with self._reading:
                after, feed, news = await self._insist(self._store.news)
                if feed != after:
                    found = [delivery for each in news for delivery in self._caused(each)]
                    kept = await self._insist(partial(self._store.keep, found, after=after, feed=feed, now_us=self._now_us()))
                    self._take_in(kept)
            self._last_attempt, again = await self._insist(partial(self._store.asked_again, self._last_attempt))
            self._take_in(again, by_hand=True)
            for key in list(self._more):
                if key in self._webhooks and self._loaded[key] < MAX_PENDING // 2:
                    await self._load(key)
            if feed - after < MAX_FEED:
                await asyncio.sleep(POLL_S)

    def _caused(self, news: News) -> Sequence[Delivery]:
        webhooks = [webhook for key, webhook in self._webhooks.items() if news.feed > self._since.get(key, 0)]
        if news.row is not None:
            happening = of_money(news.judged, news.row)
            happenings = [] if happening is None else [replace(happening, money=news.money)]
        elif news.recording is not None:
            happenings = [of_recording(news.judged, _file(news.recording))]
        else:
            happenings = of_call(news.judged, news.money, map(_file, news.recordings))
        return list(deliveries(happenings, webhooks, passed=self._passed, currency=self._currency))

    async def _load(self, key: str) -> None:
        """Takes up what waits for a webhook, as much as there is room for."""
        self._ended.clear()
        waiting = await self._insist(partial(self._store.waiting, key))
        self._more.discard(key)
        self._take_in([each for each in waiting if each.number not in self._ended])
        if len(waiting) >= MAX_PENDING:
            self._more.add(key)

    def _take_in(self, kept: Sequence[KeptDelivery], *, by_hand: bool = False) -> None:
        for each in kept:
            waiting = _waiting(each)
            if each.number in self._kept:
                if by_hand:
                    self._queue.hasten(waiting)
                continue
            if each.webhook not in self._webhooks:
                continue  # it waits in the ledger, as does what there is no room for
            if not by_hand and (each.webhook in self._more or self._loaded[each.webhook] >= MAX_PENDING):
                self._more.add(each.webhook)
                continue
            self._kept[each.number] = each
            self._loaded[each.webhook] += 1
            self._queue.add(waiting)
        if kept:
            self._wake.set()

    # what is sent

    async def _send(self, group: asyncio.TaskGroup) -> None:
        while True:
            self._wake.clear()
            while (waiting := self._queue.take(self._now_us())) is not None:
                group.create_task(self._try(waiting))
            due_us = self._queue.next_due_us()
            left_s = None if due_us is None else max(0.0, (due_us - self._now_us()) / US_PER_S)
            try:
                async with asyncio.timeout(left_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _try(self, waiting: Waiting) -> None:
        webhook = self._webhooks.get(waiting.webhook)
        if webhook is None:  # the config has just lost it
            self._queue.again(waiting, waiting.due_us)
            return
        request = request_of(webhook, self._kept[waiting.number].seen, now_us=self._now_us())
        answer = await self._sender.send(request)
        attempt = self._attempt(waiting, answer)
        await self._recorded(attempt)
        if attempt.next_us is not None:
            self._queue.again(waiting, attempt.next_us)
        else:
            self._queue.done(waiting)
            self._loaded[waiting.webhook] -= 1
            self._ended.add(waiting.number)
            del self._kept[waiting.number]
            if attempt.state is DeliveryState.DEAD:
                self._complain(f"telling {waiting.webhook} of {waiting.event}, call {waiting.call_id}: given up", attempt.why)
        self._wake.set()

    def _attempt(self, waiting: Waiting, answer: Answer) -> Attempt:
        now_us, tries = self._now_us(), waiting.tries + 1
        next_us = None
        if not answer.is_taken:
            next_us = next_try_us(tries, since_us=waiting.since_us, now_us=now_us, chance=self._chance(), status=answer.status)
        failed = DeliveryState.DEAD if next_us is None else DeliveryState.WAITING
        return Attempt(
            delivery=waiting.number,
            at_us=now_us,
            state=DeliveryState.DELIVERED if answer.is_taken else failed,
            tries=tries,
            since_us=waiting.since_us,
            next_us=next_us,
            status=answer.status,
            why=answer.why,
            took_ms=answer.took_ms,
        )

    # how it went

    async def _recorded(self, attempt: Attempt) -> None:
        """Returns once the ledger has it. Those that come while one is written are written together."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._attempts.append((attempt, future))
        self._to_record.set()
        await future

    async def _record(self) -> None:
        while True:
            await self._to_record.wait()
            self._to_record.clear()
            some, self._attempts = self._attempts, []
            await self._insist(partial(self._store.record, [attempt for attempt, _ in some]))
            for _, future in some:
                future.set_result(None)

    async def _insist(self, work: Callable[[], T]) -> T:
        """Runs `work` in a thread, again and again until it succeeds."""
        while True:
            try:
                found = await asyncio.to_thread(work)
            except (LedgerUnreadable, LedgerUnwritable, RecordRefused, ValueError) as error:
                if str(error) != self._said:
                    self._said = str(error)
                    self._complain("reading or writing the ledger", str(error))
                await asyncio.sleep(RETRY_S)
            else:
                self._said = ""
                return found


def _waiting(kept: KeptDelivery) -> Waiting:
    return Waiting(
        number=kept.number,
        webhook=kept.webhook,
        call_id=kept.call_id,
        event=kept.event,
        due_us=kept.due_us,
        since_us=kept.since_us,
        tries=kept.tries,
    )


def _file(row: RecordingRow) -> RecordingFile:
    return RecordingFile(path=row.path, length_ms=row.length_ms, sha256=row.sha256)
