"""What the shell makes of traces: rows with parties and no secrets, and packets that a capture server gets."""

import asyncio
import socket

import pytest
from engine_world import CARRIER, EAST, SWITCH, WEST, World, line, plan
from msgspec.structs import replace as with_changes
from structlog.testing import capture_logs

from switch import trace_keeper
from switch.call.moment import Moment
from switch.deployment import HepSettings
from switch.engine.sip_trace import LINGER_NS, PENDING_NS, SipTrace, TraceMode, TraceRecorder
from switch.ledger.tables import SipTraceRow
from switch.sip.digest import Secret
from switch.trace.message import decode
from switch.trace_keeper import MAX_MESSAGE_OCTETS, MAX_UNPLACED, US_PER_DAY, TraceKeeper, kept

AUTHORIZED = (
    b"INVITE sip:1@192.0.2.1 SIP/2.0\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n"
    b'Authorization: Digest username="anna", response="deadbeef"\r\n\r\n'
)


class Shell:
    """What the keeper is given, and what it gave: `rows`, and before when it asked to delete, `swept`."""

    def __init__(self, recorder: TraceRecorder, *, hep: HepSettings | None = None) -> None:
        self.at = Moment(mono_ns=0, utc_us=30 * US_PER_DAY)
        self.rows: list[SipTraceRow] = []
        self.swept: list[int] = []
        self.keeper = TraceKeeper(
            recorder, ours=(SWITCH,), hep=hep, days=7, now=lambda: self.at, keep=self.rows.extend, sweep=self.swept.append
        )

    def look(self, at_ns: int) -> None:
        self.at = with_changes(self.at, mono_ns=at_ns)
        asyncio.run(self.keeper.look())


def recorded(recorder: TraceRecorder, call_id: str, *messages: bytes, sent: bytes = b"") -> None:
    at = Moment(mono_ns=0, utc_us=1_000_000)
    trace = recorder.of_invite(f"{call_id}@sip", b"INVITE x", at)
    assert trace is not None
    for data in messages:
        trace.messages.extend((False, at, CARRIER, data))
    if sent:
        trace.messages.extend((True, at, CARRIER, sent))


def over(recorder: TraceRecorder, call_id: str) -> None:
    recorder.begin(f"{call_id}@sip", call_id)
    recorder.end(call_id, None)


def test_a_row_has_each_partys_messages_without_secrets() -> None:
    world = World(plan(line("east", EAST), line("west", WEST)))
    world.engine.traces.mode = TraceMode.ALL
    world.line_phone(EAST, status=486)
    world.line_phone(WEST)
    world.call(hang_up_ms=20_000)
    world.run(25_000)
    shell = Shell(world.engine.traces)
    shell.look(world.now_ns)
    shell.look(world.now_ns + LINGER_NS)
    (row,) = shell.rows
    (judged,) = world.records
    found = decode(row.trace)
    assert found.parties == ("carrier", "east", "west")
    assert (row.call_id, row.sip_call_id) == (judged.record.call_id, judged.record.sip_call_id)
    assert (row.messages, row.dropped, row.began_us) == (len(found.messages), 0, found.messages[0].at_us)
    addresses = {(message.party, message.theirs.host) for message in found.messages}
    assert addresses == {(0, CARRIER.host), (1, EAST.host), (2, WEST.host)}
    assert {str(message.ours) for message in found.messages} == {f"{SWITCH.host}:{SWITCH.port}"}


def test_a_message_is_masked_and_cut_off() -> None:
    trace = SipTrace(call_id="", sip_call_ids=["c"])
    at = Moment(mono_ns=0, utc_us=5)
    for data in (AUTHORIZED, b"x" * MAX_MESSAGE_OCTETS, b"x" * (MAX_MESSAGE_OCTETS + 1)):
        trace.messages.extend((False, at, CARRIER, data))
    first, *long = kept(trace, (SWITCH,)).messages
    assert b'username="anna"' in first.data
    assert b"deadbeef" not in first.data
    assert [len(message.data) for message in long] == [MAX_MESSAGE_OCTETS] * 2


@pytest.mark.parametrize("more", [0, 1])
def test_so_many_calls_are_kept_in_one_round(more: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_keeper, "MAX_KEPT", 3)
    recorder = TraceRecorder(TraceMode.ALL)
    for number in range(3 + more):
        recorded(recorder, f"call{number}", AUTHORIZED)
        over(recorder, f"call{number}")
    shell = Shell(recorder)
    shell.look(0)
    with capture_logs() as logs:
        shell.look(LINGER_NS)
    assert len(shell.rows) == 3
    assert [entry["left_out"] for entry in logs] == [1] * more


def test_an_invite_that_became_no_call_is_kept_where_it_was_refused() -> None:
    recorder = TraceRecorder(TraceMode.FAILED)
    recorded(recorder, "answered", AUTHORIZED, sent=b"SIP/2.0 401 Unauthorized\r\n\r\n")
    recorded(recorder, "nothing", AUTHORIZED, sent=b"SIP/2.0 100 Trying\r\n\r\n")
    shell = Shell(recorder)
    with capture_logs() as logs:
        shell.look(PENDING_NS)
    assert [(row.call_id, row.sip_call_id) for row in shell.rows] == [("", "answered@sip")]
    assert [entry["sip_call_id"] for entry in logs] == ["answered@sip"]


@pytest.mark.parametrize("more", [0, 1])
def test_of_such_invites_so_many_are_kept(more: int) -> None:
    recorder = TraceRecorder(TraceMode.FAILED)
    shell = Shell(recorder)
    for number in range(MAX_UNPLACED + more):
        recorded(recorder, str(number), AUTHORIZED, sent=b"SIP/2.0 401 Unauthorized\r\n\r\n")
    with capture_logs() as logs:
        shell.look(PENDING_NS)
    named = [entry for entry in logs if entry["event"] == "an INVITE became no call"]
    assert (len(named), shell.keeper.room_for_unplaced) == (MAX_UNPLACED, 0)


def test_a_capture_server_gets_each_message_once_without_secrets() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        recorder = TraceRecorder(TraceMode.OFF)
        hep = HepSettings(to=server.getsockname(), capture_id=9, password=Secret("opensesame"))
        shell = Shell(recorder, hep=hep)
        recorded(recorder, "call", AUTHORIZED)
        recorder.begin("call@sip", "call")
        shell.look(0)
        shell.look(1)
        packet = server.recv(65_535)
        assert packet.startswith(b"HEP3")
        assert b"opensesame" in packet
        assert b"Authorization: Digest" in packet
        assert b"deadbeef" not in packet
        assert packet.count(b"call") == 1
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.recv(65_535)
        asyncio.run(shell.keeper.close())
    assert shell.rows == []


def test_a_capture_server_that_is_not_there_is_said_once() -> None:
    recorder = TraceRecorder(TraceMode.OFF)
    shell = Shell(recorder, hep=HepSettings(to=("no-such-host.invalid", 9060), capture_id=9, password=None))
    with capture_logs() as logs:
        for number in range(2):
            recorded(recorder, f"call{number}", AUTHORIZED)
            shell.look(number)
    assert [entry["to"] for entry in logs] == ["no-such-host.invalid:9060"]


def test_it_looks_once_a_second_deletes_what_is_old_and_keeps_the_rest_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_keeper, "EVERY_S", 0.0)
    recorder = TraceRecorder(TraceMode.FAILED)
    shell = Shell(recorder)
    recorded(recorder, "call", AUTHORIZED)
    over(recorder, "call")

    async def run() -> None:
        asked = asyncio.Event()

        def sweep(before_us: int) -> None:
            shell.swept.append(before_us)
            asked.set()

        monkeypatch.setattr(shell.keeper, "_sweep", sweep)
        shell.keeper.start()
        await asked.wait()
        await shell.keeper.close()

    asyncio.run(run())
    assert shell.swept[0] == 23 * US_PER_DAY
    assert [row.call_id for row in shell.rows] == ["call"]
