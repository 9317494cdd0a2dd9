"""Takes the SIP messages of calls from the engine once a second: has rows made of those to keep, and sends all of them to Homer.

All work on text is done in a thread. The engine waits for none of it, and neither does a call.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable, Sequence

import structlog

from switch.call.moment import Moment
from switch.deployment import HepSettings
from switch.engine.sip_trace import SipTrace, TraceRecorder
from switch.ledger.tables import SipTraceRow
from switch.sip.flow import Flow
from switch.trace.hep import hep3
from switch.trace.mask import masked
from switch.trace.message import CARRIER, Endpoint, Trace, TracedMessage, encode, head_of

EVERY_S = 1.0
SWEEP_EVERY = 600
"""Rounds between two looks for traces that are too old."""
US_PER_DAY = 86_400_000_000
MAX_MESSAGE_OCTETS = 16_384
"""Of one message that is kept: the rest is cut off."""
MAX_KEPT = 50
"""Calls whose messages are kept in one round: a flood that is refused must not cost what it is refused for."""
MAX_SENT = 10_000
"""Messages sent to Homer in one round; further ones are left out."""
MAX_UNPLACED = 60
"""INVITEs that became no call, kept in a row; one more for each `ROUNDS_PER_UNPLACED` rounds that pass."""
ROUNDS_PER_UNPLACED = 10
_UNKNOWN = "carrier"
_FAILURES = (b"SIP/2.0 3", b"SIP/2.0 4", b"SIP/2.0 5", b"SIP/2.0 6")

Mirrored = tuple[str, bool, Moment, Flow, bytes]
"""The id of its call, whether we sent it, when, to or from whom, its octets."""

_log = structlog.get_logger("payphone")


class TraceKeeper:
    """`ours`: our addresses, by listener. `keep` takes rows for the ledger, `sweep` the moment before which traces are too old, UTC µs."""

    def __init__(
        self,
        recorder: TraceRecorder,
        *,
        ours: Sequence[Flow],
        hep: HepSettings | None,
        days: int,
        now: Callable[[], Moment],
        keep: Callable[[Sequence[SipTraceRow]], None],
        sweep: Callable[[int], None],
    ) -> None:
        self._recorder = recorder
        self._ours = ours
        self._hep = None if hep is None else HepSender(hep, ours=ours)
        self._days = days
        self._now = now
        self._keep = keep
        self._sweep = sweep
        self._rounds = 0
        self.room_for_unplaced = MAX_UNPLACED
        self._task: asyncio.Task[None] | None = None
        recorder.is_mirrored = hep is not None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """What there is of calls that are over is kept, and sent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.look(is_last=True)
        if self._hep is not None:
            self._hep.close()

    async def _run(self) -> None:
        while True:
            try:
                if self._rounds % SWEEP_EVERY == 0:
                    self._sweep(self._now().utc_us - self._days * US_PER_DAY)
                self._rounds += 1
                await self.look()
            except Exception:  # noqa: BLE001 what is wrong with one call's messages must not stop those of others
                _log.exception("SIP messages of calls are lost")
            await asyncio.sleep(EVERY_S)

    async def look(self, *, is_last: bool = False) -> None:
        """One round. `is_last`: all calls are over."""
        if self._hep is not None:
            mirrored = list(self._recorder.mirror())
            if mirrored:
                await asyncio.to_thread(self._hep.send, mirrored)
        if self._rounds % ROUNDS_PER_UNPLACED == 0:
            self.room_for_unplaced = min(self.room_for_unplaced + 1, MAX_UNPLACED)
        found = [trace for trace in self._recorder.sweep(self._now(), is_last=is_last) if self._is_wanted(trace)]
        if len(found) > MAX_KEPT:
            _log.warning("SIP messages of calls are not kept: more than so many calls a second", left_out=len(found) - MAX_KEPT)
        if found:
            self._keep(await asyncio.to_thread(self._rows, found[:MAX_KEPT]))

    def _is_wanted(self, trace: SipTrace) -> bool:
        """Of INVITEs that became no call, those that we refused, and not too many."""
        if trace.call_id:
            return True
        items = trace.messages
        said = zip(items[::4], items[3::4], strict=True)
        if not self.room_for_unplaced or not any(
            sent and isinstance(data, bytes) and data.startswith(_FAILURES) for sent, data in said
        ):
            return False
        self.room_for_unplaced -= 1
        _log.info("an INVITE became no call", sip_call_id=trace.sip_call_ids[0], source=str(items[2]))
        return True

    def _rows(self, traces: Iterable[SipTrace]) -> list[SipTraceRow]:
        return [row_of(kept(trace, self._ours)) for trace in traces]


class HepSender:
    """Sends messages to a capture server over UDP. Its methods are called from one thread at a time."""

    def __init__(self, settings: HepSettings, *, ours: Sequence[Flow]) -> None:
        self._settings = settings
        self._ours = ours
        self._socket: socket.socket | None = None
        self._is_failing = False

    def send(self, messages: Sequence[Mirrored]) -> None:
        """Sends them. What can't be sent is lost, and said once until it works again."""
        password = self._settings.password
        try:
            if self._socket is None:
                self._socket = _connected(*self._settings.to)
            for call_id, is_sent, at, flow, data in messages[:MAX_SENT]:
                message = _message(is_sent, at, flow, masked(data), party=CARRIER, ours=self._ours)
                secret = None if password is None else password.reveal()
                self._socket.send(hep3(message, call_id=call_id, capture_id=self._settings.capture_id, password=secret))
        except OSError as error:
            self.close()
            if not self._is_failing:
                _log.warning("HEP: nothing can be sent", to=f"{self._settings.to[0]}:{self._settings.to[1]}", why=str(error))
            self._is_failing = True
        else:
            self._is_failing = False
            if len(messages) > MAX_SENT:
                _log.warning("HEP: more messages than are sent in a second", left_out=len(messages) - MAX_SENT)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None


def _connected(host: str, port: int) -> socket.socket:
    """Returns a UDP socket to there. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    found = socket.socket(family, kind, protocol)
    try:
        found.connect(address)
    except OSError:
        found.close()
        raise
    return found


def kept(trace: SipTrace, ours: Sequence[Flow]) -> Trace:
    """Returns a trace as it is kept: secrets masked, each message with its party."""
    record = trace.record
    names = [record.trunk if record is not None and record.trunk else _UNKNOWN]
    lines = {} if record is None else {str(attempt.number): attempt.line for attempt in record.attempts}
    messages = []
    items = iter(trace.messages)
    for is_sent, at, flow, data in zip(items, items, items, items, strict=True):
        if not (isinstance(at, Moment) and isinstance(flow, Flow) and isinstance(data, bytes)):
            raise TypeError("a trace holds what no message is")
        party = CARRIER
        call_id, _, rest = head_of(data).call_id.partition("-")
        if trace.call_id and call_id == trace.call_id and rest:
            number = rest.partition("-")[0]
            name = lines.get(number, f"line {number}")
            if name not in names[1:]:
                names.append(name)
            party = names.index(name, 1)
        messages.append(_message(bool(is_sent), at, flow, masked(data[:MAX_MESSAGE_OCTETS]), party=party, ours=ours))
    sip_call_id = trace.sip_call_ids[0] if trace.sip_call_ids else ""
    return Trace(
        call_id=trace.call_id,
        sip_call_id=sip_call_id.encode("utf-8", "replace").decode(),
        parties=tuple(names),
        messages=tuple(messages),
        dropped=trace.dropped,
    )


def row_of(trace: Trace) -> SipTraceRow:
    return SipTraceRow(
        call_id=trace.call_id,
        sip_call_id=trace.sip_call_id.replace("\0", ""),
        began_us=trace.messages[0].at_us,
        messages=len(trace.messages),
        dropped=trace.dropped,
        trace=encode(trace),
    )


def _message(is_sent: bool, at: Moment, flow: Flow, data: bytes, *, party: int, ours: Sequence[Flow]) -> TracedMessage:  # noqa: FBT001
    """`data`: masked."""
    here = ours[flow.listener]
    return TracedMessage(
        at_us=at.utc_us,
        is_sent=is_sent,
        party=party,
        transport=str(flow.transport),
        ours=Endpoint(here.host, here.port),
        theirs=Endpoint(flow.host, flow.port),
        data=data,
    )
