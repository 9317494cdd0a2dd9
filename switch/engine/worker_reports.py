"""Passes what media workers report to the calls that own the ports: keys, prompts' ends, lost and failed media, who sends audio."""

from collections.abc import Callable
from typing import assert_never

from media.control import (
    Closed,
    DigitReceived,
    Heard,
    Heartbeat,
    MediaTimeout,
    OpenFailed,
    PlayFinished,
    Quiet,
    Ready,
    Report,
)
from switch.call import event as ev
from switch.call.moment import Moment
from switch.engine.call_runner import CallRunner
from switch.engine.digit_relay import DigitRelay
from switch.engine.effect import Effect, LogProblem, StoreLegMedia
from switch.engine.leg_media import leg_media
from switch.engine.live import LiveCall, LiveCalls
from switch.engine.media import MediaController
from switch.engine.transfer import UNAVAILABLE

SILENT_NS = 500_000_000
"""A side that has sent nothing for so long counts as silent: 25 missed packets."""


class WorkerReports:
    """`emit` takes the effects."""

    __slots__ = ("_calls", "_digits", "_emit", "_media", "_runner")

    def __init__(
        self,
        *,
        media: MediaController,
        digits: DigitRelay,
        calls: LiveCalls,
        runner: CallRunner,
        emit: Callable[[Effect], None],
    ) -> None:
        self._media = media
        self._digits = digits
        self._calls = calls
        self._runner = runner
        self._emit = emit

    def on_report(self, worker: int, report: Report, at: Moment) -> None:
        """A report of a media worker came."""
        match report:
            case Ready():
                self._media.worker_up(worker)
            case DigitReceived():
                self.on_digit(report, at)
            case PlayFinished(port=port, play=play, why=why):
                if why is not None:
                    owner = self._media.owner_of(port)
                    self._emit(LogProblem(what=f"prompt can't be played: {why}", call_id="" if owner is None else owner[0]))
                self._to_owner(port, lambda leg: ev.PromptEnded(at=at, leg=leg, play=play, why=why))
            case MediaTimeout(port=port, last_ns=last_ns):
                last = None if last_ns is None else at.at_mono(last_ns)
                self._to_owner(port, lambda leg: ev.MediaLost(at=at, leg=leg, last=last))
            case Heard(port=port, at_ns=at_ns, both=both):
                self._to_owner(port, lambda leg: ev.MediaHeard(at=at.at_mono(at_ns), leg=leg, both=both))
            case Quiet(port=port, since_ns=since_ns):
                self._to_owner(port, lambda leg: ev.MediaQuiet(at=at, leg=leg, since=at.at_mono(since_ns)))
            case OpenFailed(port=port, why=why):
                self._on_open_failed(port, why, at)
            case Heartbeat():
                self._on_heartbeat(report, at)
            case Closed():
                self._on_closed(report)
            case _:
                assert_never(report)

    def on_digit(self, report: DigitReceived, at: Moment) -> None:
        """A key came, by telephone-event or as tones."""
        digit = report.digit
        self._pass_on(report.port, digit, at)  # first: a key that bridges is not passed on
        self._to_owner(report.port, lambda leg: ev.DigitHeard(at=at, leg=leg, digit=digit))

    def on_lost(self, worker: int, at: Moment) -> None:
        """A media worker died: its calls end, each with a record."""
        self._media.worker_lost(worker)
        for live in self._calls:
            if live.worker == worker:
                self._runner.feed(live, ev.MediaFailed(at=at, why=f"media worker {worker} died"))

    def _on_closed(self, report: Closed) -> None:
        """What became of the audio of a leg, whose call may be over by now."""
        leg = self._media.take_closed(report.port)
        media = None if leg is None else leg_media(report, leg=leg.number, codec=leg.codec)
        if leg is not None and media is not None:
            self._emit(StoreLegMedia(call_id=leg.call_id, media=media))

    def _on_heartbeat(self, report: Heartbeat, at: Moment) -> None:
        """Updates which legs send audio, as of the worker's moment; the calls' next heartbeats use it."""
        for port, last_ns in report.last.items():
            owner = self._owner_of(port)
            if owner is not None:
                live, number = owner
                silent = report.at_ns - last_ns > SILENT_NS
                live.legs[number].silent_since = at.at_mono(last_ns) if silent else None

    def _pass_on(self, port: int, digit: str, at: Moment) -> None:
        owner = self._owner_of(port)
        if owner is not None:
            self._digits.on_event(*owner, digit=digit, at=at)

    def _on_open_failed(self, port: int, why: str, at: Moment) -> None:
        """The call has no audio; or only the target of a transfer has none, which is one that failed."""
        owner = self._media.owner_of(port)
        live = None if owner is None else self._calls.get(owner[0])
        if owner is not None and live is not None and live.transfer is not None and live.transfer.port == port:
            self._runner.feed(live, ev.TransferFailed(at=at, leg=owner[1], status=UNAVAILABLE))
        self._to_owner(port, lambda _: ev.MediaFailed(at=at, why=f"port {port}: {why}"))

    def _to_owner(self, port: int, event: Callable[[int], ev.Event]) -> None:
        owner = self._owner_of(port)
        if owner is not None:
            live, number = owner
            self._runner.feed(live, event(number))

    def _owner_of(self, port: int) -> tuple[LiveCall, int] | None:
        """Returns the call and leg that own a port, or None: it has been released in the meantime, or is of a target of a transfer that
        has not taken the call, and whose audio does not matter."""
        owner = self._media.owner_of(port)
        live = None if owner is None else self._calls.get(owner[0])
        return None if owner is None or live is None or live.legs[owner[1]].port != port else (live, owner[1])
