"""A busy switch in simulated time whose journal and ledger are real files, and what those files hold at every write of the journal.

`busy_run` plays the scenario once and remembers, at each write, how far each segment was written and which state of the database was the
last one committed: both only grow, so that is every state a crash may leave. `laid_out` puts such a state into a directory again.
Does not know what a restart has to make of it.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from engine_world import SWITCH, World

from media import control as mc
from switch.billing import actions
from switch.billing.actions import Posted, Posting
from switch.billing.entry_state import StateRow
from switch.billing.posting import deposit, post
from switch.billing.verdict import JudgedCall, MoneyKind, MoneyRow
from switch.call.moment import NS_PER_MS
from switch.engine.effect import AppendJournal as Line
from switch.engine.effect import Effect, StoreRecord, SyncJournal
from switch.engine.lookback import lookback_of
from switch.engine.plan import Plan
from switch.engine.usage import Usage
from switch.ledger.database import Database
from switch.ledger.journal import Journal
from switch.ledger.poller import read_history, read_posted
from switch.ledger.store import Append, Ledger
from switch.ledger.store import PostingRow as Kept
from switch.problem_text import show
from switch.settings.load import load_files
from switch.sip import offer_answer
from switch.sip.agent import UserAgent
from switch.sip.fact import Fact, InviteReceived
from switch.sip.flow import Flow

ROOT = Path(__file__).parents[2]
CALLS = 40
ARRIVE_MS = 90_000
"""All calls arrive within this time."""
END_MS = 260_000
"""By then the last call is over, and the network has let go of its legs."""
SEGMENT_BYTES = 48 * 1024
LEDGER_MS = 4_000
"""Calls that are over wait so long for the ledger, at most: in between they are in the journal alone."""
POLL_MS, SYNC_MS = 1_000, 2
NUMBERS = {"+18005550100": 6, "+18005550101": 4, "+18005550102": 5, "+18005550103": 4}
"""How often each is called, in proportion."""
PRESSES = {
    "welcome": ("1", "1", "1", "1", "1", "1", "1", "2", ""),
    "age": ("42#", "67#", "42#", "67#", "8#", ""),
    "press-1": ("1", "1", "1", ""),
}
"""What people press when they hear it; nothing, now and then."""

CONFIG = """
switch: {sip: {listen: "192.0.2.1:5060"}, prompts: prompts, data: data, limits: {max_call: 10m, max_calls: 100}}
tags: {age: {type: number}}
trunks: {carrier: {addresses: [198.51.100.0/24], cost: {per_minute: 0.0060, initial: 6s, step: 6s}}}
publishers: {radio: , search: {caps: [{count: conversion, per: day, limit: 8, zone: UTC, strict: true}]}}
numbers: {"+18005550100": {publisher: radio, campaign: quotes}, "+18005550101": {publisher: search, campaign: quotes},
  "+18005550102": {publisher: radio, campaign: race}, "+18005550103": {publisher: search, campaign: queue}}
groups: {coast: {lines: [east, west], caps: [{count: attempt, per: day, limit: 40, zone: UTC}]}}
advertisers:
  acme:
    cap: 6
    lines:
      busy: {uri: "sip:busy@198.51.100.20", caps: [{count: attempt, per: day, limit: 9, zone: UTC}]}
      east: {uri: "sip:east@198.51.100.21", cap: 3, ring: 6s, silence: 2s}
      west: {uri: "sip:west@198.51.100.22", cap: 3, timer_offset: 2s}
      solo: {uri: "sip:solo@198.51.100.23", cap: 1, caps: [{count: conversion, per: hour, limit: 4, zone: UTC}]}
  beta:
    prepaid: {credit: 0.00}
    lines:
      north: {uri: "sip:north@198.51.100.24", cap: 4, silence: 2s}
      south: {uri: "sip:south@198.51.100.25", cap: 4}
  gamma:
    lines:
      key: {uri: "sip:key@198.51.100.26", accept: {prompt: press-1, key: "1", wait: 4s}}
      told: {uri: "sip:told@198.51.100.27", whisper: press-1}
menus:
  qualify:
    {prompt: welcome, invalid: sorry, timeout: 2s, retries: 1, failed: {hangup: goodbye}, keys: {"1": {menu: age}, "2": {hangup: goodbye}}}
  age:
    {gather: age, prompt: age, invalid: sorry, max: 3, valid: 18-99, timeout: 2s, retries: 1, failed: {hangup: goodbye}, then: {route: {}}}
campaigns:
  quotes:
    menu: qualify
    lines: [{line: busy, priority: 1}, {line: east, priority: 2}, {line: west, priority: 2}, {line: key, priority: 3}]
    tiers: {2: {sort: round_robin}}
    recover: 12s
    revenue: {tiers: highest, steps: [{at_least: 10s, amount: 10.00}, {at_least: 25s, amount: 25.00}]}
    payout: {on: connected_for, at_least: 10s, percent: 70%}
    hold_for: 7d
    overflow: {capped: {hold: {places: 3, wait: 15s}}, waited_too_long: {message: all-busy}, queue_full: {message: all-busy}}
  race:
    lines: [{line: north, priority: 1}, {line: south, priority: 1}, {line: told, priority: 2}]
    tiers: {1: {together: true}}
    revenue: 30.00
    billable: {on: connected_for, at_least: 12s}
    payout: {on: connected_for, at_least: 18s, amount: 18.00}
    overflow: {capped: {message: all-busy}}
  queue:
    lines: [solo]
    billable: {on: connected_for, at_least: 7s}
    revenue: 12.00
    payout: 8.00
    overflow: {capped: {hold: {places: 3, wait: 40s}}, queue_full: {message: all-busy}, waited_too_long: {campaign: race}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """How a line takes calls: rings so long, and is busy, silent or short of patience in so many of a hundred."""

    answer_ms: tuple[int, int] = (300, 3_000)
    busy: int = 0
    silent: int = 0
    drops: int = 0


HABITS: Mapping[str, Habit] = {
    "198.51.100.20": Habit(busy=70, answer_ms=(200, 800)),
    "198.51.100.21": Habit(silent=20, drops=60),
    "198.51.100.22": Habit(drops=60),
    "198.51.100.23": Habit(busy=10),
    "198.51.100.24": Habit(silent=10),
    "198.51.100.25": Habit(busy=10, drops=10),
    "198.51.100.26": Habit(),
    "198.51.100.27": Habit(answer_ms=(100, 500)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is on disk at one instant. `segments`: bytes by name; `synced`: of them, how many a power cut leaves. `ledger`: the database as
    it was committed for that many times. `next`: name of the segment that the coming write goes to, and its bytes; None: it is no write.
    `lines`: how many whole lines were appended so far."""

    now_ns: int
    now_us: int
    segments: Mapping[str, int]
    synced: Mapping[str, int]
    ledger: int
    lines: int
    next: tuple[str, bytes] | None


@dataclass(slots=True, kw_only=True)
class Run:
    """`written`: every byte of every segment. `ledgers`: the database's files after each commit. `lines`: call id and payload, in order.

    `records`: what became of each call, undisturbed. `usage`: the caps of the undisturbed switch, at the end. `corrected`: calls whose
    money somebody took back. `secured`: by call and leg, when its answer was durable. `recorded`: the calls in each of `ledgers`.
    """

    plan: Plan
    seed: int
    states: list[State] = field(default_factory=list)
    written: dict[str, bytearray] = field(default_factory=dict)
    ledgers: list[dict[str, bytes]] = field(default_factory=list)
    lines: list[tuple[str, bytes]] = field(default_factory=list)
    records: dict[str, JudgedCall] = field(default_factory=dict)
    corrected: set[str] = field(default_factory=set)
    secured: dict[tuple[str, int], int] = field(default_factory=dict)
    recorded: list[frozenset[str]] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    complaints: list[str] = field(default_factory=list)


def busy_plan() -> Plan:
    """`CONFIG` as a switch would load it."""
    wav = (ROOT / "config" / "prompts" / "welcome.wav").read_bytes()
    prompts = {f"prompts/{name}.wav": wav for name in ("welcome", "sorry", "goodbye", "all-busy", "press-1", "age")}
    loaded = load_files({"config.yaml": CONFIG, **prompts})
    assert loaded.deployment is not None, [show(problem) for problem in loaded.errors]
    return loaded.deployment.plan


def busy_run(folder: Path, *, seed: int) -> Run:
    """The scenario from start to end, in `folder`, without a crash."""
    run = Run(plan=busy_plan(), seed=seed)
    (folder / "data").mkdir(parents=True)
    world = CrashWorld(run, folder / "data")
    world.deposit("first", micros=90_000_000)
    world.arrive(calls=CALLS, within_ms=ARRIVE_MS)
    world.after(50_000, partial(world.deposit, "second", micros=60_000_000))
    world.after(70_000, world.correct)
    world.after(95_000, world.correct)
    world.play(END_MS)
    return run


def run_on(run: Run, state: State, data: Path, *, did: str, calls: int) -> Run:
    """A new process on `data`, which was recovered: it takes some more calls, two seconds after the crash, all to one number."""
    later = Run(plan=run.plan, seed=run.seed)
    world = CrashWorld(later, data, epoch="b", now_ns=state.now_ns + 2_000 * NS_PER_MS)
    world.arrive(calls=calls, within_ms=20_000, dids=[did])
    world.play(120_000)
    return later


def ledger_in(data: Path) -> Ledger:
    return Ledger(Database(f"sqlite:///{data / 'payphone.sqlite'}"))


def laid_out(run: Run, state: State, data: Path, *, power_cut: bool = False, torn: int = 0) -> Path:
    """The files as the crash leaves them, in `data`, which is emptied first. `torn`: so many bytes of the coming line got there too."""
    shutil.rmtree(data, ignore_errors=True)
    (data / "journal").mkdir(parents=True)
    for name, size in (state.synced if power_cut else state.segments).items():
        (data / "journal" / name).write_bytes(run.written[name][:size])
    if torn and state.next is not None:
        name, line = state.next
        with (data / "journal" / name).open("ab") as file:
            file.write(line[:torn])
    for name, content in run.ledgers[state.ledger].items():
        (data / name).write_bytes(content)
    return data


class CrashWorld(World):
    """A `World` that keeps its journal and its records on disk, as the shell around an engine does, and looks at the disk at every step."""

    def __init__(self, run: Run, data: Path, *, epoch: str = "e", now_ns: int = 0) -> None:
        super().__init__(run.plan, seed=run.seed, epoch=epoch)
        self.now_ns = now_ns
        self._run = run
        self._data = data
        self._waiting: list[JudgedCall] = []
        self._synced: dict[str, int] = {}
        for host, habit in HABITS.items():
            self._line(host, habit)
        self._ledger = ledger_in(data)
        self._ledger.migrate()
        history = read_history(self._ledger, lookback_of(run.plan, self.at().utc_us))
        self.engine.load_usage(history.past)
        self._last_money = history.last_money
        self._journal = Journal(data / "journal", segment_bytes=SEGMENT_BYTES, write=self._write)

    def arrive(self, *, calls: int, within_ms: int, dids: Sequence[str] = ()) -> None:
        weighted = dids or [number for number, weight in NUMBERS.items() for _ in range(weight)]
        for place in range(calls):
            at_ms = within_ms * place // calls + self.random.randrange(1_500)
            self.after(at_ms, partial(self._place, self.random.choice(weighted), place))

    def play(self, ms: int) -> None:
        self._write_ledger()
        self._poll()
        self.run(ms)
        self._write_ledger()
        self._poll()
        run = self._run
        run.records = {judged.record.call_id: judged for judged in self.records}
        run.usage = self.engine.usage
        run.complaints = [complaint.what + complaint.trace for complaint in self.complaints]
        self._ledger.close()
        self._journal.close()

    # people

    def _place(self, did: str, place: int) -> None:
        """A caller who stays on for a while; some give up early, some call again."""
        offer = offer_answer.offer(host="198.51.100.8", port=6_000, session_id=1, version=1)
        ani = f"+1212555{100 + place % (CALLS - 6):04d}"
        leg = self.caller.agent.invite(uri=f"sip:{did}@{SWITCH[0]}", target=SWITCH, caller=ani, body=offer, now_ns=self.now_ns)
        patience = (500, 6_000) if self.random.random() < 0.15 else (12_000, 70_000)
        self.after(self.random.randint(*patience), lambda: self.leave(leg))

    def _line(self, host: str, habit: Habit) -> None:
        address = Flow(host, 5060)
        agent: UserAgent

        def on_fact(fact: Fact) -> None:
            if not isinstance(fact, InviteReceived):
                return
            leg, draw = fact.leg, self.random.randrange(100)
            if draw < habit.busy:
                agent.refuse(leg, 486, self.now_ns)
            elif draw >= habit.busy + habit.silent:
                agent.progress(leg, 180, self.now_ns)
                answer_ms = self.random.randint(*habit.answer_ms)
                body = self.sdp_answer(fact.offer)
                self.after(answer_ms, lambda: agent.answer(leg, body, self.now_ns))
                if self.random.randrange(100) < habit.drops:
                    self.after(answer_ms + self.random.randint(1_000, 14_000), lambda: agent.hangup(leg, self.now_ns))

        agent = self.phone(address, on_fact).agent

    def _obey(self, order: mc.Order) -> None:
        super()._obey(order)
        if isinstance(order, mc.Play):
            keys = self.random.choice(PRESSES.get(order.prompt, ("",)))
            for number, key in enumerate(keys):
                self.after(400 + 200 * number, partial(self._press, order.port, key))

    def _press(self, port: int, key: str) -> None:
        self.report(mc.DigitReceived(port=port, digit=key, at_ns=self.now_ns))

    # the disk

    def _do(self, effect: Effect) -> None:
        match effect:
            case Line(call_id=call_id, payload=payload):
                self._journal.append(call_id, payload)
                self._run.lines.append((call_id, payload))
            case SyncJournal(call_id=call_id, leg=leg):
                self.after(SYNC_MS, partial(self._secured, self._segments(), call_id, leg))
                return
            case StoreRecord(judged=judged):
                self._waiting.append(judged)
            case _:
                pass
        super()._do(effect)

    def _secured(self, there: Mapping[str, int], call_id: str, leg: int) -> None:
        self._synced.update(there)
        self._run.secured[call_id, leg] = self.at().utc_us
        self.engine.answer_durable(call_id, leg, self.at())

    def _write(self, fd: int, data: bytes) -> int:
        name = Path(f"/proc/self/fd/{fd}").readlink().name
        self._look(coming=(name, data))
        self._run.written.setdefault(name, bytearray()).extend(data)
        return os.write(fd, data)

    def _look(self, *, coming: tuple[str, bytes] | None = None) -> None:
        segments = self._segments()
        state = State(
            now_ns=self.now_ns,
            now_us=self.at().utc_us,
            segments=segments,
            synced={name: min(size, segments[name]) for name, size in self._synced.items() if name in segments},
            ledger=len(self._run.ledgers) - 1,
            lines=len(self._run.lines),
            next=coming,
        )
        self._run.states.append(state)

    def _segments(self) -> dict[str, int]:
        return {entry.name: entry.stat().st_size for entry in os.scandir(self._data / "journal") if entry.name.endswith(".journal")}

    # the ledger

    def _write_ledger(self) -> None:
        """What the writer's thread does, and then the service: between the two the calls are in both."""
        if self._waiting:
            self._ledger.write(self._waiting)
            self._committed()
            self._look()
            self._journal.mark_recorded([judged.record.call_id for judged in self._waiting])
            self._waiting.clear()
            self._look()
        self.after(LEDGER_MS, self._write_ledger)

    def _committed(self) -> None:
        """As a crash leaves it: the write-ahead log is not folded into the database yet."""
        self._run.recorded.append(frozenset(judged.record.call_id for judged in self._ledger.calls(limit=CALLS)))
        self._run.ledgers.append(
            {path.name: path.read_bytes() for path in self._data.glob("payphone.sqlite*") if path.suffix != ".sqlite-shm"}
        )

    def _poll(self) -> None:
        """As the poller does: what others have posted counts from now on."""
        polled = read_posted(self._ledger, after=self._last_money)
        self._last_money = polled.last
        assert not polled.unreadable
        for each in polled.posted:
            self.engine.count_posting(each.row, each.record, before_micros=each.before_micros)
        self.after(POLL_MS, self._poll)

    def deposit(self, key: str, *, micros: int) -> None:
        row = deposit("beta", key, amount_micros=micros, at_us=self.at().utc_us, actor="desk")
        assert isinstance(row, MoneyRow)
        self._post("beta", key, money=(row,))

    def correct(self) -> None:
        """Somebody takes back what was billed for the newest call that may still be corrected."""
        for judged in self._ledger.calls(limit=CALLS):
            record = judged.record
            line = next((row.line for row in judged.verdict.rows if row.kind is MoneyKind.REVENUE), None)
            if line is not None and record.call_id not in self._run.corrected:
                break
        else:
            raise AssertionError("nothing was billed by then")
        self._run.corrected.add(record.call_id)
        money = self._ledger.rows_of(record.call_id)
        posting = Posting(key="oops", line=line, act=actions.Void(), at_us=self.at().utc_us, actor="desk")
        states = self._ledger.state_rows(row.key for row in money)
        found = post(record, posting, money=money, states=states, terms=self._run.plan.terms)
        assert isinstance(found, Posted), found
        self._post("desk", record.call_id, money=found.money, states=found.states)

    def _post(self, party: str, key: str, *, money: Sequence[MoneyRow], states: Sequence[StateRow] = ()) -> None:
        kept = Kept(party=party, idempotency_key=key, at_us=self.at().utc_us, request="{}", answer="{}")
        append = Append(money=money, states=states, postings=(kept,))
        self._ledger.transact("", postings=(), decide=lambda _: (append, None))
        self._committed()
