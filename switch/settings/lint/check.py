"""Runs all lint checks on a config without errors. Those about ports, zones, calendars and prices are here: payouts
above revenue, low thresholds, events that can never happen."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address

from ivr.menu import Node
from routing.cap import Per
from routing.hours import holidays_of_country_alone
from routing.table import Campaign, NoRoute, Table, ToHold, ToLine
from routing.zone import DEFAULT_ZONE
from switch.billing.terms import LASTING, POSTED, BillableOn, Price, Terms
from switch.deployment import Deployment
from switch.settings.address import even_ports
from switch.settings.compile.table import most_micros
from switch.settings.finding import Finding, value_at, warning
from switch.settings.lint.filters import impossible_values, shadowed, values_of
from switch.settings.lint.reach import idle, paused_owners, unreached
from switch.settings.lint.sip import of_sip
from switch.settings.model.campaign import rules_of
from switch.settings.model.document import Document
from switch.settings.problem import quote
from switch.settings.prompt_use import doubtful
from switch.settings.prompts import Prompts
from switch.settings.source import KeyPath, Tree

WARN_BELOW_MS = 60_000
QUEUE = (NoRoute.QUEUE_FULL, NoRoute.WAITED_TOO_LONG)
WINDOWS = (Per.HOUR, Per.DAY, Per.WEEK, Per.MONTH)
MAX_NAMED = 2

_BEHIND = "has no daylight time: in summer it is an hour behind the clocks of {}"
_FIXED_DISTANCE = ("has no daylight time, and its sign is turned round: Etc/GMT+5 is behind UTC", "America/New_York for UTC-5")
FIXED = {
    "EST": (_BEHIND.format("New York"), "America/New_York (America/Panama is EST all year)"),
    "MST": (_BEHIND.format("Denver"), "America/Denver (America/Phoenix is MST all year)"),
    "HST": ("has no daylight time: it is right for Hawaii, and for no other place", "Pacific/Honolulu"),
    **dict.fromkeys(
        ("GMT", "GMT0", "GMT+0", "GMT-0", "Greenwich"), (_BEHIND.format("London"), "Europe/London (UTC never changes either)")
    ),
    "Factory": ("stands for a clock that nobody has set", "America/New_York"),
}
"""Zones of the database that are no place: what is wrong, and what to write instead."""
UTC_NAMES = frozenset({"Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu"})


def warnings(
    tree: Tree, document: Document, deployment: Deployment, *, nodes: Mapping[str, Node], prompts: Prompts
) -> Iterator[Finding]:
    """Yields all warnings of one config, given as `tree`, `document` and `deployment`. `nodes`: all menus, unreachable ones included."""
    table, kinds = deployment.plan.table, deployment.plan.tag_kinds
    values = values_of(document, kinds)
    yield from idle(table, nodes)
    yield from paused_owners(document)
    yield from too_few_ports(document)
    yield from of_sip(document)
    yield from plain_secrets(document, tree)
    yield from fixed_zones(document)
    yield from caps_without_zone(document)
    yield from calendars_without_country(document)
    yield from doubtful(document, prompts)
    yield from impossible_values(document, tree, kinds=kinds, values=values)
    yield from unreached(table, kinds=kinds, values=values)
    yield from shadowed(nodes, kinds=kinds, values=values)
    yield from prices(document, deployment)
    yield from of_console(deployment)


def of_console(deployment: Deployment) -> Iterator[Finding]:
    """Nobody can log in; or passwords go over a network as they are."""
    console = deployment.switch.console
    if console is None:
        return
    if not console.users:
        hint = "add one under `users:`; `payphone user add NAME --role ops` prints it"
        yield warning(("switch", "console"), "nobody can log in to the console", hint=hint, at_key=True)
    if not ip_address(console.listen[0]).is_loopback:
        hint = "listen on 127.0.0.1, and put a proxy that speaks TLS before it: browsers send no session over plain HTTP"
        yield warning(("switch", "console", "listen"), "the console speaks plain HTTP on an address of a network", hint=hint)


def too_few_ports(document: Document) -> Iterator[Finding]:
    """Each call takes two even ports."""
    limits, ports = document.switch.limits, len(even_ports(document.switch.rtp.ports))
    if "max_calls" in limits.model_fields_set and ports < 2 * limits.max_calls:
        message = f"max_calls is {limits.max_calls}, but the RTP ports are enough for {ports // 2}"
        yield warning(("switch", "limits", "max_calls"), message, hint="a call takes two even ports of rtp.ports")


def plain_secrets(document: Document, tree: Tree) -> Iterator[Finding]:
    """Secrets in the config itself, which is in version control."""
    for path, _ in document.fields("secret"):
        if isinstance(value_at(path, tree), str):
            hint = "write {env: NAME} or {file: PATH}, and change the secret if this was committed"
            yield warning(path, "a secret in plain sight", hint=hint, at_key=True)


def fixed_zones(document: Document) -> Iterator[Finding]:
    """Zones that never change their clocks, although people who live there do."""
    for path, zone in document.fields("zone"):
        is_written = path != ("switch", "zone") or "zone" in document.switch.model_fields_set
        if is_written and (zone in FIXED or (zone.startswith("Etc/") and zone not in UTC_NAMES)):
            what, instead = FIXED.get(zone, _FIXED_DISTANCE)
            yield warning(path, f"zone {zone} {what}", hint=f"name a place that has the time you mean, such as {instead}")


def caps_without_zone(document: Document) -> Iterator[Finding]:
    """Windows of the calendar where neither the cap, nor its owner, nor the switch has a zone."""
    if "zone" in document.switch.model_fields_set:
        return
    for path, caps in document.fields("caps"):
        if path[0] == "campaigns" and document.campaigns[str(path[1])].zone:
            continue
        for index, cap in enumerate(caps):
            if cap.per in WINDOWS and cap.zone is None:
                hint = "name the zone with `zone:`, here or for all of them in `switch`"
                yield warning((*path, index), f"a cap per {cap.per} in {DEFAULT_ZONE}, since no zone is named", hint=hint)


def calendars_without_country(document: Document) -> Iterator[Finding]:
    """A state keeps days of its own, and not all of its country's: US-MA keeps no observed days, US-TX no Columbus Day."""
    for name, hours in document.hours.items():
        for index, calendar in enumerate(hours.holidays):
            country, dash, _ = calendar.partition("-")
            if dash and country not in hours.holidays and (missing := holidays_of_country_alone(calendar)):
                days = [f"{holiday}, {day}" for holiday, day in missing.items()]
                more = f"; and {len(days) - MAX_NAMED} more" if len(days) > MAX_NAMED else ""
                message = f"with {calendar} alone it is open on holidays of {country}: {'; '.join(days[:MAX_NAMED])}{more}"
                hint = f"write [{country}, {calendar}] to be closed on both; `payphone check --calendar` lists the closed dates"
                yield warning(("hours", name, "holidays", index), message, hint=hint)


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
