"""Who may ask, with how much, and what an advertiser may see: its own, and nothing that tells of others."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from money_cases import DOLLAR
from posting_world import ACME, BOLT, PostingWorld

from switch.api.postings import Done
from switch.billing.actions import AdjustTo
from switch.billing.verdict import MoneyKind

BEARER = {"Authorization": f"Bearer {ACME}"}


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Basic {ACME}",
        ACME,
        f"Bearer {ACME}x",
        f"Bearer {ACME[:-1]}",
        "Bearer ünicode-tokens-are-none",
    ],
)
@pytest.mark.parametrize("path", ["/v1/balance", "/v1/calls/a", "/v1/nothing"])
def test_without_a_good_token_all_is_the_same(http: TestClient, world: PostingWorld, header: str | None, path: str) -> None:
    world.over("a", ("east", 120_000))
    response = http.get(path, headers={} if header is None else {"Authorization": header.encode()})
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
    assert response.json()["type"] == "urn:payphone:unauthorized"
    assert response.json() == http.get("/v1/balance").json()


def test_without_a_good_token_the_body_is_not_looked_at(http: TestClient) -> None:
    assert http.post("/v1/calls/a/postbacks", content=b"{").status_code == 401


def test_the_scheme_is_known_in_any_case(http: TestClient) -> None:
    assert http.get("/v1/balance", headers={"Authorization": f"bearer {ACME}"}).status_code == 200


def test_a_token_that_is_no_more_is_good_no_more(http: TestClient, world: PostingWorld) -> None:
    assert http.get("/v1/balance", headers=BEARER).status_code == 200
    world.reload(world.text.replace(ACME, "another-token-of-acme"))
    assert http.get("/v1/balance", headers=BEARER).status_code == 401


def test_a_body_that_is_too_large_is_refused(http: TestClient) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(3):
            yield b"x" * 8_192

    for content in (b"x" * 16_385, chunks()):
        response = http.post("/v1/calls/a/postbacks", content=content, headers=BEARER)
        assert (response.status_code, response.json()["type"]) == (413, "urn:payphone:too_large")


@pytest.mark.parametrize("path", ["/v1/nothing", "/nothing", "/v1/calls/%00", "/v1/calls/%ff", "/v1/calls/" + "x" * 65])
def test_what_is_not_there_is_a_problem_too(http: TestClient, path: str) -> None:
    response = http.get(path, headers=BEARER)
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")


def test_the_docs_are_there_for_everybody(http: TestClient) -> None:
    described = http.get("/openapi.json").json()
    assert "ValidationError" not in str(described)
    paths = described["paths"]
    assert set(paths) == {
        "/v1/calls/{call_id}/postbacks",
        "/v1/calls/{call_id}/dispositions",
        "/v1/calls/{call_id}/disputes",
        "/v1/calls/{call_id}/recording",
        "/v1/calls/{call_id}",
        "/v1/calls",
        "/v1/balance",
        "/v1/health",
    }


def test_the_docs_load_nothing(http: TestClient) -> None:
    """No address of another host, and nothing of ours either: the page is whole, and tells of every request."""
    response = http.get("/docs")
    assert response.status_code == 200
    assert response.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    for loading in ("://", "src=", "href=", "url(", "@import", "<script", "<link", "<iframe"):
        assert loading not in response.text
    for method, path in [("GET", "/v1/calls"), ("POST", "/v1/calls/{call_id}/postbacks"), ("GET", "/v1/health")]:
        assert f"<h2>{method} {path}</h2>" in response.text
    assert http.get("/redoc").status_code == 404


# what is seen


def test_the_number_of_a_caller_who_asked_for_privacy_is_not_told(http: TestClient, world: PostingWorld) -> None:
    judged = world.judged("p", ("east", 120_000))
    world.ledger.write([replace(judged, record=replace(judged.record, tags={"privacy": True}))])
    assert http.get("/v1/calls/p", headers=BEARER).json()["caller"] is None
    (found,) = http.get("/v1/calls", headers=BEARER, params={"from": "2020-01-01T00:00:00Z"}).json()["calls"]
    assert (found["call_id"], found["caller"]) == ("p", None)


def test_an_advertiser_sees_his_own_of_a_call_and_nothing_else(http: TestClient, world: PostingWorld) -> None:
    world.over("a", ("north", 100_000), ("east", 120_000))
    seen = http.get("/v1/calls/a", headers=BEARER)
    call = seen.json()
    assert (call["call_id"], call["caller"]) == ("a", "+12125550199")
    assert [(each["line"], each["connected_ms"], each["ended_by"]) for each in call["attempts"]] == [("east", 120_000, "caller")]
    assert [(each["line"], each["amount"], each["state"]) for each in call["revenue"]] == [("east", "25.00", "held")]
    assert [row["because"] for row in call["revenue"][0]["rows"]] == ["judged"]
    for private in ("north", "bolt", "radio", "payout", "17.5", "75001", "1775001", "carrier", "+18005550100"):
        assert private not in seen.text


def test_what_operators_note_is_not_shown(http: TestClient, world: PostingWorld) -> None:
    world.over("a", ("east", 120_000))
    assert isinstance(
        world.ops(AdjustTo(kind=MoneyKind.REVENUE, amount_micros=20 * DOLLAR), "a", reason="radio-one sent us a bot"), Done
    )
    seen = http.get("/v1/calls/a", headers=BEARER)
    rows = seen.json()["revenue"][0]["rows"]
    assert [(row["amount"], row["because"]) for row in rows] == [("25.00", "judged"), ("-5.00", "adjust-revenue-to:20.00")]
    assert "bot" not in seen.text


@pytest.mark.parametrize("call_id", ["a", "nowhere"])
def test_calls_of_others_are_not_there(http: TestClient, world: PostingWorld, call_id: str) -> None:
    world.over("a", ("east", 120_000))
    response = http.get(f"/v1/calls/{call_id}", headers={"Authorization": f"Bearer {BOLT}"})
    assert (response.status_code, response.json()["type"]) == (404, "urn:payphone:no_such_call")


def test_a_balance_is_what_was_paid_and_what_is_owed(http: TestClient, world: PostingWorld) -> None:
    world.over("a", ("east", 120_000), ("north", 120_000))
    world.postings.deposit("bolt", "WIRE-1", amount_micros=100 * DOLLAR, actor="ops:ann", reason="wire")
    bolt = {"advertiser": "bolt", "deposits": "100.00", "owed": "25.00", "credit": "10.00", "left": "85.00"}
    assert http.get("/v1/balance", headers={"Authorization": f"Bearer {BOLT}"}).json() == bolt
    acme = {"advertiser": "acme", "deposits": "0.00", "owed": "25.00", "credit": None, "left": None}
    assert http.get("/v1/balance", headers=BEARER).json() == acme


def test_health_says_whether_postings_are_taken(http: TestClient, world: PostingWorld) -> None:
    assert http.get("/v1/health").json() == {"status": "ok", "postings": "taken"}
    world.close()
    world.path.unlink()
    for response in (http.get("/v1/health"), http.get("/v1/balance", headers=BEARER)):
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert response.json()["type"] == "urn:payphone:ledger_unavailable"
    assert not world.path.exists()


def test_health_says_so_when_the_ledger_can_only_be_read(
    http: TestClient, world: PostingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switch.ledger.database.BUSY_S", 0.01)
    world.over("a", ("east", 120_000))
    with closing(sqlite3.connect(world.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert (http.get("/v1/health").status_code, http.get("/v1/calls/a", headers=BEARER).status_code) == (503, 200)
        other.execute("ROLLBACK")
    assert http.get("/v1/health").status_code == 200


def test_two_tokens_are_nobodys(http: TestClient) -> None:
    headers = [("Authorization", f"Bearer {ACME}"), ("Authorization", f"Bearer {BOLT}")]
    assert http.get("/v1/balance", headers=headers).status_code == 401
