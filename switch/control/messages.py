"""Defines the messages of the control socket: JSON, one a line, `type` says which.

The switch greets with `Hello`. Each command gets exactly one reply with the command's `id`. A switch may later send messages that answer
nothing, with `id` 0: a client passes over types that it does not know, a switch answers an unknown command with `Failed`. `VERSION` grows
only when a message changes its meaning. `Watch` is the exception: it is answered for as long as the connection lasts.
"""

from typing import TypeAlias

import msgspec

from routing.override import Override, TargetKind
from switch.engine.live_view import CapStatus, LiveCallView
from switch.engine.status import LineStatus, TrunkStatus

VERSION = 1
MAX_COMMAND_BYTES = 64 * 1024
"""The longest line that a client may send."""
MAX_DRAIN_MS = 24 * 3_600_000
MAX_HUNG_UP = 50
"""Calls that one `HangUp` may name: each takes the loop some time, and packets must not wait for hundreds."""
MAX_NAME = 150
"""Characters of an actor, a call's id, a target."""
MAX_REASON = 200
"""Characters: it stands in the trail of each call that an override bars."""
UNKNOWN_ACTOR = "unknown"


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True):
    """`id`: of a command, chosen by the client; of the reply to it, the same; 0 where there is none."""

    id: int = 0


# commands


class GetStatus(Message, frozen=True, kw_only=True):
    """Asks for `Status`."""


class GetTrunks(Message, frozen=True, kw_only=True):
    """Asks for `Trunks`."""


class GetLines(Message, frozen=True, kw_only=True):
    """Asks for `Lines`."""


class GetCaps(Message, frozen=True, kw_only=True):
    """Asks for `Caps`."""


class GetStatistics(Message, frozen=True, kw_only=True):
    """Asks for `Statistics`."""


class Drain(Message, frozen=True, kw_only=True):
    """Takes no new call, ends the switch once none is left, or when `limit_ms` have passed. None: the limit of the config. Given again, it
    sets a new limit. Answered with `Status`."""

    limit_ms: int | None = None
    actor: str = UNKNOWN_ACTOR
    reason: str = ""


class PauseRecording(Message, frozen=True, kw_only=True):
    """Pauses the recording of a call in progress, or, where not `paused`, resumes it. Answered with `RecordingPaused`, or with `Failed`
    where the call is not being recorded. `advertiser`: only of a call that talks with a line of this one; None: whoever it talks with."""

    call_id: str
    paused: bool = True
    advertiser: str | None = None
    actor: str = UNKNOWN_ACTOR
    reason: str = ""


class HangUp(Message, frozen=True, kw_only=True):
    """Ends exactly these calls, at most `MAX_HUNG_UP`. `actor`: `cli:anna`, `console:anna`, `api:TOKEN`; it and `reason` go to each call's
    record. Answered with `HungUp`."""

    call_ids: tuple[str, ...]
    actor: str
    reason: str = ""


class Pause(Message, frozen=True, kw_only=True):
    """No more calls go to the target; those in progress go on. `until_us`: UTC; None: until it is lifted. Answered with `Overridden`, or
    with `Failed` where the config has no such target."""

    target_kind: TargetKind
    name: str
    until_us: int | None = None
    actor: str
    reason: str = ""


class LimitCap(Message, frozen=True, kw_only=True):
    """The cap has another limit, lower or higher. `key`: `line:acme-east`, `campaign:auto/conversion/day`. `limit`: calls, or micros where
    it counts revenue. Answered as `Pause`."""

    key: str
    limit: int
    until_us: int | None = None
    actor: str
    reason: str = ""


class LiftOverride(Message, frozen=True, kw_only=True):
    """The override is in force no longer. Answered with `Lifted`, or with `Failed` where there is none of that number."""

    number: int
    actor: str
    reason: str = ""


class GetOverrides(Message, frozen=True, kw_only=True):
    """Asks for `Overrides`."""


class Eavesdrop(Message, frozen=True, kw_only=True):
    """Has frames of both sides of a call sent to the socket at `path`, for as long as this connection lasts. Answered with `Eavesdropping`,
    or with `Failed`. `actor`: who listens."""

    call_id: str
    path: str
    actor: str


Command: TypeAlias = (
    GetStatus
    | GetTrunks
    | GetLines
    | GetCaps
    | GetStatistics
    | GetOverrides
    | Drain
    | PauseRecording
    | Eavesdrop
    | HangUp
    | Pause
    | LimitCap
    | LiftOverride
)


class Watch(Message, frozen=True, kw_only=True):
    """Asks for `Snapshot`, and for `Changes` from then on, for as long as the connection lasts; all have the id of this command. Given
    again on the same connection, as after a gap in revisions, it is answered by another `Snapshot`. A client that does not read them is
    dropped."""


# replies


class Hello(Message, frozen=True, kw_only=True):
    """The first line of each connection. `config`: id of the running config."""

    version: int
    pid: int
    config: str


class CertificateStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate of ours for TLS. `until_us`: UTC, when it runs out."""

    file: str
    until_us: int


class LedgerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """`why`: why nothing can be written at present, which refuses new calls; None: it can. `waiting`: records of calls that are over and
    that the database does not have yet."""

    why: str | None = None
    waiting: int = 0


class ProcessStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Processes of one kind beside the switch. `wanted`: how many there should be; `up`: how many there are."""

    name: str
    wanted: int
    up: int


class Status(Message, frozen=True, kw_only=True):
    """`state`: `running`, or `draining`. `since_us`: UTC, when the switch entered it. `ends_us`: UTC, when a draining switch ends its last
    calls. `overloaded`: new calls are refused for load. `lag_ms`: how late the switch is. `certificates`: of ours, for TLS. `processes`: in
    the order of their names."""

    state: str
    since_us: int
    calls: int
    config: str
    overloaded: bool
    lag_ms: int
    ends_us: int | None = None
    certificates: tuple[CertificateStatus, ...] = ()
    ledger: LedgerStatus = LedgerStatus()
    processes: tuple[ProcessStatus, ...] = ()


class Trunks(Message, frozen=True, kw_only=True):
    """In the order of their names."""

    trunks: tuple[TrunkStatus, ...]


class Lines(Message, frozen=True, kw_only=True):
    """In the order of their names."""

    lines: tuple[LineStatus, ...]


class Caps(Message, frozen=True, kw_only=True):
    """In the order of their keys."""

    caps: tuple[CapStatus, ...]


class Statistics(Message, frozen=True, kw_only=True):
    """`counts`: kind -> host -> count, since the start."""

    counts: dict[str, dict[str, int]]


class LiveStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The switch as a whole; see `Status`. `started_us`: UTC, when it was ready."""

    state: str
    config: str
    overloaded: bool
    lag_ms: int
    started_us: int
    ends_us: int | None = None


class Snapshot(Message, frozen=True, kw_only=True):
    """All there is to see; it takes the place of all that the client knew. Sent again every 30 s.

    `revision`: of this state: the first `Changes` that follow have the next one. `calls`: in no order. `lines`, `trunks`: in the order of
    their names. `caps`: in the order of their keys. `overrides`: those in force, in the order of their numbers.
    """

    revision: int
    status: LiveStatus
    calls: tuple[LiveCallView, ...] = ()
    lines: tuple[LineStatus, ...] = ()
    trunks: tuple[TrunkStatus, ...] = ()
    caps: tuple[CapStatus, ...] = ()
    overrides: tuple[Override, ...] = ()


class Changes(Message, frozen=True, kw_only=True, omit_defaults=True):
    """What has changed since the revision before. `calls`: new or changed ones, each whole. `ended`: ids of calls that are over.
    The others: whole; None: unchanged. `lines`, `trunks` and `caps` are compared every 2 s."""

    revision: int
    calls: tuple[LiveCallView, ...] = ()
    ended: tuple[str, ...] = ()
    status: LiveStatus | None = None
    lines: tuple[LineStatus, ...] | None = None
    trunks: tuple[TrunkStatus, ...] | None = None
    caps: tuple[CapStatus, ...] | None = None
    overrides: tuple[Override, ...] | None = None


class RecordingPaused(Message, frozen=True, kw_only=True):
    """The recording of `call_id` is paused, or goes on."""

    call_id: str
    paused: bool


class HungUp(Message, frozen=True, kw_only=True):
    """`ended`: calls that this has ended. `unknown`: no such call was in progress any more."""

    ended: tuple[str, ...]
    unknown: tuple[str, ...]


class Overridden(Message, frozen=True, kw_only=True):
    """The override is in force."""

    override: Override


class Lifted(Message, frozen=True, kw_only=True):
    """The override is not in force any more."""

    override: Override


class Overrides(Message, frozen=True, kw_only=True):
    """Those in force, in the order of their numbers."""

    overrides: tuple[Override, ...]


class Eavesdropping(Message, frozen=True, kw_only=True):
    """`tap`: the number of the frames' tap."""

    call_id: str
    tap: int


class Failed(Message, frozen=True, kw_only=True):
    """The command was not carried out."""

    why: str


Reply: TypeAlias = (
    Hello
    | Status
    | Trunks
    | Lines
    | Caps
    | Statistics
    | RecordingPaused
    | Eavesdropping
    | HungUp
    | Overridden
    | Lifted
    | Overrides
    | Failed
)
Publication: TypeAlias = Snapshot | Changes

encode = msgspec.json.Encoder().encode
decode_command = msgspec.json.Decoder(Command | Watch).decode
"""Raises msgspec.MsgspecError."""
decode_reply = msgspec.json.Decoder(Reply | Publication).decode
"""Raises msgspec.MsgspecError."""
