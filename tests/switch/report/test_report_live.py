"""Calls in progress are read from the journal of a running switch, without its noticing."""

from pathlib import Path

from msgspec.structs import replace

from switch.billing.verdict import CallEvent
from switch.call.cause import Cause
from switch.call.moment import Moment
from switch.call.record import EndedBy, FinalState
from switch.call.state import CallHistory
from switch.engine.journal_line import RulingNotes, event_line
from switch.ledger.journal import Journal
from switch.ledger.service import PROBE_ID
from switch.report.live import live_calls

AT = Moment(mono_ns=0, utc_us=1_767_225_600_000_000)
STORY = CallHistory(
    call_id="a", did="+18005550100", ani="+12145550123", trunk="t", seed=1, version="v", invited=AT, publisher="radio"
)
HAPPENED = CallEvent(number=1, at_us=AT.utc_us, event="InviteArrived", facts={})
OVER = replace(
    STORY, call_id="b", ended=AT, ended_by=EndedBy.CALLER, cause=Cause.CALLER_HUNG_UP, final_state=FinalState.CALLER_LEFT_IN_MENU
)


def journal_with_calls(directory: Path) -> Journal:
    journal = Journal(directory)
    told = RulingNotes(known={"state": "TX"})
    journal.append("a", event_line(AT, HAPPENED, STORY, told))
    journal.append("b", event_line(AT, HAPPENED, replace(OVER, ended=None, ended_by=None, cause=None, final_state=None)))
    journal.append("b", event_line(AT, HAPPENED, OVER))
    journal.append(PROBE_ID, b"{}")
    return journal


def test_what_has_not_ended_is_live_while_a_switch_holds_the_journal(tmp_path: Path) -> None:
    journal = journal_with_calls(tmp_path)
    live = live_calls(tmp_path)
    assert live is not None
    assert [(record.call_id, record.publisher, record.tags["state"]) for record in live] == [("a", "radio", "TX")]
    journal.append("a", event_line(AT, HAPPENED, STORY))  # the switch goes on writing
    journal.close()


def test_a_journal_that_nobody_holds_has_no_live_calls(tmp_path: Path) -> None:
    journal_with_calls(tmp_path).close()
    assert live_calls(tmp_path) is None


def test_no_journal_no_switch(tmp_path: Path) -> None:
    assert live_calls(tmp_path / "journal") is None
