"""A whole switch in one simulated world: the real engine, callers and lines that are real SIP agents, a media worker played by the test.

Time moves only when the test lets it; network delays, losses and doubles are drawn from one seed. A day of calls takes seconds, and the
same seed gives the same day.
"""

from collections.abc import Callable
from itertools import count
from typing import Any, TypeVar

from simulated_network import Network, Phone

from ivr.menu import HangUp, Menu, MenuPlan, RouteOn
from media import control as mc
from routing import table as rt
from routing.cap import Cap
from switch.billing.terms import Price, PriceStep, Rule, Terms
from switch.billing.verdict import JudgedCall
from switch.call.moment import Moment
from switch.engine.effect import AppendJournal, Effect, LogProblem, SendSip, StoreRecord, SyncJournal, TellWorker
from switch.engine.engine import Engine
from switch.engine.media import RtpAddress, RtpSettings
from switch.engine.plan import Plan, Trunk
from switch.engine.usage import Usage
from switch.sip import offer_answer, sdp
from switch.sip.agent import UserAgent
from switch.sip.fact import AnswerReceived, Fact, InviteReceived, LegTerminated
from switch.sip.flow import Flow

AnyOrder = TypeVar("AnyOrder", bound=mc.Message)

SWITCH: Flow = Flow("192.0.2.1", 5060)
CARRIER: Flow = Flow("198.51.100.7", 5080)
STRANGER: Flow = Flow("203.0.113.9", 5060)
EAST: Flow = Flow("198.51.100.21", 5060)
WEST: Flow = Flow("198.51.100.22", 5060)
RTP = (RtpAddress(local="192.0.2.1", advertised="192.0.2.1"),)
PROMPT_MS = 1_000
START_US = 1_772_463_600_000_000  # 2026-03-02T15:00:00Z

MENU = MenuPlan(
    start="qualify",
    nodes={
        "qualify": Menu(
            name="qualify", prompt="welcome", invalid="sorry", retries=1, keys={"1": RouteOn(), "0": HangUp(prompt="goodbye")}
        )
    },
)


def line(name: str, address: Flow, *, limit: int = 100, **changes: Any) -> rt.Line:
    caps = (Cap(owner=f"line:{name}", limit=limit),)
    return rt.Line(name=name, advertiser="acme", uri=f"sip:{name}@{address[0]}:{address[1]}", caps=caps, **changes)


def plan(*lines: rt.Line, menu: MenuPlan | None = None, version: str = "v1", max_calls: int = 5_000, **campaign: object) -> Plan:
    """One campaign on one number, `+18005550100`, hunting `lines` in their order."""
    targets = tuple(rt.Target(line=each.name, priority=number) for number, each in enumerate(lines, 1))
    table = rt.Table(
        version=version,
        numbers={"+18005550100": rt.TrackingNumber(did="+18005550100", publisher="radio", campaign="quotes")},
        publishers={"radio": rt.Publisher(name="radio")},
        campaigns={"quotes": rt.Campaign(name="quotes", targets=targets, menu=None if menu is None else menu.start, **campaign)},  # type: ignore[arg-type]
        lines={each.name: each for each in lines},
    )
    terms = Terms(campaign="quotes", revenue=price(25_000_000), payout=price(18_000_000))
    carrier = Trunk(name="carrier", networks=(((198 << 24) | (51 << 16) | (100 << 8), 0xFFFFFF00),))
    return Plan(
        version=version,
        table=table,
        terms={"quotes": terms},
        trunks=(carrier,),
        max_call_ms=3_600_000,
        max_calls=max_calls,
        menus={} if menu is None else {menu.start: menu},
    )


def price(amount_micros: int, *, at_least_ms: int = 10_000) -> Price:
    return Price(steps=(PriceStep(rule=Rule(at_least_ms=at_least_ms), amount_micros=amount_micros),))


def tokens(prefix: str) -> Callable[[], str]:
    """Unlike each other, alike in every run; hexadecimal, since the engine makes a number of some."""
    numbers = count(1)
    return lambda: f"{prefix}{next(numbers):015x}"


class World(Network):
    """`records`: judged calls in their order. `journal`: (call id, payload) in theirs. `orders`: what the worker was told.
    `listeners`, `rtp`: the switch's own addresses."""

    listeners: tuple[Flow, ...] = (SWITCH,)
    rtp: tuple[RtpAddress, ...] = RTP

    def __init__(
        self,
        with_plan: Plan,
        *,
        seed: int = 0,
        loss: float = 0.0,
        doubling: float = 0.0,
        delay_ms: tuple[int, int] = (5, 5),
        epoch: str = "e",
    ) -> None:
        """`epoch`: a hexadecimal digit that all ids of calls begin with: those of a switch that was started again are others."""
        super().__init__(seed=seed, loss=loss, doubling=doubling, delay_ms=delay_ms)
        self.sync_ms: int | None = 1
        self.records: list[JudgedCall] = []
        self.journal: list[tuple[str, bytes]] = []
        self.orders: list[mc.Order] = []
        self.complaints: list[LogProblem] = []
        self.effects: list[Effect] = []
        self._left: set[int] = set()
        self.start(with_plan, epoch=epoch)
        self.caller = self.phone(CARRIER, self._caller_hears)

    def start(self, with_plan: Plan, *, epoch: str) -> None:
        """A new process of the switch, whose usage begins at nothing, and its media worker."""
        self.sip = UserAgent(listeners=self.listeners, token=tokens(f"a{epoch}"))
        rtp = RtpSettings(addresses=self.rtp, ports=(20_000, 29_999), quiet_ms=10_000)
        self.usage = Usage()
        self.engine = Engine(plan=with_plan, rtp=rtp, agent=self.sip, token=tokens(epoch), usage=self.usage)
        self.engine.report(1, mc.Ready(pid=1), self.at())

    def at(self) -> Moment:
        return Moment(mono_ns=self.now_ns, utc_us=START_US + self.now_ns // 1_000)

    # phones

    def phone(self, address: Flow, on_fact: Callable[[Fact], None]) -> Phone:
        agent = UserAgent(listeners=(address,), token=tokens(f"{len(self._phones):x}f"))
        return self.join(Phone(address=address, agent=agent, on_fact=on_fact))

    def line_phone(
        self, address: Flow, *, answer_ms: int | None = 1_000, status: int | None = None, talk_ms: int | None = None
    ) -> Phone:
        """A line that rings and answers after `answer_ms` (None: never), or refuses with `status`, and hangs up after `talk_ms`."""

        def on_fact(fact: Fact) -> None:
            if not isinstance(fact, InviteReceived):
                return
            if status is not None:
                phone.agent.refuse(fact.leg, status, self.now_ns)
                return
            phone.agent.progress(fact.leg, 180, self.now_ns)
            if answer_ms is not None:
                self.after(answer_ms, lambda: phone.agent.answer(fact.leg, self.sdp_answer(fact.offer), self.now_ns))
            if answer_ms is not None and talk_ms is not None:
                self.after(answer_ms + talk_ms, lambda: phone.agent.hangup(fact.leg, self.now_ns))

        phone = self.phone(address, on_fact)
        return phone

    def sdp_answer(self, offer: bytes) -> bytes:
        description = sdp.parse_sdp(offer)
        assert description is not None
        agreed = offer_answer.answer(description, hosts=("198.51.100.99", "2001:db8:99::99"), port=4_000, session_id=1, version=1)
        assert isinstance(agreed, offer_answer.NegotiatedMedia)
        return agreed.body

    def _caller_hears(self, fact: Fact) -> None:
        """A 200 that crossed the caller's CANCEL is ended with a BYE."""
        if isinstance(fact, AnswerReceived) and fact.leg in self._left:
            self.caller.agent.hangup(fact.leg, self.now_ns)

    def leave(self, leg: int) -> None:
        """The caller hangs up, or cancels."""
        self._left.add(leg)
        self.caller.agent.hangup(leg, self.now_ns)

    def call(
        self, *, did: str = "+18005550100", hang_up_ms: int | None = None, body: bytes | None = None, call_id: str | None = None
    ) -> int:
        """A new call from the carrier, hung up (or cancelled) after `hang_up_ms`. `call_id`: its SIP Call-ID."""
        offer = offer_answer.offer(host="198.51.100.8", port=6_000, session_id=1, version=1) if body is None else body
        leg = self.caller.agent.invite(
            uri=f"sip:{did}@{SWITCH[0]}", target=SWITCH, caller="+12125550199", body=offer, now_ns=self.now_ns, call_id=call_id
        )
        if hang_up_ms is not None:
            self.after(hang_up_ms, lambda: self.leave(leg))
        return leg

    def answered(self) -> list[int]:
        return [fact.leg for fact in self.caller.facts if isinstance(fact, AnswerReceived)]

    def endings(self) -> list[LegTerminated]:
        return [fact for fact in self.caller.facts if isinstance(fact, LegTerminated)]

    # time

    def _next_ns(self) -> int | None:
        return min((ns for ns in (super()._next_ns(), self.engine.next_deadline()) if ns is not None), default=None)

    def _tick(self) -> None:
        super()._tick()
        due = self.engine.next_deadline()
        if due is not None and due <= self.now_ns:
            self.engine.tick(self.at())

    def flush(self) -> None:
        super().flush()
        for effect in self.engine.effects():
            self.effects.append(effect)
            self._do(effect)

    def _land(self, data: bytes, source: Flow, target: Flow) -> None:
        if target in self.listeners:
            self.engine.datagram(data, source._replace(listener=self.listeners.index(target)), self.at())
        else:
            super()._land(data, source, target)

    def _do(self, effect: Effect) -> None:
        match effect:
            case SendSip(data=data, target=target):
                self.fly(data, self.listeners[target.listener], target._replace(listener=0))
            case TellWorker(order=order):
                self.orders.append(order)
                self._obey(order)
            case AppendJournal(call_id=call_id, payload=payload):
                self.journal.append((call_id, payload))
            case SyncJournal(call_id=call_id, leg=leg):
                if self.sync_ms is not None:
                    self.after(self.sync_ms, lambda: self.engine.answer_durable(call_id, leg, self.at()))
            case StoreRecord(judged=judged):
                self.records.append(judged)
            case LogProblem():
                self.complaints.append(effect)

    def _obey(self, order: mc.Order) -> None:
        """The media worker: prompts last a second, ports close."""
        match order:
            case mc.Play(port=port, play=play):
                self.after(PROMPT_MS, lambda: self.report(mc.PlayFinished(port=port, play=play, at_ns=self.now_ns)))
            case mc.Bridge(b=b):
                self.report(mc.Heard(port=b, at_ns=self.now_ns, both=True))
            case mc.Close(port=port):
                self.report(mc.Closed(port=port, counters=mc.Counters()))
            case _:
                pass

    def report(self, report: mc.Report) -> None:
        self.engine.report(1, report, self.at())

    def press(self, digit: str) -> None:
        """The latest caller in a menu presses a key."""
        port = next(order.port for order in reversed(self.orders) if isinstance(order, mc.Play))
        self.report(mc.DigitReceived(port=port, digit=digit, at_ns=self.now_ns))

    def told(self, kind: type[AnyOrder]) -> list[AnyOrder]:
        return [order for order in self.orders if isinstance(order, kind)]
