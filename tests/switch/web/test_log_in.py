"""Logging in and out, sessions, what forms must bring, and the headers of every answer."""

from pathlib import Path

import pytest
from argon2 import PasswordHasher
from console_world import CONFIG, HASH, PASSWORD, SESSION_MS, ConsoleWorld
from fastapi.testclient import TestClient
from httpx import Response
from structlog.testing import capture_logs

from switch.web import sessions, throttle
from switch.web.guard import COOKIE, HEADERS, MAX_FORM_BYTES
from switch.web.login import TOLD_FROM
from switch.web.passwords import MAX_CHARS

PAGE = {"Accept": "text/html"}
SECOND_US = 1_000_000


def log_in(client: TestClient, name: str = "anna", password: str = PASSWORD, **more: str) -> Response:
    answer: Response = client.post("/login", data={"name": name, "password": password, **more})
    return answer


def test_a_log_in_leads_where_one_wanted_to_go_and_its_cookie_is_guarded(world: ConsoleWorld) -> None:
    client = world.visitor()
    assert client.get("/calls?state=busy", headers=PAGE).headers["location"] == "/login?next=%2Fcalls%3Fstate%3Dbusy"
    answer = log_in(client, next="/calls?state=busy")
    assert (answer.status_code, answer.headers["location"]) == (303, "/calls?state=busy")
    said = answer.headers["set-cookie"].lower()
    assert [word for word in ("httponly", "secure", "samesite=lax", "path=/") if word not in said] == []
    assert client.get("/calls", headers=PAGE).status_code == 200


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "", "/login", "/calls\r\nX: y"])
def test_a_log_in_leads_to_no_other_site(world: ConsoleWorld, wanted: str) -> None:
    assert log_in(world.visitor(), next=wanted).headers["location"] == "/"


def test_a_wrong_password_and_a_user_there_is_not_are_answered_alike(world: ConsoleWorld) -> None:
    client = world.visitor()
    answers = [log_in(client, "anna", "wrong"), log_in(client, "nobody", PASSWORD), log_in(client, "anna", "x" * (MAX_CHARS + 1))]
    assert [each.status_code for each in answers] == [401, 401, 401]
    assert {each.text.replace("nobody", "anna") for each in answers} == {answers[0].text}
    assert COOKIE not in client.cookies


def test_guesses_are_slowed_and_told(world: ConsoleWorld) -> None:
    client = world.visitor()
    with capture_logs() as logs:
        codes = [log_in(client, password=f"wrong {number}").status_code for number in range(throttle.FREE_TRIES + 1)]
    assert codes == [401] * throttle.FREE_TRIES + [429]
    told = [each for each in logs if each["event"] == "console: wrong password"]
    assert [each["log_level"] for each in told] == ["info"] * (TOLD_FROM - 1) + ["warning"]
    assert (told[-1]["user"], told[-1]["address"], told[-1]["in_a_row"]) == ("anna", "testclient", TOLD_FROM)
    refused = log_in(client)  # the right one, too soon
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    world.now_us += SECOND_US
    assert log_in(client).status_code == 303
    client.cookies.clear()
    assert log_in(client, password="wrong").status_code == 401  # noqa: S106 it counts from the start


def test_the_wait_doubles_by_name_and_by_address_up_to_a_limit() -> None:
    found = throttle.LoginThrottle()
    waits = []
    for number in range(throttle.FREE_TRIES + 12):
        found.failed("anna", f"address {number}", 0)
        waits.append(found.wait_s("anna", "another", 0))
    assert waits[: throttle.FREE_TRIES - 1] == [0] * (throttle.FREE_TRIES - 1)
    assert waits[throttle.FREE_TRIES - 1 :][:4] == [1, 2, 4, 8]
    assert waits[-1] == throttle.LONGEST_S
    assert found.wait_s("ben", "address 0", 0) == 0
    for number in range(throttle.FREE_TRIES):
        found.failed(f"name {number}", "one", 0)
    assert found.wait_s("anybody", "one", 0) == 1
    assert found.wait_s("anna", "another", throttle.FORGET_S * SECOND_US - 1) == 0  # the wait is over by then
    found.failed("anna", "x", throttle.FORGET_S * SECOND_US)
    assert found.wait_s("anna", "another", throttle.FORGET_S * SECOND_US) == 0


def test_so_many_names_and_addresses_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MAX_KEYS", 2 * throttle.FREE_TRIES)
    found = throttle.LoginThrottle()
    for _ in range(throttle.FREE_TRIES):
        found.failed("anna", "one", 0)
    for number in range(throttle.FREE_TRIES - 1):
        found.failed(f"{number}", f"{number}", 0)
    assert found.wait_s("anna", "one", 0) == 1
    found.failed("last", "last", 0)
    assert found.wait_s("anna", "one", 0) == 0


def test_an_address_behind_a_proxy_on_this_machine_is_the_one_that_the_proxy_says(world: ConsoleWorld) -> None:
    near = TestClient(world.app, base_url="https://testserver", client=("127.0.0.1", 1), follow_redirects=False)
    far = TestClient(world.app, base_url="https://testserver", client=("192.0.2.9", 1), follow_redirects=False)
    with capture_logs() as logs:
        for client in (near, far):
            said = {"X-Forwarded-For": "198.51.100.1, 203.0.113.7"}
            client.post("/login", data={"name": "anna", "password": "wrong"}, headers=said)
    assert [each["address"] for each in logs] == ["203.0.113.7", "192.0.2.9"]


def test_a_session_that_is_not_used_ends(world: ConsoleWorld) -> None:
    client = world.user("anna")
    world.now_us += SESSION_MS * 1_000 - 1
    assert client.get("/calls").status_code == 200
    world.now_us += SESSION_MS * 1_000
    assert client.get("/calls").status_code == 401


def test_a_session_ends_however_much_it_is_used(world: ConsoleWorld) -> None:
    client, begun_us = world.user("anna"), world.now_us
    while world.now_us + 3_600 * SECOND_US < begun_us + sessions.LONGEST_US:
        world.now_us += 3_600 * SECOND_US
        assert client.get("/static/times.js").status_code == 200
    world.now_us = begun_us + sessions.LONGEST_US - 1
    assert client.get("/calls").status_code == 200
    world.now_us += 1
    assert client.get("/calls").status_code == 401


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("  anna: {role: ops", "  ann: {role: ops"),
        ("  anna: {role: ops", "  anna: {role: viewer"),
        (HASH, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("another")),
    ],
    ids=["gone", "another role", "another password"],
)
def test_a_session_ends_with_its_user(world: ConsoleWorld, was: str, now: str) -> None:
    client = world.user("anna")
    world.reload(CONFIG + "\n# the same users")
    assert client.get("/calls").status_code == 200
    world.reload(CONFIG.replace(was, now))
    assert client.get("/calls").status_code == 401


def test_a_restart_of_the_console_logs_nobody_out_and_its_file_holds_no_token(world: ConsoleWorld) -> None:
    client = world.user("anna")
    token = client.cookies[COOKIE]
    path = world.data / sessions.FILE_NAME
    assert path.stat().st_mode & 0o077 == 0
    assert token not in path.read_text()
    world.site.sessions = world.sessions()
    assert client.get("/calls").status_code == 200
    path.write_text("no JSON")
    world.site.sessions = world.sessions()
    assert client.get("/calls").status_code == 401


def test_so_many_sessions_are_kept(world: ConsoleWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 2)
    first = world.user("anna")
    world.now_us += 1
    second = world.user("vic")
    world.now_us += 1
    assert first.get("/calls").status_code == 200
    world.now_us += 1
    world.user("alfa")
    assert first.get("/calls").status_code == 200
    assert second.get("/calls").status_code == 401


def test_whoever_logs_out_is_out(world: ConsoleWorld) -> None:
    client = world.user("anna")
    token = client.cookies[COOKIE]
    assert client.post("/logout").headers["location"] == "/login"
    client.cookies.clear()
    client.cookies.set(COOKIE, token)
    assert client.get("/calls").status_code == 401


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, 303),
        ({"X-CSRF-Token": "another"}, 403),
        ({"X-CSRF-Token": ""}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "https://testserver"}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
    ],
)
def test_a_form_of_another_site_does_nothing(world: ConsoleWorld, headers: dict[str, str], code: int) -> None:
    client = world.user("anna")
    assert client.post("/logout", headers=headers).status_code == code
    assert client.get("/calls").status_code == (401 if code == 303 else 200)


def test_a_form_may_bring_the_token_as_a_field(world: ConsoleWorld) -> None:
    client = world.user("anna")
    token = client.headers.pop("X-CSRF-Token")
    assert client.post("/logout", data={"csrf": "x"}).status_code == 403
    assert client.post("/logout", data={"csrf": token}).status_code == 303


def test_a_log_in_from_another_site_is_refused(world: ConsoleWorld) -> None:
    answer = world.visitor().post("/login", data={"name": "anna", "password": PASSWORD}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


@pytest.mark.parametrize(("size", "code"), [(MAX_FORM_BYTES, 403), (MAX_FORM_BYTES + 1, 413)])
def test_how_large_a_form_may_be(world: ConsoleWorld, size: int, code: int) -> None:
    client = world.user("anna")
    assert client.post("/logout", content=b"x" * size, headers={"X-CSRF-Token": "wrong"}).status_code == code


@pytest.mark.parametrize("address", ["/login", "/calls", "/calls/none", "/nowhere", "/static/console.css", "/figures?by=nothing"])
def test_every_answer_has_the_headers(world: ConsoleWorld, address: str) -> None:
    answer = world.user("anna").get(address)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert answer.headers["Cache-Control"] == "no-store"


def test_files_of_ours_may_be_kept_and_pages_have_no_script_inside(world: ConsoleWorld) -> None:
    client = world.user("anna")
    text = client.get("/figures").text
    assert "<script>" not in text
    assert " style=" not in text
    assert " onclick" not in text
    linked = [each.partition('"')[0] for each in text.split('src="')[1:]]
    assert linked
    for address in linked:
        assert client.get(address).headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_vendored_files_are_there_with_their_licences() -> None:
    vendor = Path(throttle.__file__).parent / "static" / "vendor"
    assert sorted(path.name for path in vendor.iterdir()) == [
        "htmx-2.0.4.min.js",
        "htmx.LICENSE",
        "uplot-1.6.32.min.css",
        "uplot-1.6.32.min.js",
        "uplot.LICENSE",
    ]
