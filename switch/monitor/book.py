"""Keeps alerts in the ledger: what fires survives a restart of the monitor, and what people were not told of yet is told of then."""

from collections.abc import Iterable, Sequence

from switch.ledger.database import LedgerUnreadable, LedgerUnwritable, RecordRefused
from switch.ledger.monitoring import TOLD, MonitorLedger
from switch.ledger.tables import AlertRow
from switch.monitor.alerts import AlertEvent, AlertKind, AlertState, Notice, restored

MAX_WAITING = 10_000
"""Rows that wait for a ledger that can't be written; then new ones are not kept."""
LATE_US = 86_400_000_000
"""Of what is older than that nobody is told late."""


class AlertBook:
    """Writes what becomes of alerts. Blocks."""

    def __init__(self, ledger: MonitorLedger) -> None:
        self._ledger = ledger
        self._waiting: list[AlertRow] = []

    def load(self, now_us: int) -> tuple[AlertState, tuple[Notice, ...]]:
        """Returns what fires, and what nobody was told of yet. Raises LedgerUnreadable."""
        rows = self._ledger.last_alerts()
        notices = {row.cause: notice for row in rows if (notice := _notice_of(row)) is not None}
        order = {(row.cause, row.event == TOLD): place for place, row in enumerate(rows)}
        untold = tuple(
            notice
            for cause, notice in notices.items()
            if order.get((cause, True), -1) < order[cause, False] and now_us - notice.at_us < LATE_US
        )
        return restored(notices.values()), untold

    def add(self, notices: Iterable[Notice]) -> None:
        self._keep(
            AlertRow(cause=each.cause, kind=each.kind, event=each.event, level=each.level, at_us=each.at_us, text=each.text)
            for each in notices
        )

    def add_told(self, notice: Notice, at_us: int, text: str) -> None:
        """`text`: which way, and how it went."""
        self._keep([AlertRow(cause=notice.cause, kind=notice.kind, event=TOLD, level=notice.level, at_us=at_us, text=text)])

    def write(self) -> str | None:
        """Writes what waits. Returns why it can't, or None."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return None
        try:
            self._ledger.add_alerts(waiting)
        except (LedgerUnwritable, LedgerUnreadable) as error:
            self._waiting = waiting + self._waiting
            return str(error)
        except RecordRefused as error:
            return f"{len(waiting)} rows of alerts are lost: {error}"
        return None

    def _keep(self, rows: Iterable[AlertRow]) -> None:
        self._waiting.extend(rows)
        del self._waiting[MAX_WAITING:]


def _notice_of(row: AlertRow) -> Notice | None:
    """Returns the event of a row, or None: it has none, or one of another version."""
    try:
        kind, event = AlertKind(row.kind), AlertEvent(row.event)
    except ValueError:
        return None
    return Notice(event=event, cause=row.cause, kind=kind, level=row.level, text=row.text, at_us=row.at_us, since_us=row.at_us)


def firing(rows: Sequence[AlertRow]) -> list[AlertRow]:
    """Returns the rows of what fires: `rows` are the newest events of each cause, in the order written."""
    last = {row.cause: row for row in rows if row.event != TOLD}
    return [row for row in last.values() if row.event != AlertEvent.OVER]
