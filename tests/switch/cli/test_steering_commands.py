"""`payphone hangup`, `pause`, `resume`, `cap`, `overrides` and `actions`, as people give them, on an engine behind a control socket."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine_world import EAST, START_US, WEST, World, line, plan
from typer.testing import CliRunner, Result

from routing.cap import Cap, Counts, Per
from switch.call.moment import Moment
from switch.cli.common import app
from switch.control.command import ProcessState, carry_out
from switch.control.messages import VERSION, Command, Hello, Reply
from switch.control.publisher import Publisher
from switch.control.server import ControlServer
from switch.engine.clock import SystemClock
from switch.engine.effect import KeepSteering
from switch.engine.usage import UsageHistory
from switch.ledger.database import Database, ledger_url
from switch.ledger.store import Ledger

BUDGET = Cap(owner="campaign:quotes", limit=100_000_000, counts=Counts.REVENUE, per=Per.DAY)

CONFIG = """
switch:
  sip: {{listen: "127.0.0.1:5060"}}
  rtp: {{ports: 20000-20999}}
  data: {data}
trunks: {{carrier: {{addresses: [127.0.0.1]}}}}
publishers: {{radio: }}
numbers: {{"+18005550100": {{publisher: radio, campaign: quotes}}}}
advertisers:
  acme:
    lines:
      east: {{uri: "sip:east@127.0.0.1:5071"}}
      west: {{uri: "sip:west@127.0.0.1:5072"}}
campaigns:
  quotes:
    lines: [{{line: east, priority: 1}}, {{line: west, priority: 2}}]
    billable: {{on: connected_for, at_least: 90s}}
    revenue: 25.00
    payout: 18.00
"""


class Desk:
    """A switch in simulated time, its control socket, and a ledger that gets what the engine asks to be kept."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "config"
        self.config.mkdir()
        (self.config / "switch.yaml").write_text(f"switch: {{data: {folder}}}\n")
        self.world = World(plan(line("east", EAST, limit=9), line("west", WEST), caps=(BUDGET,)))
        self.world.line_phone(EAST)
        self.world.line_phone(WEST)
        self.world.engine.load_usage(UsageHistory())
        self.ledger = Ledger(Database(ledger_url(folder)))
        self.ledger.migrate()
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server: ControlServer | None = None
        self._on_loop(self._open)

    def now(self) -> Moment:
        return self.world.at()

    def close(self) -> None:
        if self._loop.is_closed():
            return

        async def closed() -> None:
            assert self._server is not None
            await self._server.close()

        asyncio.run_coroutine_threadsafe(closed(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self.ledger.close()

    def _on_loop(self, work: Callable[[], object]) -> None:
        async def done() -> None:
            if asyncio.iscoroutine(result := work()):
                await result

        asyncio.run_coroutine_threadsafe(done(), self._loop).result(10)

    async def _open(self) -> None:
        publisher = Publisher(self.world.engine, started_us=START_US, ends_us=lambda: None, clock=self)
        hello = Hello(version=VERSION, pid=7, config="v1")
        self._server = ControlServer(
            self._folder, hello=lambda: hello, carry_out=self._carry_out, publisher=publisher, stop_listening=lambda _: None
        )
        await self._server.open()

    def _carry_out(self, command: Command) -> Reply:
        process = ProcessState(started_us=START_US, ends_us=None)
        reply = carry_out(command, self.world.engine, lambda: process, self.now(), drain=lambda _: None)
        self.world.flush()
        return reply

    def calls(self, number: int, *, run_ms: int = 5_000) -> list[str]:
        """So many calls more. Returns the ids of all that are live, in the order they came."""

        def came() -> None:
            for _ in range(number):
                self.world.call()
            self.world.run(run_ms)

        self._on_loop(came)
        return self.live()

    def live(self) -> list[str]:
        self._on_loop(lambda: self.world.run(1_000))
        return [each.call_id for each in self.world.engine._calls]

    def kept(self) -> None:
        """The ledger has all that there is to keep."""
        self.ledger.add_steering([effect.rows for effect in self.world.effects if isinstance(effect, KeepSteering)])

    def payphone(self, *words: str, typed: str = "", exit_code: int = 0) -> Result:
        env = {"COLUMNS": "80", "SUDO_USER": "anna"}
        done = CliRunner().invoke(app, [words[0], "--config", str(self.config), *words[1:]], env=env, input=typed)
        assert done.exit_code == exit_code, done.output
        assert "--json" in words or words[0] == "route" or all(len(text) <= 80 for text in done.output.splitlines()), done.output
        return done


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    monkeypatch.setattr(SystemClock, "now", lambda _: desk.now())
    yield desk
    desk.close()


def test_a_call_is_hung_up_by_the_beginning_of_its_id_and_only_that_one(desk: Desk) -> None:
    first, second, third = desk.calls(3)
    found = json.loads(desk.payphone("hangup", second, "--reason", "abuse", "--json").stdout)
    assert found == {"ended": [second], "unknown": []}
    assert desk.live() == [first, third]
    assert "give more of its id" in desk.payphone("hangup", first[:2], exit_code=1).output
    assert "no call in progress is ff" in desk.payphone("hangup", "ff", exit_code=1).output
    assert "no call in progress" in desk.payphone("hangup", "", exit_code=1).output
    assert desk.live() == [first, third]


def test_all_that_match_are_counted_named_and_asked_about_first(desk: Desk) -> None:
    calls = desk.calls(12)
    refused = desk.payphone("hangup", "--line", "east", typed="n\n", exit_code=1)
    assert "Hang up 9 calls? [y/N]" in refused.output  # the cap of the line is 9
    assert "talking  +12125550199 to +18005550100  east" in refused.output
    assert len(desk.live()) == 12
    assert "Hang up 12 calls?" in (asked := desk.payphone("hangup", "--campaign", "quotes", typed="", exit_code=1)).output
    assert "and 2 more" in asked.output
    assert "9 calls hung up" in desk.payphone("hangup", "--line", "east", typed="y\n").output
    assert len(left := desk.live()) == 3
    assert "3 calls hung up" in desk.payphone("hangup", "--state", "talking", "--yes").output
    assert desk.live() == []
    assert len({*calls} - {*left}) == 9


def test_what_matches_nothing_or_does_not_exist_hangs_nothing_up(desk: Desk) -> None:
    (call,) = desk.calls(1)
    for words in ((), (call, "--line", "east")):
        assert "one of both" in desk.payphone("hangup", *words, exit_code=1).output
    assert "has no line eest" in desk.payphone("hangup", "--line", "eest", exit_code=1).output
    assert "no call in progress" in desk.payphone("hangup", "--campaign", "home", "--yes", exit_code=1).output
    assert desk.live() == [call]


def test_a_line_is_paused_listed_shown_and_resumed(desk: Desk) -> None:
    made = desk.payphone("pause", "line", "east", "--for", "2h", "--reason", "their PBX is down")
    assert made.stdout == "override 1: line east is paused until 2026-03-02 17:00:00 UTC\n"
    text = " ".join(desk.payphone("overrides").stdout.split())
    assert "1 line east is paused 2026-03-02 17:00:00 cli:anna their PBX is down" in text
    assert [each["paused"] for each in map(json.loads, desk.payphone("lines", "--json").stdout.splitlines())] == [True, False]
    assert "paused" in desk.payphone("lines").stdout
    desk.calls(1)
    assert desk.payphone("resume", "line", "east").stdout.startswith("override 1 is lifted: line east is paused, since 2026-03-02")
    assert desk.payphone("overrides").stdout == "nothing is overridden: the config holds\n"
    assert "is not paused by an override" in desk.payphone("resume", "line", "east", exit_code=1).output


def test_resume_lifts_every_pause_of_that_name_and_no_other(desk: Desk) -> None:
    for words in (("line", "east"), ("line", "east"), ("line", "west"), ("number", "+1 800 555-0100"), ("publisher", "radio")):
        desk.payphone("pause", *words)
    desk.payphone("cap", "line:east", "3")
    desk.payphone("resume", "line", "east")
    desk.payphone("resume", "number", "8005550100")
    left = [each["number"] for each in map(json.loads, desk.payphone("overrides", "--json").stdout.splitlines())]
    assert left == [3, 5, 6]
    desk.payphone("overrides", "--lift", "5", "--json")
    assert "no override 5 is in force" in desk.payphone("overrides", "--lift", "5", exit_code=1).output


def test_a_cap_is_limited_in_calls_or_in_money(desk: Desk) -> None:
    assert desk.payphone("cap", "line:east", "2").stdout == "override 1: the cap line east is 2 until it is lifted\n"
    money = desk.payphone("cap", BUDGET.key, "1250.50", "--until", "18:30")
    assert money.stdout.split() == (
        [
            "override",
            "2:",
            "the",
            "cap",
            "campaign",
            "quotes/revenue/day",
            "is",
            "1250.50",
            "until",
            "2026-03-02",
            "18:30:00",
            "UTC",
        ]
    )
    found = [json.loads(row) for row in desk.payphone("caps", "--json").stdout.splitlines()]
    assert {each["key"]: each["limit"] for each in found} == {"line:east": 2, "line:west": 100, BUDGET.key: 1_250_500_000}
    assert "is no limit" in desk.payphone("cap", "line:east", "2.5", exit_code=1).output
    assert "not an amount" in desk.payphone("cap", BUDGET.key, "much", exit_code=1).output
    assert "did you mean line:east?" in desk.payphone("cap", "line:eest", "2", exit_code=1).output


@pytest.mark.parametrize(
    ("words", "ends"),
    [
        (("--until", "15:30"), "2026-03-02 15:30:00"),
        (("--until", "15:00"), "2026-03-03 15:00:00"),  # it is 15:00 now: the next one
        (("--until", "14:59:59"), "2026-03-03 14:59:59"),
        (("--until", "2026-04-01T09:00"), "2026-04-01 09:00:00"),
        (("--until", "2026-04-01T09:00-05:00"), "2026-04-01 14:00:00"),
        (("--for", "90s"), "2026-03-02 15:01:30"),
        (("--for", "400d"), "2027-04-06 15:00:00"),
    ],
)
def test_an_override_ends_when_it_is_told_to(desk: Desk, words: tuple[str, ...], ends: str) -> None:
    assert f"until {ends} UTC" in " ".join(desk.payphone("pause", "line", "east", *words).stdout.split())


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--until", "25:00"), "is no time of day"),
        (("--until", "soon"), "is no instant"),
        (("--until", "2026-03-01"), "has passed"),
        (("--for", "401d"), "up to 400d"),
        (("--for", "0s"), "write 90s"),
        (("--for", "2h", "--until", "15:30"), "not both"),
    ],
)
def test_an_end_that_is_none_is_refused(desk: Desk, words: tuple[str, ...], why: str) -> None:
    assert why in " ".join(desk.payphone("pause", "line", "east", *words, exit_code=1).output.split())
    assert "nothing is overridden" in desk.payphone("overrides").stdout


def test_who_did_what_is_shown_the_newest_first(desk: Desk) -> None:
    (call,) = desk.calls(1)
    desk.payphone("pause", "line", "east", "--for", "1h")
    desk.payphone("pause", "line", "eest", exit_code=1)
    desk.payphone("hangup", call, "--reason", "abuse")
    desk.kept()
    rows = [json.loads(row) for row in desk.payphone("actions", "--json").stdout.splitlines()]
    assert [(each["action"], each["target"], each["actor"], each["outcome"]) for each in rows] == [
        ("hangup", call, "cli:anna", "done"),
        ("pause", "line:eest", "cli:anna", "refused: the config has no line eest: did you mean east?"),
        ("pause", "line:east", "cli:anna", "done"),
    ]
    text = " ".join(desk.payphone("actions", "--target", "line:east").stdout.split())
    assert "cli:anna pause line:east number 1, until 2026-03-02" in text
    assert len(desk.payphone("actions", "--json", "--limit", "1").stdout.splitlines()) == 1
    assert "nobody did anything" in desk.payphone("actions", "--actor", "cli:bob").stdout
    assert "nobody did anything" in desk.payphone("actions", "--until", "2026-03-02T15:00").stdout


def test_route_knows_what_is_overridden_on_the_running_switch(desk: Desk) -> None:
    asked = ("route", "--did", "+18005550100", "--ani", "+12125550199")
    (desk.config / "switch.yaml").write_text(CONFIG.format(data=desk.config.parent))
    assert "line east at" in desk.payphone(*asked).stdout
    desk.payphone("pause", "line", "east", "--for", "1h", "--reason", "storm")
    text = " ".join(desk.payphone(*asked).stdout.split())
    assert "line west at" in text
    assert "overrides.1: line east is paused by an override" in text
    assert "by cli:anna, why storm, until 2026-03-02 16:00:00" in text
    later = desk.payphone(*asked, "--at", "2026-03-02T16:00").stdout
    assert "line east at" in later
    desk.close()
    assert "line east at" in desk.payphone(*asked).stdout  # none runs: the config alone


def test_without_a_switch_it_is_said_how_to_start_one(tmp_path: Path) -> None:
    (tmp_path / "switch.yaml").write_text(f"switch: {{data: {tmp_path}}}\n")
    for words in (
        ("hangup", "ab"),
        ("pause", "line", "east"),
        ("resume", "line", "east"),
        ("cap", "line:east", "1"),
        ("overrides",),
    ):
        done = CliRunner().invoke(app, [*words, "--config", str(tmp_path)])
        assert done.exit_code == 1
        assert "payphone run" in done.output
