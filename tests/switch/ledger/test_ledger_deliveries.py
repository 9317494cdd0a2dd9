"""Webhooks in the ledger: the feed, deliveries that are kept once, states by the last attempt."""

from dataclasses import replace

import pytest
from ledger_rows import append_posting
from webhook_cases import CAMPAIGN, hook, judged

from switch.billing.verdict import JudgedCall
from switch.ledger.database import Database
from switch.ledger.deliveries import Attempt, DeliveryState, DeliveryStore, KeptDelivery
from switch.ledger.store import Ledger, PostingRow
from switch.ledger.tables import RecordingRow
from switch.webhook.happenings import Delivery, deliveries, of_call

S = DeliveryState


@pytest.fixture
def store(url: str, ledger: Ledger) -> DeliveryStore:
    """Of the same database as `ledger`."""
    return DeliveryStore(Database(url))


HOOK = hook(CAMPAIGN)
FILE = RecordingRow(
    call_id="c1",
    path="c1.wav",
    sha256="00",
    length_ms=1,
    sides="both",
    format="wav",
    started_us=1,
    ended_us=2,
    paused_ms=0,
    frames_lost=0,
    why=None,
)


def told(call_id: str = "c1") -> list[Delivery]:
    call = judged(call_id)
    return list(deliveries(of_call(call, call.verdict.rows), [HOOK], passed=frozenset(), currency="USD"))


def kept(store: DeliveryStore, call_id: str = "c1") -> list[KeptDelivery]:
    store.register([HOOK.key], version="", now_us=1)
    return store.keep(told(call_id), after=0, feed=0, now_us=5)


def tried(each: KeptDelivery, state: DeliveryState, *, tries: int = 1, next_us: int | None = None) -> Attempt:
    return Attempt(delivery=each.number, at_us=9, state=state, tries=tries, since_us=5, next_us=next_us, status=500, why="no")


def decided_by(version: str, call_id: str) -> JudgedCall:
    found = judged(call_id)
    return replace(found, record=replace(found.record, config=version))


def told_of(store: DeliveryStore, since: int) -> list[str]:
    return [each.judged.record.call_id for each in store.news()[2] if each.feed > since]


def test_a_new_webhook_is_told_of_what_its_config_has_decided(ledger: Ledger, store: DeliveryStore) -> None:
    """Also of what was over before its process was up."""
    ledger.write([decided_by("v1", "old"), decided_by("v2", "new")])
    since = store.register(["a"], version="v2", now_us=1)
    assert since == {"a": 1}
    assert told_of(store, since["a"]) == ["new"]
    store.keep([], after=1, feed=2, now_us=1)
    ledger.write([decided_by("v3", "newer")])
    store.keep([], after=2, feed=3, now_us=1)  # read before the new config was seen

    since = store.register(["a", "b"], version="v3", now_us=2)

    assert since == {"a": 1, "b": 2}
    assert told_of(store, since["b"]) == ["newer"]
    assert store.register(["a", "b"], version="v4", now_us=3) == since
    assert store.news()[:2] == (2, 3)


def test_what_is_being_read_while_a_webhook_comes_is_read_again(ledger: Ledger, store: DeliveryStore) -> None:
    store.register(["a"], version="v1", now_us=1)
    ledger.write([decided_by("v2", "c1")])
    store.keep([], after=0, feed=1, now_us=1)
    ledger.write([decided_by("v2", "c2")])
    after, feed, _ = store.news()
    since = store.register(["a", "b"], version="v2", now_us=2)
    store.keep([], after=after, feed=feed, now_us=1)
    assert told_of(store, since["b"]) == ["c1", "c2"]


def test_what_is_read_again_is_not_told_again(ledger: Ledger, store: DeliveryStore) -> None:
    store.register([HOOK.key], version="v1", now_us=1)
    ledger.write([decided_by("v2", "c1")])
    assert store.keep(told(), after=0, feed=1, now_us=1) != []
    store.register([HOOK.key, "b"], version="v2", now_us=2)
    assert len(store.news()[2]) == 1
    assert store.keep(told(), after=0, feed=1, now_us=1) == []


def test_the_feed_has_calls_postings_and_recordings_in_order(ledger: Ledger, store: DeliveryStore) -> None:
    store.register(["a"], version="", now_us=1)
    call = judged("c1")
    ledger.write([call])
    ledger.write([call])  # again: nothing is new
    posted = replace(call.verdict.rows[0], key="c1/post/x", corrects=call.verdict.rows[0].key)
    append_posting(ledger, [posted], [], PostingRow(party="acme", idempotency_key="k", at_us=1, request="{}", answer="{}"))
    ledger.add_recordings([FILE])

    _, feed, news = store.news()

    assert feed == 3
    assert [(each.row, each.recording) for each in news] == [(None, None), (posted, None), (None, FILE)]
    assert [row.key for row in news[0].money] == [row.key for row in (*call.verdict.rows, posted)]
    assert news[0].recordings == (FILE,)
    assert news[0].judged.record == call.record


def test_a_recording_before_its_call_comes_with_the_call(ledger: Ledger, store: DeliveryStore) -> None:
    store.register(["a"], version="", now_us=1)
    ledger.add_recordings([FILE])
    assert store.news() == (0, 1, [])
    store.keep([], after=0, feed=1, now_us=1)
    ledger.write([judged("c1")])
    _, _, news = store.news()
    assert [each.recordings for each in news] == [(FILE,)]


def test_the_feed_is_read_in_parts(ledger: Ledger, store: DeliveryStore) -> None:
    store.register(["a"], version="", now_us=1)
    ledger.write([judged(f"c{number}") for number in range(5)])
    _, feed, news = store.news(limit=3)
    assert (feed, len(news)) == (3, 3)
    store.keep([], after=0, feed=feed, now_us=1)
    _, feed, news = store.news(limit=3)
    assert (feed, len(news)) == (5, 2)


def test_a_delivery_is_kept_once(store: DeliveryStore) -> None:
    first = kept(store)
    assert [each.event for each in first] == [each.event for each in told()]
    assert [each.seen for each in first] == [each.seen for each in told()]
    assert {(each.state, each.tries, each.due_us, each.since_us) for each in first} == {(S.WAITING, 0, 5, 5)}
    assert kept(store) == []
    assert store.waiting(HOOK.key) == first


def test_the_last_attempt_says_the_state(store: DeliveryStore) -> None:
    one, two, three, *rest = kept(store)
    store.record([tried(one, S.WAITING, next_us=70), tried(two, S.DELIVERED), tried(three, S.WAITING, next_us=80)])
    store.record([tried(three, S.DEAD, tries=2)])

    waiting = store.waiting(HOOK.key)
    assert [each.number for each in waiting] == [each.number for each in (one, *rest)]
    assert (waiting[0].due_us, waiting[0].tries, waiting[0].since_us, waiting[0].status, waiting[0].why) == (70, 1, 5, 500, "no")
    assert [each.number for each in store.listed(state=S.DEAD, limit=9)] == [three.number]
    assert [each.number for each in store.listed(state=S.DELIVERED, limit=9)] == [two.number]
    assert store.counted() == {(HOOK.key, S.WAITING): len(rest) + 1, (HOOK.key, S.DEAD): 1, (HOOK.key, S.DELIVERED): 1}


def test_what_is_asked_for_again(store: DeliveryStore) -> None:
    one, *_ = kept(store)
    store.record([tried(one, S.DEAD)])
    last, again = store.asked_again(0)
    assert again == []
    store.record([tried(one, S.WAITING, tries=0, next_us=90)])
    last, again = store.asked_again(last)
    assert [(each.number, each.due_us, each.tries) for each in again] == [(one.number, 90, 0)]
    assert store.asked_again(last) == (last, [])


def test_what_is_listed(store: DeliveryStore) -> None:
    kept(store, "c1")
    second = kept(store, "d2")
    assert store.listed(limit=2) == second[: -2 - 1 : -1]
    assert store.listed(call="d", limit=99) == second[::-1]
    assert store.listed(webhook="x", limit=99) == []
    assert store.listed(numbers=[second[0].number], limit=9) == second[:1]
    assert len(store.waiting(HOOK.key, limit=3)) == 3
