"""Runs all calls between the sockets: SIP agent, call control, usage, media, pinned plans. Synchronous and deterministic.

One event in with its moment, effects out in the order to carry them out: the journal line always before what it records. It reads no
clock, touches no socket or file, and draws no random number: `token` makes every identifier it needs.
"""

import traceback
from collections.abc import Callable, Iterable

from media.control import DigitReceived, Report
from media.listening import EarsHeartbeat, EarsReady, EarsReport, TalkHeard
from media.recording import RecorderReport
from switch.billing.verdict import MoneyRow
from switch.call import event as ev
from switch.call.cause import Cause
from switch.call.moment import Moment
from switch.call.record import CallRecord
from switch.call.recording_terms import RecordingTurn
from switch.call.state import Ended, Releasing
from switch.engine.admission import Admission
from switch.engine.call_control import CallControl
from switch.engine.call_runner import CallRunner
from switch.engine.call_setup import CallSetup
from switch.engine.digit_relay import DigitRelay
from switch.engine.ears import EarsController
from switch.engine.eavesdropping import CannotListen, EavesdropController
from switch.engine.effect import Effect, KeepHeard, LogLoad, LogNat, LogPeer, LogProblem, SendSip, TellWorker, TrustSource
from switch.engine.executor import CommandExecutor
from switch.engine.leg_facts import LegFacts
from switch.engine.live import LiveCalls
from switch.engine.live_view import CapStatus, LiveViews, cap_status
from switch.engine.media import MediaController, RtpSettings
from switch.engine.peer_log import PeerLogLimit
from switch.engine.peer_state import HealthState, RegistrationState, logged_state
from switch.engine.plan import Plan
from switch.engine.recordings import Failure, RecordingController
from switch.engine.renegotiation import Renegotiator
from switch.engine.sip_trace import TraceRecorder
from switch.engine.status import (
    LineStatus,
    TrafficCounts,
    TrunkStatus,
    health_states,
    line_status,
    registration_states,
    trunk_status,
)
from switch.engine.steering import Steering
from switch.engine.steering_rows import DONE
from switch.engine.transfer import TransferController
from switch.engine.trunk_lookup import TrunkLookup
from switch.engine.usage import Usage, UsageHistory
from switch.engine.worker_reports import WorkerReports
from switch.sip.agent import UserAgent
from switch.sip.fact import Fact, HealthChanged, InviteReceived, LegTerminated, PeerBehindNat, SourceAuthenticated
from switch.sip.flow import Flow, SendFailure
from switch.sip.statistics import Statistic
from switch.sip.strangers import Standing
from switch.sip.targets import Name, Servers


class Engine:
    """Every method takes an event with its moment; `effects()` then returns what to do. Moments must never go backwards."""

    def __init__(
        self, *, plan: Plan, rtp: RtpSettings, agent: UserAgent, token: Callable[[], str], usage: Usage | None = None
    ) -> None:
        self._plan = plan
        self._agent = agent
        agent.admit_strangers(plan.strangers)
        self._effects: list[Effect] = []
        emit = self._emit = self._effects.append
        self._calls = LiveCalls()
        self._traces = TraceRecorder(plan.trace)
        self._at = Moment(mono_ns=0, utc_us=0)
        self._control = CallControl(Usage() if usage is None else usage, ask_first=self._ask_first)
        self.steering = Steering(control=self._control, plan=lambda: self._plan, token=token, emit=emit)
        self._trunks = TrunkLookup(plan, agent.locator)
        self._traffic = TrafficCounts()
        self._draining_since_us: int | None = None
        self._peer_log = PeerLogLimit()
        self._admission = Admission()
        self._admission.limit(plan.calls_per_second)
        self._media = MediaController(
            rtp,
            tell=lambda worker, order: emit(TellWorker(worker=worker, order=order)),
            note=lambda source, what: emit(LogNat(source=source, what=what)),
            token=token,
        )
        renegotiator = Renegotiator(agent=agent, media=self._media)
        transfers = TransferController(agent=agent, media=self._media, renegotiator=renegotiator, calls=self._calls)
        digits = DigitRelay(agent=agent, media=self._media)
        self._recordings = RecordingController(media=self._media, emit=emit)
        executor = CommandExecutor(
            agent=agent,
            media=self._media,
            renegotiator=renegotiator,
            transfers=transfers,
            recordings=self._recordings,
            control=self._control,
            calls=self._calls,
            traffic=self._traffic,
            traces=self._traces,
            emit=emit,
        )
        self._ears = EarsController(media=self._media, emit=emit)
        self._eavesdropping = EavesdropController(media=self._media, calls=self._calls)
        self._runner = CallRunner(executor=executor, control=self._control, ears=self._ears, emit=emit)
        self._setup = CallSetup(
            admission=self._admission,
            media=self._media,
            calls=self._calls,
            runner=self._runner,
            traces=self._traces,
            token=token,
        )
        self._reports = WorkerReports(media=self._media, digits=digits, calls=self._calls, runner=self._runner, emit=emit)
        self._leg_facts = LegFacts(
            agent=agent,
            media=self._media,
            renegotiator=renegotiator,
            transfers=transfers,
            digits=digits,
            ears=self._ears,
            control=self._control,
            calls=self._calls,
            runner=self._runner,
        )

    # queries of the shell

    def effects(self) -> list[Effect]:
        """Returns the effects to carry out, in order; each is returned once."""
        if sent := self._agent.to_send():
            emit, trace_of = self._emit, self._traces.by_sip.get
            for data, target, call_id in sent:
                emit(SendSip(data=data, target=target))
                trace = trace_of(call_id) or self._traces.of_line(call_id)
                if trace is not None:
                    trace.messages.extend((True, self._at, target, data))
        effects = self._effects.copy()
        self._effects.clear()
        return effects

    def next_deadline(self) -> int | None:
        """Returns when `tick` must be called, in monotonic ns, or None."""
        of_sip, of_calls = self._agent.next_deadline(), self._runner.next_deadline()
        return min(of_sip, of_calls) if of_sip is not None and of_calls is not None else of_calls if of_sip is None else of_sip

    def standing(self, host: str) -> Standing:
        """Returns what `host` is to us: a trunk or the far end of a call, one who may yet authenticate, or neither."""
        if self._trunks.trunk_of(host) is not None or self._agent.is_called(host):
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
        return trunk_status(self._plan, agent=self._agent, trunks=self._trunks, calls=self._calls, traffic=self._traffic, at=at)

    def line_status(self, at: Moment) -> tuple[LineStatus, ...]:
        """Returns the present state of each line of the plan."""
        usage = self._control.usage
        return line_status(self._plan, agent=self._agent, calls=self._calls, traffic=self._traffic, usage=usage, at=at)

    @property
    def traces(self) -> TraceRecorder:
        """Returns the SIP messages of calls."""
        return self._traces

    def live_views(self) -> LiveViews:
        """Returns what shows the live calls to somebody who watches."""
        return LiveViews(self._calls, emit=self._emit)

    def cap_status(self, at: Moment) -> tuple[CapStatus, ...]:
        """Returns the present state of each cap of the plan."""
        return cap_status(self._plan.table.caps(), self._control.usage, at.utc_us)

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
        trunk = self._trunks.trunk_of(source.host)
        if trunk is not None:
            self._traffic.saw_trunk(trunk.name, at.utc_us)
        call_id = self._agent.receive(data, source, at.mono_ns, peer=None if trunk is None else trunk.peer)
        if call_id is not None:
            trace = self._traces.by_sip.get(call_id) or self._traces.of_invite(call_id, data, at)
            if trace is not None:
                trace.messages.extend((False, at, source, data))
        self._drain_facts(at)

    def send_failed(self, target: Flow, at: Moment, *, why: SendFailure = SendFailure.UNREACHABLE, words: str = "") -> None:
        """A message to `target` could not be sent, or what went there may not have arrived. `words`: why, for people."""
        self._agent.send_failed(target, at.mono_ns, why=why, words=words)
        self._drain_facts(at)

    def resolved(self, name: Name, servers: Servers) -> None:
        """DNS was asked for a name of the plan. From now on calls to it go there, and those of a trunk with that name come from there; no
        servers: calls to it fail at once."""
        self._agent.locator.resolved(name, servers)
        self._trunks.forget()

    def tick(self, at: Moment) -> None:
        """Runs all timers due by `at`."""
        self._agent.tick(at.mono_ns)
        self._drain_facts(at)
        while (live := self._runner.pop_due(at.mono_ns)) is not None:
            self._runner.feed(live, ev.DeadlinePassed(at=at, silent_since=live.silent_since()))
            self._drain_facts(at)

    def answer_durable(self, call_id: str, leg: int, at: Moment) -> None:
        """The journal is durable up to this leg's answer."""
        live = self._calls.get(call_id)
        if live is not None:
            self._runner.feed(live, ev.AnswerDurable(at=at, leg=leg))
        self._drain_facts(at)

    def report(self, worker: int, report: Report, at: Moment) -> None:
        """A report of a media worker came."""
        self._reports.on_report(worker, report, at)
        self._drain_facts(at)

    def worker_lost(self, worker: int, at: Moment) -> None:
        """A media worker died: its calls end, each with a record."""
        self._reports.on_lost(worker, at)
        self._drain_facts(at)

    def recorder_report(self, report: RecorderReport, at: Moment) -> None:
        """A report of the recorder came."""
        failure = self._recordings.on_report(report, at)
        if failure is not None:
            self._on_recording_failed(failure, at)

    def recorder_lost(self, at: Moment) -> None:
        """The recorder died: calls go on, and are recorded no longer. Those to come are, once there is another one."""
        for failure in self._recordings.on_lost():
            self._on_recording_failed(failure, at)

    def ears_report(self, report: EarsReport, at: Moment) -> None:
        """A report of the ears came."""
        match report:
            case EarsReady(taps=taps):
                self._ears.on_ready(taps)
                for live in self._calls:
                    self._ears.follow(live, at)
            case DigitReceived() if self._ears.is_awaited(report, at):
                self._reports.on_digit(report, at)
                self._drain_facts(at)
            case TalkHeard():
                self._emit(KeepHeard(heard=report))
            case DigitReceived() | EarsHeartbeat():
                pass

    def ears_lost(self, at: Moment) -> None:
        """The ears died: calls go on. Keys that come as tones are heard again once there are others."""
        self._ears.on_lost(list(self._calls), at)

    def _on_recording_failed(self, failure: Failure, at: Moment) -> None:
        live = self._calls.get(failure.call_id)
        if live is not None:
            self._recordings.forget(live)
            self._runner.feed(live, ev.RecordingFailed(at=at, why=failure.why))
            self._drain_facts(at)

    def ids_in_progress(self, beginning: str) -> tuple[str, ...]:
        """Returns the ids of the calls in progress that begin with `beginning`; none for an empty one."""
        return self._calls.ids_beginning_with(beginning)

    def pause_recording(self, call_id: str, at: Moment, *, paused: bool, advertiser: str | None = None) -> str | None:
        """Pauses the recording of a call, or resumes it. `advertiser`: only if it talks with a line of this one; None: whoever it talks
        with. Returns why it can't be, or None."""
        live = self._calls.get(call_id)
        if live is None or (advertiser is not None and not live.talks_with(advertiser)):
            return f"no call {call_id} is in progress"
        recording = live.call.recording
        if recording is None or recording.turn not in (RecordingTurn.ON, RecordingTurn.PAUSED):
            return f"call {call_id} is not being recorded"
        self._runner.feed(live, ev.RecordingPauseRequested(at=at, paused=paused, by_line=advertiser is not None))
        self._drain_facts(at)
        return None

    def hang_up(self, call_ids: Iterable[str], at: Moment, *, actor: str, reason: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Ends exactly these calls. Returns those that are ended by this, and those that were not in progress (any more)."""
        asked = {call_id: self._calls.get(call_id) for call_id in call_ids}
        ending = {
            call_id: live
            for call_id, live in asked.items()
            if live is not None and not isinstance(live.call.phase, Releasing | Ended)
        }
        outcomes = {call_id: DONE if call_id in ending else "refused: no such call is in progress" for call_id in asked}
        self.steering.note_each("hangup", outcomes, at, actor=actor, detail={"reason": reason})
        for live in ending.values():
            self._runner.feed(live, ev.HangUpRequested(at=at, actor=actor, reason=reason))
        self._drain_facts(at)
        return tuple(ending), tuple(call_id for call_id in asked if call_id not in ending)

    def listen_in(self, call_id: str, path: str) -> int:
        """Both sides of a call are heard at the socket at `path` from now on. Returns the number of the tap. Raises CannotListen."""
        live = self._calls.get(call_id)
        if live is None:
            raise CannotListen(f"no call {call_id} is in progress")
        return self._eavesdropping.begin(live, path)

    def stop_listening_in(self, tap: int) -> None:
        """Nobody listens by this tap any more."""
        self._eavesdropping.end(tap)

    def load_usage(self, past: UsageHistory) -> None:
        """Loads usage and overrides from before this process, as read from the ledger. Called once, before the first call."""
        self._control.load_usage(past, self._plan)
        self.steering.loaded()

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
        self._trunks.follow(plan)
        self._agent.locator.keep(plan.names)
        self._agent.admit_strangers(plan.strangers)
        self._admission.limit(plan.calls_per_second)
        self._traces.mode = plan.trace

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
            self._emit(LogLoad(is_overloaded=self.is_overloaded, lag_ms=lag_ms))

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
            self._runner.feed(live, ev.Stopped(at=at, cause=Cause.SHUTDOWN))
        self._agent.monitor.stop(at.mono_ns)
        self._drain_facts(at)

    # calls

    def _ask_first(self, call_id: str, at: Moment) -> None:
        """The call is in a hold queue, and one that came later is about to be dialled."""
        live = self._calls.get(call_id)
        if live is not None and self._control.has_line_for(live.call, live.context, at):
            self._runner.feed(live, ev.TurnCame(at=at))

    def _on_news_of_peers(self, at: Moment) -> None:
        """Trunks and lines that went down or came up, and registrations: routing hears of lines, the log of all, and of what they sent
        malformed."""
        for notice in self._agent.notices():
            if isinstance(notice, SourceAuthenticated):
                self._emit(TrustSource(source=notice.source))
                continue
            if isinstance(notice, HealthChanged) and (line := notice.name.removeprefix("line:")) != notice.name:
                self._control.usage.set_line_up(line, is_up=notice.is_up)
            self._emit(logged_state(notice))
        for oddity in self._agent.oddities():
            source, what, call_id = oddity.source, oddity.what, oddity.call_id
            if isinstance(oddity, PeerBehindNat):
                self._emit(LogNat(source=source, what=what, sip_call_id=call_id))
                continue
            if oddity.kind is Statistic.ODDITY:
                room = self._peer_log.take_oddity(source.host, at.mono_ns, call_id=call_id, what=what)
            else:
                room = self._peer_log.take(source.host, at.mono_ns)
            if room is not None:
                self._emit(LogPeer(source=source, what=what, sip_call_id=call_id, is_last=room == 0, kind=oddity.kind))

    def _drain_facts(self, at: Moment) -> None:
        """Passes the agent's facts to the calls, until none is left."""
        self._at = at
        if self._agent.has_news_of_peers:
            self._on_news_of_peers(at)
        while found := self._agent.facts():
            for fact in found:
                try:
                    self._on_fact(fact, at)
                except Exception:  # noqa: BLE001 an error in one fact must not stop the others
                    what = f"{type(fact).__name__} of leg {fact.leg} was not heard"
                    self._emit(LogProblem(what=what, trace=traceback.format_exc(), call_id=self._calls.id_of_sip(fact.leg)))
                    if isinstance(fact, InviteReceived):  # there is no call that would end the leg
                        self._agent.refuse(fact.leg, 500, at.mono_ns)

    def _on_fact(self, fact: Fact, at: Moment) -> None:
        if isinstance(fact, InviteReceived):
            self._setup.start(fact, self._plan, self._trunks.trunk_of(fact.source.host), at)
        elif not isinstance(fact, LegTerminated) or self._calls.has_sip(fact.leg):  # else of an INVITE that is no call
            self._leg_facts.on_fact(*self._calls.of_sip(fact.leg), fact=fact, at=at)
