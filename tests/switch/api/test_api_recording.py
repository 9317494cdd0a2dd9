"""Pausing a recording by HTTP: what is asked of the switch, and what is answered."""

from typing import Literal

import pytest
from fastapi.testclient import TestClient
from posting_world import ACME, PostingWorld

from switch.api.app import create_app
from switch.control.messages import PauseRecording

BEARER = {"Authorization": f"Bearer {ACME}"}
PATH = "/v1/calls/3da0db4fd5eb080b/recording"


@pytest.mark.parametrize(
    ("outcome", "status", "word"), [("done", 200, None), ("not_recorded", 409, "not_recorded"), ("no_switch", 503, "no_switch")]
)
def test_what_the_switch_says_is_answered(
    world: PostingWorld, outcome: Literal["done", "not_recorded", "no_switch"], status: int, word: str | None
) -> None:
    asked: list[PauseRecording] = []

    def pause(order: PauseRecording) -> Literal["done", "not_recorded", "no_switch"]:
        asked.append(order)
        return outcome

    api = world.deployment.switch.api
    assert api is not None
    with TestClient(create_app(world.postings, api=lambda: api, now_us=world.clock.now_us, pause=pause)) as http:
        response = http.put(PATH, json={"paused": True}, headers=BEARER)
    assert response.status_code == status
    assert asked == [PauseRecording(id=1, call_id="3da0db4fd5eb080b", paused=True, advertiser="acme")]
    if word is None:
        assert response.json() == {"call_id": "3da0db4fd5eb080b", "paused": True}
    else:
        assert response.json()["type"] == f"urn:payphone:{word}"
        assert response.json()["do"]


@pytest.mark.parametrize("body", [{}, {"paused": None}, {"paused": "yes"}, {"paused": 1}, {"paused": True, "line": "east"}])
def test_what_is_no_pause_is_refused(http: TestClient, body: dict[str, object]) -> None:
    response = http.put(PATH, json=body, headers=BEARER)
    assert (response.status_code, response.json()["type"]) == (422, "urn:payphone:malformed")


def test_without_a_token_nothing_is_asked(http: TestClient) -> None:
    assert http.put(PATH, json={"paused": True}).status_code == 401


def test_beside_no_switch_there_is_nothing_to_pause(http: TestClient) -> None:
    assert http.put(PATH, json={"paused": True}, headers=BEARER).status_code == 503
