"""Bodies, queries and paths that are wrong: each has its status, and is told in our words."""

import json
import re
from typing import Any

import pytest
from fastapi.testclient import TestClient
from posting_world import ACME, PostingWorld

from switch.api.app import create_app
from switch.deployment import Api, token_of

BEARER = {"Authorization": f"Bearer {ACME}"}
FRAMEWORKS = re.compile(
    "pydantic|input|permitted|valid |should|field required|not found|method not allowed|unprocessable",
    re.IGNORECASE,
)


def sent(http: TestClient, body: bytes, **headers: str) -> dict[str, Any]:
    """What a posting with this body is answered."""
    told: dict[str, Any] = http.post(
        "/v1/calls/a/postbacks", content=body, headers={**BEARER, "Content-Type": "application/json", **headers}
    ).json()
    return told


def in_our_words(told: dict[str, Any]) -> bool:
    texts = [told["title"], told["detail"], told["do"], *(each["what"] for each in told.get("wrong", ()))]
    return not any(FRAMEWORKS.search(text) for text in texts)


def nested(depth: int) -> bytes:
    return b'{"key": "k", "x": ' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "not_json"),
        (b" ", 400, "not_json"),
        (b"{", 400, "not_json"),
        (b"{}}", 400, "not_json"),
        (b'{"key": "k"} {"key": "k"}', 400, "not_json"),
        (b"{'key': 'k'}", 400, "not_json"),
        (b'{"key": "k",}', 400, "not_json"),
        (b'{"key": "a\nb"}', 400, "not_json"),
        (b"\xff", 400, "not_json"),
        (b'\xef\xbb\xbf{"key": "k"}', 400, "not_json"),
        ('{"key": "k"}'.encode("utf-16"), 400, "not_json"),
        (b'{"key": NaN}', 400, "not_json"),
        (b'{"key": -Infinity}', 400, "not_json"),
        (b'{"key": "k", "amount": "1.00", "amount": "900.00"}', 422, "given_twice"),
        (b'{"key": "k", "amo\\u0075nt": "1.00", "amount": "900.00"}', 422, "given_twice"),
        (b'{"key": "k", "x": {"y": 1, "y": 2}}', 422, "given_twice"),
        (b'{"key": "k", "x": {"y": {"z": 1, "z": 1}}}', 422, "given_twice"),
        (b'[{"y": 1}, {"z": 1, "z": 1}]', 422, "given_twice"),
        (b"[" * 16_000, 422, "too_deep"),
        (b'{"a":' * 3_000, 422, "too_deep"),
        (nested(5), 422, "too_deep"),
        (nested(4), 422, "malformed"),
        (b'{"key": "k", "line": "' + b"[" * 30 + b'"}', 404, "no_such_call"),
        (b'{"amount": ' + b"1" * 32 + b"}", 422, "malformed"),
        (b'{"amount": ' + b"1" * 33 + b"}", 422, "number_out_of_range"),
        (b'{"amount": ' + b"1" * 10_000 + b"}", 422, "number_out_of_range"),
        (b'{"amount": 1e999}', 422, "number_out_of_range"),
        (b'{"amount": -1E+999}', 422, "number_out_of_range"),
        (b'{"amount": 1e32}', 422, "malformed"),
        (b"[]", 422, "malformed"),
        (b"null", 422, "malformed"),
        (b'"key"', 422, "malformed"),
        (b'{"key": 1}', 422, "malformed"),
        (b'{"key": null, "amount": {}}', 422, "malformed"),
        (b'{"key": "k", "extra": 1}', 422, "malformed"),
    ],
)
def test_what_is_wrong_with_a_body_is_told(http: TestClient, body: bytes, status: int, code: str) -> None:
    told = sent(http, body)
    assert (told["status"], told["type"]) == (status, f"urn:payphone:{code}"), told
    assert in_our_words(told), told


@pytest.mark.parametrize("path", ["dispositions", "disputes"])
@pytest.mark.parametrize(
    "body", ["{}", '{"code": 1, "reason": 1}', '{"code": "", "reason": ""}', '{"reason": "\\ud800", "code": "\\ud800"}']
)
def test_other_postings_are_told_in_our_words_too(http: TestClient, path: str, body: str) -> None:
    headers = {**BEARER, "Content-Type": "application/json"}
    told = http.post(f"/v1/calls/a/{path}", content=body, headers=headers).json()
    assert (told["status"], told["type"]) == (422, "urn:payphone:malformed")
    assert in_our_words(told), told


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("Content-Type", "text/plain", 415),
        ("Content-Type", "application/x-www-form-urlencoded", 415),
        ("Content-Type", "application/jsonp", 415),
        ("Content-Type", "application/json; charset=iso-8859-1", 415),
        ("Content-Type", "", 415),
        ("Content-Encoding", "gzip", 415),
        ("Content-Type", "Application/JSON; charset=UTF-8", 404),
        ("Content-Encoding", "identity", 404),
    ],
)
def test_a_body_is_said_to_be_plain_json(http: TestClient, name: str, value: str, status: int) -> None:
    told = sent(http, b'{"key": "k"}', **{name: value})
    assert told["status"] == status
    assert in_our_words(told), told


def test_a_header_that_is_there_twice_is_refused(http: TestClient) -> None:
    headers = [("Authorization", f"Bearer {ACME}"), ("Content-Type", "application/json")]
    for again in ("Idempotency-Key", "Content-Type"):
        twice = [*headers, (again, "application/json"), ("Idempotency-Key", "k1")]
        told = http.post("/v1/calls/a/postbacks", content=b"{}", headers=twice).json()
        assert (told["status"], told["type"]) == (422, "urn:payphone:given_twice")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", "/nothing", 404),
        ("GET", "/v1/calls/", 404),
        ("GET", "/redoc", 404),
        ("DELETE", "/v1/calls/a", 405),
        ("GET", "/v1/calls/a/postbacks", 405),
        ("GET", "/v1/calls/a/recording", 405),
        ("HEAD", "/v1/balance", 405),
        ("OPTIONS", "/v1/balance", 405),
        ("PATCH", "/v1/health", 405),
        ("GET", "/v1/calls?from=2026-11-28T09:00:00", 422),
    ],
)
def test_paths_and_methods_are_told_in_our_words(http: TestClient, method: str, path: str, status: int) -> None:
    response = http.request(method, path, headers=BEARER)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert status != 405 or response.headers["allow"]
    if method != "HEAD":
        assert in_our_words(response.json()), response.text


def test_a_fault_of_ours_is_told_without_its_trace(world: PostingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(world.postings, "account", fail)
    api = Api(listen=("127.0.0.1", 0), tokens={"acme": token_of(ACME)})
    app = create_app(world.postings, api=lambda: api, now_us=world.clock.now_us, pause=lambda _: "done")
    response = TestClient(app, raise_server_exceptions=False).get("/v1/balance", headers=BEARER)
    assert (response.status_code, response.json()["type"]) == (500, "urn:payphone:broken")
    assert "secret" not in response.text
    assert json.loads(response.text)["do"]
