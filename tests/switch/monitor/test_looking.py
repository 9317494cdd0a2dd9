"""How the ledger is read, step by step; what an alert book remembers; how disks are found."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from switch.ledger.database import Database, LedgerUnreadable
from switch.ledger.monitoring import MonitorLedger, QualityTally, Recent, Tally
from switch.ledger.store import Ledger
from switch.monitor.alerts import AlertEvent, AlertKind, Notice
from switch.monitor.book import LATE_US, AlertBook
from switch.monitor.conditions import MISSES_US, RESULTS_US, USUAL_WEEKS
from switch.monitor.looking import AT_ONCE, QUALITY_US, LedgerReader, disks

MINUTE_US = 60_000_000


class Asked(MonitorLedger):
    """A ledger with `last` calls that remembers what it was asked."""

    def __init__(self) -> None:
        self.last = 0
        self.fails = False
        self.calls: list[tuple[int, int]] = []
        self.audio: list[tuple[int, int]] = []
        self.recently: tuple[int, int, int] | None = None

    def last_number(self) -> int:
        return self.last

    def tally(self, after: int, through: int) -> Tally:
        if self.fails:
            raise LedgerUnreadable("locked")
        self.calls.append((after, through))
        return Tally()

    def quality(self, after: int, through: int) -> Sequence[QualityTally]:
        self.audio.append((after, through))
        return ()

    def recent(
        self, *, lines_since_us: int, misses_since_us: int, probes_since_us: int, spans: Sequence[tuple[int, int]]
    ) -> Recent:
        del probes_since_us
        self.recently = (lines_since_us, misses_since_us, len(spans))
        return Recent()


def test_new_calls_are_read_once_in_steps() -> None:
    ledger = Asked()
    reader = LedgerReader(ledger)
    ledger.last = 2 * AT_ONCE + 1
    reader.read_new(0)
    reader.read_new(1)
    ledger.last += 1
    reader.read_new(2)
    whole = 2 * AT_ONCE
    assert ledger.calls == [(0, AT_ONCE), (AT_ONCE, whole), (whole, whole + 1), (whole + 1, whole + 2)]


def test_what_could_not_be_read_is_read_later() -> None:
    ledger = Asked()
    reader = LedgerReader(ledger)
    ledger.last, ledger.fails = 3, True
    with pytest.raises(LedgerUnreadable):
        reader.read_new(0)
    ledger.fails = False
    reader.read_new(1)
    assert ledger.calls == [(0, 3)]


def test_audio_is_read_a_while_after_its_call() -> None:
    ledger = Asked()
    reader = LedgerReader(ledger)
    ledger.last = 3
    reader.read_new(0)
    ledger.last = 5
    reader.read_new(QUALITY_US - 1)
    assert ledger.audio == []
    reader.read_new(QUALITY_US)
    assert ledger.audio == [(0, 3)]
    reader.read_new(2 * QUALITY_US - 1)
    assert ledger.audio == [(0, 3), (3, 5)]


def test_the_last_while_is_that_of_each_kind() -> None:
    ledger = Asked()
    LedgerReader(ledger).recent(2 * MISSES_US, "UTC")
    assert ledger.recently == (2 * MISSES_US - 15 * MINUTE_US, 2 * MISSES_US - 60 * MINUTE_US, USUAL_WEEKS + 1)
    assert (RESULTS_US, MISSES_US) == (15 * MINUTE_US, 60 * MINUTE_US)


def test_disks_of_directories_that_are_there(tmp_path: Path) -> None:
    (disk,) = disks([("data", tmp_path), ("recordings", tmp_path / "none")])
    assert (disk.use, disk.place) == ("data", str(tmp_path))
    assert 0 < disk.free_bytes <= disk.total_bytes


# the book

RAISED = Notice(
    event=AlertEvent.RAISED, cause="line:east", kind=AlertKind.LINE, level=0, text="it is down", at_us=1_000, since_us=1_000
)
OVER = replace(RAISED, event=AlertEvent.OVER, at_us=2_000)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[MonitorLedger]:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    Ledger(Database(url)).migrate()
    found = MonitorLedger(Database(url))
    yield found
    found.close()


def written(ledger: MonitorLedger, *steps: Notice | str) -> AlertBook:
    """A book with these events; a text: that people were told of the last one."""
    book, last = AlertBook(ledger), RAISED
    for step in steps:
        if isinstance(step, str):
            book.add_told(last, 1, step)
        else:
            last = step
            book.add([step])
        assert book.write() is None
    return book


def loaded(ledger: MonitorLedger, now_us: int = 3_000) -> tuple[list[str], list[str]]:
    """What fires, and what is to be told late."""
    state, untold = AlertBook(ledger).load(now_us)
    return sorted(state.firing), [each.event.value for each in untold]


@pytest.mark.parametrize(
    ("steps", "firing", "untold"),
    [
        ((), [], []),
        ((RAISED,), ["line:east"], ["raised"]),
        ((RAISED, "mail: sent"), ["line:east"], []),
        ((RAISED, "mail: sent", OVER), [], ["over"]),
        ((RAISED, "mail: sent", OVER, "mail: sent"), [], []),
        ((RAISED, OVER, "mail: sent"), [], []),
    ],
)
def test_a_new_monitor_knows_what_fires_and_what_is_still_to_be_told(
    ledger: MonitorLedger, steps: tuple[Notice | str, ...], firing: list[str], untold: list[str]
) -> None:
    written(ledger, *steps)
    assert loaded(ledger) == (firing, untold)


def test_nobody_is_told_of_what_is_a_day_old(ledger: MonitorLedger) -> None:
    written(ledger, RAISED)
    assert loaded(ledger, RAISED.at_us + LATE_US - 1)[1] == ["raised"]
    assert loaded(ledger, RAISED.at_us + LATE_US) == (["line:east"], [])


def test_what_can_not_be_written_is_written_later(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'later' / 'ledger.sqlite'}"
    ledger = MonitorLedger(Database(url))
    book = AlertBook(ledger)
    book.add([RAISED])
    assert book.write() is not None
    Ledger(Database(url)).migrate()
    book.add([OVER])
    assert book.write() is None
    assert [row.event for row in ledger.alerts(limit=9)] == ["over", "raised"]
