"""Carries out a call's commands on the SIP user agent, the media controller and call control.

What a command causes at once comes back as events, which `CallRunner` feeds to the call.
"""

from collections.abc import Callable, Iterable
from typing import assert_never

from msgspec.structs import replace

from media.control import Play, PlayMusic, Ringback, StopPlay, Unbridge
from switch.call import cdr
from switch.call import command as do
from switch.call import event as ev
from switch.call.cause import TREATMENT, Cause
from switch.call.moment import Moment
from switch.call.state import CALLER, Ended
from switch.engine.call_control import CallControl
from switch.engine.effect import Effect, LogProblem, StoreRecord, SyncJournal
from switch.engine.line_invite import invite
from switch.engine.live import LiveCall, LiveCalls, LiveLeg
from switch.engine.media import MediaController
from switch.engine.plan import RingbackSound
from switch.engine.recordings import RecordingController
from switch.engine.renegotiation import Renegotiator
from switch.engine.sip_trace import TraceRecorder
from switch.engine.status import TrafficCounts
from switch.engine.transfer import TransferController
from switch.sip.agent import UserAgent
from switch.sip.peer import DEFAULT_PEER

RETRY_AFTER_S = 5
"""Retry-After for a caller that is refused only because the switch can't serve it now."""


class CommandExecutor:
    """Carries out commands. `emit` takes the effects they need. `traffic` counts the calls that are over."""

    __slots__ = (
        "_agent",
        "_calls",
        "_control",
        "_emit",
        "_media",
        "_recordings",
        "_renegotiator",
        "_traces",
        "_traffic",
        "_transfers",
    )

    def __init__(
        self,
        *,
        agent: UserAgent,
        media: MediaController,
        renegotiator: Renegotiator,
        transfers: TransferController,
        recordings: RecordingController,
        control: CallControl,
        calls: LiveCalls,
        traffic: TrafficCounts,
        traces: TraceRecorder,
        emit: Callable[[Effect], None],
    ) -> None:
        self._agent = agent
        self._media = media
        self._control = control
        self._calls = calls
        self._traffic = traffic
        self._traces = traces
        self._emit = emit
        self._renegotiator = renegotiator
        self._transfers = transfers
        self._recordings = recordings

    def carry_out(self, live: LiveCall, command: do.Command, at: Moment) -> Iterable[ev.Event]:
        """Carries out `command`; returns the events it caused at once."""
        match command:
            case do.AskRoute():
                return (self._control.decide(live.call, live.context, command, at),)
            case do.Dial():
                return self._dial(live, command, at)
            case do.HangUp(leg=leg, cause=cause):
                return self._hang_up(live, leg, cause, at)
            case do.ReleaseCallCaps(leg=leg):
                self._control.release_call_caps(live.call, live.context, leg, at)
            case do.ReleaseCaps(leg=leg):
                self._control.release_caps(live.call, live.context, leg, at)
            case do.MakeDurable(leg=leg):
                self._emit(SyncJournal(call_id=live.call_id, leg=leg))
            case do.AccrueRevenue():
                self._control.accrue_revenue(live.call, live.context, at)
            case do.StartRecording() | do.PauseRecording() | do.ResumeRecording() | do.StopRecording():
                return self._recordings.carry_out(live, command, at)
            case do.Finish():
                self._finish(live)
            case do.Progress() | do.Answer() | do.Refuse() | do.StartEarlyMedia():
                self._to_caller(live, command, at)
            case do.Transfer() | do.RefuseTransfer() | do.CompleteTransfer() | do.EndTransfer():
                return self._transfers.carry_out(live, command, at)
            case _:
                self._control_media(live, command, at)
        return ()

    def _to_caller(self, live: LiveCall, command: do.Progress | do.StartEarlyMedia | do.Answer | do.Refuse, at: Moment) -> None:
        leg = live.legs[CALLER]
        match command:
            case do.Progress(status=status):
                self._agent.progress(leg.sip, status, at.mono_ns)
            case do.StartEarlyMedia():
                self._agent.progress(leg.sip, 183, at.mono_ns, body=self._media.answer(live, leg))
            case do.Answer():
                self._agent.answer(leg.sip, self._media.answer(live, leg), at.mono_ns)
            case do.Refuse(cause=cause):
                how = TREATMENT[cause]
                retry = RETRY_AFTER_S if how.sip == 503 else None
                warning = leg.refusal if cause is Cause.NOT_ACCEPTABLE else None
                self._agent.refuse(leg.sip, how.sip, at.mono_ns, q850=_q850(live, cause), retry_after_s=retry, warning=warning)
            case _:
                assert_never(command)

    def _control_media(
        self,
        live: LiveCall,
        command: do.Bridge | do.BridgeEarly | do.Unbridge | do.Play | do.PlayRingback | do.PlayMusic | do.StopPlay,
        at: Moment,
    ) -> None:
        match command:
            case do.Bridge(leg=leg):
                self._control.start_talk(live.call, live.context, leg, at=at)
                self._media.bridge(live, leg)
                self._renegotiator.on_bridged(live, at)
            case do.BridgeEarly(leg=leg):
                self._media.bridge(live, leg)
            case do.Unbridge():
                self._media.send(live, CALLER, Unbridge)
                self._renegotiator.on_unbridged(live, at)
            case do.Play(leg=leg, play=play, prompt=prompt):
                self._media.send(live, leg, Play, play=play, prompt=prompt)
            case do.PlayRingback():
                self._ring(live)
            case do.PlayMusic(prompt=prompt):
                self._media.send(live, CALLER, PlayMusic, prompt=prompt)
            case do.StopPlay(leg=leg):
                self._media.send(live, leg, StopPlay)
            case _:
                assert_never(command)

    def _ring(self, live: LiveCall) -> None:
        sound = live.context.plan.ringback.get(live.call.history.campaign or "", RingbackSound())
        if sound.prompt is None:
            self._media.send(live, CALLER, Ringback, country=sound.country)
        else:
            self._media.send(live, CALLER, PlayMusic, prompt=sound.prompt)

    def _dial(self, live: LiveCall, dial: do.Dial, at: Moment) -> Iterable[ev.Event]:
        uri, seed = dial.attempt.uri, live.call.history.seed + dial.leg
        targets = self._agent.locator.targets(uri, seed=seed, now_ns=at.mono_ns)
        if not targets:
            return self._unreachable(live, dial, at)
        peer = live.context.plan.line_peers.get(dial.attempt.line, DEFAULT_PEER)
        leg = LiveLeg(sip=-1, source=targets[0], peer=peer)
        try:
            body = self._media.offer(live, leg, number=dial.leg, now_ns=at.mono_ns)
            if body is None:
                return (ev.MediaFailed(at=at, why="no RTP port is free"),)
            invite(
                self._agent,
                live,
                leg,
                targets=targets,
                line=dial.attempt.line,
                uri=uri,
                silence_ms=dial.attempt.silence_ms,
                body=body,
                plain=self._media.plain_offer(live, leg),
                ring_ms=dial.attempt.ring_ms,
                call_id=live.call.history.attempts[dial.leg - 1].sip_call_id,
                at=at,
            )
        except Exception:
            self._media.close(live.worker, leg, at.mono_ns)  # nothing else refers to its port
            raise
        self._calls.add_leg(live, dial.leg, leg)
        return ()

    def _unreachable(self, live: LiveCall, dial: do.Dial, at: Moment) -> Iterable[ev.Event]:
        """The line's host name has no address that a listener of ours reaches, as far as is known now: the attempt fails at once."""
        why = f"no address is known for {dial.attempt.uri}"
        self._emit(LogProblem(what=f"line {dial.attempt.line}: {why}", call_id=live.call_id))
        return (ev.LegEnded(at=at, leg=dial.leg, by_peer=False, cause=Cause.LINE_FAILED, why=why),)

    def _hang_up(self, live: LiveCall, number: int, cause: Cause, at: Moment) -> Iterable[ev.Event]:
        leg = live.legs.get(number)
        if leg is not None:
            self._transfers.hang_up(live, leg, at, q850=_q850(live, cause))
            return ()
        # it never got as far as an INVITE
        return (ev.LegEnded(at=at, leg=number, by_peer=False, cause=cause),)

    def finish_crashed(self, live: LiveCall, at: Moment) -> None:
        """Ends a call whose machine can't: its record has the cause of a crash."""
        live.call = replace(live.call, history=cdr.close_crashed(live.call.history, at), phase=Ended())
        self._finish(live)

    def clean_up(self, live: LiveCall, at: Moment) -> None:
        """Cleans up after an error that may have stopped commands: hangs up every live leg, and releases the caps of every attempt whose
        leg has ended. Idempotent."""
        self._recordings.stop(live, at)
        for leg in live.legs.values():
            self._transfers.hang_up(live, leg, at, q850=TREATMENT[Cause.BROKEN].q850)
        for number in sorted(live.context.reserved):
            if number < len(live.call.legs) and not self._calls.has_leg(live, number):
                self._control.release_caps(live.call, live.context, number, at)

    def _finish(self, live: LiveCall) -> None:
        """Writes the record now. Legs that have not terminated yet keep their ports and caps until they do."""
        if self._calls.drop(live):
            self._media.remove_call(live.worker)
        try:
            judged = self._control.finish(live.call, live.context)
        except Exception:
            self._traces.end(live.call_id, None)
            raise
        self._traces.end(live.call_id, judged.record)
        self._emit(StoreRecord(judged=judged))
        self._traffic.add_call(judged)
        live.recorded = True


def _q850(live: LiveCall, cause: Cause) -> int:
    """Returns the Q.850 value of a hang-up or refusal for `cause`: what the far end that caused it said, else what `cause` stands for."""
    left, said = live.left or (None, None)
    return said if left is cause and said is not None else TREATMENT[cause].q850
