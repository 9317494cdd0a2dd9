"""Runs calls through the call control in simulated time: the real machine, routing, menus, caps and billing, and no sockets.

A heap of what happens next stands in for the network, in the order of its instants, so that a day of calls takes seconds and the same
scripts give the same day. Heartbeats are left out: they change nothing but what a crash would leave.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from switch.billing.verdict import JudgedCall
from switch.call import command as do
from switch.call import event as ev
from switch.call.cause import TREATMENT, Cause
from switch.call.cdr import command_text, event_facts
from switch.call.machine import advance, begin
from switch.call.moment import Moment
from switch.call.record import EndedBy, Heard
from switch.call.state import CALLER, Bridged, Call, InMenu, Phase, TakingMessage, Whispering
from switch.call.steps import Step, why_ended
from switch.call.voicemail import END_KEY
from switch.engine.call_control import CallContext, CallControl
from switch.engine.plan import Plan
from switch.engine.usage import Usage
from switch.simulation.call_script import CallScript, LineBehaviour
from switch.timer_heap import TimerHeap

RINGS_MS = 100
"""From the INVITE to the first 18x of a line that rings at all."""
ACK_MS = 20

Happening = Callable[["_SimulatedCall"], ev.Event | None]


@dataclass(slots=True, kw_only=True, eq=False)
class _SimulatedCall:
    """One simulated call. `armed_us`: the deadline on the heap; `armed_in`: the phase it was looked up in. `expires`: the longest it may
    live is on the heap. `pressed`: how many digits the caller has pressed."""

    script: CallScript
    context: CallContext
    call: Call
    armed_us: int | None = None
    armed_in: Phase | None = None
    expires: bool = False
    pressed: int = 0


class Simulator:
    """`watch(call_id, line)`: called for every event and command, as a transcript has them, where somebody wants to see.

    `noting`: judged calls come with their events, as from a running switch. `prompts`: how long each prompt plays by its name,
    milliseconds.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        usage: Usage | None = None,
        watch: Callable[[str, str], None] | None = None,
        noting: bool = False,
        prompts: Mapping[str, int] | None = None,
    ) -> None:
        self.plan = plan
        self._prompts = prompts or {}
        self.control = CallControl(Usage() if usage is None else usage, ask_first=self._ask_first)
        self._watch = watch
        self._noting = noting
        self._heap: TimerHeap[tuple[str, Happening]] = TimerHeap()
        self._actors: dict[str, _SimulatedCall] = {}
        self._now = Moment(mono_ns=0, utc_us=0)

    def play(self, scripts: Iterable[CallScript]) -> Iterator[JudgedCall]:
        """Every call, judged, in the order they end. `scripts` come in the order of their instants, and are taken as time gets there."""
        waiting, heap = iter(scripts), self._heap
        script = next(waiting, None)
        while script is not None or heap:
            judged: JudgedCall | None = None
            next_us = heap.next_at()
            if script is not None and (next_us is None or script.at_us <= next_us):
                self._turn_to(max(self._now.utc_us, script.at_us))
                judged = self._arrive(script)
                script = next(waiting, None)
            elif next_us is not None and (due := heap.pop_due(next_us)) is not None:
                call_id, happening = due
                actor = self._actors.get(call_id)
                if actor is None:  # its call is over
                    continue
                self._turn_to(next_us)
                event = happening(actor)
                judged = None if event is None else self._feed(actor, event)
            if judged is not None:
                yield judged

    def _ask_first(self, call_id: str, at: Moment) -> None:
        """The call is in a hold queue, and one that came later is about to be dialled."""
        actor = self._actors.get(call_id)
        if actor is not None and self.control.has_line_for(actor.call, actor.context, at):
            self._feed(actor, ev.TurnCame(at=at))

    def _turn_to(self, utc_us: int) -> None:
        self._now = Moment(mono_ns=utc_us * 1_000, utc_us=utc_us)

    def _at(self) -> Moment:
        return self._now

    def _arrive(self, script: CallScript) -> JudgedCall | None:
        arrived = ev.InviteArrived(
            at=self._at(),
            call_id=script.call_id,
            did=script.did,
            ani=script.ani,
            trunk=script.trunk,
            seed=script.seed,
            version=self.plan.version,
            max_call_ms=self.plan.max_call_ms,
            tags=script.tags,
            probe=self.plan.is_probe(script.trunk),
        )
        step = begin(arrived)
        context = CallContext(plan=self.plan, rate=self.plan.rate_of(script.trunk))
        actor = self._actors[script.call_id] = _SimulatedCall(script=script, context=context, call=step.call)
        if script.patience_ms is not None:
            self._soon(actor, script.patience_ms, self._impatient)
        if script.presses:
            self._soon(actor, script.presses[0][0], self._pressed_then)
        return self._take(actor, arrived, step)

    def _soon(self, actor: _SimulatedCall, delay_ms: int, happening: Happening) -> None:
        """`happening` gives the event when its time has come, or None when it is out of date by then; not asked once the call is over."""
        self._heap.add(self._now.utc_us + delay_ms * 1_000, (actor.script.call_id, happening))

    def _feed(self, actor: _SimulatedCall, event: ev.Event) -> JudgedCall | None:
        before = actor.call
        step = advance(before, event)
        return self._take(actor, event, step) if step.commands or step.call is not before else None

    def _take(self, actor: _SimulatedCall, event: ev.Event, step: Step) -> JudgedCall | None:
        actor.call = step.call
        if self._noting:
            actor.context.add_event(event, step.commands)
        if self._watch is not None:
            self._tell(actor, event, step)
        judged: JudgedCall | None = None
        caused: list[ev.Event] = []
        for each in step.commands:
            if isinstance(each, do.Finish):
                judged = self.control.finish(actor.call, actor.context)
                del self._actors[actor.script.call_id]
            else:
                caused.extend(self._carry_out(actor, each))
        for each_event in caused:
            judged = self._feed(actor, each_event) or judged
        if actor.call.phase is not actor.armed_in:
            self._arm(actor)
        return judged

    def _carry_out(self, actor: _SimulatedCall, given: do.Command) -> Iterable[ev.Event]:
        """What a command causes at once; what it causes later goes on the heap."""
        match given:
            case do.AskRoute():
                return (self.control.decide(actor.call, actor.context, given, self._at()),)
            case do.Answer():
                self._soon(actor, ACK_MS, lambda _: ev.CallerAcknowledged(at=self._at()))
            case do.Dial(leg=leg, attempt=attempt):
                self._dial(actor, leg, attempt.line)
            case do.ReleaseCallCaps(leg=leg):
                self.control.release_call_caps(actor.call, actor.context, leg, self._at())
            case do.ReleaseCaps(leg=leg):
                self.control.release_caps(actor.call, actor.context, leg, self._at())
            case do.MakeDurable(leg=leg):
                return (ev.AnswerDurable(at=self._at(), leg=leg),)
            case do.Bridge(leg=leg):
                self.control.start_talk(actor.call, actor.context, leg, at=self._at())
                self._talk(actor, leg)
                return self._heard(actor, leg)
            case do.AccrueRevenue():
                self.control.accrue_revenue(actor.call, actor.context, self._at())
            case do.Play(leg=leg, play=play, prompt=prompt):
                self._listen(actor, leg, play=play, prompt=prompt)
            case do.Refuse(cause=cause):
                return (self._leg_ended(actor, CALLER, by_peer=False, cause=cause, sip_code=TREATMENT[cause].sip),)
            case do.HangUp(leg=leg):
                cause = Cause.LINE_HUNG_UP if leg else Cause.CALLER_HUNG_UP
                return (self._leg_ended(actor, leg, by_peer=False, cause=cause, sip_code=_cancelled(actor, leg)),)
            case _:  # sound, and 180: nobody is there to hear it
                pass
        return ()

    def _dial(self, actor: _SimulatedCall, leg: int, line: str) -> None:
        conduct = actor.script.conduct(line)
        if conduct.behaviour is LineBehaviour.SILENT:
            return
        if conduct.after_ms > RINGS_MS:
            self._soon(actor, RINGS_MS, lambda _: ev.LegRang(at=self._at(), leg=leg, status=180))
        match conduct.behaviour:
            case LineBehaviour.ANSWERS:
                self._soon(actor, conduct.after_ms, lambda _: ev.LegAnswered(at=self._at(), leg=leg))
            case LineBehaviour.BUSY:
                self._soon(actor, conduct.after_ms, lambda a: self._leg_ended(a, leg, by_peer=True, cause=Cause.BUSY, sip_code=486))
            case LineBehaviour.FAILS:
                self._soon(
                    actor, conduct.after_ms, lambda a: self._leg_ended(a, leg, by_peer=True, cause=Cause.LINE_FAILED, sip_code=503)
                )
            case LineBehaviour.UNAVAILABLE:
                self._soon(
                    actor, conduct.after_ms, lambda a: self._leg_ended(a, leg, by_peer=True, cause=Cause.NO_ANSWER, sip_code=480)
                )
            case LineBehaviour.RINGS:
                pass

    def _talk(self, actor: _SimulatedCall, leg: int) -> None:
        conduct = actor.script.conduct(actor.call.history.attempts[leg - 1].line)
        if conduct.dead_air_ms:
            heard_ms = max(0, conduct.talk_ms - conduct.dead_air_ms)
            self._soon(actor, heard_ms, lambda a: self._quiet(leg) if _talks(a, leg) else None)
        by_line = conduct.ended_by is EndedBy.LINE
        ends, cause = (leg, Cause.LINE_HUNG_UP) if by_line else (CALLER, Cause.CALLER_HUNG_UP)
        self._soon(
            actor, conduct.talk_ms, lambda a: self._leg_ended(a, ends, by_peer=True, cause=cause) if _talks(a, leg) else None
        )

    def _quiet(self, leg: int) -> ev.Event:
        return ev.MediaQuiet(at=self._at(), leg=leg, since=self._at())

    def _heard(self, actor: _SimulatedCall, leg: int) -> Iterable[ev.Event]:
        heard = actor.script.conduct(actor.call.history.attempts[leg - 1].line).heard
        if heard is Heard.NONE:
            return ()
        of = CALLER if heard is Heard.CALLER else leg
        return (ev.MediaHeard(at=self._at(), leg=of, both=heard is Heard.BOTH),)

    def _listen(self, actor: _SimulatedCall, leg: int, *, play: int, prompt: str) -> None:
        """A prompt plays; an advertiser who is asked to accept presses the key, or not."""
        length_ms = self._prompts.get(prompt, actor.script.prompt_ms)
        self._soon(actor, length_ms, lambda _: ev.PromptEnded(at=self._at(), leg=leg, play=play))
        phase = actor.call.phase
        if leg != CALLER and isinstance(phase, Whispering) and phase.accept.key is not None:
            key = phase.accept.key
            conduct = actor.script.conduct(actor.call.history.attempts[leg - 1].line)
            if conduct.accepts:
                self._soon(actor, conduct.accept_ms, lambda _: ev.DigitHeard(at=self._at(), leg=leg, digit=key))
            elif conduct.declines_ms is not None:
                self._soon(actor, conduct.declines_ms, lambda a: self._declined(a, leg))

    def _leg_ended(self, actor: _SimulatedCall, leg: int, *, by_peer: bool, cause: Cause, sip_code: int | None = None) -> ev.Event:
        cause = why_ended(actor.call, leg, by_peer=by_peer, cause=cause)
        return ev.LegEnded(at=self._at(), leg=leg, by_peer=by_peer, cause=cause, sip_code=sip_code)

    def _declined(self, actor: _SimulatedCall, leg: int) -> ev.Event | None:
        """The advertiser hangs up without having taken the call."""
        phase = actor.call.phase
        if not isinstance(phase, Whispering) or phase.leg != leg:
            return None
        return self._leg_ended(actor, leg, by_peer=True, cause=Cause.LINE_HUNG_UP)

    def _message_over(self, actor: _SimulatedCall) -> ev.Event | None:
        """The caller has said it all."""
        if not isinstance(actor.call.phase, TakingMessage):
            return None
        if actor.script.presses is None and actor.script.digits[actor.pressed :].startswith(END_KEY):
            actor.pressed += 1
            return ev.DigitHeard(at=self._at(), leg=CALLER, digit=END_KEY)
        return self._leg_ended(actor, CALLER, by_peer=True, cause=Cause.CALLER_HUNG_UP)

    def _impatient(self, actor: _SimulatedCall) -> ev.Event | None:
        """The caller hangs up, unless talking to somebody."""
        if isinstance(actor.call.phase, Bridged):
            return None
        sip_code = None if actor.call.history.answered else 487
        return self._leg_ended(actor, CALLER, by_peer=True, cause=Cause.CALLER_HUNG_UP, sip_code=sip_code)

    def _arm(self, actor: _SimulatedCall) -> None:
        """The next deadline, the next digit where a menu waits for one, and the end of a message."""
        call, script = actor.call, actor.script
        actor.armed_in = call.phase
        if isinstance(call.phase, TakingMessage):
            self._soon(actor, script.message_ms, self._message_over)
        if (
            isinstance(call.phase, InMenu)
            and call.phase.play is None
            and script.presses is None
            and actor.pressed < len(script.digits)
        ):
            waiting = call.phase
            self._soon(actor, script.digit_ms, lambda a: self._pressed(a, waiting))
        deadline = _deadline(call)
        if deadline is None or deadline.utc_us == actor.armed_us:
            return
        if deadline is call.expires:
            if not actor.expires:
                actor.expires = True
                self._soon(actor, self._ms_until(deadline), lambda _: ev.DeadlinePassed(at=self._at()))
            return
        actor.armed_us = armed_us = deadline.utc_us
        self._soon(actor, self._ms_until(deadline), lambda a: self._expired(a, armed_us))

    def _ms_until(self, deadline: Moment) -> int:
        """Not before it has come: milliseconds are rounded up."""
        return max(0, -(-(deadline.utc_us - self._now.utc_us) // 1_000))

    def _expired(self, actor: _SimulatedCall, armed_us: int) -> ev.Event | None:
        if actor.armed_us != armed_us:
            return None
        actor.armed_us = None
        return ev.DeadlinePassed(at=self._at())

    def _pressed(self, actor: _SimulatedCall, waiting: InMenu) -> ev.Event | None:
        if actor.call.phase is not waiting:  # the menu has moved on since
            return None
        actor.pressed += 1
        return ev.DigitHeard(at=self._at(), leg=CALLER, digit=actor.script.digits[actor.pressed - 1])

    def _pressed_then(self, actor: _SimulatedCall) -> ev.Event | None:
        """A digit at its own moment, and when the next one comes."""
        presses = actor.script.presses or ()
        at_ms, digit = presses[actor.pressed]
        actor.pressed += 1
        if actor.pressed < len(presses):
            self._soon(actor, presses[actor.pressed][0] - at_ms, self._pressed_then)
        return (
            ev.DigitHeard(at=self._at(), leg=CALLER, digit=digit) if isinstance(actor.call.phase, InMenu | TakingMessage) else None
        )

    def _tell(self, actor: _SimulatedCall, event: ev.Event, step: Step) -> None:
        if self._watch is None:
            return
        call_id = actor.script.call_id
        told = " ".join(f"{name}={value}" for name, value in event_facts(event).items() if value not in ("", None, {}))
        self._watch(call_id, f">> {(self._now.utc_us - actor.script.at_us) / 1_000_000:.3f} {type(event).__name__} {told}".rstrip())
        for each in step.commands:
            self._watch(call_id, f"<< {command_text(each)}")


def _deadline(call: Call) -> Moment | None:
    """When the call wants to be woken. While two talk, only for a moment at which money may be owed, and for the longest call."""
    if isinstance(call.phase, Bridged):
        return min((*call.phase.thresholds[:1], call.expires))
    return call.deadline


def _cancelled(actor: _SimulatedCall, leg: int) -> int | None:
    """A line that rings and is hung up answers 487 (RFC 3261 §9.2). One that is silent says nothing, one that has answered has done so."""
    if leg == CALLER:
        return None
    tried = actor.call.history.attempts[leg - 1]
    return 487 if tried.rang is not None and tried.answered is None else None


def _talks(actor: _SimulatedCall, leg: int) -> bool:
    return isinstance(actor.call.phase, Bridged) and actor.call.phase.leg == leg
