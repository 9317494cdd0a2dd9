"""Overrides and actions in the ledger: written once, read back in order."""

from dataclasses import replace

from ledger_rows import steered

from switch.engine.lookback import Lookback
from switch.engine.steering_rows import Change
from switch.ledger.poller import read_history
from switch.ledger.steering import ActionFilter
from switch.ledger.store import Ledger

MADE, LIFTED, SECOND = steered(1), steered(1, change=Change.LIFTED, made_us=150), steered(2, until_us=900, limit=5_000_000_000)
ALL = Lookback(counts_us=0, ever=True, paid_us=0)


def test_what_was_written_is_read_back_by_number_and_the_same_again_stays(ledger: Ledger) -> None:
    ledger.add_steering([SECOND, MADE])
    ledger.add_steering([LIFTED, replace(MADE, override=None)])
    ledger.add_steering([steered(1, reason="another")])
    assert ledger.override_rows() == [MADE.override, LIFTED.override, SECOND.override]
    keys = [each.key for each in ledger.actions(ActionFilter(), limit=10)]
    assert keys == ["lifted1", "made1", "made2"]


def test_actions_are_found_by_whoever_did_them_what_they_were_and_when(ledger: Ledger) -> None:
    ledger.add_steering([MADE, steered(2, actor="api:desk", target="west"), steered(3)])
    login = replace(
        MADE.actions[0], key="x", action="login", target="anna", actor="console:anna", at_us=250, detail={}, outcome="failed"
    )
    ledger.add_actions([login, login])

    def found(**wanted: object) -> list[str]:
        return [each.key for each in ledger.actions(ActionFilter(**wanted), limit=10)]  # type: ignore[arg-type]

    assert found() == ["x", "made3", "made2", "made1"]
    assert found(actor="api:desk") == found(target="line:west") == ["made2"]
    assert found(action="login") == ["x"]
    assert found(since_us=200, until_us=300) == ["x", "made2"]
    assert ledger.actions(ActionFilter(), limit=1) == [login]


def test_a_start_reads_all_overrides_before_calls_are_taken(ledger: Ledger) -> None:
    ledger.add_steering([MADE, LIFTED, SECOND])
    assert list(read_history(ledger, ALL).past.overrides) == [MADE.override, LIFTED.override, SECOND.override]
