"""Floods: whatever is refused or dropped leaves nothing behind, and calls in progress are not touched."""

import gc
import tracemalloc
from collections.abc import Iterator

import pytest
from engine_world import CARRIER, EAST, World, line, plan

from switch.engine.admission import OVERLOAD_LAG_MS
from switch.engine.effect import LogLoad, SendSip
from switch.sip.flow import Flow
from switch.sip.statistics import MAX_HOSTS, OTHER
from switch.sip.transaction import Timers

FLOOD = 100_000
MAX_GROWTH_BYTES = 1_000_000
"""What may be left of a flood: counters of some hundred addresses, room in tables."""
SETTLE_MS = 2 * Timers().transaction_timeout_ns // 1_000_000


def invite(number: int) -> bytes:
    lines = [
        "INVITE sip:+18005550100@192.0.2.1 SIP/2.0",
        f"Via: SIP/2.0/UDP 198.51.100.7:5080;branch=z9hG4bKflood{number};rport",
        f"From: <sip:+12125550199@198.51.100.7>;tag=f{number}",
        "To: <sip:+18005550100@192.0.2.1>",
        f"Call-ID: flood{number}",
        "CSeq: 1 INVITE",
        "Contact: <sip:198.51.100.7:5080>",
        "Max-Forwards: 70",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def sources() -> Iterator[Flow]:
    for number in range(FLOOD):
        yield Flow(f"203.{number >> 16}.{number >> 8 & 255}.{number & 255}", 5060)


@pytest.mark.parametrize("kind", ["invites", "garbage"])
def test_strangers_leave_nothing_but_a_count(kind: str) -> None:
    world = World(plan(line("east", EAST)))
    world.line_phone(EAST)
    world.call(hang_up_ms=60_000)
    world.run(5_000)
    held = world.sip.live_counts()
    assert world.engine.live_calls == 1
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number, source in enumerate(sources()):
        world.engine.datagram(invite(number) if kind == "invites" else b"\0\xff" * 40, source, world.at())
        assert world.engine.effects() == []
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < MAX_GROWTH_BYTES
    assert world.sip.live_counts() == held
    (counts,) = world.engine.statistics().values()
    assert (len(counts), counts[OTHER]) == (MAX_HOSTS + 1, FLOOD - MAX_HOSTS)
    world.run(60_000 + SETTLE_MS)
    (judged,) = world.records
    assert judged.record.connected_ms > 50_000
    assert set(world.sip.live_counts().values()) == {0}


def test_refused_calls_leave_their_records_and_nothing_else() -> None:
    """An overloaded switch, and a trunk that offers on: 503 with a record each; the call in progress hears nothing of it."""
    world = World(plan(line("east", EAST)))
    world.line_phone(EAST)
    world.call(hang_up_ms=20_000)
    world.run(5_000)
    for _ in range(2):
        world.engine.load(OVERLOAD_LAG_MS, world.at())
    calls = 2_000
    for number in range(calls):
        world.engine.datagram(invite(number), Flow(CARRIER.host, 6_000), world.at())
        sent = [effect.data for effect in world.engine.effects() if isinstance(effect, SendSip)]
        assert sent[-1].startswith(b"SIP/2.0 503 ")
        assert b"\r\nRetry-After: 5\r\n" in sent[-1]
    assert world.engine.live_calls == 1
    world.run(30_000 + SETTLE_MS)
    (judged,) = world.records
    assert (judged.record.ended_by, judged.record.connected_ms > 10_000) == ("caller", True)
    assert set(world.sip.live_counts().values()) == {0}
    trunk = world.engine.trunk_status(world.at())[0]
    assert (trunk.calls, trunk.total_calls, trunk.refused) == (0, calls + 1, calls)
    assert world.engine.next_deadline() is None


def test_a_switch_that_is_behind_says_so_once_and_serves_dialogs() -> None:
    world = World(plan(line("east", EAST)))
    world.line_phone(EAST)
    leg = world.call()
    world.run(5_000)
    for _ in range(3):
        world.engine.load(OVERLOAD_LAG_MS, world.at())
    logged = [effect for effect in world.engine.effects() if isinstance(effect, LogLoad)]
    assert logged == [LogLoad(is_overloaded=True, lag_ms=OVERLOAD_LAG_MS)]
    world.caller.agent.hangup(leg, world.now_ns)
    world.run(SETTLE_MS)
    assert len(world.records) == 1
    assert world.endings()[-1].leg == leg
    assert world.engine.statistics()["overload"] == {"": 1}
