"""Warnings about prices that can hardly be meant: payouts above revenue, low thresholds, and events that can never happen."""

from collections.abc import Iterator

from routing.table import Campaign, NoRoute, Table, ToHold, ToLine
from switch.billing.terms import LASTING, POSTED, BillableOn, Price, Terms
from switch.settings.compile.terms import most_micros
from switch.settings.finding import Finding, warning
from switch.settings.model.campaign import rules_of
from switch.settings.model.document import Document
from switch.settings.plan import Deployment
from switch.settings.problem import quote
from switch.settings.source import KeyPath

WARN_BELOW_MS = 60_000
QUEUE = (NoRoute.QUEUE_FULL, NoRoute.WAITED_TOO_LONG)


def prices(document: Document, deployment: Deployment) -> Iterator[Finding]:
    table, api = deployment.plan.table, deployment.switch.api
    for name, campaign in table.campaigns.items():
        path: KeyPath = ("campaigns", name)
        yield from _above_revenue(deployment.plan.terms[name], path)
        advertisers = _advertisers(campaign, table)
        can_post = api is not None and not advertisers.isdisjoint(api.tokens)
        written = document.campaigns[name]
        told: set[BillableOn] = set()
        for where, rule in rules_of(dict(written)):
            event = rule.on or written.billable.on
            if rule.at_least and rule.at_least < WARN_BELOW_MS and event in LASTING:
                hint = "calls this short are often wrong numbers; 90s is usual"
                yield warning((*path, *where, "at_least"), "a threshold below 60 s", hint=hint)
            if "on" in rule.model_fields_set and event not in told:
                told.add(event)
                yield from _never_happens(event, campaign, (*path, *where, "on"), table=table, can_post=can_post)
        if "dispositions" in written.model_fields_set and not can_post:
            hint = "give an advertiser of it a token, and `switch` an api"
            yield warning((*path, "dispositions"), "nobody can post a disposition", hint=hint, at_key=True)
        yield from _empty_queues(campaign, path)


def _above_revenue(terms: Terms, path: KeyPath) -> Iterator[Finding]:
    most = most_micros(terms.revenue)
    if _above(terms.payout, most):
        yield warning((*path, "payout"), "the payout is above the revenue")
    for publisher, price in terms.payouts.items():
        if _above(price, most):
            yield warning((*path, "payouts", publisher), f"the payout of publisher {quote(publisher)} is above the revenue")


def _above(price: Price, revenue_micros: int) -> bool:
    return price.percent_bp is None and most_micros(price) > revenue_micros


def _advertisers(campaign: Campaign, table: Table) -> set[str]:
    """Returns the advertisers that may get its calls without another campaign."""
    lines = {target.line for target in campaign.targets}
    lines |= {to.line for to in campaign.overflow.values() if isinstance(to, ToLine)}
    return {table.lines[line].advertiser for line in lines}


def _never_happens(event: BillableOn, campaign: Campaign, path: KeyPath, *, table: Table, can_post: bool) -> Iterator[Finding]:
    if event in POSTED and not can_post:
        hint = "give an advertiser of it a token, and `switch` an api"
        yield warning(path, f"nobody can post for campaign {quote(campaign.name)}", hint=hint)
    if event is BillableOn.MENU_DONE and campaign.menu is None:
        yield warning(path, "the campaign has no menu that could be done")
    if event is BillableOn.ACCEPTED and not any(_accepts(target.line, table) for target in campaign.targets):
        yield warning(path, "no line of this campaign accepts by key", hint="a line needs `accept:` for that")


def _accepts(line: str, table: Table) -> bool:
    accept = table.lines[line].accept
    return accept is not None and accept.key is not None


def _empty_queues(campaign: Campaign, path: KeyPath) -> Iterator[Finding]:
    if any(isinstance(to, ToHold) for to in campaign.overflow.values()):
        return
    for cause in QUEUE:
        if cause in campaign.overflow:
            yield warning((*path, "overflow", cause.value), "nobody waits in this campaign: no overflow of it holds", at_key=True)
