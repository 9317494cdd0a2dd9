"""Runs the steps of calls: advances a call's machine by an event, journals the step, sets the call's timer, and carries its commands out.

An error in one call ends that call alone, with a record (`docs/design.md` §1).
"""

import traceback
from collections.abc import Callable

from routing.trail import as_plain
from switch.call import event as ev
from switch.call.cause import Cause
from switch.call.machine import advance
from switch.call.moment import Moment
from switch.call.state import Bridged, Ended, Releasing
from switch.call.steps import Step
from switch.engine.call_control import CallControl
from switch.engine.ears import EarsController
from switch.engine.effect import AppendJournal, Effect, LogProblem
from switch.engine.executor import CommandExecutor
from switch.engine.journal_line import RulingNotes, event_line, heartbeat_line
from switch.engine.live import LiveCall
from switch.timer_heap import TimerHeap


class CallRunner:
    """`emit` takes the effects: of each step its journal line first. Each call has at most one timer."""

    __slots__ = ("_control", "_deadlines", "_ears", "_emit", "_executor")

    def __init__(
        self, *, executor: CommandExecutor, control: CallControl, ears: EarsController, emit: Callable[[Effect], None]
    ) -> None:
        self._executor = executor
        self._control = control
        self._ears = ears
        self._emit = emit
        self._deadlines: TimerHeap[LiveCall] = TimerHeap()

    def next_deadline(self) -> int | None:
        """Returns when `pop_due` has a call, in monotonic ns, or None."""
        return self._deadlines.next_at()

    def pop_due(self, now_ns: int) -> LiveCall | None:
        """Returns a call whose deadline has passed, which then has none, or None."""
        live = self._deadlines.pop_due(now_ns)
        if live is not None:
            live.deadline_ns = None
        return live

    def start(self, live: LiveCall, event: ev.InviteArrived, step: Step) -> None:
        """Carries out the first step of a new call."""
        try:
            self._apply(live, event, step)
        except Exception:  # noqa: BLE001 as in `feed`
            self._on_error(live, event)

    def feed(self, live: LiveCall, event: ev.Event) -> None:
        """Passes one event to one call."""
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
        self._ears.follow(live, event.at)
        for each in caused:
            self.feed(live, each)

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
        self._emit(AppendJournal(call_id=live.call_id, payload=payload))

    def _set_deadline(self, live: LiveCall, at_ns: int | None) -> None:
        """Sets the call's next `DeadlinePassed` to `at_ns`, in place of the earlier one. None: none."""
        if at_ns == live.deadline_ns:
            return
        self._deadlines.cancel(live.timer)
        live.deadline_ns = at_ns
        live.timer = None if at_ns is None else self._deadlines.add(at_ns, live)

    def _on_error(self, live: LiveCall, event: ev.Event) -> None:
        """The machine or a command of this call failed: ends the call by the machine, and if that fails too, without it."""
        self._emit(LogProblem(what=f"call broke at {type(event).__name__}", trace=traceback.format_exc(), call_id=live.call_id))
        if not live.recorded:
            if isinstance(event, ev.Stopped) or isinstance(live.call.phase, Releasing | Ended):
                self._finish_crashed(live, event.at)
            else:
                self.feed(live, ev.Stopped(at=event.at, cause=Cause.BROKEN))
                if isinstance(event, ev.LegEnded):  # the leg has ended, whatever failed: the record need not wait for it
                    self.feed(live, event)
        try:
            self._ears.stop(live, event.at)
            self._executor.clean_up(live, event.at)
        except Exception:  # noqa: BLE001 as in `feed`
            self._emit(LogProblem(what="a broken call holds something", trace=traceback.format_exc(), call_id=live.call_id))

    def _finish_crashed(self, live: LiveCall, at: Moment) -> None:
        self._set_deadline(live, None)
        try:
            self._executor.finish_crashed(live, at)
        except Exception:  # noqa: BLE001 not even a record can be made of it: the journal keeps the call
            self._control.usage.end_call(live.call_id)
            self._emit(LogProblem(what="call has no record but its journal", trace=traceback.format_exc(), call_id=live.call_id))
