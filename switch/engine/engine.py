"""Runs all calls between the sockets: SIP agent, call control, usage, media, pinned plans. Synchronous and deterministic.

One event in with its moment, effects out in the order to carry them out: the journal line always before what it records. It reads no
clock, touches no socket or file, and draws no random number: `token` makes every identifier it needs.
"""

import traceback
from collections.abc import Callable
from typing import assert_never

from media.control import Closed, DigitReceived, Heartbeat, MediaTimeout, OpenFailed, PlayFinished, Ready, Report
from routing.trail import as_plain
from switch.billing.verdict import MoneyRow
from switch.call import event as ev
from switch.call.cause import Cause
from switch.call.machine import advance, begin
from switch.call.moment import Moment
from switch.call.record import CallRecord
from switch.call.state import CALLER, Bridged, Ended, Releasing
from switch.call.steps import Step, why_ended
from switch.engine.admission import Admission
from switch.engine.arrival import arrival_of
from switch.engine.call_control import CallContext, CallControl
from switch.engine.effect import (
    AppendJournal,
    Effect,
    LogLoad,
    LogPeer,
    LogPeerState,
    LogProblem,
    SendSip,
    StoreRecord,
    TellWorker,
    TrustSource,
)
from switch.engine.executor import CommandExecutor, end_cause, reject_cause
from switch.engine.journal_line import RulingNotes, event_line, heartbeat_line
from switch.engine.last_second import LastSecond
from switch.engine.live import LiveCall, LiveCalls, LiveLeg
from switch.engine.media import NO_WORKER, MediaController, RtpSettings
from switch.engine.peer_log import PeerLogLimit
from switch.engine.peer_state import HealthState, RegistrationState
from switch.engine.plan import Plan, Trunk
from switch.engine.renegotiation import Renegotiator
from switch.engine.status import (
    LineStatus,
    TrafficCounts,
    TrunkStatus,
    health_states,
    line_status,
    registration_states,
    trunk_status,
)
from switch.engine.usage import Usage, UsageHistory
from switch.sip.agent import UserAgent
from switch.sip.fact import (
    AckReceived,
    AnswerReceived,
    Fact,
    HealthChanged,
    InfoDigit,
    InviteReceived,
    LegFact,
    LegTerminated,
    OfferAccepted,
    OfferReceived,
    OfferRefused,
    ProvisionalReceived,
    RedirectFollowed,
    SourceAuthenticated,
)
from switch.sip.flow import Flow
from switch.sip.identity import passable
from switch.sip.statistics import Statistic
from switch.sip.strangers import Standing
from switch.sip.targets import Name, Servers
from switch.timer_heap import TimerHeap

MAX_KNOWN_HOSTS = 10_000
MAX_LINE_REST_S = 600
"""How long a line is left alone at most because it asked for it (Retry-After)."""
SILENT_NS = 500_000_000
"""A side that has sent nothing for so long counts as silent: 25 missed packets."""


class Engine:
    """Every method takes an event with its moment; `effects()` then returns what to do. Moments must never go backwards."""

    def __init__(
        self, *, plan: Plan, rtp: RtpSettings, agent: UserAgent, token: Callable[[], str], usage: Usage | None = None
    ) -> None:
        self._plan = plan
        self._agent = agent
        agent.admit_strangers(plan.strangers)
        self._token = token
        self._control = CallControl(Usage() if usage is None else usage)
        self._deadlines: TimerHeap[LiveCall] = TimerHeap()
        self._calls = LiveCalls()
        self._effects: list[Effect] = []
        self._media = MediaController(
            rtp,
            tell=lambda worker, order: self._effects.append(TellWorker(worker=worker, order=order)),
            note=lambda source, what: self._effects.append(LogPeer(source=source, what=what)),
        )
        self._renegotiator = Renegotiator(agent=agent, media=self._media, music=rtp.hold_music)
        self._names: dict[Name, Servers] = {}
        self._executor = CommandExecutor(
            agent=agent,
            media=self._media,
            renegotiator=self._renegotiator,
            control=self._control,
            calls=self._calls,
            names=self._names,
            emit=self._emit,
        )
        self._admission = Admission()
        self._admission.limit(plan.calls_per_second)
        self._traffic = TrafficCounts()
        self._draining_since_us: int | None = None
        self._trunks: dict[str, Trunk | None] = {}
        self._peer_log = PeerLogLimit()
        self._last_second = LastSecond()

    # queries of the shell

    def effects(self) -> list[Effect]:
        """Returns the effects to carry out, in order; each is returned once."""
        for data, target in self._agent.to_send():
            self._effects.append(SendSip(data=data, target=target))
        effects = self._effects.copy()
        self._effects.clear()
        return effects

    def next_deadline(self) -> int | None:
        """Returns when `tick` must be called, in monotonic ns, or None."""
        return min((at for at in (self._agent.next_deadline(), self._deadlines.next_at()) if at is not None), default=None)

    def standing(self, host: str) -> Standing:
        """Returns what `host` is to us: a trunk or the far end of a call, one who may yet authenticate, or neither."""
        if self._trunk_of(Flow(host, 0)) is not None or self._agent.is_called(host):
            return Standing.PEER
        return Standing.UNKNOWN if self._plan.strangers is None else Standing.MAY_AUTHENTICATE

    @property
    def live_calls(self) -> int:
        return len(self._calls)

    @property
    def plan(self) -> Plan:
        return self._plan

    @property
    def draining_since_us(self) -> int | None:
        """Returns since when no new calls are taken, UTC, or None."""
        return self._draining_since_us

    @property
    def is_overloaded(self) -> bool:
        return self._admission.is_overloaded

    @property
    def lag_ms(self) -> int:
        """Returns how far behind the shell was at last."""
        return self._admission.lag_ms

    def trunk_status(self, at: Moment) -> tuple[TrunkStatus, ...]:
        """Returns the present state of each trunk of the plan."""
        return trunk_status(self._plan, agent=self._agent, calls=self._calls, traffic=self._traffic, at=at)

    def line_status(self, at: Moment) -> tuple[LineStatus, ...]:
        """Returns the present state of each line of the plan."""
        usage = self._control.usage
        return line_status(self._plan, agent=self._agent, calls=self._calls, traffic=self._traffic, usage=usage, at=at)

    def statistics(self) -> dict[str, dict[str, int]]:
        """Returns all counters: kind -> host -> count."""
        return self._agent.statistics.snapshot()

    def health(self, at: Moment) -> dict[str, HealthState]:
        """Returns the state of all that is asked by OPTIONS, by `line:NAME` or `trunk:NAME`."""
        return health_states(self._agent, at)

    def registrations(self, at: Moment) -> dict[str, RegistrationState]:
        """Returns the state of all registrations, by trunk."""
        return registration_states(self._agent, at)

    # inputs

    def datagram(self, data: bytes, source: Flow, at: Moment) -> None:
        """A SIP message came. A source that is no trunk can't place a call and gets no answer (`docs/carriers.md` §1)."""
        trunk = self._trunk_of(source)
        if trunk is not None:
            self._traffic.saw_trunk(trunk.name, at.utc_us)
        self._agent.receive(data, source, at.mono_ns, peer=None if trunk is None else trunk.peer)
        self._drain_facts(at)

    def send_failed(self, target: Flow, at: Moment) -> None:
        """A datagram to `target` could not be sent."""
        self._agent.send_failed(target, at.mono_ns)
        self._drain_facts(at)

    def resolved(self, name: Name, servers: Servers) -> None:
        """DNS was asked for a name that the plan's lines have. From now on calls to it go there; none: they fail at once."""
        self._names[name] = servers

    def tick(self, at: Moment) -> None:
        """Runs all timers due by `at`."""
        self._agent.tick(at.mono_ns)
        self._drain_facts(at)
        while (live := self._deadlines.pop_due(at.mono_ns)) is not None:
            live.deadline_ns = None
            self._feed(live, ev.DeadlinePassed(at=at, silent_since=live.silent_since()))
            self._drain_facts(at)

    def answer_durable(self, call_id: str, leg: int, at: Moment) -> None:
        """The journal is durable up to this leg's answer."""
        self._feed_call(call_id, ev.AnswerDurable(at=at, leg=leg))
        self._drain_facts(at)

    def report(self, worker: int, report: Report, at: Moment) -> None:
        """A report of a media worker came."""
        match report:
            case Ready():
                self._media.worker_up(worker)
            case DigitReceived(port=port, digit=digit):
                self._to_owner(port, lambda leg: ev.DigitHeard(at=at, leg=leg, digit=digit))
            case PlayFinished(port=port, play=play, why=why):
                if why is not None:
                    owner = self._media.owner_of(port)
                    self._effects.append(
                        LogProblem(what=f"prompt can't be played: {why}", call_id="" if owner is None else owner[0])
                    )
                self._to_owner(port, lambda leg: ev.PromptEnded(at=at, leg=leg, play=play))
            case MediaTimeout(port=port, last_ns=last_ns):
                last = None if last_ns is None else at.at_mono(last_ns)
                self._to_owner(port, lambda leg: ev.MediaLost(at=at, leg=leg, last=last))
            case OpenFailed(port=port, why=why):
                self._to_owner(port, lambda _: ev.MediaFailed(at=at, why=f"port {port}: {why}"))
            case Heartbeat():
                self._on_heartbeat(report, at)
            case Closed():
                pass
            case _:
                assert_never(report)
        self._drain_facts(at)

    def worker_lost(self, worker: int, at: Moment) -> None:
        """A media worker died: its calls end, each with a record."""
        self._media.worker_lost(worker)
        for live in self._calls:
            if live.worker == worker:
                self._feed(live, ev.MediaFailed(at=at, why=f"media worker {worker} died"))
        self._drain_facts(at)

    def load_usage(self, past: UsageHistory) -> None:
        """Loads usage from before this process, as read from the ledger. Called once, before the first call."""
        self._control.load_usage(past, self._plan)

    @property
    def usage(self) -> Usage:
        return self._control.usage

    def count_posting(self, row: MoneyRow, record: CallRecord | None, *, before_micros: int) -> None:
        """A money row came from outside of calls: a posting, a correction, a deposit."""
        self._control.count_posting(row, record, before_micros=before_micros, plan=self._plan)

    def reload(self, plan: Plan) -> None:
        """New calls follow `plan`; calls in progress keep theirs."""
        self._plan = plan
        self._control.usage.set_groups(plan.lines_of_groups)
        self._trunks.clear()
        for name in self._names.keys() - plan.names:
            del self._names[name]
        self._agent.admit_strangers(plan.strangers)

    def watch_peers(self, at: Moment) -> None:
        """Asks trunks and lines by OPTIONS and registers trunks from now on, as the plan says. Called at the start and after a reload."""
        self._agent.monitor.follow(self._plan.watches, self._plan.registrars, at.mono_ns)
        self._drain_facts(at)

    def ledger_writable(self, *, writable: bool) -> None:
        """While the ledger can't be written, new calls are refused: fail closed."""
        self._admission.ledger_writable(writable=writable)

    def load(self, lag_ms: int, at: Moment) -> None:
        """The shell is `lag_ms` behind with what comes in. Beyond a limit, new calls are refused until it has caught up."""
        if self._admission.load(lag_ms, at.mono_ns):
            if self.is_overloaded:
                self._agent.statistics.add(Statistic.OVERLOAD)
            self._effects.append(LogLoad(is_overloaded=self.is_overloaded, lag_ms=lag_ms))

    def drain(self, at: Moment) -> None:
        """No new calls, and 503 to OPTIONS, so that peers send calls elsewhere; those in progress go on."""
        if self._draining_since_us is None:
            self._draining_since_us = at.utc_us
            self._admission.drain()
            self._agent.drain()

    def stop(self, at: Moment) -> None:
        """No new calls; those in progress end."""
        self.drain(at)
        for live in self._calls:
            self._feed(live, ev.Stopped(at=at, cause=Cause.SHUTDOWN))
        self._agent.monitor.stop(at.mono_ns)
        self._drain_facts(at)

    # calls

    def _on_notices(self) -> None:
        """Trunks and lines that went down or came up, and registrations: routing hears of lines, the log of all."""
        for notice in self._agent.notices():
            if isinstance(notice, SourceAuthenticated):
                self._effects.append(TrustSource(source=notice.source))
                continue
            if isinstance(notice, HealthChanged):
                what = "answers OPTIONS again" if notice.is_up else "does not answer OPTIONS"
                kind, _, name = notice.name.partition(":")
                if kind == "line":
                    self._control.usage.set_line_up(name, is_up=notice.is_up)
                logged = LogPeerState(name=notice.name, what=what, is_good=notice.is_up, status=notice.status)
            else:
                what = "registered" if notice.is_registered and notice.status == 200 else "registration failed"
                logged = LogPeerState(
                    name=f"trunk:{notice.trunk}",
                    what=what,
                    is_good=what == "registered",
                    status=notice.status,
                    again_s=notice.again_s,
                )
            self._effects.append(logged)

    def _drain_facts(self, at: Moment) -> None:
        """Passes the agent's facts to the calls, until none is left, and logs what peers sent malformed and how they are."""
        self._on_notices()
        for oddity in self._agent.oddities():
            room = self._peer_log.take(oddity.source.host, at.mono_ns)
            if room is not None:
                logged = LogPeer(source=oddity.source, what=oddity.what, sip_call_id=oddity.call_id, is_last=room == 0)
                self._effects.append(logged)
        while found := self._agent.facts():
            for fact in found:
                try:
                    self._on_fact(fact, at)
                except Exception:  # noqa: BLE001 an error in one fact must not stop the others
                    what = f"{type(fact).__name__} of leg {fact.leg} was not heard"
                    self._effects.append(
                        LogProblem(what=what, trace=traceback.format_exc(), call_id=self._calls.id_of_sip(fact.leg))
                    )
                    if isinstance(fact, InviteReceived):  # there is no call that would end the leg
                        self._agent.refuse(fact.leg, 500, at.mono_ns)

    def _emit(self, effect: Effect) -> None:
        self._effects.append(effect)
        if isinstance(effect, StoreRecord):
            self._traffic.add_record(effect.judged.record)

    def _on_fact(self, fact: Fact, at: Moment) -> None:
        if isinstance(fact, InviteReceived):
            self._on_invite(fact, at)
        elif not isinstance(fact, LegTerminated) or self._calls.has_sip(fact.leg):  # else of an INVITE that is no call
            self._on_leg_fact(*self._calls.of_sip(fact.leg), fact=fact, at=at)

    def _on_leg_fact(self, live: LiveCall, number: int, *, fact: LegFact, at: Moment) -> None:
        leg = live.legs[number]
        match fact:
            case LegTerminated():
                self._on_leg_terminated(live, number, fact, at)
            case _ if isinstance(live.call.phase, Ended):  # the leg was answered after the record was written: hang it up
                self._agent.hangup(fact.leg, at.mono_ns)
            case ProvisionalReceived(status=status, body=body):
                early = self._media.apply_early_answer(live, leg, body) and self._media.can_answer_early(live)
                self._feed(live, ev.LegRang(at=at, leg=number, status=status, early_media=early))
            case RedirectFollowed(uri=uri):
                self._feed(live, ev.LegRedirected(at=at, leg=number, uri=uri))
            case AnswerReceived(body=body):
                if self._media.apply_answer(live, leg, body):
                    self._feed(live, ev.LegAnswered(at=at, leg=number))
                else:
                    self._feed(live, ev.AnswerUnusable(at=at, leg=number))
            case AckReceived(body=body):
                self._on_ack(live, number, body, at)
            case OfferReceived() | OfferAccepted() | OfferRefused():
                self._renegotiator.on_fact(live, number, fact, at)
            case InfoDigit(digit=digit):
                self._feed(live, ev.DigitHeard(at=at, leg=number, digit=digit))
            case _:
                assert_never(fact)

    def _on_ack(self, live: LiveCall, number: int, body: bytes, at: Moment) -> None:
        leg = live.legs[number]
        is_answer = leg.offered and (leg.asked or leg.remote is None)  # else a re-INVITE of ours still waits
        leg.asked = False
        if is_answer and not self._media.apply_answer(live, leg, body):
            self._feed(live, ev.MediaFailed(at=at, why="no usable SDP in the ACK"))
            return
        if is_answer:
            self._renegotiator.on_answer(live, number, at)
        if number == CALLER:
            self._feed(live, ev.CallerAcknowledged(at=at))

    def _on_invite(self, fact: InviteReceived, at: Moment) -> None:
        trunk = self._trunk_of(fact.source)
        leg = LiveLeg(sip=fact.leg, source=fact.source, nat=trunk is None or trunk.peer.nat)
        worker = self._media.least_busy()
        try:
            objection = reject_cause(fact) or self._too_fast(fact, at) or self._reject_cause(leg, worker, fact.offer, at)
            name = fact.peer if trunk is None else trunk.name
            arrived = arrival_of(fact, self._plan, trunk=name, token=self._token, objection=objection, at=at)
            step = begin(arrived)
            live = LiveCall(
                call=step.call,
                context=CallContext(plan=self._plan, rate=self._plan.rate_of(arrived.trunk)),
                worker=NO_WORKER if worker is None else worker,
                max_forwards=fact.max_forwards,
                legs={},
                passable=passable(fact.headers, self._plan.trunk_identity(arrived.trunk)),
            )
        except Exception:
            self._media.close(NO_WORKER, leg, at.mono_ns)  # nothing else refers to its port
            raise
        self._calls.add(live)
        self._calls.add_leg(live, CALLER, leg)
        self._media.add_call(live.worker)
        try:
            self._apply(live, arrived, step)
        except Exception:  # noqa: BLE001 as in _feed
            self._on_error(live, arrived)

    def _too_fast(self, fact: InviteReceived, at: Moment) -> Cause | None:
        """Counts a new call against its trunk's calls a second; returns why it is refused, or None."""
        trunk = self._trunk_of(fact.source) or next((each for each in self._plan.trunks if each.name == fact.peer), None)
        if trunk is None or trunk.per_second is None:
            return None
        if self._last_second.count(trunk.name, at.mono_ns // 1_000) >= trunk.per_second:
            return Cause.TOO_FAST
        self._last_second.add(trunk.name, at.mono_ns // 1_000)
        return None

    def _reject_cause(self, leg: LiveLeg, worker: int | None, offer: bytes, at: Moment) -> Cause | None:
        """Returns why a call must be refused whatever its number, or None; then the caller's RTP port is reserved already."""
        objection = self._admission.objection(live_calls=len(self._calls), max_calls=self._plan.max_calls, now_ns=at.mono_ns)
        if objection is not None:
            return objection
        if worker is None:
            return Cause.MEDIA_FAILED
        if not self._media.reserve_port(leg, at.mono_ns):
            return Cause.OVERLOAD
        return None if self._media.prepare_answer(leg, offer) else Cause.NOT_ACCEPTABLE

    def _on_leg_terminated(self, live: LiveCall, number: int, fact: LegTerminated, at: Moment) -> None:
        """A leg is over: its port is released, whatever the state of the call."""
        leg = live.legs[number]
        self._calls.drop_leg(fact.leg)
        self._media.close(live.worker, leg, at.mono_ns)
        if number != CALLER and fact.status == 503 and fact.retry_after_s:
            rest_us = min(fact.retry_after_s, MAX_LINE_REST_S) * 1_000_000
            self._control.usage.rest_line(live.call.history.attempts[number - 1].line, at.utc_us + rest_us)
        cause = why_ended(live.call, number, by_peer=fact.by_peer, cause=end_cause(fact, number=number))
        if fact.by_peer:
            live.left = (cause, fact.q850)
        event = ev.LegEnded(at=at, leg=number, by_peer=fact.by_peer, cause=cause, sip_code=fact.status, q850=fact.q850)
        self._feed(live, event)

    def _on_heartbeat(self, report: Heartbeat, at: Moment) -> None:
        """Updates which legs send audio, as of the worker's moment; the calls' next heartbeats use it."""
        for port, last_ns in report.last.items():
            owner = self._media.owner_of(port)
            live = None if owner is None else self._calls.get(owner[0])
            if owner is not None and live is not None:
                silent = report.at_ns - last_ns > SILENT_NS
                live.legs[owner[1]].silent_since = at.at_mono(last_ns) if silent else None

    def _to_owner(self, port: int, event: Callable[[int], ev.Event]) -> None:
        """Passes a worker's report of a port to the call that owns it; a port released in the meantime has no owner."""
        owner = self._media.owner_of(port)
        if owner is None:
            return
        self._feed_call(owner[0], event(owner[1]))

    def _feed_call(self, call_id: str, event: ev.Event) -> None:
        live = self._calls.get(call_id)
        if live is not None:
            self._feed(live, event)

    def _feed(self, live: LiveCall, event: ev.Event) -> None:
        """Passes one event to one call. An error in it ends this call alone, with a record (`docs/design.md` §1)."""
        try:
            before = live.call
            step = advance(before, event)
            if step.call is not before or step.commands:
                self._apply(live, event, step)
        except Exception:  # noqa: BLE001 the one place that isolates a failed call from the others
            self._on_error(live, event)

    def _apply(self, live: LiveCall, event: ev.Event, step: Step) -> None:
        """Journals a step, then carries it out. Events that its commands cause at once are fed when all are done."""
        ended = isinstance(live.call.phase, Ended)
        live.call = step.call
        if not ended:  # legs that end after the record need no line: a crash releases them all
            self._journal(live, event, step)
        caused: list[ev.Event] = []
        for command in step.commands:
            caused.extend(self._executor.carry_out(live, command, event.at))
        for each in caused:
            self._feed(live, each)

    def _journal(self, live: LiveCall, event: ev.Event, step: Step) -> None:
        """Emits the step's journal line, and sets the call's timer."""
        context = live.context
        deadline = step.call.deadline
        self._set_deadline(live, None if deadline is None else deadline.mono_ns)
        history = step.call.history
        if isinstance(event, ev.DeadlinePassed) and isinstance(step.call.phase, Bridged) and not step.commands:
            payload = heartbeat_line(event.at, history.heartbeat)
        else:
            notes = None
            if isinstance(event, ev.Ruled):
                trail = tuple(as_plain(reason) for reason in event.ruling.trail)
                notes = RulingNotes(trail=trail, known=step.call.known, terms=context.terms, rate=context.rate)
            payload = event_line(event.at, context.add_event(event, step.commands), history, notes)
        self._effects.append(AppendJournal(call_id=live.call_id, payload=payload))

    def _set_deadline(self, live: LiveCall, at_ns: int | None) -> None:
        """Sets the call's next `DeadlinePassed` to `at_ns`, in place of the earlier one. None: none."""
        if at_ns == live.deadline_ns:
            return
        self._deadlines.cancel(live.timer)
        live.deadline_ns = at_ns
        live.timer = None if at_ns is None else self._deadlines.add(at_ns, live)

    def _on_error(self, live: LiveCall, event: ev.Event) -> None:
        """The machine or a command of this call failed: ends the call by the machine, and if that fails too, without it."""
        self._effects.append(
            LogProblem(what=f"call broke at {type(event).__name__}", trace=traceback.format_exc(), call_id=live.call_id)
        )
        if not live.recorded:
            if isinstance(event, ev.Stopped) or isinstance(live.call.phase, Releasing | Ended):
                self._finish_crashed(live, event.at)
            else:
                self._feed(live, ev.Stopped(at=event.at, cause=Cause.BROKEN))
                if isinstance(event, ev.LegEnded):  # the leg has ended, whatever failed: the record need not wait for it
                    self._feed(live, event)
        try:
            self._executor.clean_up(live, event.at)
        except Exception:  # noqa: BLE001 as in _feed
            self._effects.append(
                LogProblem(what="a broken call holds something", trace=traceback.format_exc(), call_id=live.call_id)
            )

    def _finish_crashed(self, live: LiveCall, at: Moment) -> None:
        self._set_deadline(live, None)
        try:
            self._executor.finish_crashed(live, at)
        except Exception:  # noqa: BLE001 not even a record can be made of it: the journal keeps the call
            self._control.usage.end_call(live.call_id)
            self._effects.append(
                LogProblem(what="call has no record but its journal", trace=traceback.format_exc(), call_id=live.call_id)
            )

    def _trunk_of(self, source: Flow) -> Trunk | None:
        """Returns the trunk of a message's source, or None; looked up once for each host and plan."""
        host = source.host
        if host not in self._trunks:
            if len(self._trunks) >= MAX_KNOWN_HOSTS:  # unknown sources may send from any address: what is kept for them is bounded
                self._trunks.clear()
            self._trunks[host] = self._plan.trunk_of(host)
        return self._trunks[host]
