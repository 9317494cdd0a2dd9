"""Simulated time, and SIP agents on a network that loses, doubles, delays and reorders datagrams and may cut hosts off.

Time is integer nanoseconds and moves only in `run`, from one instant at which something is due to the next. All chance comes from one
seed. `sip_world.World` adds phones that only know SIP, `engine_world.World` a whole switch.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from random import Random

from switch.sip.agent import UserAgent
from switch.sip.fact import Fact
from switch.sip.flow import Flow
from switch.sip.peer import DEFAULT_PEER, PeerProfile
from switch.sip.transaction import NS_PER_MS


@dataclass(kw_only=True)
class Phone:
    """A SIP agent and what its user does on a fact. `facts`: all that it reported. `peer`: whom it takes messages for."""

    address: Flow
    agent: UserAgent
    on_fact: Callable[[Fact], None]
    facts: list[Fact] = field(default_factory=list)
    peer: PeerProfile = DEFAULT_PEER

    def of(self, leg: int) -> list[Fact]:
        return [fact for fact in self.facts if fact.leg == leg]


class Network:
    """`loss`, `doubling`: of each datagram, from 0 to 1. `delay_ms`: shortest and longest; a range reorders. `cut_off`: hosts that no
    datagram reaches or leaves. All of them may change while time goes by."""

    def __init__(self, *, seed: int = 0, loss: float = 0.0, doubling: float = 0.0, delay_ms: tuple[int, int] = (5, 5)) -> None:
        self.random = Random(seed)
        self.loss = loss
        self.doubling = doubling
        self.delay_ms = delay_ms
        self.cut_off: set[str] = set()
        self.now_ns = 0
        self._phones: dict[Flow, Phone] = {}
        self._serial = count()
        self._planned: list[tuple[int, int, Callable[[], None]]] = []

    def join(self, phone: Phone) -> Phone:
        self._phones[phone.address] = phone
        return phone

    def after(self, ms: float, action: Callable[[], None]) -> None:
        """Does something later."""
        heappush(self._planned, (self.now_ns + int(ms * NS_PER_MS), next(self._serial), action))

    def run(self, ms: float) -> None:
        """Lets time pass, instant by instant."""
        end_ns = self.now_ns + int(ms * NS_PER_MS)
        self.flush()
        while (next_ns := self._next_ns()) is not None and next_ns <= end_ns:
            self.now_ns = max(self.now_ns, next_ns)
            while self._planned and self._planned[0][0] <= self.now_ns:
                heappop(self._planned)[2]()
            self._tick()
            self.flush()
        self.now_ns = end_ns

    def _next_ns(self) -> int | None:
        instants = [phone.agent.next_deadline() for phone in self._phones.values()]
        instants.append(self._planned[0][0] if self._planned else None)
        return min((ns for ns in instants if ns is not None), default=None)

    def _tick(self) -> None:
        for phone in self._phones.values():
            phone.agent.tick(self.now_ns)

    def flush(self) -> None:
        """Users hear of facts and react; what agents send takes off."""
        for address, phone in self._phones.items():
            while facts := phone.agent.facts():
                for fact in facts:
                    phone.facts.append(fact)
                    phone.on_fact(fact)
            for data, target, _ in phone.agent.to_send():
                self.fly(data, address, target)

    def fly(self, data: bytes, source: Flow, target: Flow) -> None:
        """A datagram takes off; it may be lost, or land twice."""
        if self.random.random() < self.loss:
            return
        for _ in range(2 if self.random.random() < self.doubling else 1):
            self.after(self.random.randint(*self.delay_ms), lambda: self._arrive(data, source, target))

    def _arrive(self, data: bytes, source: Flow, target: Flow) -> None:
        if source.host not in self.cut_off and target.host not in self.cut_off:
            self._land(data, source, target)

    def _land(self, data: bytes, source: Flow, target: Flow) -> None:
        phone = self._phones.get(target)
        if phone is not None:
            phone.agent.receive(data, source, self.now_ns, peer=phone.peer)
