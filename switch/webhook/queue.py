"""What is to be sent next: deliveries that wait, by receiver and by call.

Of one call, a webhook is told one thing at a time, and of a payout only when no conversion of that call waits any more. A host has so many
places: a receiver that does not answer costs its own, and nobody else's.
"""

import heapq
from collections import Counter
from dataclasses import dataclass, replace

from switch.webhook.terms import WebhookEvent

PLACES_OF_HOST = 4
PLACES = 64

Lane = tuple[str, str]
"""A webhook and a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A delivery that waits. `number`: its row. `tries`: so many have failed. `since_us`: when it was to be tried first."""

    number: int
    webhook: str
    call_id: str
    event: WebhookEvent
    due_us: int
    since_us: int
    tries: int = 0

    @property
    def lane(self) -> Lane:
        return self.webhook, self.call_id


class DeliveryQueue:
    """`host_of`: by webhook. Deliveries of a webhook that it does not name wait until it does."""

    def __init__(self) -> None:
        self._lanes: dict[Lane, dict[int, Waiting]] = {}
        self._running: dict[Lane, Waiting] = {}
        self._places: Counter[str] = Counter()
        self._heaps: dict[str, list[tuple[int, int, Lane]]] = {}
        self._hosts: dict[str, str] = {}
        self._host_of_running: dict[Lane, str] = {}

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    def set_hosts(self, hosts: dict[str, str]) -> None:
        """Another config: by webhook, its host."""
        self._hosts = dict(hosts)
        self._heaps = {}
        for lane in self._lanes:
            self._offer(lane)

    def add(self, waiting: Waiting) -> None:
        """One that is there already stays as it is."""
        lane = self._lanes.setdefault(waiting.lane, {})
        if waiting.number not in lane:
            lane[waiting.number] = waiting
            self._offer(waiting.lane)

    def hasten(self, waiting: Waiting) -> None:
        """Somebody asks for one that waits: it is due when `waiting` says. One that is being sent stays as it is."""
        lane, running = self._lanes.get(waiting.lane, {}), self._running.get(waiting.lane)
        if waiting.number in lane and (running is None or running.number != waiting.number):
            lane[waiting.number] = waiting
            self._offer(waiting.lane)

    def take(self, now_us: int) -> Waiting | None:
        """Returns one that is due and has a place; it keeps its place until `done` or `again`. Hosts take turns."""
        if len(self._running) >= PLACES:
            return None
        for host in list(self._heaps):
            if self._places[host] < PLACES_OF_HOST and (found := self._next_of(host, now_us)):
                self._running[found.lane] = found
                self._host_of_running[found.lane] = host
                self._places[host] += 1
                self._heaps[host] = self._heaps.pop(host)  # behind the others
                return found
        return None

    def done(self, waiting: Waiting) -> None:
        """It is delivered, or given up."""
        self._free(waiting.lane)
        lane = self._lanes[waiting.lane]
        del lane[waiting.number]
        if lane:
            self._offer(waiting.lane)
        else:
            del self._lanes[waiting.lane]

    def again(self, waiting: Waiting, due_us: int) -> None:
        """It failed, and is tried again then."""
        self._free(waiting.lane)
        self._lanes[waiting.lane][waiting.number] = replace(waiting, due_us=due_us, tries=waiting.tries + 1)
        self._offer(waiting.lane)

    def next_due_us(self) -> int | None:
        """Returns when the next one is due that has a place; None: none waits."""
        free = [host for host in self._heaps if self._places[host] < PLACES_OF_HOST]
        if len(self._running) >= PLACES:
            return None
        return min((heap[0][0] for host in free if (heap := self._valid(host))), default=None)

    def _next_of(self, host: str, now_us: int) -> Waiting | None:
        heap = self._valid(host)
        if not heap or heap[0][0] > now_us:
            return None
        _, _, lane = heapq.heappop(heap)
        return self._first(lane)

    def _valid(self, host: str) -> list[tuple[int, int, Lane]]:
        """The heap of a host, behind what is no longer so."""
        heap = self._heaps[host]
        while heap:
            due_us, number, lane = heap[0]
            first = None if lane in self._running else self._first(lane)
            if first is not None and (first.due_us, first.number) == (due_us, number):
                break
            heapq.heappop(heap)
        return heap

    def _first(self, lane: Lane) -> Waiting | None:
        """The one of its call that is tried next."""
        there = self._lanes.get(lane, {}).values()
        converts = any(each.event is WebhookEvent.CONVERTED for each in there)
        free = (each for each in there if not (converts and each.event is WebhookEvent.PAYOUT))
        return min(free, key=lambda each: (each.due_us, each.number), default=None)

    def _offer(self, lane: Lane) -> None:
        host = self._hosts.get(lane[0])
        first = self._first(lane)
        if host is not None and first is not None and lane not in self._running:
            heapq.heappush(self._heaps.setdefault(host, []), (first.due_us, first.number, lane))

    def _free(self, lane: Lane) -> None:
        del self._running[lane]
        self._places[self._host_of_running.pop(lane)] -= 1
