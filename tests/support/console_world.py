"""A console over a ledger of its own, without a switch: what a running one would tell is put in by hand."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from money_cases import INVITED_US, SECOND_US, attempt, call
from posting_world import FILES, empty_ledger

from switch.billing.judge import judge, with_final_state
from switch.billing.verdict import CallEvent, JudgedCall
from switch.control.messages import LiveStatus, Snapshot
from switch.control.watcher import Watcher
from switch.engine.live_view import CapStatus, LiveCallView
from switch.engine.status import LineStatus, TrunkStatus
from switch.ledger.database import Database
from switch.ledger.store import Ledger
from switch.settings.load import load_files
from switch.web.app import create_console
from switch.web.listening import ListeningRoom
from switch.web.live_hub import LiveHub
from switch.web.sessions import Sessions
from switch.web.site import Site

PASSWORD = "correct horse"  # noqa: S105 (of tests)
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
SESSION_MS = 8 * 3_600_000
NUMBERS = {"alfa": "+18005550101", "bravo": "+18005550102"}
OWNERS = {"line-golf": "adv-golf", "line-hotel": "adv-hotel"}
USERS = {
    "anna": "role: ops",
    "vic": "role: viewer",
    "alfa": "role: publisher, publisher: pub-alfa",
    "bravo": "role: publisher, publisher: pub-bravo",
    "golf": "role: advertiser, advertiser: adv-golf",
    "hotel": "role: advertiser, advertiser: adv-hotel",
}
CONFIG = f"""
switch:
  sip: {{listen: "127.0.0.1:5060"}}
  data: data
  console: {{listen: "127.0.0.1:8080"}}
trunks: {{carrier: {{addresses: [127.0.0.1]}}}}
publishers: {{pub-alfa: , pub-bravo: }}
numbers:
  "{NUMBERS["alfa"]}": {{publisher: pub-alfa, campaign: camp-alfa}}
  "{NUMBERS["bravo"]}": {{publisher: pub-bravo, campaign: camp-bravo}}
advertisers:
  adv-golf: {{lines: {{line-golf: {{uri: "sip:golf@127.0.0.1:5070", cap: 4}}}}}}
  adv-hotel: {{lines: {{line-hotel: {{uri: "sip:hotel@127.0.0.1:5070", cap: 4}}}}}}
campaigns:
  camp-alfa: {{lines: [line-golf, line-hotel], billable: {{on: connected_for, at_least: 90s}}, revenue: 25.00, payout: 18.00}}
  camp-bravo: {{lines: [line-golf, line-hotel], billable: {{on: connected_for, at_least: 90s}}, revenue: 25.00, payout: 18.00}}
users:
{chr(10).join(f'  {name}: {{{what}, password: "{HASH}"}}' for name, what in USERS.items())}
"""


class ConsoleWorld:
    """`now_us`: the present, set by tests. `site`, `app`: of the console."""

    def __init__(self, folder: Path) -> None:
        self.config, self.data = folder / "config", folder / "data"
        for each in (self.config, self.data):
            each.mkdir()
        self.now_us = INVITED_US + 3_600 * SECOND_US
        path = self.data / "payphone.sqlite"
        path.write_bytes(empty_ledger())
        self.ledger = Ledger(Database(f"sqlite:///{path}"))
        self.watcher = Watcher(self.data)
        self.site = Site(
            loaded=load_files({"config.yaml": CONFIG, **FILES}, root=self.config),
            ledger=self.ledger,
            hub=LiveHub(self.watcher),
            sessions=self.sessions(),
            room=ListeningRoom(self.data),
            now_us=lambda: self.now_us,
        )
        self.app: FastAPI = create_console(self.site, self.config)

    def sessions(self) -> Sessions:
        """As a console has them that was just started."""
        return Sessions(self.data, now_us=lambda: self.now_us)

    def visitor(self) -> TestClient:
        """Nobody is logged in."""
        return TestClient(self.app, base_url="https://testserver", follow_redirects=False)

    def user(self, name: str) -> TestClient:
        """Logged in by a session of its own; its forms have the session's token."""
        client = self.visitor()
        user = self.site.console.users[name]
        client.cookies.set("payphone_session", token := self.site.sessions.open(user), domain="testserver.local", path="/")
        found = self.site.sessions.find(token, self.site.console)
        assert found is not None
        client.headers["X-CSRF-Token"] = found[0].csrf
        return client

    def reload(self, text: str) -> None:
        self.site.loaded = load_files({"config.yaml": text, **FILES}, root=self.config)
        assert self.site.loaded.deployment is not None

    def write(self, calls: Sequence[JudgedCall]) -> None:
        self.ledger.write(calls)

    def live(self, views: Sequence[LiveCallView]) -> None:
        """The switch runs, and has these calls."""
        lines = tuple(
            LineStatus(
                name=name,
                advertiser=owner,
                calls=0,
                limit=4,
                total_calls=0,
                resting_until_us=None,
                last_result=None,
                last_result_us=None,
            )
            for name, owner in OWNERS.items()
        )
        trunk = TrunkStatus(name="carrier", calls=0, limit=None, total_calls=0, refused=0, malformed=0, last_seen_us=None)
        caps = tuple(
            CapStatus(key=f"{owner}/attempt/concurrency", owner=owner, counts="attempt", per="concurrency", limit=4, used=1)  # type: ignore[arg-type]
            for owner in ("line:line-golf", "line:line-hotel", "publisher:pub-alfa", "advertiser:adv-hotel")
        )
        status = LiveStatus(state="running", config=self.site.deployment.plan.version, overloaded=False, lag_ms=0, started_us=1)
        snapshot = Snapshot(revision=1, status=status, calls=tuple(views), lines=lines, trunks=(trunk,), caps=caps)
        self.watcher.state.replace(snapshot)
        self.site.hub.lost = None

    def judged(
        self,
        call_id: str,
        publisher: str,
        talks: Sequence[tuple[str, int | None]],
        *,
        ani: str,
        private: bool = False,
        at_s: int = 0,
    ) -> JudgedCall:
        """A call of publisher `alfa` or `bravo` that is over. `talks`: the lines that were dialled, and the talk with each."""
        campaign, after_ms, attempts = f"camp-{publisher}", 5_000, []
        for number, (line, connected_ms) in enumerate(talks, start=1):
            dialled = attempt(line, connected_ms, campaign=campaign, number=number, after_ms=after_ms)
            attempts.append(replace(dialled, advertiser=OWNERS[line]))
            after_ms += 2_000 + (connected_ms or 0)
        record = replace(
            call(*attempts, call_id=call_id, publisher=f"pub-{publisher}"),
            did=NUMBERS[publisher],
            ani=ani,
            campaign=campaign,
            config=self.site.deployment.plan.version,
            tags={"privacy": True} if private else {},
        )
        record = replace(record, ended_us=record.ended_us + at_s * SECOND_US)
        verdict = judge(record, self.site.deployment.plan.terms)
        event = CallEvent(number=1, at_us=INVITED_US, event="InviteArrived", facts={"ani": ani, "then": ["AskRoute"]})
        return JudgedCall(record=with_final_state(record, verdict), verdict=verdict, events=(event,))

    def close(self) -> None:
        self.ledger.close()


def view(call_id: str, publisher: str, lines: Sequence[str], *, ani: str, private: bool = False) -> LiveCallView:
    """A call in progress."""
    owners = {OWNERS[line] for line in lines}
    return LiveCallView(
        call_id=call_id,
        state="talking" if lines else "menu",
        began_us=INVITED_US,
        since_us=INVITED_US,
        trunk="carrier",
        did=NUMBERS[publisher],
        ani=ani,
        publisher=f"pub-{publisher}",
        campaign=f"camp-{publisher}",
        lines=tuple(lines),
        advertiser=owners.pop() if len(owners) == 1 else None,
        revenue_micros=25_000_000,
        payout_micros=18_000_000,
        tags={"privacy": True} if private else {},
    )
