"""The one heap of what is due when: order, cancelling, and how little of what was cancelled it keeps."""

from itertools import pairwise

from switch.timer_heap import TimerHeap

STALE_KEPT = 64


def test_items_come_in_order_of_time_then_of_entry() -> None:
    heap: TimerHeap[str] = TimerHeap()
    for at, item in [(5, "b"), (5, "c"), (1, "a"), (9, "d")]:
        heap.add(at, item)
    assert [heap.pop_due(5) for _ in range(4)] == ["a", "b", "c", None]
    assert heap.next_at() == 9
    assert len(heap) == 1


def test_an_item_is_due_at_its_instant_and_not_before() -> None:
    heap: TimerHeap[str] = TimerHeap()
    heap.add(10, "a")
    assert heap.pop_due(9) is None
    assert heap.pop_due(10) == "a"
    assert heap.next_at() is None


def test_a_cancelled_item_never_comes_and_wakes_nobody() -> None:
    heap: TimerHeap[str] = TimerHeap()
    first = heap.add(1, "a")
    heap.add(2, "b")
    heap.cancel(first)
    heap.cancel(first)
    heap.cancel(None)
    assert heap.next_at() == 2
    assert [heap.pop_due(99), heap.pop_due(99)] == ["b", None]
    heap.cancel(first)
    assert len(heap) == 0


def test_cancelled_items_are_swept_at_the_limit_and_one_past_it() -> None:
    heap: TimerHeap[int] = TimerHeap()
    entries = [heap.add(n, n) for n in range(STALE_KEPT + 1)]
    for entry in entries[:-1]:
        heap.cancel(entry)
    assert len(heap._heap) == STALE_KEPT + 1
    heap.cancel(entries[-1])
    assert len(heap._heap) == 0


def test_cancelled_items_do_not_pile_up_behind_live_ones() -> None:
    heap: TimerHeap[int] = TimerHeap()
    heap.add(0, -1)
    for old, _new in pairwise([heap.add(n, n) for n in range(1, 10_000)]):
        heap.cancel(old)
    assert len(heap) == 2
    assert len(heap._heap) <= 2 * len(heap) + STALE_KEPT


def test_an_item_added_for_now_while_one_is_taken_comes_too() -> None:
    heap: TimerHeap[str] = TimerHeap()
    heap.add(3, "a")
    assert heap.pop_due(10) == "a"
    heap.add(4, "b")
    assert heap.pop_due(10) == "b"
