"""The effects that the engine requests, to be carried out in order by the shell (`switch.app`)."""

import msgspec

from media.control import Order
from media.listening import EarsOrder, TalkHeard
from media.recording import RecorderOrder, RecordingEnded
from routing.override import Override
from switch.billing.verdict import JudgedCall
from switch.call.leg_media import LegMedia
from switch.engine.steering_rows import SteeringRows
from switch.sip.flow import Flow
from switch.sip.statistics import Statistic


class AppendJournal(msgspec.Struct, frozen=True, kw_only=True):
    """Append one line, before any later effect is carried out."""

    call_id: str
    payload: bytes


class SyncJournal(msgspec.Struct, frozen=True, kw_only=True):
    """Make the journal durable up to here, then call `Engine.answer_durable` with the same call and leg."""

    call_id: str
    leg: int


class SendSip(msgspec.Struct, frozen=True, kw_only=True):
    data: bytes
    target: Flow


class TellWorker(msgspec.Struct, frozen=True, kw_only=True):
    worker: int
    order: Order


class TellRecorder(msgspec.Struct, frozen=True, kw_only=True):
    order: RecorderOrder


class TellEars(msgspec.Struct, frozen=True, kw_only=True):
    order: EarsOrder


class KeepHeard(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard of a call's talk goes to the ledger."""

    heard: TalkHeard


class KeepRecording(msgspec.Struct, frozen=True, kw_only=True):
    """A call's recording is complete: its row goes to the ledger."""

    recording: RecordingEnded


class ForgetRecordings(msgspec.Struct, frozen=True, kw_only=True):
    """The files of these recordings are to be deleted by `actor`, once the ledger has that. It keeps their rows."""

    paths: tuple[str, ...]
    at_us: int
    actor: str


class StoreRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The call is over: its record goes to the ledger, and one canonical line to the log."""

    judged: JudgedCall


class StoreLegMedia(msgspec.Struct, frozen=True, kw_only=True):
    """A leg's audio is over: its figures go to the ledger, before or after the record."""

    call_id: str
    media: LegMedia


class KeepSteering(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody steered the switch: these rows go to the ledger, and a line to the log. The journal has them already."""

    rows: SteeringRows


class LogOverride(msgspec.Struct, frozen=True, kw_only=True):
    """An override in force is of something that the running config does not have."""

    override: Override


class LogProblem(msgspec.Struct, frozen=True, kw_only=True):
    """An internal error, which ended at most one call. `trace`: the traceback, as text, where there is one.

    `call_id`: the call it belongs to; empty for none.
    """

    what: str
    trace: str = ""
    call_id: str = ""


class LogPeer(msgspec.Struct, frozen=True, kw_only=True):
    """A trunk or line sent something malformed, or something that can't be true, which is logged once for each call and kind of it; or it
    failed (`kind` FAILOVER), or takes no encrypted audio (SRTP_REFUSED). `sip_call_id`: the Call-ID of its message, as far as it could be
    read.

    `is_last`: no more of this host are logged for a while; statistics go on counting.
    """

    source: Flow
    what: str
    sip_call_id: str = ""
    is_last: bool = False
    kind: Statistic = Statistic.ODDITY


class LogNat(msgspec.Struct, frozen=True, kw_only=True):
    """A trunk or line signals addresses that can't be reached: its source address is used. Once for each host. `what`: for what of it."""

    source: Flow
    what: str
    sip_call_id: str = ""


class LogLoad(msgspec.Struct, frozen=True, kw_only=True):
    """The switch entered overload, or has left it."""

    is_overloaded: bool
    lag_ms: int


class LogPeerState(msgspec.Struct, frozen=True, kw_only=True):
    """A trunk or line went down or came up, or a registrar took or refused us. `name`: `line:acme-east`, `trunk:level3`. `status`: the SIP
    status that says so, None: there was no answer. `again_s`: until a registrar is asked again."""

    name: str
    what: str
    is_good: bool
    status: int | None
    again_s: int | None = None


class TrustSource(msgspec.Struct, frozen=True, kw_only=True):
    """The far end of this connection has authenticated: it is no stranger's any more."""

    source: Flow


Effect = (
    AppendJournal
    | SyncJournal
    | SendSip
    | TellWorker
    | TellRecorder
    | TellEars
    | KeepHeard
    | KeepRecording
    | ForgetRecordings
    | StoreRecord
    | StoreLegMedia
    | KeepSteering
    | LogOverride
    | LogProblem
    | LogPeer
    | LogNat
    | LogPeerState
    | LogLoad
    | TrustSource
)
