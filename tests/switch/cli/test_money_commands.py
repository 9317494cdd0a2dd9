"""`payphone money` and `payphone audit`: what operators type, are asked, and are told."""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from money_cases import DOLLAR
from posting_world import PostingWorld
from typer.testing import CliRunner, Result

from switch.api.postings import Done, PostingRequest
from switch.billing.actions import Dispute, Postback
from switch.billing.verdict import MoneyKind
from switch.cli.common import app

WHY = ("--reason", "agreed by phone")


@dataclass(slots=True)
class Ops:
    """Somebody at a terminal."""

    world: PostingWorld

    def types(self, *words: str, answer: str | None = None) -> Result:
        return CliRunner().invoke(app, [*words, "--config", str(self.world.config)], input=answer)

    def does(self, *words: str) -> Result:
        result = self.types("money", *words, "--yes")
        assert result.exit_code == 0, result.output
        return result

    def fails(self, *words: str) -> str:
        result = self.types(*words)
        assert result.exit_code == 1, result.output
        return result.stderr

    def lines(self, *words: str) -> list[dict[str, Any]]:
        result = self.types(*words, "--json")
        return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def ops(world: PostingWorld) -> Ops:
    return Ops(world)


def test_show_tells_rows_states_and_sums(ops: Ops) -> None:
    ops.does("void", "abc1", *WHY)
    told = ops.types("money", "show", "abc").stdout
    assert "revenue 25.00 acme" in told
    assert "revenue -25.00 acme: void; agreed by phone (by ops:" in told
    assert "abc1/revenue/east held until" in told
    assert "revenue of acme: 0.00, void" in told
    rows = ops.lines("money", "show", "abc")
    assert [next(iter(line)) for line in rows] == ["row"] * 4 + ["state"] * 4 + ["entry"] * 2
    assert [line["entry"]["amount_micros"] for line in rows[-2:]] == [0, 0]


def test_a_call_is_named_by_how_it_begins(ops: Ops) -> None:
    assert "more than one call begins with 'ab'" in ops.fails("money", "show", "ab")
    assert "no call 'x' in the ledger" in ops.fails("money", "show", "x")


def test_what_would_be_appended_is_shown_and_asked(ops: Ops, world: PostingWorld) -> None:
    result = ops.types("money", "void", "abc1", *WHY, answer="n\n")
    assert result.exit_code == 1
    assert "revenue -25.00 acme" in result.stderr
    assert "abc1/payout becomes void" in result.stderr
    assert world.owed("abc1") == 25 * DOLLAR
    assert ops.types("money", "void", "abc1", *WHY, answer="y\n").exit_code == 0
    assert world.amounts("abc1") == (0, 0)


def test_enter_pressed_twice_pays_once(ops: Ops, world: PostingWorld) -> None:
    first = ops.does("adjust", "abc1", "--by", "-5.00", *WHY)
    assert "appended 2 money rows" in first.stdout
    assert "nothing was appended" in ops.does("adjust", "abc1", "--by", "-5.00", *WHY).stdout
    assert world.amounts("abc1") == (20 * DOLLAR, 14 * DOLLAR)
    ops.does("adjust", "abc1", "--by", "-5.00", *WHY, "--key", "once-more")
    assert world.amounts("abc1") == (15 * DOLLAR, 10_500_000)
    assert "something else was posted under that key" in ops.fails("money", "void", "abc1", *WHY, "--key", "once-more", "--yes")


def test_adjust_to_and_by(ops: Ops, world: PostingWorld) -> None:
    ops.does("adjust", "abc1", "--to", "30.00", *WHY)
    ops.does("adjust", "abc1", "--by", "+0.50", "--payout", *WHY)
    assert world.amounts("abc1") == (30 * DOLLAR, 21_500_000)
    assert "either --to AMOUNT or --by AMOUNT" in ops.fails("money", "adjust", "abc1", *WHY)
    assert "either --to AMOUNT or --by AMOUNT" in ops.fails("money", "adjust", "abc1", *WHY, "--to", "1", "--by", "1")
    assert "below zero" in ops.fails("money", "adjust", "abc1", *WHY, "--by", "-99", "--yes")
    for amount in ("1e3", "--5", "0.0000001", "nan", ""):
        assert "is not an amount" in ops.fails("money", "adjust", "abc1", *WHY, "--by", amount)


def test_a_dispute_is_upheld_in_part_or_rejected(ops: Ops, world: PostingWorld) -> None:
    ops.does("dispute", "abc1", "--reason", "wrong state")
    ops.does("uphold", "abc1", "--percent", "50", *WHY)
    assert world.amounts("abc1") == (12_500_000, 8_750_000)
    assert isinstance(world.ops(Dispute(), "abd2"), Done)
    ops.does("reject", "abd2")
    assert world.amounts("abd2") == (25 * DOLLAR, 17_500_000)
    assert "illegal move" in ops.fails("money", "uphold", "abd2", *WHY, "--yes")
    assert world.findings() == []


def test_approve_one_side_alone(ops: Ops, world: PostingWorld) -> None:
    world.over("sold", ("east", 70_000), campaign="sales")
    assert isinstance(
        world.postings.post(PostingRequest(call_id="sold", key="s", act=Postback(), actor="acme", advertiser="acme")), Done
    )
    ops.does("approve", "sold", "--only", "payout")
    found = {line["entry"]["kind"]: line["entry"]["state"] for line in ops.lines("money", "show", "sold") if "entry" in line}
    assert found == {"revenue": "pending", "payout": "approved"}
    assert ops.types("money", "void", "abc1", *WHY, "--only", "cost").exit_code == 2  # it has no side of that name


def test_manual_pays_what_waits_for_a_person(ops: Ops, world: PostingWorld) -> None:
    world.over("word", ("east", 70_000), campaign="words")
    ops.does("manual", "word", *WHY)
    assert world.amounts("word") == (5 * DOLLAR, 3 * DOLLAR)
    ops.does("manual", "word", *WHY, "--amount", "7.25")
    assert world.owed("word") == 7_250_000
    assert "not agreed" in ops.fails("money", "manual", "abc1", *WHY, "--yes")


def test_a_reason_is_needed_where_money_moves(ops: Ops, world: PostingWorld) -> None:
    assert ops.types("money", "void", "abc1", "--yes").exit_code == 2
    assert "say why" in ops.fails("money", "void", "abc1", "--reason", " ", "--yes")
    assert world.owed("abc1") == 25 * DOLLAR


def test_the_actor_is_an_operator_whatever_he_says(ops: Ops, world: PostingWorld) -> None:
    ops.does("void", "abc1", *WHY, "--actor", "switch")
    assert {row.actor for row in world.ledger.rows_of("abc1")} == {"switch", "ops:switch"}
    assert "is no --actor" in ops.fails("money", "void", "abc1", *WHY, "--actor", "a b", "--yes")


def test_several_lines_that_owe_are_told_apart(ops: Ops, world: PostingWorld) -> None:
    world.over("two", ("east", 120_000), ("west", 100_000))
    assert "--line" in ops.fails("money", "void", "two", *WHY, "--yes")
    ops.does("void", "two", *WHY, "--line", "west")
    assert world.owed("two") == 25 * DOLLAR


def test_deposits_are_booked_once_and_counted(ops: Ops, world: PostingWorld) -> None:
    for _ in range(2):
        ops.does("deposit", "bolt", "100.00", "--key", "WIRE-1")
    ops.does("deposit", "bolt", "30.00", "--key", "WIRE-2", "--back")
    assert "no advertiser 'blot'" in ops.fails("money", "deposit", "blot", "1", "--key", "W", "--yes")
    found = {(line["kind"], line["party"]): line["total_micros"] for line in ops.lines("money", "balance")}
    assert found == {
        ("deposit", "bolt"): 70 * DOLLAR,
        ("revenue", "acme"): 25 * DOLLAR,
        ("revenue", "bolt"): 25 * DOLLAR,
        ("payout", "radio-one"): 35 * DOLLAR,
        ("left", "bolt"): 55 * DOLLAR,
    }
    told = ops.types("money", "balance", "bolt").stdout
    assert "55.00 left before calls stop" in told
    assert "acme" not in told
    assert "no money of 'nobody'" in ops.fails("money", "balance", "nobody")


def test_a_balance_is_told_by_state(ops: Ops) -> None:
    ops.does("dispute", "abc1", "--reason", "wrong state")
    (line,) = [line for line in ops.lines("money", "balance", "radio-one") if line["kind"] == "payout"]
    assert (line["disputed_micros"], line["held_micros"] + line["approved_micros"]) == (17_500_000, 17_500_000)


def test_what_was_appended_is_told_as_json(ops: Ops) -> None:
    (line,) = ops.lines("money", "void", "abc1", *WHY, "--yes")
    assert (line["act"], line["again"], [row["amount_micros"] for row in line["money"]]) == (
        "void",
        False,
        [-25_000_000, -17_500_000],
    )
    (again,) = ops.lines("money", "void", "abc1", *WHY, "--yes")
    assert again == {**line, "again": True}


def test_what_ops_post_is_seen_by_who_polls(ops: Ops, world: PostingWorld) -> None:
    """As the running switch does, every second."""
    last = world.ledger.money_since(0)[-1][0]
    ops.does("adjust", "abc1", "--to", "20.00", *WHY)
    new = [(row.kind, row.amount_micros) for _, row in world.ledger.money_since(last)]
    assert new == [(MoneyKind.REVENUE, -5_000_000), (MoneyKind.PAYOUT, -3_500_000)]


# audit


def test_a_sound_ledger_passes(ops: Ops) -> None:
    ops.does("deposit", "bolt", "100.00", "--key", "WIRE-1")
    ops.does("void", "abc1", *WHY)
    result = ops.types("audit")
    assert result.exit_code == 0, result.output
    assert "2 calls, 2 attempts, 7 money rows, 6 states; 2 postings; 0 calls in the journal" in result.stdout
    assert "sound: balances of 3 parties" in result.stdout
    (summary,) = ops.lines("audit")
    assert (summary["summary"]["findings"], summary["summary"]["rows"]) == (0, 17)


def test_a_row_that_was_tampered_with_is_named(ops: Ops, world: PostingWorld) -> None:
    ops.does("adjust", "abc1", "--to", "20.00", *WHY, "--key", "k1")
    key = "abc1/post/east/k1/adjust-revenue-to:20.00/revenue"
    with closing(sqlite3.connect(world.path)) as forger, forger:
        forger.execute("DROP TRIGGER money_refuses_update")
        forger.execute("UPDATE money SET amount_micros = -4000000 WHERE key = ?", (key,))
        forger.execute("UPDATE money SET amount_micros = 26000000 WHERE key = 'abd2/revenue/north'")
    result = ops.types("audit")
    assert result.exit_code == 1
    assert f"{key}\n  as_posted: posting ops/k1 wrote -5.00, it is -4.00 now\n" in result.stdout
    assert (
        "abd2\n  verdict_is_sum: the verdict says revenue 25.00, its rows come to 26.00\n  look at abd2/revenue/north\n"
        in result.stdout
    )
    assert "money_refuses_update\n  append_only: " in result.stdout
    assert "3 findings" in result.stdout
    assert [line["rule"] for line in ops.lines("audit")[:-1]] == ["append_only", "verdict_is_sum", "as_posted"]


def test_damage_in_the_journal_fails_the_audit(ops: Ops, world: PostingWorld) -> None:
    folder = world.config / "data" / "journal"
    folder.mkdir()
    (folder / "0000000001.journal").write_bytes(b"12345678 x {}\n")
    result = ops.types("audit")
    assert result.exit_code == 1
    assert "0000000001.journal\n  journal_whole: byte 0: 14 corrupt bytes" in result.stdout


def test_without_a_ledger_there_is_nothing_to_audit(ops: Ops, world: PostingWorld) -> None:
    world.close()
    world.path.unlink()
    for words in (("audit",), ("money", "balance"), ("money", "show", "a")):
        assert "no ledger in" in ops.fails(*words)
