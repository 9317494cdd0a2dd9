"""What is sent next: order of a call, places of hosts, and that nothing is forgotten."""

from collections import Counter, defaultdict

from hypothesis import given
from hypothesis import strategies as st

from switch.webhook.queue import PLACES, PLACES_OF_HOST, DeliveryQueue, Waiting
from switch.webhook.terms import ORDER, WebhookEvent

E = WebhookEvent
HOSTS = {"a": "one", "b": "one", "c": "two"}


def waits(number: int, webhook: str = "a", call: str = "1", event: E = E.ENDED, due_us: int = 0) -> Waiting:
    return Waiting(number=number, webhook=webhook, call_id=call, event=event, due_us=due_us, since_us=0)


def queue_of(*waiting: Waiting) -> DeliveryQueue:
    queue = DeliveryQueue()
    queue.set_hosts(HOSTS)
    for each in waiting:
        queue.add(each)
    return queue


def test_one_thing_of_a_call_at_a_time() -> None:
    first, second, other = waits(1, event=E.CONNECTED), waits(2), waits(3, call="2")
    queue = queue_of(second, first, other)

    assert queue.take(0) == first
    assert queue.take(0) == other
    assert queue.take(0) is None
    queue.done(first)
    assert queue.take(0) == second


def test_a_payout_waits_for_the_conversion() -> None:
    converted, payout, ended = waits(1, event=E.CONVERTED), waits(2, event=E.PAYOUT), waits(3)
    queue = queue_of(converted, payout, ended)

    assert queue.take(0) == converted
    queue.again(converted, 100)
    assert queue.take(0) == ended  # what need not wait does not
    queue.done(ended)
    assert queue.take(99) is None
    assert queue.next_due_us() == 100
    tried = queue.take(100)
    assert tried is not None
    assert (tried.number, tried.tries) == (1, 1)
    queue.done(tried)
    assert queue.take(100) == payout


def test_a_host_has_so_many_places_and_others_have_theirs() -> None:
    slow = [waits(number, call=str(number)) for number in range(PLACES_OF_HOST + 1)]
    queue = queue_of(*slow, waits(100, "c"))

    taken = [queue.take(0) for _ in range(PLACES_OF_HOST + 2)]
    assert sum(each is not None and each.webhook == "a" for each in taken) == PLACES_OF_HOST
    assert sum(each is not None and each.webhook == "c" for each in taken) == 1
    assert queue.next_due_us() is None
    queue.done(slow[0])
    assert queue.take(0) == slow[-1]


def test_all_places_together() -> None:
    queue = DeliveryQueue()
    queue.set_hosts({str(number): str(number) for number in range(PLACES + 1)})
    for number in range(PLACES + 1):
        queue.add(waits(number, str(number)))
    taken = [queue.take(0) for _ in range(PLACES + 1)]
    assert sum(each is not None for each in taken) == PLACES


def test_a_webhook_that_the_config_lost_waits_until_it_is_back() -> None:
    queue = queue_of(waits(1), waits(2, "c"))
    queue.set_hosts({"c": "two"})
    assert queue.take(0) == waits(2, "c")
    assert queue.take(0) is None
    queue.set_hosts(HOSTS)
    assert queue.take(0) == waits(1)


def test_what_is_there_already_is_not_there_twice() -> None:
    queue = queue_of(waits(1), waits(1))
    assert len(queue) == 1


def test_who_is_asked_for_need_not_wait() -> None:
    late = waits(1, due_us=100)
    queue = queue_of(late)
    assert queue.take(0) is None
    queue.hasten(waits(1, due_us=0))
    assert queue.take(0) == waits(1)
    queue.hasten(waits(1, due_us=5))  # it is being sent
    queue.hasten(waits(2))  # it is not there
    queue.done(waits(1))
    assert len(queue) == 0


ITEMS = st.builds(
    waits,
    number=st.integers(0, 40),
    webhook=st.sampled_from("abc"),
    call=st.sampled_from("12"),
    event=st.sampled_from(E),
    due_us=st.integers(0, 3),
)


@given(st.lists(ITEMS, max_size=25, unique_by=lambda each: each.number), st.data())
def test_everything_is_sent_once_and_in_order(items: list[Waiting], data: st.DataObject) -> None:
    queue = queue_of(*items)
    running: list[Waiting] = []
    sent: dict[tuple[str, str], list[WebhookEvent]] = defaultdict(list)
    now_us, failures = 0, 0
    while len(queue):
        while (taken := queue.take(now_us)) is not None:
            assert taken.due_us <= now_us
            running.append(taken)
        assert all(count == 1 for count in Counter(each.lane for each in running).values())
        assert all(count <= PLACES_OF_HOST for count in Counter(HOSTS[each.webhook] for each in running).values())
        if not running:
            due_us = queue.next_due_us()
            assert due_us is not None
            assert due_us > now_us
            now_us = due_us
            continue
        each = running.pop(data.draw(st.integers(0, len(running) - 1)))
        if failures < 20 and data.draw(st.booleans()):
            failures += 1
            queue.again(each, now_us + data.draw(st.integers(0, 5)))
        else:
            queue.done(each)
            sent[each.lane].append(each.event)
    assert sum(map(len, sent.values())) == len(items)
    for events in sent.values():
        payouts = [at for at, event in enumerate(events) if event is E.PAYOUT]
        conversions = [at for at, event in enumerate(events) if event is E.CONVERTED]
        assert max(conversions, default=-1) < min(payouts, default=len(events))
    assert set(ORDER) == set(E)
