"""`GET /v1/calls`: an advertiser finds its own calls, the newest first, page by page."""

from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from money_cases import INVITED_US, SECOND_US
from posting_world import ACME, BOLT, LATER_US, PostingWorld

from switch.api.search import DAY_US, DEFAULT_DAYS, MAX_CALLS
from switch.api.view import time_of


def add(world: PostingWorld, call_id: str, *talks: tuple[str, int | None], after_s: int = 0, ani: str = "+12125550199") -> None:
    """A call that was invited `after_s` after the first."""
    judged = world.judged(call_id, *talks)
    record = replace(judged.record, invited_us=INVITED_US + after_s * SECOND_US, ani=ani)
    world.ledger.write([replace(judged, record=record)])


def found(http: TestClient, token: str = ACME, **query: str) -> dict[str, Any]:
    response = http.get("/v1/calls", params=query, headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 200, response.text
    told: dict[str, Any] = response.json()
    return told


def ids(http: TestClient, token: str = ACME, **query: str) -> list[str]:
    return [call["call_id"] for call in found(http, token, **query)["calls"]]


@pytest.fixture
def calls(world: PostingWorld) -> None:
    add(world, "a", ("east", 120_000))
    add(world, "b", ("north", 120_000), after_s=10)
    add(world, "c", ("east", None), ("north", 120_000), after_s=20, ani="+13035550123")
    add(world, "d", ("west", 120_000), after_s=30)


@pytest.mark.usefixtures("calls")
def test_an_advertiser_finds_its_own_calls_newest_first(http: TestClient) -> None:
    assert ids(http) == ["d", "c", "a"]
    assert ids(http, BOLT) == ["c", "b"]
    (call,) = found(http, caller="+13035550123")["calls"]
    assert [each["line"] for each in call["attempts"]] == ["east"]
    text = str(call)
    for private in ("north", "bolt", "radio", "+18005550100"):
        assert private not in text


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"caller": "+13035550123"}, ["c"]),
        ({"caller": "+13035550124"}, []),
        ({"line": "west"}, ["d"]),
        ({"line": "north"}, []),  # another advertiser's
        ({"campaign": "quotes"}, ["d", "c", "a"]),
        ({"campaign": "sales"}, []),
        ({"outcome": "answered"}, ["d", "a"]),
        ({"outcome": "answered", "line": "east"}, ["a"]),
        ({"from": time_of(INVITED_US + 20 * SECOND_US)}, ["d", "c"]),
        ({"to": time_of(INVITED_US + 20 * SECOND_US)}, ["a"]),
        ({"from": time_of(INVITED_US), "to": time_of(INVITED_US + SECOND_US)}, ["a"]),
        ({"caller": "+12125550199", "from": time_of(INVITED_US + SECOND_US)}, ["d"]),
    ],
)
def test_each_filter_narrows_it_down(http: TestClient, query: dict[str, str], expected: list[str]) -> None:
    assert ids(http, **query) == expected


def test_without_a_period_it_is_the_last_month(http: TestClient, world: PostingWorld) -> None:
    now_us = LATER_US + 1_000
    first_us = now_us + 1_000 - DEFAULT_DAYS * DAY_US
    for call_id, invited_us in (("inside", first_us + SECOND_US), ("outside", first_us - SECOND_US)):
        add(world, call_id, ("east", 120_000), after_s=(invited_us - INVITED_US) // SECOND_US)
    told = found(http)
    assert [call["call_id"] for call in told["calls"]] == ["inside"]
    assert told["next"] is None
    assert ids(http, **{"from": "2000-01-01T00:00:00Z"}) == ["inside", "outside"]


def test_pages_follow_one_another_and_none_is_missed(http: TestClient, world: PostingWorld) -> None:
    """Calls of one instant are told apart by their ids."""
    names = [f"c{number}" for number in range(5)]
    for name in names:
        add(world, name, ("east", 120_000), after_s=10 if name == "c4" else 0)
    pages, query = [], {"limit": "2"}
    while True:
        told = found(http, **query)
        pages.append([call["call_id"] for call in told["calls"]])
        if told["next"] is None:
            break
        query["cursor"] = told["next"]
    assert pages == [["c4", "c3"], ["c2", "c1"], ["c0"]]


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("caller=12125550199", "query.caller"),
        ("caller=+12125550199", "query.caller"),  # a + that is not escaped is a space
        ("caller=", "query.caller"),
        ("from=2026-11-28T09:00:00", "query.from"),
        ("from=2026-11-28", "query.from"),
        ("from=yesterday", "query.from"),
        ("to=0001-01-01T00:00:00%2B23:00x", "query.to"),
        ("from=2026-11-28T09:00:00Z&to=2026-11-28T09:00:00Z", "query.to"),
        ("from=2026-11-28T09:00:00Z&to=2026-11-27T09:00:00Z", "query.to"),
        ("line=a%20b", "query.line"),
        ("outcome=converted", "query.outcome"),
        ("limit=0", "query.limit"),
        (f"limit={MAX_CALLS + 1}", "query.limit"),
        ("limit=-1", "query.limit"),
        ("limit=1e2", "query.limit"),
        ("cursor=x", "query.cursor"),
        ("cursor=%F0%9F%98%80", "query.cursor"),
        ("publisher=radio-one", "query.publisher"),
        ("number=%2B18005550100", "query.number"),
    ],
)
def test_a_query_that_can_not_be_is_told_where(http: TestClient, query: str, where: str) -> None:
    response = http.get(f"/v1/calls?{query}", headers={"Authorization": f"Bearer {ACME}"})
    assert (response.status_code, response.json()["type"]) == (422, "urn:payphone:malformed")
    assert [each["where"] for each in response.json()["wrong"]] == [where]


def test_the_largest_page_may_be_asked_for(http: TestClient) -> None:
    assert ids(http, limit=str(MAX_CALLS)) == []


def test_a_filter_that_is_there_twice_is_refused(http: TestClient) -> None:
    response = http.get("/v1/calls?line=east&line=west", headers={"Authorization": f"Bearer {ACME}"})
    assert (response.status_code, response.json()["type"]) == (422, "urn:payphone:given_twice")


def test_without_a_token_nothing_is_found(http: TestClient) -> None:
    assert http.get("/v1/calls").status_code == 401
