"""Switches of any config and days of any calls, each drawn from one seed. `Day(SEED).played()` plays a day again."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from engine_world import PROMPT_MS, SWITCH, World

from ivr import menu as mn
from media import control as mc
from media.recording import RecorderReady
from routing import table as rt
from routing.cap import Cap, Counts, Per
from routing.expression import Kind, parse
from routing.table import NoRoute
from switch.billing.terms import BillableOn, Price, PriceStep, Rate, Rule, Terms, Tiers
from switch.billing.verdict import MoneyKind
from switch.call.hold_terms import HoldTerms
from switch.call.moment import NS_PER_MS
from switch.engine.plan import Plan, Trunk
from switch.sip import offer_answer
from switch.sip.agent import UserAgent
from switch.sip.fact import Fact, InviteReceived, LegTerminated
from switch.sip.flow import Flow

DAY_MS = 90_000
"""Calls arrive for so long; twice as long again, and the last of them is over."""
CALLS = 14
LINES = {"a": "acme", "b": "acme", "c": "beta", "d": "beta", "e": "beta"}
GROUPS = {"west": ("a", "c"), "east": ("b", "c", "e")}
NUMBERS = {"+18005550100": ("radio", "main"), "+18005550101": ("search", "main"), "+18005550102": ("radio", "side")}
CALLERS = ("+12125550101", "+12125550102", "+12125550103", "anonymous")
HOSTS: dict[Flow, str] = {Flow(f"198.51.100.{20 + place}", 5060): name for place, name in enumerate(LINES)}
HOLD = HoldTerms(music="jazz", announce=("please", "hold"), every_ms=3_000)
ALL_DAY = 24 * 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Something that counts for its owners at an instant."""

    counts: Counts
    at_us: int
    amount: int
    owners: frozenset[str]


class Config:
    """A plan drawn from a seed."""

    def __init__(self, draw: Random) -> None:
        self.draw = draw
        self.caps: list[Cap] = []
        owners = [*(f"group:{name}" for name in GROUPS), *(f"advertiser:{name}" for name in sorted(set(LINES.values())))]
        self.shared = {owner: self.some_caps(owner) for owner in owners}

    def plan(self) -> Plan:
        lines = {name: self.line(name, address) for address, name in HOSTS.items()}
        menu = self.menu()
        campaigns = {"main": self.campaign("main", other="side"), "side": self.campaign("side", other="main")}
        campaigns = {name: replace(each, menu=menu.start) if self.draw.random() < 0.4 else each for name, each in campaigns.items()}
        terms = {name: self.terms(name) for name in campaigns}
        most = {name: _most(each.revenue) for name, each in terms.items()}
        table = rt.Table(
            version="v1",
            numbers={
                did: rt.TrackingNumber(did=did, publisher=publisher, campaign=campaign, caps=self.some_caps(f"number:{did}"))
                for did, (publisher, campaign) in NUMBERS.items()
            },
            publishers={name: rt.Publisher(name=name, caps=self.some_caps(f"publisher:{name}")) for name in ("radio", "search")},
            campaigns={name: replace(each, revenue_micros=most[name]) for name, each in campaigns.items()},
            lines=lines,
            trunk_caps={"carrier": self.some_caps("trunk:carrier")},
        )
        groups: dict[str, tuple[str, ...]] = {}
        for group, members in GROUPS.items():
            for line in members:
                groups[line] = (*groups.get(line, ()), group)
        rate = Rate(per_minute_micros=8_000)
        return Plan(
            version="v1",
            table=table,
            terms=terms,
            trunks=(Trunk(name="carrier", networks=(((198 << 24) | (51 << 16) | (100 << 8), 0xFFFFFF00),), rate=rate),),
            max_call_ms=self.draw.choice([40_000, ALL_DAY]),
            max_calls=self.draw.choice([8, 1_000]),
            menus={menu.start: menu},
            groups=groups,
            holds={"main": dict.fromkeys(NoRoute, HOLD)},
        )

    def some_caps(self, owner: str) -> tuple[Cap, ...]:
        """Caps that can't be exceeded: of attempts, or strict."""
        found = []
        if self.draw.random() < 0.15:
            found.append(Cap(owner=owner, limit=self.draw.randint(1, 6)))
        for counts in Counts:
            if self.draw.random() < 0.04:
                per = self.draw.choice([Per.HOUR, Per.DAY, Per.TOTAL])
                limit = self.draw.randint(1, 8) * (25_000_000 if counts is Counts.REVENUE else 1)
                found.append(Cap(owner=owner, limit=limit, counts=counts, per=per, strict=counts is not Counts.ATTEMPT))
        if self.draw.random() < 0.02:
            found.append(Cap(owner=owner, limit=1, per=Per.SPACING, spacing_ms=self.draw.randint(1, 5_000)))
        if owner.startswith("advertiser:") and self.draw.random() < 0.2:
            found.append(Cap(owner=owner, limit=self.draw.randint(0, 3) * 25_000_000, counts=Counts.REVENUE, per=Per.BALANCE))
        self.caps += found
        return tuple(found)

    def line(self, name: str, address: Flow) -> rt.Line:
        draw = self.draw
        caps = self.some_caps(f"line:{name}")
        for owner in (*(f"group:{group}" for group, members in GROUPS.items() if name in members), f"advertiser:{LINES[name]}"):
            caps += self.shared[owner]
        accept = draw.choice([None, None, rt.Accept(prompt="who", key="1", wait_ms=4_000), rt.Accept(prompt="who")])
        return rt.Line(
            name=name,
            advertiser=LINES[name],
            uri=f"sip:{name}@{address[0]}:{address[1]}",
            ring_ms=draw.choice([2_000, 6_000]),
            silence_ms=draw.choice([1_000, 3_000]),
            timer_offset_ms=draw.choice([0, 0, 2_000]),
            caps=caps,
            filter=draw.choice([None, None, None, parse("not repeat"), parse("not anonymous")]),
            accept=accept,
            health=draw.choice([None, rt.Health(failures=2, rest_ms=10_000)]),
        )

    def campaign(self, name: str, *, other: str) -> rt.Campaign:
        draw = self.draw
        hold = rt.ToHold(places=draw.randint(1, 3), wait_ms=draw.choice([6_000, 30_000]))
        ways: list[rt.Overflow] = [
            hold,
            rt.ToMessage(prompt="busy"),
            rt.ToVoicemail(greeting="busy", longest_ms=20_000, goodbye=draw.choice([None, "bye"])),
            rt.ToCampaign(campaign=other),
            rt.ToLine(line=draw.choice("abcde")),
        ]
        overflow = {cause: draw.choice(ways) for cause in NoRoute if draw.random() < 0.5}
        targets = tuple(
            rt.Target(line=line, priority=draw.randint(1, 2), weight=draw.randint(1, 3))
            for line in draw.sample(sorted(LINES), draw.randint(2, 5))
        )
        repeat = rt.Repeat(
            scope=draw.choice(list(rt.RepeatScope)),
            window_ms=ALL_DAY,
            route=draw.choice(list(rt.RepeatRoute)),
            bill=draw.random() < 0.5,
            pay=draw.random() < 0.5,
        )
        return rt.Campaign(
            name=name,
            targets=targets,
            caps=self.some_caps(f"campaign:{name}"),
            overflow=overflow,
            tiers={tier: rt.Tier(sort=draw.choice(list(rt.Sort)), together=draw.random() < 0.4) for tier in (1, 2)},
            retry={NoRoute.BUSY: 2} if draw.random() < 0.2 else {},
            recover_ms=draw.choice([0, 0, 6_000]),
            repeat=repeat if draw.random() < 0.4 else None,
        )

    def terms(self, name: str) -> Terms:
        percent = Price(steps=(PriceStep(rule=self.rule(), amount_micros=0),), percent_bp=self.draw.choice([1, 3_333, 7_000]))
        payout = self.draw.choice([percent, self.price(9_000_000)])
        return Terms(
            campaign=name,
            revenue=self.price(12_500_000),
            payout=payout,
            payouts={"search": self.price(1_000_000)} if self.draw.random() < 0.3 else {},
            requires_revenue=self.draw.random() < 0.3,
            repeat_bill=self.draw.random() < 0.7,
            repeat_pay=self.draw.random() < 0.7,
        )

    def price(self, micros: int) -> Price:
        steps = tuple(
            PriceStep(rule=self.rule(), amount_micros=micros * (number + 1)) for number in range(self.draw.choice([1, 1, 2]))
        )
        return Price(steps=steps, tiers=self.draw.choice([Tiers.HIGHEST, Tiers.SUM]))

    def rule(self) -> Rule:
        if self.draw.random() < 0.7:
            on = self.draw.choice([BillableOn.CONNECTED_FOR, BillableOn.CONNECTED_FOR, BillableOn.TOTAL_FOR])
            return Rule(on=on, at_least_ms=self.draw.choice([1_000, 5_000, 5_001, 12_000]))
        whole = [BillableOn.INBOUND, BillableOn.DIALED, BillableOn.ANSWERED, BillableOn.ACCEPTED, BillableOn.MENU_DONE]
        return Rule(on=self.draw.choice(whole), at_least_ms=0)

    def menu(self) -> mn.MenuPlan:
        age = mn.Gather(
            name="age", tag="age", kind=Kind.NUMBER, prompt="age", max_digits=2, retries=1, timeout_ms=2_000, then=mn.RouteOn()
        )
        keys: dict[str, mn.Outcome] = {
            "1": mn.RouteOn(),
            "2": mn.GoTo(menu="age"),
            "3": mn.TransferTo(line=self.draw.choice("abcde")),
            "0": mn.HangUp(prompt="bye"),
        }
        top = mn.Menu(name="top", prompt="top", invalid="sorry", retries=1, timeout_ms=2_000, keys=keys)
        return mn.MenuPlan(start="top", nodes={"top": top, "age": age})


def _most(price: Price) -> int:
    amounts = [step.amount_micros for step in price.steps]
    return sum(amounts) if price.tiers is Tiers.SUM else max(amounts)


class Day(World):
    """A switch of some config on some day. `on`: the calls each line has on, as it sees them; `most`: by owner, the most at once."""

    def __init__(self, seed: int) -> None:
        draw = Random(seed)
        self.config = Config(draw)
        self.drawn = self.config.plan()
        self.bad_network = draw.random() < 0.3
        loss = 0.08 if self.bad_network else 0.0
        delay_ms = (1, 60) if self.bad_network else (5, 5)
        super().__init__(self.drawn, seed=seed, loss=loss, doubling=loss, delay_ms=delay_ms)
        self.on: dict[str, dict[int, str]] = {name: {} for name in LINES}
        self.most: Counter[str] = Counter()
        self.engine.reload(self.drawn)
        self.engine.recorder_report(RecorderReady(pid=1, taps="/taps"), self.at())
        self._be_late(ms=draw.choice([0, 0, 1, 30]))
        for address, name in HOSTS.items():
            self._line(address, name)

    def played(self) -> "Day":
        within_ms = self.random.choice([2_000, 20_000, DAY_MS])
        for _ in range(CALLS):
            self.after(self.random.randrange(within_ms), self._call)
        if self.random.random() < 0.3:
            self.after(self.random.randrange(DAY_MS), lambda: self.engine.reload(replace(self.drawn, version="v2")))
        if self.random.random() < 0.1:
            self.after(self.random.randrange(DAY_MS), lambda: self.engine.worker_lost(1, self.at()))
        if self.random.random() < 0.1:
            self.after(self.random.randrange(DAY_MS), lambda: setattr(self, "sync_ms", self.random.choice([None, 400, 4_000])))
        self.run(3 * DAY_MS)
        return self

    def _be_late(self, *, ms: int) -> None:
        """Every deadline is noticed so much too late: what comes from the wire in the meantime is dealt with first."""
        asked = self.engine.next_deadline

        def noticed() -> int | None:
            due_ns = asked()
            return None if due_ns is None else due_ns + ms * NS_PER_MS

        self.engine.next_deadline = noticed  # type: ignore[method-assign]

    def _call(self) -> None:
        offer = offer_answer.offer(host="198.51.100.8", port=6_000, session_id=1, version=1)
        did = self.random.choice(list(NUMBERS))
        caller = self.random.choice(CALLERS)
        leg = self.caller.agent.invite(uri=f"sip:{did}@{SWITCH[0]}", target=SWITCH, caller=caller, body=offer, now_ns=self.now_ns)
        stays_ms = self.random.choice([self.random.randrange(3_000), self.random.randrange(20_000), self.random.randrange(90_000)])
        self.after(stays_ms, lambda: self.leave(leg))

    def _line(self, address: Flow, name: str) -> None:
        agent: UserAgent

        def on_fact(fact: Fact) -> None:
            if isinstance(fact, InviteReceived):
                self.on[name][fact.leg] = fact.call_id.rpartition("-")[0]
                self._look()
                self._behave(name, agent, fact)
            elif isinstance(fact, LegTerminated):
                self.on[name].pop(fact.leg, None)

        agent = self.phone(address, on_fact).agent

    def _behave(self, name: str, agent: UserAgent, fact: InviteReceived) -> None:
        leg, draw = fact.leg, self.random
        manner = draw.choice(["answers"] * 6 + ["busy", "silent", "rings", "fails", "deaf"])
        if manner == "silent":
            return
        if manner in {"busy", "fails"}:
            status = 486 if manner == "busy" else 503
            self.after(draw.choice([0, 300]), lambda: self._gone(name, leg, lambda: agent.refuse(leg, status, self.now_ns)))
            return
        if draw.random() < 0.9:
            agent.progress(leg, 180, self.now_ns)
        if manner == "rings":
            return
        answer_ms = draw.choice([10, 500, 500, draw.randrange(4_000), 2_000 - 10])
        body = b"v=0\r\n" if manner == "deaf" else self.sdp_answer(fact.offer)

        self.after(answer_ms, lambda: agent.answer(leg, body, self.now_ns))
        if draw.random() < 0.5:
            talk_ms = draw.choice([1, 1_000, 5_000, 12_000, draw.randrange(15_000), draw.randrange(60_000)])
            self.after(answer_ms + talk_ms, lambda: self._gone(name, leg, lambda: agent.hangup(leg, self.now_ns)))

    def _gone(self, name: str, leg: int, how: Callable[[], None]) -> None:
        """A line that ends a call itself has it no more."""
        self.on[name].pop(leg, None)
        how()

    def _look(self) -> None:
        """What lines have on now; of the trunk the calls, each of which may still be on a line that it has given up."""
        now: Counter[str] = Counter()
        for name, legs in self.on.items():
            groups = [f"group:{group}" for group, members in GROUPS.items() if name in members]
            for owner in (f"line:{name}", f"advertiser:{LINES[name]}", *groups):
                now[owner] += len(legs)
        now["trunk:carrier"] = len({call_id for calls in self.on.values() for call_id in calls.values()})
        self.most |= now

    def _obey(self, order: mc.Order) -> None:
        super()._obey(order)
        if isinstance(order, mc.Play) and self.random.random() < 0.85:
            keys = {"top": "1123019", "age": "4#8", "who": "11115", "beep": "#4"}.get(order.prompt, "1")
            for number in range(self.random.choice([1, 2])):
                press = partial(self._press, order.port, self.random.choice(keys))
                self.after(self.random.randrange(2 * PROMPT_MS) + 100 * number, press)

    def _press(self, port: int, key: str) -> None:
        self.report(mc.DigitReceived(port=port, digit=key, at_ns=self.now_ns))

    # what is counted from outside

    def counted(self) -> Iterator[Counted]:
        for judged in self.records:
            record = judged.record
            owners: dict[str, frozenset[str]] = {}
            for tried in record.attempts:
                groups = (f"group:{group}" for group, members in GROUPS.items() if tried.line in members)
                mine = owners[tried.line] = frozenset(
                    {
                        f"line:{tried.line}",
                        f"advertiser:{tried.advertiser}",
                        f"campaign:{tried.campaign}",
                        f"publisher:{record.publisher}",
                        f"number:{record.did}",
                        f"trunk:{record.trunk}",
                        *groups,
                    }
                )
                yield Counted(counts=Counts.ATTEMPT, at_us=tried.invited_us, amount=1, owners=mine)
                if tried.talk_us is not None:
                    yield Counted(counts=Counts.CONNECTION, at_us=tried.talk_us, amount=1, owners=mine)
            converted = set()
            for row in judged.verdict.rows:
                if row.kind is MoneyKind.REVENUE and row.line not in converted:
                    converted.add(row.line)
                    yield Counted(counts=Counts.CONVERSION, at_us=row.at_us, amount=1, owners=owners[row.line])
                if row.kind is MoneyKind.REVENUE:
                    yield Counted(counts=Counts.REVENUE, at_us=row.at_us, amount=row.amount_micros, owners=owners[row.line])
