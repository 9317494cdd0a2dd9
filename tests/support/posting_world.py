"""Calls that are over, in a real ledger, under a real config: what money is posted about afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from money_cases import INVITED_US, SECOND_US, attempt, call

from switch.api.postings import PostingOutcome, PostingRequest, PostingWriter
from switch.billing.actions import Action
from switch.billing.judge import judge, with_final_state
from switch.billing.verdict import JudgedCall, MoneyKind
from switch.call.record import CallRecord
from switch.deployment import Api, Deployment
from switch.ledger.auditing import AuditFinding, Auditor
from switch.ledger.database import Database
from switch.ledger.store import Ledger
from switch.settings.load import load_files

WAV = (Path(__file__).parents[2] / "config" / "prompts" / "welcome.wav").read_bytes()
FILES = {"prompts/welcome.wav": WAV, "prompts/sorry.wav": WAV}
ACME, BOLT = "acme-token-0123456789", "bolt-token-0123456789"
OWNERS = {"east": "acme", "west": "acme", "north": "bolt"}
LATER_US = INVITED_US + 86_400 * SECOND_US
CONFIG = f"""
switch:
  sip: {{{{listen: "127.0.0.1:5060"}}}}
  data: data
  api: {{{{listen: "127.0.0.1:8088"}}}}
tags:
  age: {{{{type: number}}}}
trunks: {{{{carrier: {{{{addresses: [127.0.0.1]}}}}}}}}
publishers: {{{{radio-one: }}}}
numbers: {{{{"+18005550100": {{{{publisher: radio-one, campaign: quotes}}}}}}}}
advertisers:
  acme:
    token: {ACME}
    lines:
      east: {{{{uri: "sip:east@127.0.0.1:5070"}}}}
      west: {{{{uri: "sip:west@127.0.0.1:5070"}}}}
  bolt:
    token: {BOLT}
    prepaid: {{{{credit: 10.00}}}}
    lines:
      north: {{{{uri: "sip:north@127.0.0.1:5070"}}}}
menus:
  hello: {{{{prompt: welcome, invalid: sorry, digits: 1, keys: {{{{"1": {{{{route: {{{{}}}}}}}}}}}}}}}}
campaigns:
  quotes:
    menu: hello
    lines: [east, west, north]
    billable: {{{{on: connected_for, at_least: 90s}}}}
    revenue: 25.00
    payout: 70%
    hold_for: 7d
    dispositions: {{{{sale: 100%, callback: 50%, wrong-number: 0%}}}}
  sales:
    lines: [east, north]
    billable: {{{{on: postback}}}}
    revenue: {{price}}
    payout: 50%
  words:
    lines: [east]
    billable: {{{{on: manual}}}}
    revenue: 5.00
    payout: {{{{on: connected_for, at_least: 60s, amount: 3.00}}}}
"""


@dataclass(slots=True)
class Clock:
    """Every reading is a millisecond later than the one before."""

    us: int = LATER_US

    def now_us(self) -> int:
        self.us += 1_000
        return self.us


class PostingWorld:
    """`deployment`: what is in force now. `postings`: takes postings."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "config"
        self.config.mkdir()
        self.clock = Clock()
        self.deployment = self.configure()
        self.path = self.config / "data" / "payphone.sqlite"
        self.path.parent.mkdir()
        self.path.write_bytes(empty_ledger())
        self.url = f"sqlite:///{self.path}"
        self.ledger = Ledger(Database(self.url))
        self.postings = PostingWriter(self.ledger, plan=lambda: self.deployment.plan, now_us=self.clock.now_us)

    def configure(self, *, price: str = "40.00") -> Deployment:
        return self.reload(CONFIG.format(price=price))

    def reload(self, text: str) -> Deployment:
        self.loaded = load_files({"config.yaml": text, **FILES}, root=self.config)
        assert self.loaded.deployment is not None, self.loaded.problems
        self.text, self.deployment = text, self.loaded.deployment
        return self.deployment

    def write_config(self) -> None:
        """The config as files, for commands that read a directory."""
        (self.config / "prompts").mkdir(parents=True, exist_ok=True)
        for name, wav in FILES.items():
            (self.config / name).write_bytes(wav)
        (self.config / "config.yaml").write_text(self.text)

    def close(self) -> None:
        self.ledger.close()

    def over(self, call_id: str, *talks: tuple[str, int | None], campaign: str = "quotes") -> JudgedCall:
        """A call that is over, judged and in the ledger. `talks`: the lines that were dialled, and the talk with each."""
        judged = self.judged(call_id, *talks, campaign=campaign)
        self.ledger.write([judged])
        return judged

    def judged(self, call_id: str, *talks: tuple[str, int | None], campaign: str = "quotes") -> JudgedCall:
        record = record_of(call_id, talks, campaign=campaign, config=self.deployment.plan.version)
        verdict = judge(record, self.deployment.plan.terms)
        return JudgedCall(record=with_final_state(record, verdict), verdict=verdict)

    def keep_config(self) -> None:
        self.ledger.keep_config(self.deployment.plan.version, at_us=INVITED_US, files=self.loaded.files)

    def ops(self, act: Action, call_id: str, *, key: str = "", reason: str = "because", line: str | None = None) -> PostingOutcome:
        """Posted by operators."""
        self.clock.us += 1
        key = key or f"ops-{self.clock.us}"
        return self.postings.post(PostingRequest(call_id=call_id, key=key, act=act, actor="ops:ann", reason=reason, line=line))

    def owed(self, call_id: str, kind: MoneyKind = MoneyKind.REVENUE) -> int:
        return sum(row.amount_micros for row in self.ledger.rows_of(call_id) if row.kind is kind)

    def amounts(self, call_id: str) -> tuple[int, int]:
        """Revenue and payout."""
        return self.owed(call_id), self.owed(call_id, MoneyKind.PAYOUT)

    def findings(self) -> list[AuditFinding]:
        return list(Auditor(self.ledger, self.config / "data" / "journal").findings())


def on_any_port(deployment: Deployment) -> Deployment:
    """With the API on a port that the system chooses."""
    api = deployment.switch.api
    assert api is not None
    return replace(deployment, switch=replace(deployment.switch, api=Api(listen=("127.0.0.1", 0), tokens=api.tokens)))


@cache
def empty_ledger() -> bytes:
    """Migrating takes longer than most tests."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "empty.sqlite"
        ledger = Ledger(Database(f"sqlite:///{path}"))
        ledger.migrate()
        ledger.close()
        return path.read_bytes()


def record_of(call_id: str, talks: Sequence[tuple[str, int | None]], *, campaign: str, config: str = "") -> CallRecord:
    numbers, after_ms, attempts = count(1), 5_000, []
    for line, connected_ms in talks:
        dialled = attempt(line, connected_ms, campaign=campaign, number=next(numbers), after_ms=after_ms)
        attempts.append(replace(dialled, advertiser=OWNERS[line]))
        after_ms += 2_000 + (connected_ms or 0)
    record = call(*attempts, call_id=call_id)
    return replace(record, campaign=campaign, config=config, tags={"age": 71, "zip": "75001"}, digits="1775001")
