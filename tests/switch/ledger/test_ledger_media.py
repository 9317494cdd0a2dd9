"""Figures of audio in the ledger: what is written is read back equal, once, with or without the call."""

from collections.abc import Callable

import pytest
from leg_figures import figures, without_far_end

from switch.billing.verdict import JudgedCall
from switch.ledger.database import Database, LedgerUnreadable
from switch.ledger.store import Ledger, RecordRefused

Judge = Callable[[str], JudgedCall]


def test_figures_read_back_by_call_the_callers_first(ledger: Ledger, judged: Judge) -> None:
    line, caller, other = without_far_end(leg=1, port=20_002, codec=None), figures(), figures(received_mos=None)
    ledger.write_media([("a", line), ("a", caller), ("b", other)])
    ledger.write([judged("a")])
    assert ledger.media_of(["a", "b", "c"]) == {"a": [caller, line], "b": [other]}
    assert ledger.calls(limit=5) == [judged("a")]


def test_a_leg_is_written_once_and_another_port_of_it_too(ledger: Ledger) -> None:
    """After a transfer two have one number."""
    ledger.write_media([("a", figures(leg=1)), ("a", figures(leg=1, unheard=9))])
    ledger.write_media([("a", figures(leg=1, unheard=8)), ("a", figures(leg=1, port=20_004))])
    assert sorted((each.port, each.unheard) for each in ledger.media_of(["a"])["a"]) == [(20_000, 3), (20_004, 3)]


def test_nothing_is_asked_for_nobody(ledger: Ledger) -> None:
    assert ledger.media_of([]) == {}


def test_more_octets_than_32_bits_are_kept(ledger: Ledger) -> None:
    ledger.write_media([("a", figures(received_octets=2**40, sent_packets=2**33))])
    assert ledger.media_of(["a"])["a"] == [figures(received_octets=2**40, sent_packets=2**33)]


def test_what_no_column_holds_is_refused_whole(ledger: Ledger) -> None:
    with pytest.raises(RecordRefused):
        ledger.write_media([("a", figures()), ("b", figures(received_octets=2**70))])
    assert ledger.media_of(["a", "b"]) == {}


def test_a_ledger_that_is_not_there_has_none(tmp_path: object) -> None:
    with pytest.raises(LedgerUnreadable):
        Ledger(Database(f"sqlite:///{tmp_path}/none.sqlite")).media_of(["a"])
