"""`payphone webhooks`: what was told, sent again, tried."""

import json
from pathlib import Path

import pytest
from posting_world import CONFIG, PostingWorld
from typer.testing import CliRunner

from switch.cli.main import app
from switch.ledger.database import Database
from switch.ledger.deliveries import Attempt, DeliveryState, DeliveryStore, KeptDelivery
from switch.webhook.happenings import deliveries, of_call

PUBLISHER = "publishers: {{radio-one: }}"
HOOKS = """
publishers:
  radio-one:
    webhooks:
      pixel:
        url: http://127.0.0.1:9/pixel
        events: [payout, converted]
        method: GET
        query: {{call: "{{call_id}}", p: "{{payout}}"}}
        headers: {{X-Api-Key: {{env: HOOK_KEY}}}}
        secret: {{env: HOOK_KEY}}
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeliveryStore:
    monkeypatch.setenv("HOOK_KEY", "do-not-show")
    world = PostingWorld(tmp_path)
    text = CONFIG.replace(PUBLISHER, HOOKS).replace("  data: data\n", "  data: data\n  webhook_hosts: [127.0.0.1]\n")
    world.reload(text.format(price="40.00"))
    world.write_config()
    judged = world.over("abc1", ("east", 120_000))
    store = DeliveryStore(Database(world.url))
    hooks = world.deployment.webhooks
    store.register([each.key for each in hooks.all], version="", now_us=1)
    made = deliveries(of_call(judged, judged.verdict.rows), hooks.all, passed=hooks.passed, currency="USD")
    store.keep(list(made), after=0, feed=1, now_us=2)
    world.close()
    return store


def run(tmp_path: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["webhooks", *words, "--config", str(tmp_path / "config")], env={"COLUMNS": "80"})
    return done.exit_code, done.output


def leave(store: DeliveryStore, each: KeptDelivery, state: DeliveryState) -> None:
    store.record(
        [Attempt(delivery=each.number, at_us=9, state=state, tries=7, since_us=2, next_us=None, status=500, why="answered 500")]
    )


def test_status_and_list(tmp_path: Path, store: DeliveryStore) -> None:
    converted, payout = store.listed(limit=9)[::-1]
    leave(store, converted, DeliveryState.DELIVERED)
    leave(store, payout, DeliveryState.DEAD)

    code, said = run(tmp_path, "status", "--json")
    assert code == 0
    row = json.loads(said)
    assert (row["webhook"], row["events"]) == ("publisher/radio-one/pixel", ["converted", "payout"])
    assert (row["waiting"], row["delivered"], row["dead"]) == (0, 1, 1)
    assert max(map(len, run(tmp_path, "status")[1].splitlines())) <= 80

    said = run(tmp_path, "list", "--dead", "--json")[1]
    assert [json.loads(line)["event"] for line in said.splitlines()] == ["payout"]
    said = run(tmp_path, "list")[1]
    assert "answered" in said
    assert max(map(len, said.splitlines())) <= 80
    assert "no deliveries" in run(tmp_path, "list", "--call", "zzz")[1]
    assert run(tmp_path, "list", "--dead", "--waiting")[0] == 1


def test_what_was_given_up_is_sent_again_once_that_is_confirmed(tmp_path: Path, store: DeliveryStore) -> None:
    for each in store.listed(limit=9):
        leave(store, each, DeliveryState.DEAD)

    code, said = run(tmp_path, "resend", "--dead")
    assert code == 1
    assert "send 2 deliveries again, to publisher/radio-one/pixel?" in said
    assert store.asked_again(0)[1] == []

    assert run(tmp_path, "resend", "--dead", "--webhook", "pixel", "--yes", "--actor", "ann") == (0, "2 to be sent again\n")
    assert len(store.asked_again(0)[1]) == 2
    assert run(tmp_path, "resend", "--dead", "--yes") == (0, "no delivery was given up\n")


def test_by_number(tmp_path: Path, store: DeliveryStore) -> None:
    number = store.listed(limit=1)[0].number
    assert run(tmp_path, "resend", str(number), "--yes")[0] == 0
    assert [each.number for each in store.asked_again(0)[1]] == [number]
    code, said = run(tmp_path, "resend", "4711", "--yes")
    assert (code, "no delivery 4711" in said) == (1, True)
    assert run(tmp_path, "resend")[0] == 1
    assert run(tmp_path, "resend", str(number), "--dead")[0] == 1


def test_a_sample_is_sent_and_no_secret_is_shown(tmp_path: Path, store: DeliveryStore) -> None:
    code, said = run(tmp_path, "test", "pixel")
    assert code == 1
    assert "GET http://127.0.0.1:9/pixel?call=test" in said
    assert "no answer" in said
    assert "do-not-show" not in said
    code, said = run(tmp_path, "test", "publisher/radio-one/pixel", "--event", "payout", "--dry-run")
    assert (code, "p=18.00" in said) == (0, True)


@pytest.mark.parametrize(("words", "why"), [(("pixl",), 'did you mean "pixel"'), (("pixel", "--event", "rang"), "is told of no")])
def test_what_there_is_not(tmp_path: Path, store: DeliveryStore, words: tuple[str, ...], why: str) -> None:
    code, said = run(tmp_path, "test", *words)
    assert (code, why in " ".join(said.split())) == (1, True)
