"""Journal and ledger together: what a start finds is kept, damage is told and survived, and who can't write says so until he can again."""

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ledger_rows import steered

from switch.billing.verdict import CallEvent, JudgedCall
from switch.call.cause import Cause
from switch.call.moment import Moment
from switch.call.record import EndedBy, FinalState
from switch.call.state import CallHistory
from switch.engine.journal_line import event_line, heartbeat_line
from switch.engine.steering_rows import Change, encode_steering
from switch.ledger import database, journal, service, writer
from switch.ledger.database import Database, ledger_url
from switch.ledger.journal import Journal, recover
from switch.ledger.service import LedgerService
from switch.ledger.store import Ledger

PATIENCE_S = 20.0
T0 = Moment(mono_ns=10**12, utc_us=1_767_225_600_000_000)


def first_line(call_id: str) -> bytes:
    """A caller was there, and then the process died."""
    history = CallHistory(call_id=call_id, did="+18005550100", ani="+12145550123", trunk="t", seed=1, version="v", invited=T0)
    return event_line(T0, CallEvent(number=1, at_us=T0.utc_us, event="InviteArrived", facts={}), history)


def ended_line(call_id: str) -> bytes:
    history = CallHistory(
        call_id=call_id, did="+18005550100", ani="+12145550123", trunk="t", seed=1, version="v", invited=T0, ended=T0,
        ended_by=EndedBy.SWITCH, cause=Cause.NO_MATCH, final_state=FinalState.NO_MATCH, sip_code=404,
    )  # fmt: skip
    return event_line(T0, CallEvent(number=1, at_us=T0.utc_us, event="InviteArrived", facts={}), history)


def left(data: Path, *lines: tuple[str, bytes], segment_bytes: int = 10**6, recorded_ids: Iterable[str] = ()) -> list[Path]:
    """What a process left in the journal."""
    journal = Journal(data / "journal", segment_bytes=segment_bytes)
    for call_id, payload in lines:
        journal.append(call_id, payload)
    journal.mark_recorded(recorded_ids)
    journal.close()
    return sorted((data / "journal").glob("*.journal"))


class Kept:
    """A ledger service and all that it has said."""

    def __init__(self, data: Path, url: str | None = None) -> None:
        self.states: list[tuple[bool, str]] = []
        self.complaints: list[str] = []
        self.found: list[str] = []
        self.secured: list[str] = []
        self.whole = 0
        self._news = asyncio.Event()
        self.service = LedgerService(
            data,
            database=Database(url or ledger_url(data)),
            secured=self._told(self.secured.extend),
            state=self._told(lambda *state: self.states.append(state)),
            complain=self._told(lambda what, call_id: self.complaints.append(f"{call_id}: {what}")),
            found=self._told(lambda judged: self.found.append(judged.record.call_id)),
            past_is_whole=self._told(self._past_is_whole),
        )

    def _told(self, note: Callable[..., None]) -> Callable[..., None]:
        def told(*said: Any) -> None:
            note(*said)
            self._news.set()

        return told

    def _past_is_whole(self) -> None:
        self.whole += 1
        self.service.past_known()

    async def until(self, condition: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"said {self.states}, {self.complaints}, found {self.found}") from None

    @property
    def writable(self) -> bool:
        return bool(self.states) and self.states[-1][0]


def play(kept: Callable[[], Kept], scene: Callable[[Kept], Awaitable[None]]) -> Kept:
    async def played() -> Kept:
        on = kept()
        on.service.start()
        try:
            await scene(on)
        finally:
            on.service.close()
        return on

    return asyncio.run(played())


async def taking_calls(on: Kept) -> None:
    await on.until(lambda: on.writable)


def recorded(url: str, call_ids: Sequence[str]) -> set[str]:
    ledger = Ledger(Database(url))
    found = ledger.recorded(call_ids)
    ledger.close()
    return found


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again, is tried again at once."""
    monkeypatch.setattr(service, "JOURNAL_RETRY_S", 0.01)
    for name in ("RETRY_S", "PROBE_S", "LINGER_S"):
        monkeypatch.setattr(writer, name, 0.01)
    defaults = {**(writer.LedgerWriter.__init__.__kwdefaults__ or {}), "retry_s": 0.01, "probe_s": 0.01, "linger_s": 0.01}
    monkeypatch.setattr(writer.LedgerWriter.__init__, "__kwdefaults__", defaults)


# what a start finds


def test_damaged_segments_of_every_kind_are_told_and_cost_no_other_line(tmp_path: Path) -> None:
    (path,) = left(tmp_path, ("a", first_line("a")), ("b", first_line("b")), ("b", ended_line("b")), ("c", ended_line("c")))
    content = bytearray(path.read_bytes())
    second = content.index(b"\n") + 1
    content[second + 40] ^= 1  # in the middle of the second line
    path.write_bytes(bytes(content[:-1]))  # and the last one is torn
    (tmp_path / "journal" / "0000000007.journal").write_bytes(os.urandom(50_000))
    (tmp_path / "journal" / "0000000008.journal").write_bytes(b"")
    (tmp_path / "journal" / "0000000009.journal").write_bytes(b"\0" * 4_096)
    (tmp_path / "journal" / "0000000010.journal").mkdir()
    on = play(lambda: Kept(tmp_path), taking_calls)
    said = "\n".join(on.complaints)
    assert f"{path}: byte {second}: " in said
    assert "torn tail" in said
    for name in ("0000000007", "0000000009", "0000000010"):
        assert f"{name}.journal" in said
    assert "0000000008" not in said
    assert sorted(on.found) == ["a", "b"]
    assert recorded(ledger_url(tmp_path), "abc") == {"a", "b"}


def test_a_call_that_the_ledger_has_is_not_recovered_again_though_its_beginning_is_deleted(tmp_path: Path) -> None:
    """Its last lines are kept by a call beside it. They can't be read without the first, and nobody needs them."""
    lines = [("a", ended_line("a")), ("a", heartbeat_line(T0, T0)), ("b", first_line("b"))]
    segments = left(tmp_path, *lines, segment_bytes=len(ended_line("a")) + 30)
    on = play(lambda: Kept(tmp_path), taking_calls)
    assert (sorted(on.found), on.complaints) == (["a", "b"], [])
    left(tmp_path, ("a", heartbeat_line(T0, T0)), ("c", first_line("c")))
    assert not segments[0].exists()
    on = play(lambda: Kept(tmp_path), taking_calls)
    assert (on.found, on.complaints) == (["c"], [])
    assert recorded(ledger_url(tmp_path), "abc") == {"a", "b", "c"}
    (only,) = (tmp_path / "journal").glob("*.journal")
    assert only.read_bytes() == b""


@pytest.mark.parametrize("room", [3, 50_000], ids=["the ledger's queue is full now and then", "it is not"])
def test_however_many_calls_were_left_all_are_recovered_and_then_calls_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    monkeypatch.setattr(service, "RECOVERED_AT_ONCE", 7)
    monkeypatch.setattr(writer, "MAX_WAITING", room)
    calls = [f"call-{number}" for number in range(40)]
    left(tmp_path, *((call_id, first_line(call_id)) for call_id in calls))
    on = play(lambda: Kept(tmp_path), taking_calls)
    assert (on.found, on.complaints, on.whole) == (calls, [], 1)
    assert recorded(ledger_url(tmp_path), calls) == set(calls)


def test_a_line_that_says_nothing_is_told_and_keeps_nobody_from_calling(tmp_path: Path) -> None:
    left(tmp_path, ("a", b'{"at": "noon"}'), ("b", heartbeat_line(T0, T0)), ("-", b"{}"))
    on = play(lambda: Kept(tmp_path), taking_calls)
    assert sorted(complaint.split(" can't")[0] for complaint in on.complaints) == ["a: journal: a call", "b: journal: a call"]


MADE, LIFTED, SECOND = steered(1), steered(1, change=Change.LIFTED), steered(2)
BROKEN = "~broken"


@pytest.mark.parametrize("at_once", [1, 2, 500])
def test_what_a_dead_process_left_in_the_journal_is_in_the_ledger_before_its_past_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(service, "RECOVERED_AT_ONCE", at_once)
    lines = [(each.journal_id, encode_steering(each)) for each in (MADE, SECOND, LIFTED)]
    left(tmp_path, *lines, (BROKEN, b"{}"))
    on = Kept(tmp_path)
    found: list[object] = []

    def past_is_whole() -> None:
        found.extend(Ledger(Database(ledger_url(tmp_path))).override_rows())
        on.whole += 1
        on.service.past_known()

    on.service._past_is_whole = past_is_whole
    play(lambda: on, taking_calls)
    assert found == [MADE.override, LIFTED.override, SECOND.override]
    assert on.found == []  # they are no calls
    assert len(on.complaints) == 1
    assert "an action can't be brought to the ledger" in on.complaints[0]
    assert set(recover(tmp_path / "journal").calls) == {each.journal_id for each in (MADE, SECOND, LIFTED)} | {BROKEN}


def test_a_journal_of_nothing_but_actions_is_gone_once_the_ledger_has_them(tmp_path: Path) -> None:
    (path,) = left(tmp_path, (MADE.journal_id, encode_steering(MADE)))
    play(lambda: Kept(tmp_path), taking_calls)
    assert not path.exists()


def test_a_ledger_that_comes_late_gets_what_was_left(tmp_path: Path) -> None:
    left(tmp_path, ("a", first_line("a")))
    in_the_way = tmp_path / "ledgers"
    in_the_way.write_text("no directory")
    url = f"sqlite:///{in_the_way / 'payphone.sqlite'}"

    async def scene(on: Kept) -> None:
        assert not on.service._writable
        in_the_way.unlink()
        await taking_calls(on)

    on = play(lambda: Kept(tmp_path, url), scene)
    assert on.found == ["a"]
    assert recorded(url, "a") == {"a"}


# while it runs


def test_a_full_disk_closes_the_door_until_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, full = os.write, [False]

    def write(fd: int, data: bytes) -> int:
        if full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data)

    monkeypatch.setattr(service, "Journal", lambda directory: Journal(directory, write=write))

    async def scene(on: Kept) -> None:
        await taking_calls(on)
        on.service.append("a", first_line("a"))
        on.service.sync("a/1")
        await on.until(lambda: on.secured == ["a/1"])
        full[0] = True
        on.service.append("b", first_line("b"))
        assert not on.writable
        on.service.sync("b/1")  # nobody may be bridged on the strength of a line that is not there
        assert on.secured == ["a/1"]
        full[0] = False
        await taking_calls(on)
        on.service.append("c", ended_line("c"))
        on.service.sync("c/1")
        await on.until(lambda: "c/1" in on.secured and "b/1" in on.secured)

    on = play(lambda: Kept(tmp_path), scene)
    assert sorted(on.secured) == ["a/1", "b/1", "c/1"]
    assert "No space left" in on.states[1][1]
    on = play(lambda: Kept(tmp_path), taking_calls)
    assert (sorted(on.found), on.complaints) == (["a", "b", "c"], [])


def test_a_failed_fsync_closes_the_door_and_who_waited_is_told_once_a_new_segment_has_the_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer that met the failure is secured all the same, by an fsync of another file."""
    real, failed = os.fsync, list[str]()

    def fsync(fd: int) -> None:
        name = Path(f"/proc/self/fd/{fd}").readlink().name
        if name.endswith(".journal") and (not failed or name in failed):
            failed.append(name)
            raise OSError(errno.EIO, "Input/output error")
        real(fd)

    async def scene(on: Kept) -> None:
        await taking_calls(on)
        monkeypatch.setattr(os, "fsync", fsync)
        on.service.append("a", first_line("a"))
        on.service.sync("a/1")
        await on.until(lambda: not on.writable)
        assert on.secured == []
        await on.until(lambda: on.secured == ["a/1"])

    on = play(lambda: Kept(tmp_path), scene)
    assert [writable for writable, _ in on.states] == [True, False, True]
    assert "fsync failed" in on.states[1][1]
    assert len(failed) == 1
    copies = [path for path in (tmp_path / "journal").glob("*.journal") if b" a " in path.read_bytes()]
    assert failed[0] not in {path.name for path in copies} or len(copies) == 2


def test_a_disk_that_works_again_when_no_more_lines_fit_in_memory_opens_the_door(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even the line that tries the journal fits in, before an fsync has covered others."""
    real, broken = os.fsync, [False]

    def fsync(fd: int) -> None:
        if broken[0]:
            raise OSError(errno.EIO, "Input/output error")
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)

    async def scene(on: Kept) -> None:
        await taking_calls(on)
        broken[0] = True
        for number in range(60):  # an fsync makes room by whole blocks of the disk
            on.service.append(f"a{number}", first_line("a"))
        on.service.sync("a/1")
        await on.until(lambda: not on.writable)
        monkeypatch.setattr(journal, "MAX_PENDING_BYTES", on.service._journal.pending_bytes)
        broken[0] = False
        await taking_calls(on)
        await on.until(lambda: on.secured == ["a/1"])

    play(lambda: Kept(tmp_path), scene)


@pytest.mark.parametrize("beyond", [0, 1])
def test_lines_that_nobody_waits_for_are_made_durable_when_many_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beyond: int
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(service, "FLUSH_BYTES", len(b"00000000 a " + first_line("a") + b"\n") - beyond)

    async def scene(on: Kept) -> None:
        await taking_calls(on)
        monkeypatch.setattr(on.service._sync, "request", asked.append)
        on.service.append("a", first_line("a"))

    play(lambda: Kept(tmp_path), scene)
    assert asked == [service.FLUSH] * beyond


def test_a_ledger_that_has_become_read_only_closes_the_door_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, judged: Callable[[str], JudgedCall]
) -> None:
    """As when its file system was remounted."""
    prepare = database._prepare_sqlite

    def read_only(connection: Any, pooled: object) -> None:
        prepare(connection, pooled)
        connection.execute("PRAGMA query_only = ON")

    play(lambda: Kept(tmp_path), taking_calls)
    monkeypatch.setattr(database, "_prepare_sqlite", read_only)

    async def scene(on: Kept) -> None:
        on.service.append("a", first_line("a"))
        on.service.keep(judged("a"))
        await asyncio.to_thread(on.service._writer.close, PATIENCE_S)
        assert not on.writable

    left(tmp_path, ("b", first_line("b")))
    play(lambda: Kept(tmp_path), scene)
    assert recorded(ledger_url(tmp_path), "ab") == set()
    monkeypatch.undo()
    on = play(lambda: Kept(tmp_path), taking_calls)
    assert sorted(on.found) == ["a", "b"]


def test_a_server_that_goes_away_closes_the_door_until_it_is_back(
    tmp_path: Path, postgres: str, postgres_url: str, judged: Callable[[str], JudgedCall]
) -> None:
    name = postgres_url.partition("@/")[2].partition("?")[0]

    def tell(*statements: str) -> None:
        with psycopg.connect(postgres.format("postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    async def scene(on: Kept) -> None:
        await taking_calls(on)
        gone = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'payphone'"
        await asyncio.to_thread(tell, f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false", gone)
        await on.until(lambda: not on.writable)
        on.service.append("a", ended_line("a"))  # a live call goes on, and ends
        on.service.sync("a/1")
        on.service.keep(judged("a"))
        await on.until(lambda: on.secured == ["a/1"])
        assert not on.writable
        await asyncio.to_thread(tell, f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
        await taking_calls(on)

    on = play(lambda: Kept(tmp_path, postgres_url), scene)
    assert ([writable for writable, _ in on.states], on.whole) == ([True, False, True], 1)
    assert recorded(postgres_url, "a") == {"a"}
