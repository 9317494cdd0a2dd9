"""Log lines that the engine asks for by effects, and the calls that effects belong to."""

from typing import assert_never

import structlog

from switch.engine.effect import (
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
    StoreRecord,
    TellEars,
    TellRecorder,
    TellWorker,
    TrustSource,
)
from switch.engine.steering_rows import ActionRow
from switch.log import of_call
from switch.sip.flow import Flow
from switch.sip.headers import write_host
from switch.sip.statistics import Statistic

_log = structlog.get_logger("payphone")


def call_of(effect: Effect) -> str:
    """Returns the id of the call that an effect belongs to, or "" when it names none."""
    match effect:
        case SendSip() | TellWorker() | LogPeer() | LogNat() | LogPeerState() | LogLoad() | TrustSource():
            return ""
        case TellRecorder() | TellEars() | ForgetRecordings() | KeepSteering() | LogOverride():
            return ""
        case KeepHeard(heard=heard):
            return heard.call_id
        case KeepRecording(recording=recording):
            return recording.call_id
        case StoreRecord(judged=judged):
            return judged.record.call_id
        case _:
            return effect.call_id


_PEER_EVENTS = {Statistic.FAILOVER: "address failed", Statistic.SRTP_REFUSED: "audio is not encrypted"}


def log_action(action: ActionRow) -> None:
    """Writes who steered the switch."""
    with of_call(action.target if action.action == "hangup" else ""):
        _log.info("action", action=action.action, target=action.target, actor=action.actor, outcome=action.outcome, **action.detail)


def write_log(effect: LogProblem | LogPeer | LogNat | LogLoad | LogPeerState | LogOverride) -> None:
    """Writes the log line that the engine asks for."""
    match effect:
        case LogProblem(what=what, trace=trace, call_id=call_id):
            with of_call(call_id):
                _log.error(what, **({"trace": trace} if trace else {}))
        case LogPeer(source=Flow(host=host, port=port), what=what, sip_call_id=sip_call_id, is_last=is_last, kind=kind):
            hint = {"further": "counted, not logged, for up to an hour"} if is_last else {}
            event = _PEER_EVENTS.get(kind, "odd SIP")
            _log.warning(event, source=f"{write_host(host)}:{port}", what=what, sip_call_id=sip_call_id, **hint)
        case LogNat(source=Flow(host=host, port=port), what=what, sip_call_id=sip_call_id):
            _log.info("peer behind NAT", source=f"{write_host(host)}:{port}", what=what, sip_call_id=sip_call_id)
        case LogLoad(is_overloaded=True, lag_ms=lag_ms):
            _log.error("overload: new calls get 503, those in progress go on", lag_ms=lag_ms)
        case LogLoad(lag_ms=lag_ms):
            _log.info("overload is over: calls are taken", lag_ms=lag_ms)
        case LogPeerState(name=name, what=what, is_good=is_good, status=status, again_s=again_s):
            further = {} if is_good or again_s is None else {"again_in_s": again_s}
            (_log.info if is_good else _log.warning)(what, peer=name, sip_code=status, **further)
        case LogOverride(override=override):
            what = f"{override.kind} of {override.key}"
            _log.warning("an override is of something that the config does not have", number=override.number, what=what)
        case _:
            assert_never(effect)
