"""Postbacks, dispositions and disputes over HTTP: done once, on one's own calls only, and told whole when refused."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from money_cases import DOLLAR
from posting_world import ACME, BOLT, PostingWorld

from switch.billing.entry_state import State
from switch.billing.verdict import MoneyKind


def post(http: TestClient, path: str, body: object, *, token: str = ACME, key: str | None = None) -> Response:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"} | (
        {} if key is None else {"Idempotency-Key": key}
    )
    response: Response = http.post(f"/v1/calls/{path}", content=json.dumps(body), headers=headers)
    return response


def problem(response: Response, status: int, code: str) -> dict[str, Any]:
    told: dict[str, Any] = response.json()
    assert (response.status_code, told["type"]) == (status, f"urn:payphone:{code}"), told
    assert response.headers["content-type"] == "application/problem+json"
    assert told["do"]
    return told


def test_a_sale_makes_revenue_and_payout_and_shows_only_the_revenue(http: TestClient, world: PostingWorld) -> None:
    world.over("a", ("east", 120_000), campaign="sales")
    before = world.ledger.money_since(0)
    response = post(http, "a/postbacks", {"key": "k1", "amount": "55.50"})
    assert response.status_code == 200
    answer = response.json()
    assert {name: answer[name] for name in ("call_id", "key", "act")} == {"call_id": "a", "key": "k1", "act": "postback:55.50"}
    (revenue,) = answer["revenue"]
    assert (revenue["line"], revenue["amount"], revenue["state"]) == ("east", "55.50", "pending")
    assert [(row["amount"], row["because"]) for row in revenue["rows"]] == [("55.50", "postback:55.50")]
    assert "payout" not in response.text
    assert "radio" not in response.text
    new = [row for _, row in world.ledger.money_since(before[-1][0] if before else 0)]
    assert [(row.kind, row.party, row.amount_micros, row.actor) for row in new] == [
        (MoneyKind.REVENUE, "acme", 55_500_000, "advertiser:acme"),
        (MoneyKind.PAYOUT, "radio-one", 27_750_000, "advertiser:acme"),
    ]
    assert world.findings() == []


def test_without_an_amount_a_sale_is_worth_what_the_price_says(http: TestClient, world: PostingWorld) -> None:
    world.over("a", ("east", 120_000), campaign="sales")
    assert post(http, "a/postbacks", {}, key="k1").status_code == 200
    assert world.amounts("a") == (40 * DOLLAR, 20 * DOLLAR)


def test_the_same_key_again_gets_the_same_answer_and_does_nothing(http: TestClient, world: PostingWorld) -> None:
    world.over("a", ("east", 120_000), campaign="sales")
    first = post(http, "a/postbacks", {"key": "k1", "amount": "55.50"})
    post(http, "a/postbacks", {"key": "k2", "amount": "60.00"})
    rows = world.ledger.rows_of("a")
    again = post(http, "a/postbacks", {"amount": "55.50"}, key='"k1"')
    assert (again.status_code, again.json()) == (200, first.json())
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
    assert world.ledger.rows_of("a") == rows


def test_a_key_belongs_to_one_request(http: TestClient, world: PostingWorld) -> None:
    world.over("a", ("east", 120_000), campaign="sales")
    world.over("b", ("east", 120_000), campaign="sales")
    post(http, "a/postbacks", {"key": "k1", "amount": "55.50"})
    for path, body in (("a/postbacks", {"key": "k1", "amount": "1.00"}), ("b/postbacks", {"key": "k1", "amount": "55.50"})):
        problem(post(http, path, body), 422, "key_reused")
    assert (world.owed("a"), world.owed("b")) == (55_500_000, 0)


def test_keys_of_two_advertisers_do_not_meet(http: TestClient, world: PostingWorld) -> None:
    world.over("a", ("east", 120_000), campaign="sales")
    world.over("b", ("north", 120_000), campaign="sales")
    assert post(http, "a/postbacks", {"key": "k1"}).status_code == 200
    assert post(http, "b/postbacks", {"key": "k1"}, token=BOLT).status_code == 200
    assert (world.owed("a"), world.owed("b")) == (40 * DOLLAR, 40 * DOLLAR)


def test_a_new_amount_under_a_new_key_appends_the_difference(http: TestClient, world: PostingWorld) -> None:
    world.over("a", ("east", 120_000), campaign="sales")
    post(http, "a/postbacks", {"key": "k1", "amount": "30.00"})
    answer = post(http, "a/postbacks", {"key": "k2", "amount": "20.00"}).json()
    assert [row["amount"] for row in answer["revenue"][0]["rows"]] == ["30.00", "-10.00"]
    assert world.amounts("a") == (20 * DOLLAR, 10 * DOLLAR)


def test_equal_posts_at_the_same_time_are_one(http: TestClient, world: PostingWorld) -> None:
    world.over("a", ("east", 120_000), campaign="sales")
    together = Barrier(2)

    def once(_: int) -> Response:
        together.wait(10)
        return post(http, "a/postbacks", {"key": "k1", "amount": "30.00"})

    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(once, range(2))
    assert (one.status_code, one.json()) == (other.status_code, other.json())
    assert sorted("idempotent-replayed" in each.headers for each in (one, other)) == [False, True]
    assert len(world.ledger.rows_of("a")) == 2
    assert world.findings() == []


def test_different_posts_at_the_same_time_come_one_after_the_other(http: TestClient, world: PostingWorld) -> None:
    """Each is a correction of what the one before it left: none is lost, and the last one's amount is what is owed."""
    world.over("a", ("east", 120_000), campaign="sales")
    together = Barrier(4)

    def once(number: int) -> int:
        together.wait(10)
        return post(http, "a/postbacks", {"key": f"k{number}", "amount": f"{number + 1}0.00"}).status_code

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(once, range(4))) == [200] * 4
    rows = [row for row in world.ledger.rows_of("a") if row.kind is MoneyKind.REVENUE]
    assert len(rows) == 4
    assert rows[-1].reason == f"postback:{world.owed('a') // DOLLAR}.00"
    assert world.findings() == []


def test_one_sale_is_not_posted_for_two_calls(http: TestClient, world: PostingWorld) -> None:
    world.over("a", ("east", 120_000), campaign="sales")
    world.over("b", ("east", 120_000), campaign="sales")
    assert post(http, "a/postbacks", {"key": "k1", "sale": "S-1"}).status_code == 200
    assert post(http, "a/postbacks", {"key": "k2", "sale": "S-1", "amount": "41.00"}).status_code == 200
    assert "call a" in problem(post(http, "b/postbacks", {"key": "k3", "sale": "S-1"}), 409, "sold_before")["detail"]
    assert post(http, "b/postbacks", {"key": "k3", "sale": "S-2"}).status_code == 200
    assert world.findings() == []


def test_a_disposition_is_worth_its_part(http: TestClient, world: PostingWorld) -> None:
    world.over("a", ("east", 120_000))
    assert post(http, "a/dispositions", {"key": "k1", "code": "callback"}).status_code == 200
    assert world.amounts("a") == (12_500_000, 8_750_000)


def test_an_unknown_disposition_is_told_the_known_ones(http: TestClient, world: PostingWorld) -> None:
    world.over("a", ("east", 120_000))
    told = problem(post(http, "a/dispositions", {"key": "k1", "code": "sold"}), 422, "unknown_disposition")
    assert "callback, sale, wrong-number" in told["detail"]


def test_a_dispute_waits_for_the_operator_and_is_not_made_twice(http: TestClient, world: PostingWorld) -> None:
    world.over("a", ("east", 120_000))
    answer = post(http, "a/disputes", {"key": "k1", "reason": "wrong state"}).json()
    assert [entry["state"] for entry in answer["revenue"]] == ["disputed"]
    states = world.ledger.state_rows(["a/revenue/east", "a/payout"])
    assert [row.state for row in states if row.actor == "advertiser:acme"] == [State.DISPUTED] * 2
    told = problem(post(http, "a/disputes", {"key": "k2", "reason": "still wrong"}), 409, "illegal_move")
    assert "payout" not in json.dumps(told)


def test_what_is_not_owed_is_not_disputed(http: TestClient, world: PostingWorld) -> None:
    """The call has a payout all the same, which is no business of the advertiser's."""
    world.over("a", ("east", 70_000), campaign="words")
    assert world.amounts("a") == (0, 3 * DOLLAR)
    problem(post(http, "a/disputes", {"key": "k1", "reason": "no"}), 409, "nothing_to_correct")
    assert world.ledger.state_rows(["a/payout"]) == []


def test_a_sale_is_refused_where_none_was_agreed_on(http: TestClient, world: PostingWorld) -> None:
    world.over("a", ("east", 120_000))
    problem(post(http, "a/postbacks", {"key": "k1", "amount": "90.00"}), 409, "not_agreed")
    assert world.owed("a") == 25 * DOLLAR


def test_where_two_lines_owe_the_line_is_named(http: TestClient, world: PostingWorld) -> None:
    world.over("a", ("east", 120_000), ("west", 100_000))
    problem(post(http, "a/disputes", {"key": "k1", "reason": "no"}), 422, "which_line")
    problem(post(http, "a/disputes", {"key": "k1", "reason": "no", "line": "north"}), 422, "no_such_line")
    answer = post(http, "a/disputes", {"key": "k1", "reason": "no", "line": "west"}).json()
    assert [(entry["line"], entry["state"]) for entry in answer["revenue"]] == [("west", "disputed")]


def test_what_was_refused_may_be_posted_later_under_the_same_key(http: TestClient, world: PostingWorld) -> None:
    problem(post(http, "a/dispositions", {"key": "k1", "code": "sale"}), 404, "no_such_call")
    world.over("a", ("east", 120_000))
    assert post(http, "a/dispositions", {"key": "k1", "code": "sale"}).status_code == 200


@pytest.mark.parametrize("act", ["postbacks", "dispositions", "disputes"])
def test_nobody_posts_for_calls_of_others(http: TestClient, world: PostingWorld, act: str) -> None:
    """Nor learns that there are any."""
    world.over("a", ("east", 120_000))
    bodies: dict[str, dict[str, object]] = {"postbacks": {}, "dispositions": {"code": "sale"}, "disputes": {"reason": "no"}}
    others = problem(post(http, f"a/{act}", {"key": "k1", **bodies[act]}, token=BOLT), 404, "no_such_call")
    assert others == problem(post(http, f"nowhere/{act}", {"key": "k1", **bodies[act]}, token=BOLT), 404, "no_such_call")
    assert len(world.ledger.rows_of("a")) == 2


def test_who_dialled_in_vain_owes_nothing_of_what_another_owes(http: TestClient, world: PostingWorld) -> None:
    world.over("a", ("east", None), ("north", 120_000))
    problem(post(http, "a/disputes", {"key": "k1", "reason": "no"}), 409, "nothing_to_correct")
    assert world.owed("a") == 25 * DOLLAR


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"key": "k", "amount": 25.0}, "body.amount"),
        ({"key": "k", "amount": 25}, "body.amount"),
        ({"key": "k", "amount": "-1.00"}, "body.amount"),
        ({"key": "k", "amount": "1e3"}, "body.amount"),
        ({"key": "k", "amount": " 25.00"}, "body.amount"),
        ({"key": "k", "amount": "0.0000001"}, "body.amount"),
        ({"key": "k", "amuont": "25.00"}, "body.amuont"),
        ({"key": "a key"}, "body.key"),
        ({"key": 7}, "body.key"),
        ({"key": "k", "sale": "\ud800"}, "body.sale"),
        ([], "body"),
    ],
)
def test_a_body_that_can_not_be_is_told_where(http: TestClient, world: PostingWorld, body: object, where: str) -> None:
    world.over("a", ("east", 120_000), campaign="sales")
    told = problem(post(http, "a/postbacks", body), 422, "malformed")
    assert [each["where"] for each in told["wrong"]] == [where]
    assert world.owed("a") == 0


def test_a_million_is_the_most(http: TestClient, world: PostingWorld) -> None:
    world.over("a", ("east", 120_000), campaign="sales")
    problem(post(http, "a/postbacks", {"key": "k1", "amount": "1000000.01"}), 422, "amount_out_of_range")
    assert post(http, "a/postbacks", {"key": "k1", "amount": "1000000.00"}).status_code == 200


@pytest.mark.parametrize(
    ("body", "key", "code"),
    [
        ({}, None, "key_missing"),
        ({"key": "one"}, "two", "two_keys"),
        ({}, "a/b", "malformed_key"),
        ({}, "k" * 65, "malformed_key"),
    ],
)
def test_a_posting_has_one_key(http: TestClient, world: PostingWorld, body: object, key: str | None, code: str) -> None:
    world.over("a", ("east", 120_000), campaign="sales")
    problem(post(http, "a/postbacks", body, key=key), 422, code)


def test_a_reason_is_one_printable_line(http: TestClient, world: PostingWorld) -> None:
    world.over("a", ("east", 120_000))
    for reason in ("\x1b[2J", "two\nlines", "", "x" * 501, None):
        problem(post(http, "a/disputes", {"key": "k1", "reason": reason}), 422, "malformed")
    assert post(http, "a/disputes", {"key": "k1", "reason": "x" * 500}).status_code == 200


def test_the_terms_are_those_the_call_was_decided_by(http: TestClient, world: PostingWorld) -> None:
    world.keep_config()
    world.over("a", ("east", 120_000), campaign="sales")
    world.configure(price="99.00")
    world.over("b", ("east", 120_000), campaign="sales")
    for call_id in "ab":
        assert post(http, f"{call_id}/postbacks", {"key": call_id}).status_code == 200
    assert (world.owed("a"), world.owed("b")) == (40 * DOLLAR, 99 * DOLLAR)


def test_where_that_config_was_not_kept_the_present_terms_stand_in(http: TestClient, world: PostingWorld) -> None:
    world.over("a", ("east", 120_000), campaign="sales")
    world.configure(price="99.00")
    assert post(http, "a/postbacks", {"key": "k1"}).status_code == 200
    assert world.owed("a") == 99 * DOLLAR
