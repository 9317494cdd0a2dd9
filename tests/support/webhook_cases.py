"""Calls, money and webhooks for tests of what is told to whom. Every text of a call says whose it is."""

from dataclasses import replace

from money_cases import attempt, call

from switch.billing.verdict import JudgedCall, MoneyKind, MoneyRow, Verdict
from switch.sip.digest import Secret
from switch.webhook.terms import TOLD, Method, Owner, OwnerKind, Webhook

PUBLISHER = Owner(kind=OwnerKind.PUBLISHER, name="radio")
ACME = Owner(kind=OwnerKind.ADVERTISER, name="acme")
BOLT = Owner(kind=OwnerKind.ADVERTISER, name="bolt")
CAMPAIGN = Owner(kind=OwnerKind.CAMPAIGN, name="quotes")
OWNERS = (PUBLISHER, ACME, BOLT, CAMPAIGN)
PASSED = frozenset({"sub", "click"})


def hook(owner: Owner = CAMPAIGN, name: str = "crm", url: str = "https://hooks.example.com/x", **more: object) -> Webhook:
    found = Webhook(owner=owner, name=name, url=url, events=TOLD[owner.kind])
    return replace(found, **more)  # type: ignore[arg-type]


PIXEL = hook(PUBLISHER, "pixel", method=Method.GET, query={"sub": "{tag.sub}", "p": "{payout}"}, secret=Secret("s3cret"))


def row(call_id: str, kind: MoneyKind, party: str, amount: int, line: str = "") -> MoneyRow:
    key = f"{call_id}/{kind}/{line}"
    return MoneyRow(
        key=key, call_id=call_id, kind=kind, party=party, campaign="quotes", amount_micros=amount, reason="r", line=line
    )


def judged(call_id: str = "c1", *, converted: bool = True, menu: bool = True) -> JudgedCall:
    """Bolt's line was dialled first and talked for ten seconds, then acme's, which converted."""
    first = replace(attempt("bolt-1", 10_000, campaign="quotes"), advertiser="bolt")
    second = replace(attempt("acme-1", 120_000, campaign="quotes", number=2, after_ms=30_000), advertiser="acme")
    record = replace(
        call(first, second, call_id=call_id),
        publisher="radio",
        campaign="quotes",
        did="+18005550100",
        ani="+12145550123",
        trunk="the-trunk",
        menu_done=menu,
        tags={
            "sub": "sub-of-radio",
            "click": 7,
            "age": 71,
            "zip": "75001",
            "state": "TX",
            "digits": "71",
            "number": "+18005550100",
        },
    )
    rows = (
        row(call_id, MoneyKind.REVENUE, "acme", 25_000_000, "acme-1"),
        row(call_id, MoneyKind.PAYOUT, "radio", 18_000_000),
        row(call_id, MoneyKind.COST, "the-trunk", 31_000),
    )
    verdict = Verdict(billable=converted, rule="", why="", revenue_micros=0, payout_micros=0, rows=rows if converted else ())
    return JudgedCall(record=record, verdict=verdict)
