"""Keeps references to each call's SIP messages, within bounds, until the call is over. What is made of them: `switch.trace`.

A message belongs to the call that has its Call-ID. The carrier's is known before there is a call: an INVITE opens a trace, which waits
for its call, so that challenges and refusals before it are there too. A line's Call-ID begins with the call's id.

The messages are the datagrams themselves: nothing is copied, and nothing read, while a call lasts. The bounds are seen to once a second
(`sweep`), so that a message costs one look-up. A trace is a ring whose beginning stays: beyond its bounds the oldest message after the
first `HEAD_MESSAGES` gives way to the newest.
"""

from collections import deque
from collections.abc import Iterator
from enum import StrEnum
from itertools import chain

import msgspec

from switch.call.cause import TREATMENT, Fault
from switch.call.moment import Moment
from switch.call.record import CallRecord
from switch.sip.flow import Flow

MAX_MESSAGES = 256
"""Of one call."""
HEAD_MESSAGES = 64
"""The first messages of a call, which stay however long it takes."""
MAX_CALL_OCTETS = 256 * 1024
"""Of one call's messages."""
MAX_OCTETS = 64 * 1024 * 1024
"""Of all calls' messages. Beyond it, calls that are over are handed out at once, and then those that have most lose theirs."""
MAX_PENDING = 256
"""INVITEs that wait for their call; beyond that the oldest one is forgotten."""
PENDING_NS = 32_000_000_000
"""How long an INVITE waits for its call: as long as its transaction lasts (64*T1, RFC 3261 §17.2.1)."""
LINGER_NS = 4_000_000_000
"""How long a call that is over still takes messages: its last ACK, and three retransmissions of a refusal that nobody acknowledges
(Timer G)."""

_FIELDS = 4
_INVITE = b"INVITE "
_NORMAL = frozenset(str(cause) for cause, how in TREATMENT.items() if how.fault in {Fault.NOBODY, Fault.CONFIG})
"""Causes that end a talk without anything having broken."""

Item = bool | Moment | Flow | bytes


class TraceMode(StrEnum):
    """Of which calls the messages are kept once they are over."""

    FAILED = "failed"
    """Of those that did not connect, or broke."""
    ALL = "all"
    OFF = "off"


class SipTrace(msgspec.Struct, kw_only=True, eq=False):
    """One call's messages. `call_id`: ours; "" while there is no call. `messages`: four items each: whether we sent it, its `Moment`, the
    `Flow` to or from the peer, its octets. `sip_call_ids`: theirs. `until_ns`: when it takes no more. `dropped`: how many gave way.
    `is_kept`: it is to be kept, and `record` is the call's, once that is over. `mirrored`: how many items were sent elsewhere."""

    call_id: str
    messages: list[Item] = []
    sip_call_ids: list[str] = []
    until_ns: int = 0
    dropped: int = 0
    is_kept: bool = False
    record: CallRecord | None = None
    mirrored: int = 0

    @property
    def count(self) -> int:
        """Returns how many messages there are."""
        return len(self.messages) // _FIELDS

    @property
    def octets(self) -> int:
        return sum(map(len, self.messages[_FIELDS - 1 :: _FIELDS]))  # type: ignore[arg-type] # a type check for each costs time

    def trim(self) -> int:
        """Brings it within the bounds of one call. Returns the octets that are left."""
        octets = self.octets
        while self.count > MAX_MESSAGES or (octets > MAX_CALL_OCTETS and self.messages):
            octets -= self._forget(min(HEAD_MESSAGES, self.count - 1))
        return octets

    def _forget(self, number: int) -> int:
        """Drops a message. Returns its octets."""
        start = number * _FIELDS
        data = self.messages[start + _FIELDS - 1]
        del self.messages[start : start + _FIELDS]
        self.dropped += 1
        if self.mirrored > start:
            self.mirrored -= _FIELDS
        return len(data) if isinstance(data, bytes) else 0

    def empty(self) -> None:
        """Drops all its messages."""
        self.dropped += self.count
        self.messages.clear()
        self.mirrored = 0


def is_failed(record: CallRecord) -> bool:
    """Returns whether a call never came to a talk, or broke: by its caller's, a line's, the network's or the switch's fault."""
    if record.ended_detail in _NORMAL:
        for attempt in record.attempts:
            if attempt.talk_us is not None:
                return False
    return True


class TraceRecorder:
    """The traces of all calls. `by_sip`: by Call-ID, those that take messages. `mode`: what is kept of calls that end from now on.
    `is_mirrored`: every message is also sent elsewhere, whatever `mode` says."""

    __slots__ = ("_by_call", "_over", "_pending", "by_sip", "is_mirrored", "mode")

    def __init__(self, mode: TraceMode) -> None:
        self.mode = mode
        self.is_mirrored = False
        self._by_call: dict[str, SipTrace] = {}
        self.by_sip: dict[str, SipTrace] = {}
        self._pending: dict[str, SipTrace] = {}
        self._over: deque[SipTrace] = deque()

    def find(self, call_id: str) -> SipTrace | None:
        """Returns the trace of a call in progress or just over, by our id or the carrier's Call-ID."""
        found = self._by_call.get(call_id) or self.by_sip.get(call_id)
        return found or next((trace for trace in self._over if trace.call_id == call_id), None)

    # calls

    def of_invite(self, sip_call_id: str, data: bytes, at: Moment) -> SipTrace | None:
        """Opens the trace of an INVITE that came, which is no call yet. None: it is another message, or nothing is traced."""
        if not data.startswith(_INVITE) or (self.mode is TraceMode.OFF and not self.is_mirrored):
            return None
        if len(self._pending) >= MAX_PENDING:
            self._drop(self._pending.pop(next(iter(self._pending))))
        trace = SipTrace(call_id="", sip_call_ids=[sip_call_id], until_ns=at.mono_ns + PENDING_NS)
        self._pending[sip_call_id] = self.by_sip[sip_call_id] = trace
        return trace

    def of_line(self, sip_call_id: str) -> SipTrace | None:
        """Returns the trace of the call that one of our own Call-IDs belongs to (`CALL-LEG`, or `CALL-LEG-TRANSFER`), or None."""
        call_id, dash, _ = sip_call_id.partition("-")
        trace = self._by_call.get(call_id) if dash else None
        if trace is not None:
            self.by_sip[sip_call_id] = trace
            trace.sip_call_ids.append(sip_call_id)
        return trace

    def begin(self, sip_call_id: str, call_id: str) -> None:
        """The INVITE that came last became a call. Where another live call has its Call-ID, the carrier's messages are in the trace of that
        one; a call that is over makes way."""
        trace = self._pending.pop(sip_call_id, None) or self._take_over(sip_call_id)
        if trace is not None:
            trace.call_id = call_id
            self._by_call[call_id] = trace

    def end(self, call_id: str, record: CallRecord | None) -> None:
        """A call is over. `record`: None where none could be made."""
        trace = self._by_call.pop(call_id, None)
        if trace is None:
            return
        mode = self.mode
        is_kept = mode is TraceMode.ALL or (mode is TraceMode.FAILED and (record is None or is_failed(record)))
        if is_kept or self.is_mirrored:
            trace.record = record
            trace.is_kept = is_kept
            trace.until_ns = 0
            self._over.append(trace)
        else:
            self._drop(trace)

    def _take_over(self, sip_call_id: str) -> SipTrace | None:
        """Returns a new trace for a call whose Call-ID another one has, or had: then it takes over the latest message, its INVITE. None:
        nothing is traced."""
        before = self.by_sip.get(sip_call_id)
        if before is None:
            return None
        trace = SipTrace(call_id="")
        if before.call_id not in self._by_call:
            trace.messages = before.messages[-_FIELDS:]
            del before.messages[-_FIELDS:]
            trace.sip_call_ids.append(sip_call_id)
            self.by_sip[sip_call_id] = trace
        return trace

    def _drop(self, trace: SipTrace) -> None:
        """It takes no more messages."""
        by_sip = self.by_sip
        for sip_call_id in trace.sip_call_ids:
            if by_sip.get(sip_call_id) is trace:
                del by_sip[sip_call_id]

    # once a second

    def mirror(self) -> Iterator[tuple[str, bool, Moment, Flow, bytes]]:
        """Returns the messages to send elsewhere, each once and with the id of its call. To be looked at before `sweep`."""
        for trace in self._all():
            fresh = trace.messages[trace.mirrored :]
            trace.mirrored = len(trace.messages)
            for is_sent, at, flow, data in zip(*[iter(fresh)] * _FIELDS, strict=True):
                yield trace.call_id, is_sent, at, flow, data

    def sweep(self, at: Moment, *, is_last: bool = False) -> list[SipTrace]:
        """Sees to the bounds. Returns the traces to keep of calls that have been over for long enough, and those of INVITEs that never
        became a call, each once. `is_last`: all there are."""
        for trace in self._over:
            trace.until_ns = trace.until_ns or at.mono_ns + LINGER_NS
        octets = {id(trace): trace.trim() for trace in self._all()}
        total = sum(octets.values())
        found: list[SipTrace] = []
        over = self._over
        while over and (is_last or over[0].until_ns <= at.mono_ns or total > MAX_OCTETS):
            total -= octets[id(over[0])]
            found.append(over.popleft())
        pending = self._pending
        while pending and (is_last or next(iter(pending.values())).until_ns <= at.mono_ns or total > MAX_OCTETS):
            trace = pending.pop(next(iter(pending)))
            total -= octets[id(trace)]
            trace.is_kept = self.mode is not TraceMode.OFF
            found.append(trace)
        for trace in found:
            self._drop(trace)
        if total > MAX_OCTETS:
            for trace in sorted(self._by_call.values(), key=lambda trace: octets[id(trace)], reverse=True):
                total -= octets[id(trace)]
                trace.empty()
                if total <= MAX_OCTETS:
                    break
        return [trace for trace in found if trace.is_kept and trace.messages]

    def _all(self) -> Iterator[SipTrace]:
        return chain(self._by_call.values(), self._pending.values(), self._over)
