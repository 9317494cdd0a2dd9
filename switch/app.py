"""Composes the parts of a switch, and runs the asyncio shell around the synchronous engine.

The shell passes input from sockets, workers, threads and timers to the engine, then carries out the engine's effects in order: the
journal line before the datagram it explains. It decides nothing.
"""

import asyncio
import gc
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import assert_never

import structlog

from media.control import Ready, Report
from media.listening import EarsReport
from media.prompts.cache import cache_in
from media.recording import DeleteRecordings, RecorderReport, RecordingEnded, RecordingStored
from routing.geo import load_tables
from switch.billing.verdict import JudgedCall
from switch.codec import Codec
from switch.control.messages import CertificateStatus, LedgerStatus, ProcessStatus
from switch.deployment import Deployment
from switch.effect_log import call_of, log_action, write_log
from switch.engine.clock import Clock, SystemClock
from switch.engine.effect import (
    AppendJournal,
    Effect,
    ForgetRecordings,
    KeepHeard,
    KeepRecording,
    KeepSteering,
    LogLoad,
    LogNat,
    LogOverride,
    LogPeer,
    LogPeerState,
    LogProblem,
    SendSip,
    StoreLegMedia,
    StoreRecord,
    SyncJournal,
    TellEars,
    TellRecorder,
    TellWorker,
    TrustSource,
)
from switch.engine.engine import Engine
from switch.engine.lookback import lookback_of
from switch.engine.media import RtpSettings
from switch.engine.plan import Plan
from switch.ledger.database import Database, ledger_url
from switch.ledger.heard_rows import heard_rows
from switch.ledger.poller import History, LedgerPoller, PostedRow
from switch.ledger.service import LedgerService
from switch.ledger.tables import RecordingDeletionRow, RecordingRow
from switch.ledger.versions import kept_as
from switch.load_meter import LoadMeter
from switch.log import call_line, of_call
from switch.side_process import SideProcess
from switch.sip.agent import UserAgent
from switch.sip.flow import Flow, SendFailure
from switch.sip.transaction import Timers
from switch.trace_keeper import TraceKeeper
from switch.transcoders import Transcoders
from switch.transport.resolver import NameResolver, resolver_of
from switch.transport.sockets import Sockets
from switch.workers import EarsSettings, RecorderSettings, Workers, WorkerSettings

TOKEN_DIGITS = 16
TAPS_SOCKET_NAME = "taps.sock"
EARS_SOCKET_NAME = "ears.sock"
TOKENS_AT_ONCE = 256
LEDGER_S = 10.0
"""How long a starting switch waits for its ledger before it reports ready without it, and refuses calls."""
OVERDUE_NS = 10_000_000_000
"""A deadline of the engine that has passed for so long says that it has stopped."""
EARS_S = 2.0
"""How long a starting switch waits for its ears, at most."""
END_S = 6.0
"""How long a stopping switch waits for its calls to be over; a second more than a record waits for its legs."""

_log = structlog.get_logger("payphone")


def _codecs(plan: Plan) -> set[Codec]:
    """Returns the codecs that its trunks and lines may have."""
    return {codec for peer in (*(trunk.peer for trunk in plan.trunks), *plan.line_peers.values()) for codec in peer.codecs}


def _complain(what: str, call_id: str) -> None:
    with of_call(call_id):
        _log.error("ledger", what=what)


class Shell:
    """One running switch. `run` returns after `stop`. `heard` is called with every judged call."""

    def __init__(
        self, deployment: Deployment, *, clock: Clock | None = None, heard: Callable[[JudgedCall], None] | None = None
    ) -> None:
        settings = deployment.switch
        self.settings = settings
        self._clock = clock or SystemClock()
        self._heard = heard
        self._places = deployment.places
        token = _Tokens()
        self._agent = UserAgent(listeners=settings.flows, token=token, timers=Timers(t1_ns=settings.t1_ms * 1_000_000))
        site = RtpSettings(
            addresses=settings.rtp_addresses,
            ports=settings.rtp_ports,
            quiet_ms=settings.rtp_quiet_ms,
        )
        self.engine = Engine(plan=deployment.plan, rtp=site, agent=self._agent, token=token)
        self.engine.ledger_writable(writable=False)  # until the ledger reports that it is
        self._sockets = Sockets(
            settings.listeners,
            received=self._datagram,
            send_failed=self._send_failed,
            standing=self.engine.standing,
            count=self._agent.statistics.add,
        )
        self._resolver = NameResolver(
            self.engine.resolved,
            transports={each.transport for each in settings.listeners},
            resolver=resolver_of(settings.name_servers),
        )
        self._load = LoadMeter(measured=self._measured, waiting_bytes=self._sockets.waiting_bytes)
        self._transcoders = Transcoders(settings.transcoders or os.cpu_count() or 1)
        worker = WorkerSettings(
            prompts=cache_in(settings.data),
            rtp_timeout_ms=settings.rtp_timeout_ms,
            hold_timeout_ms=settings.hold_timeout_ms,
            transcoders=self._transcoders.paths,
        )
        self._workers = Workers[Report](worker, reported=self._report, lost=self._worker_lost)
        recordings = settings.recordings_in
        recorder = RecorderSettings(
            directory=recordings.directory, taps=settings.data / TAPS_SOCKET_NAME, keep_days=recordings.keep_days
        )
        self._recorder = SideProcess[RecorderReport](
            recorder, reported=self._recorder_report, lost=self._recorder_lost, without="no call can be recorded"
        )
        ears = EarsSettings(taps=settings.data / EARS_SOCKET_NAME)
        self._ears = SideProcess[EarsReport](
            ears, reported=self._ears_report, lost=self._ears_lost, without="keys that come as tones and talks are not heard"
        )
        self.prompt_keys = deployment.prompt_keys
        self._workers.set_prompts(self.prompt_keys)
        self._database = Database(ledger_url(settings.data, settings.ledger_url))
        self._poller = LedgerPoller(
            self._database,
            loaded=self._past_loaded,
            posted=self._posted,
            complain=_complain,
            now_us=lambda: self._clock.now().utc_us,
        )
        self._ledger_service = LedgerService(
            settings.data,
            database=self._database,
            secured=self._secured,
            state=self._ledger_state,
            complain=_complain,
            found=lambda judged: call_line(judged, event="recovered call"),
            past_is_whole=lambda: self._poller.begin(self._known),
        )
        self._traces = TraceKeeper(
            self.engine.traces,
            ours=settings.flows,
            hep=settings.hep,
            days=settings.trace_days,
            now=self._clock.now,
            keep=self._poller.keep_traces,
            sweep=self._poller.sweep_traces,
        )
        self._known = lookback_of(deployment.plan, self._clock.now().utc_us)
        self._timer: asyncio.TimerHandle | None = None
        self._armed: int | None = None
        self._idle = asyncio.Event()
        self._taking = asyncio.Event()

    async def start(self) -> None:
        """Starts everything; the ledger may still be unavailable on return, and then calls get 503. Nothing of the ledger has changed
        where an address can't be had.

        Raises OSError (address in use), JournalInUse, JournalUnwritable, WorkersFailed, TranscodersFailed.
        """
        self._ledger_service.start(first=self._sockets.check)
        try:
            await asyncio.to_thread(load_tables)  # takes half a second, which the first call must not wait for
            gc.collect()
            gc.freeze()  # a million permanent table entries: a garbage collection over them stops calls for a tenth of a second
            self._resolver.watch(self._places)
            self._want_side_processes()
            await self._workers.start(self.settings.workers)
            await self._transcoders.start(_codecs(self.engine.plan))
            await self._recorder.started()
            await self._ears.started(timeout_s=EARS_S)  # the first call may press a key at once
            await self._sockets.open()  # last: who calls from now on is heard
            self._load.start()
            self._traces.start()
            self._watch_peers()
        except BaseException:
            await self._resolver.close()
            await self._sockets.close()
            await self._workers.close()
            await self._transcoders.close()
            await self._recorder.close()
            await self._ears.close()
            await self._poller.close()
            self._ledger_service.close()
            self._database.close()
            raise

    async def taking_calls(self) -> bool:
        """Waits until calls are accepted, for a limited time. False: the ledger is not available yet."""
        try:
            await asyncio.wait_for(self._taking.wait(), LEDGER_S)
        except TimeoutError:
            return False
        return True

    def set_prompts(self, deployment: Deployment) -> None:
        """Calls hear the prompts of this deployment from now on, which must be in the cache; those that its plan does not have stay."""
        self.prompt_keys = deployment.prompt_keys
        self._workers.set_prompts(self.prompt_keys)

    def reload(self, deployment: Deployment) -> None:
        """New calls follow the new plan; sockets, paths and workers stay as they were started.

        A plan whose caps look further back than what was read from the ledger waits until the rest has been read.
        """
        wanted = lookback_of(deployment.plan, self._clock.now().utc_us)
        if self._known.covers(wanted):
            self._follow(deployment)
            return
        further = wanted.along_with(self._known)

        def looked_back(history: History) -> None:
            self.engine.usage.extend_history(history.past)
            self._known = further
            self._follow(deployment)

        self._poller.look_back(further, then=looked_back)

    def _follow(self, deployment: Deployment) -> None:
        self._transcoders.follow(_codecs(deployment.plan))
        self.engine.reload(deployment.plan)
        self.engine.steering.tell_of_orphans(self._clock.now())
        self._resolver.watch(deployment.places)
        self._watch_peers()
        self._want_side_processes()

    def _watch_peers(self) -> None:
        self.engine.watch_peers(self._clock.now())
        self._flush()

    def refresh_certificates(self) -> None:
        """New TLS connections have the certificates that stand in the files now."""
        self._sockets.refresh_certificates()

    def certificates(self) -> tuple[CertificateStatus, ...]:
        """Returns our TLS certificates, as connections are shown them now."""
        ends = dict(self._sockets.certificates())
        return tuple(CertificateStatus(file=str(file), until_us=int(end.timestamp() * 1_000_000)) for file, end in ends.items())

    def ledger_status(self) -> LedgerStatus:
        """Returns whether the ledger can be written, and how far it is behind."""
        return LedgerStatus(why=self._ledger_service.why, waiting=self._ledger_service.waiting)

    def process_status(self) -> tuple[ProcessStatus, ...]:
        """Returns the processes that carry, record, hear or transcode audio, by kind."""
        found = {
            "ears": (self._ears.wanted, self._ears.up),
            "media worker": (self.settings.workers, self._workers.up),
            "recorder": (self._recorder.wanted, self._recorder.up),
            "transcoder": (self._transcoders.wanted, self._transcoders.up),
        }
        return tuple(ProcessStatus(name=name, wanted=wanted, up=up) for name, (wanted, up) in found.items())

    def keep_config(self, version: str, files: Mapping[str, str]) -> None:
        """Stores the files that the running plan was compiled from, and the versions of libraries, so that old calls can be explained."""
        self._poller.keep_config(version, files)
        self._poller.keep_config(*kept_as(version, self._clock.now().utc_us))

    def is_alive(self) -> bool:
        """Returns whether the engine keeps up with its deadlines."""
        deadline = self.engine.next_deadline()
        return deadline is None or self._clock.now().mono_ns - deadline < OVERDUE_NS

    def flush(self) -> None:
        """Carries out what a command of the control socket has caused."""
        self._flush()

    def drain(self) -> None:
        """Takes no new calls from now on."""
        self.engine.drain(self._clock.now())

    async def until_idle(self, over: asyncio.Event) -> None:
        """Returns once no call is left, or when `over` is set."""
        self._idle.clear()
        self._flush()
        waits = [asyncio.create_task(self._idle.wait()), asyncio.create_task(over.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def stop(self) -> None:
        """Ends every call, each with its record, then everything else."""
        self._idle.clear()
        self.engine.stop(self._clock.now())
        self._flush()
        if self.engine.live_calls:
            try:
                await asyncio.wait_for(self._idle.wait(), END_S)
            except TimeoutError:
                _log.warning("stopping with calls whose far ends do not answer", calls=self.engine.live_calls)
        if self._timer is not None:
            self._timer.cancel()
        self._load.stop()
        await self._resolver.close()
        await self._sockets.close()
        await self._workers.close()
        await self._transcoders.close()
        await self._recorder.close()
        await self._ears.close()
        await self._traces.close()
        await self._poller.close()
        self._ledger_service.close()
        self._database.close()

    def _want_side_processes(self) -> None:
        """The recorder where calls or messages are recorded, or there are recordings to look after; ears where something is to be listened
        to."""
        if self.engine.plan.records or self.settings.recordings_in.directory.is_dir():
            self._recorder.want()
        if self.engine.plan.has_use_for_ears:
            self._ears.want()

    # what comes in

    def _datagram(self, data: bytes, source: Flow) -> None:
        self._load.count()
        self.engine.datagram(data, source, self._clock.now())
        self._flush()

    def _send_failed(self, target: Flow, why: SendFailure, words: str) -> None:
        self.engine.send_failed(target, self._clock.now(), why=why, words=words)
        asyncio.get_running_loop().call_soon(self._flush)  # this is called in the middle of a flush

    def _report(self, worker: int, report: Report) -> None:
        self.engine.report(worker, report, self._clock.now())
        self._flush()
        if isinstance(report, Ready):
            _log.info("media worker up", worker=worker, pid=report.pid)

    def _worker_lost(self, worker: int) -> None:
        self.engine.worker_lost(worker, self._clock.now())
        self._flush()
        _log.error("media worker lost", worker=worker)

    def _recorder_report(self, report: RecorderReport) -> None:
        self.engine.recorder_report(report, self._clock.now())
        self._flush()

    def _recorder_lost(self) -> None:
        self.engine.recorder_lost(self._clock.now())
        self._flush()

    def _ears_report(self, report: EarsReport) -> None:
        self.engine.ears_report(report, self._clock.now())
        self._flush()

    def _ears_lost(self) -> None:
        self.engine.ears_lost(self._clock.now())
        self._flush()

    def _secured(self, tokens: Sequence[str]) -> None:
        now = self._clock.now()
        for token in tokens:
            call_id, _, leg = token.partition("/")
            self.engine.answer_durable(call_id, int(leg), now)
        self._flush()

    def _ledger_state(self, writable: bool, why: str) -> None:  # noqa: FBT001 a thread's callback
        self.engine.ledger_writable(writable=writable)
        if writable:
            self._taking.set()
            _log.info("ledger writable")
        else:
            _log.error("ledger not writable: new calls get 503, those in progress are kept in the journal", why=why)

    def _past_loaded(self, history: History) -> None:
        self.engine.load_usage(history.past)
        self.engine.steering.tell_of_orphans(self._clock.now())
        self._flush()
        self._ledger_service.past_known()

    def _posted(self, posted: Sequence[PostedRow]) -> None:
        for each in posted:
            self.engine.count_posting(each.row, each.record, before_micros=each.before_micros)

    def _measured(self, lag_ms: int) -> None:
        self.engine.load(lag_ms, self._clock.now())
        self._flush()

    def _tick(self) -> None:
        self._armed = None
        self.engine.tick(self._clock.now())
        self._flush()

    # what goes out

    def _flush(self) -> None:
        for effect in self.engine.effects():
            try:
                self._do(effect)
            except Exception:  # noqa: BLE001 one effect that fails must not stop those of other calls
                with of_call(call_of(effect)):
                    _log.exception("an effect failed", effect=type(effect).__name__)
        if self.engine.live_calls == 0:
            self._idle.set()
        self._arm()

    def _do(self, effect: Effect) -> None:
        match effect:
            case SendSip(data=data, target=target):
                self._sockets.send(data, target)
            case TellWorker(worker=worker, order=order):
                self._workers.tell(worker, order)
            case TellRecorder(order=order):
                self._recorder.tell(order)
            case TellEars(order=order):
                self._ears.tell(order)
            case StoreLegMedia() | KeepHeard() | KeepRecording() | ForgetRecordings() | KeepSteering():
                self._keep(effect)
            case AppendJournal(call_id=call_id, payload=payload):
                self._ledger_service.append(call_id, payload)
            case SyncJournal(call_id=call_id, leg=leg):
                self._ledger_service.sync(f"{call_id}/{leg}")
            case StoreRecord(judged=judged):
                with of_call(judged.record.call_id):
                    self._ledger_service.keep(judged)
                    call_line(judged)
                if self._heard is not None:
                    self._heard(judged)
            case TrustSource(source=source):
                self._sockets.trust(source)
            case LogProblem() | LogPeer() | LogNat() | LogLoad() | LogPeerState() | LogOverride():
                write_log(effect)
            case _:
                assert_never(effect)

    def _keep(self, effect: StoreLegMedia | KeepHeard | KeepRecording | ForgetRecordings | KeepSteering) -> None:
        match effect:
            case StoreLegMedia(call_id=call_id, media=media):
                self._ledger_service.keep_media(call_id, media)
            case KeepHeard(heard=heard):
                self._poller.keep_heard(heard_rows(heard))
            case KeepRecording(recording=recording):
                row = _recording_row(recording)
                self._poller.keep_recording(row, then=lambda: self._recording_kept(row))
            case ForgetRecordings(paths=paths, at_us=at_us, actor=actor):
                deletions = [RecordingDeletionRow(path=path, at_us=at_us, actor=actor, reason="age") for path in paths]
                self._poller.forget_recordings(deletions, then=lambda: self._recorder.tell(DeleteRecordings(paths=paths)))
            case KeepSteering(rows=rows):
                for action in rows.actions:
                    log_action(action)
                self._ledger_service.sync_soon()
                self._poller.keep_steering(rows, then=lambda: self._ledger_service.mark_kept(rows.journal_id))

    def _recording_kept(self, row: RecordingRow) -> None:
        self._recorder.tell(RecordingStored(path=row.path))
        with of_call(row.call_id):
            why = {} if row.why is None else {"why": row.why}
            _log.info("recording", path=row.path, length_ms=row.length_ms, lost=row.frames_lost, **why)

    def _arm(self) -> None:
        """Arms the one timer for the engine's next deadline. A timer that is set earlier is kept: a superfluous tick is harmless."""
        deadline = self.engine.next_deadline()
        if deadline is None or (self._armed is not None and self._armed <= deadline):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed = deadline
        delay_s = max(0, deadline - self._clock.now().mono_ns) / 1_000_000_000
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._tick)


def _recording_row(ended: RecordingEnded) -> RecordingRow:
    """Of one that has a file; ValueError for another."""
    if ended.path is None:
        raise ValueError("a recording without a file has no row")
    return RecordingRow(
        call_id=ended.call_id,
        path=ended.path,
        sha256=ended.sha256,
        length_ms=ended.length_ms,
        sides=ended.sides,
        format=ended.format,
        started_us=ended.started_us,
        ended_us=ended.ended_us,
        paused_ms=ended.paused_ms,
        frames_lost=ended.frames_lost,
        why=ended.why,
        kind=ended.kind,
    )


class _Tokens:
    """Unguessable tokens of 64 bits, from the kernel's generator, drawn many at a time: a system call for each would cost too much."""

    def __init__(self) -> None:
        self._drawn: list[str] = []

    def __call__(self) -> str:
        if not self._drawn:
            block = secrets.token_hex(TOKENS_AT_ONCE * TOKEN_DIGITS // 2)
            self._drawn = [block[start : start + TOKEN_DIGITS] for start in range(0, len(block), TOKEN_DIGITS)]
        return self._drawn.pop()
