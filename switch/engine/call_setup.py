"""Takes a new call in: decides whether the switch takes it, reserves the caller's RTP port, and makes the call with its pinned plan."""

from collections.abc import Callable

from switch.call.cause import Cause
from switch.call.machine import begin
from switch.call.moment import Moment
from switch.call.state import CALLER
from switch.engine.admission import Admission
from switch.engine.arrival import arrival_of
from switch.engine.call_control import CallContext
from switch.engine.call_runner import CallRunner
from switch.engine.last_second import LastSecond
from switch.engine.live import LiveCall, LiveCalls, LiveLeg
from switch.engine.media import NO_WORKER, MediaController
from switch.engine.plan import Plan, Trunk
from switch.engine.sip_trace import TraceRecorder
from switch.sip.fact import InviteReceived
from switch.sip.identity import passable
from switch.sip.offer_answer import warning_text
from switch.sip.peer import DEFAULT_PEER
from switch.sip.sdes import SrtpMode


class CallSetup:
    """`token`: makes call ids and seeds."""

    __slots__ = ("_admission", "_calls", "_last_second", "_media", "_runner", "_token", "_traces")

    def __init__(
        self,
        *,
        admission: Admission,
        media: MediaController,
        calls: LiveCalls,
        runner: CallRunner,
        traces: TraceRecorder,
        token: Callable[[], str],
    ) -> None:
        self._admission = admission
        self._media = media
        self._calls = calls
        self._runner = runner
        self._traces = traces
        self._token = token
        self._last_second = LastSecond()

    def start(self, fact: InviteReceived, plan: Plan, trunk: Trunk | None, at: Moment) -> None:
        """Starts the call of an INVITE. `trunk`: the one that its source address belongs to; None: who sent it has authenticated.

        Every INVITE makes a call, and so a record; one that is refused ends with its first step.
        """
        known = trunk or plan.trunk_named(fact.peer)
        leg = LiveLeg(sip=fact.leg, source=fact.source, peer=DEFAULT_PEER if known is None else known.peer)
        worker = self._media.least_busy()
        try:
            objection = (
                reject_cause(fact)
                or self._trunk_objection(known, at)
                or self._objection(leg, worker, fact.offer, max_calls=plan.max_calls, at=at)
            )
            name = fact.peer if trunk is None else trunk.name
            why = None if leg.refusal is None else warning_text(leg.refusal)
            encrypted = objection is None and (leg.is_encrypted or leg.peer.srtp is SrtpMode.REQUIRED)
            arrived = arrival_of(
                fact, plan, trunk=name, token=self._token, objection=objection, why=why, encrypted=encrypted, at=at
            )
            step = begin(arrived)
            live = LiveCall(
                call=step.call,
                context=CallContext(plan=plan, rate=plan.rate_of(arrived.trunk)),
                worker=NO_WORKER if worker is None else worker,
                max_forwards=fact.max_forwards,
                legs={},
                passable=passable(fact.headers, plan.trunk_identity(arrived.trunk)),
            )
        except Exception:
            self._media.close(NO_WORKER, leg, at.mono_ns)  # nothing else refers to its port
            raise
        self._traces.begin(fact.call_id, live.call_id)
        self._calls.add(live)
        self._calls.add_leg(live, CALLER, leg)
        self._media.add_call(live.worker)
        self._runner.start(live, arrived, step)

    def _trunk_objection(self, trunk: Trunk | None, at: Moment) -> Cause | None:
        """Returns why a new call is refused for its trunk's limits, or None; then it counts against the calls a second."""
        if trunk is not None and trunk.max_calls is not None and self._calls.on_trunk(trunk.name) >= trunk.max_calls:
            return Cause.TRUNK_FULL
        if trunk is None or trunk.per_second is None:
            return None
        if self._last_second.count(trunk.name, at.mono_ns // 1_000) >= trunk.per_second:
            return Cause.TOO_FAST
        self._last_second.add(trunk.name, at.mono_ns // 1_000)
        return None

    def _objection(self, leg: LiveLeg, worker: int | None, offer: bytes, *, max_calls: int, at: Moment) -> Cause | None:
        """Returns why a call must be refused whatever its number, or None; then the caller's RTP port is reserved already."""
        objection = self._admission.objection(live_calls=len(self._calls), max_calls=max_calls, now_ns=at.mono_ns)
        if objection is not None:
            return objection
        if worker is None:
            return Cause.MEDIA_FAILED
        if not self._media.reserve_port(leg, at.mono_ns):
            return Cause.OVERLOAD
        return None if self._media.prepare_answer(leg, offer) else Cause.NOT_ACCEPTABLE


_OF_REJECTION = {
    403: Cause.UNAUTHORIZED,
    406: Cause.SDP_REFUSED,
    415: Cause.UNSUPPORTED_BODY,
    416: Cause.UNSUPPORTED_URI,
    420: Cause.BAD_EXTENSION,
    422: Cause.SESSION_TOO_SHORT,
    503: Cause.OVERLOAD,
}


def reject_cause(invited: InviteReceived) -> Cause | None:
    """Returns why SIP requires an INVITE to be refused, or None: its form, or no hops left for a line's INVITE (RFC 7332)."""
    if invited.reject_status is None:
        return Cause.TOO_MANY_HOPS if invited.max_forwards == 0 else None
    return _OF_REJECTION.get(invited.reject_status, Cause.BAD_REQUEST)
