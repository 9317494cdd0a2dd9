"""What must be true of every call of a `NetworkWorld` once all is over, counted from outside: from datagrams, phones, journal and records.

`broken_promises` finds what is not, and `told` shows the one call that it concerns, datagram by datagram.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from engine_world import SWITCH
from network_world import LINES, MEDIA_TIMEOUT_MS, NetworkWorld, UserLeg, call_id_of

from switch.call.moment import NS_PER_MS
from switch.call.record import AttemptRecord, CallRecord, EndedBy
from switch.call.steps import RELEASE_MS
from switch.call.transfer import MAX_TRANSFERS
from switch.engine.journal_line import recover_call
from switch.sip.message import Request, Response, parse

END_NS = 2**62
PATIENCE_MS = 64 * 500
"""64*T1: a request that is never answered is given up (RFC 3261 §17)."""


@dataclass(frozen=True, kw_only=True)
class Broken:
    """`call_ids`: SIP Call-IDs of the legs to look at; none where it is nobody's in particular."""

    what: str
    call_ids: tuple[str, ...] = ()


def broken_promises(world: NetworkWorld) -> Iterator[Broken]:
    for complaint in world.complaints:
        yield Broken(what=f"the engine complains: {complaint.what} {complaint.trace}")
    yield from _left_over(world)
    yield from _records_per_invite(world)
    lines_of: dict[str, list[bytes]] = defaultdict(list)
    for call_id, payload in world.journal:
        lines_of[call_id].append(payload)
    for judged in world.records:
        record = judged.record
        if recover_call(lines_of[record.call_id]) != judged:
            yield Broken(what="the journal tells another call than its record", call_ids=_call_ids(record))
        if not record.invited_us <= (record.answered_us or record.invited_us) <= record.ended_us:
            yield Broken(what="the times of the record run backwards", call_ids=_call_ids(record))
        yield from _talk(world, record)
        if not _troubled(world, record):
            yield from _agreement(world, record)


def _left_over(world: NetworkWorld) -> Iterator[Broken]:
    agents = {"switch": world.sip, **{str(address.host): phone.agent for address, phone in world.phones()}}
    for name, agent in agents.items():
        if held := {kind: count for kind, count in agent.live_counts().items() if count}:
            yield Broken(what=f"{name} still has {held}")
    held = {key: amount for key, amount in world.usage.snapshot().items() if key.endswith((" live", " outstanding")) and amount}
    if held:
        yield Broken(what=f"caps are still held: {held}")
    if ports := world.held_ports():
        yield Broken(what=f"{ports} RTP ports are still held")
    if world.engine.live_calls or world.engine.next_deadline() is not None:
        yield Broken(what=f"{world.engine.live_calls} calls live, next deadline {world.engine.next_deadline()}")
    for leg in world.legs.values():
        if leg.ended_ns is None:
            yield Broken(what=f"{leg.host} still has its leg", call_ids=(leg.call_id,))
        if not 0 <= leg.offers - leg.outcomes <= 1:
            yield Broken(what=f"{leg.offers} offers of {leg.host} had {leg.outcomes} outcomes", call_ids=(leg.call_id,))


def _records_per_invite(world: NetworkWorld) -> Iterator[Broken]:
    """An INVITE that came at the very instant at which the switch died may have no record, unless something was said to it."""
    found = Counter((judged.record.call_id[0], judged.record.sip_call_id or "") for judged in world.records)
    for (life, call_id), came_ns in world.invited.items():
        least = 0 if world.died_ns.get(life) == came_ns and (life, call_id) not in world.replied else 1
        if not least <= found[life, call_id] <= 1:
            yield Broken(what=f"an INVITE has {found[life, call_id]} records", call_ids=(call_id,))
    for _, call_id in found.keys() - world.invited.keys() - world.signed:
        yield Broken(what="a record of a call without INVITE", call_ids=(call_id,))


def _talk(world: NetworkWorld, record: CallRecord) -> Iterator[Broken]:
    """No longer than from the line's answer to the first BYE, both as they came, whoever sent it; nor to what a phone without a BYE saw."""
    life = record.call_id[0]
    for tried in record.attempts:
        if not tried.connected_ms:
            continue
        legs = (record.sip_call_id or "", tried.sip_call_id or "")
        began_ns = world.first_2xx.get((life, legs[1]))
        ends = [max(_ends_ns(world, life, call_id)) for call_id in legs if call_id in world.legs]
        ends += [world.died_ns[life]] if record.ended_by is EndedBy.CRASH else []
        if began_ns is None:
            yield Broken(what=f"{tried.line} talked without an answer", call_ids=_call_ids(record))
        elif tried.connected_ms > (most := max(0, min(ends) - began_ns) // NS_PER_MS):
            yield Broken(what=f"{tried.line} talked {tried.connected_ms} ms, at most {most} ms were", call_ids=_call_ids(record))


def _ends_ns(world: NetworkWorld, life: str, call_id: str) -> list[int]:
    """When this side was gone, and those who took the call from it by a transfer."""
    took = [leg for leg in transferred(world, call_id) if leg.answered_ns is not None]
    return [_end_ns(world, life, leg) for leg in (world.legs[call_id], *took)]


def transferred(world: NetworkWorld, call_id: str) -> list[UserLeg]:
    """The legs that a leg of a line was transferred to."""
    numbered = (f"{call_id}-{number}" for number in range(1, MAX_TRANSFERS + 1))
    return [world.legs[each] for each in numbered if each in world.legs]


def _end_ns(world: NetworkWorld, life: str, leg: UserLeg) -> int:
    """When the switch could know at the latest that this side was gone: by its BYE, else by the audio that stopped. A side that may be
    on hold need not send any: without a BYE its call may last for `hold_timeout`, which is longer than these worlds."""
    bye_ns = world.first_bye.get((life, leg.call_id))
    if bye_ns is None and leg.renegotiated:
        return END_NS
    return bye_ns if bye_ns is not None else (leg.ended_ns or world.now_ns) + (MEDIA_TIMEOUT_MS + 2_000) * NS_PER_MS


def _troubled(world: NetworkWorld, record: CallRecord) -> bool:
    """Whether somebody of this call was cut off, or the switch down, while it lived or while its end was told."""
    hosts = {SWITCH.host, *(LINES[tried.line].host for tried in record.attempts if tried.line in LINES)}
    caller = world.legs.get(record.sip_call_id or "")
    if caller is None:
        return True
    end_ns = world.recorded_ns[record.call_id] + 3 * PATIENCE_MS * NS_PER_MS
    return any(
        outage.from_ns <= end_ns and caller.began_ns <= outage.to_ns
        for outage in world.outages
        if outage.host in {caller.host, *hosts}
    )


def _agreement(world: NetworkWorld, record: CallRecord) -> Iterator[Broken]:
    """Both sides have answered what the record says was answered, and know of its end within the timers of RFC 3261.

    A hang-up before the ACK waits for that, and then its BYE may take as long (§15, §17.1.2). Where nothing is lost it is told at once.
    A line none of whose answers came by then can't be told: CANCEL has to wait for one (§9.1).
    """
    caller = world.legs[record.sip_call_id or ""]
    lossy = world.loss > 0
    within_ms = (2 * PATIENCE_MS if lossy else RELEASE_MS) + 2 * world.delay_ms[1]
    told_ns = world.recorded_ns[record.call_id] + within_ms * NS_PER_MS
    life = record.call_id[0]
    dialled = [tried.sip_call_id for tried in record.attempts if tried.sip_call_id in world.legs]
    lines = [leg for call_id in dialled for leg in (world.legs[call_id], *transferred(world, call_id))]
    for leg in (caller, *(line for line in lines if world.first_reply.get((life, line.call_id), told_ns) < told_ns)):
        if leg.ended_ns is None or leg.ended_ns > told_ns:
            late_ms = ((leg.ended_ns or world.now_ns) - world.recorded_ns[record.call_id]) // NS_PER_MS
            yield Broken(what=f"{leg.host} knew of the end {late_ms} ms after the record", call_ids=_call_ids(record))
    if caller.answered_ns is not None and record.answered_us is None:
        yield Broken(what="the caller was answered, and its record does not say so", call_ids=_call_ids(record))
    if record.answered_us is not None and caller.answered_ns is None and not caller.left:
        yield Broken(what="the record says answered, and the caller never was", call_ids=_call_ids(record))
    for tried in record.attempts:
        yield from _answered(world, record, tried)


def _answered(world: NetworkWorld, record: CallRecord, tried: AttemptRecord) -> Iterator[Broken]:
    line = world.legs.get(tried.sip_call_id or "")
    if tried.answered_us is not None and (line is None or line.answered_ns is None):
        yield Broken(what=f"the record says that {tried.line} answered, and it did not", call_ids=_call_ids(record))


def _call_ids(record: CallRecord) -> tuple[str, ...]:
    dialled = [tried.sip_call_id or "" for tried in record.attempts]
    desks = [f"{call_id}-{number}" for call_id in dialled for number in range(1, MAX_TRANSFERS + 1)]
    return (record.sip_call_id or "", *dialled, *desks)


def told(world: NetworkWorld, broken: Broken) -> str:
    """The trace of the call: each datagram of its legs, when it was sent and when it came, the phones, and the record."""
    names = {SWITCH.host: "switch", **{flow.host: f"line {flow.host}" for flow in LINES.values()}}
    rows = []
    for at_ns, what, source, target, data in world.flown:
        if call_id_of(data) in broken.call_ids:
            ends = f"{names.get(source.host, source.host)} -> {names.get(target.host, target.host)}"
            rows.append(f"  {at_ns / NS_PER_MS:>10.0f} ms  {what}  {ends:<36} {_title(data)}  [{call_id_of(data)}]")
    rows += [f"  {world.legs[call_id]}" for call_id in broken.call_ids if call_id in world.legs]
    rows += [f"  {judged.record}" for judged in world.records if judged.record.sip_call_id in broken.call_ids]
    return "\n".join(rows)


def _title(data: bytes) -> str:
    match parse(data):
        case Request(method=method):
            return method
        case Response() as response:
            return f"{response.status} {(response.headers.get('CSeq') or '').partition(' ')[2]}"
        case other:
            return str(other)
