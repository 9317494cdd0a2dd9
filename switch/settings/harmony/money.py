"""Knows what prices must be in harmony with: the events they speak of, each other, and those who can post events."""

from collections.abc import Iterator

from switch.billing.terms import LASTING, BillableOn, Tiers
from switch.settings import value as v
from switch.settings.field import DEFAULT_AT_LEAST
from switch.settings.harmony.found import Found, attempt, warning
from switch.settings.names import listed, mapping
from switch.settings.problem import quote
from switch.settings.source import KeyPath, Tree, Value
from switch.settings.value import Unfit

WARN_BELOW_MS = 60_000
FORMS = ("amount", "percent", "steps")


def money(tree: Tree) -> Iterator[Found]:
    for name, entry in mapping(tree.data.get("campaigns")).items():
        campaign, path = mapping(entry), ("campaigns", name)
        for where, rule in rules_of(campaign, path):
            yield from _threshold(rule, campaign, where)
        for where, price in _prices(campaign, path):
            yield from _steps(price, campaign, where)
            if where[2] != "revenue" and price:
                yield from _forms(price, where)
        yield from _dispositions(campaign, path)
    yield from _tokens(tree)


def rules_of(campaign: dict[str, Value], path: KeyPath) -> Iterator[tuple[KeyPath, dict[str, Value]]]:
    """(path, rule) of all that says when something is owed."""
    yield (*path, "billable"), mapping(campaign.get("billable"))
    for where, price in _prices(campaign, path):
        yield where, price
        for index, step in enumerate(listed(price.get("steps"))):
            yield (*where, "steps", index), mapping(step)


def event_of(rule: dict[str, Value], campaign: dict[str, Value]) -> BillableOn | None:
    """The event a rule asks for; None where it is not one."""
    word = rule.get("on", mapping(campaign.get("billable")).get("on", BillableOn.CONNECTED_FOR.value))
    return BillableOn(word) if isinstance(word, str) and word in tuple(BillableOn) else None


def _prices(campaign: dict[str, Value], path: KeyPath) -> Iterator[tuple[KeyPath, dict[str, Value]]]:
    """Prices that are more than a bare amount."""
    yield (*path, "revenue"), mapping(campaign.get("revenue"))
    yield (*path, "payout"), mapping(campaign.get("payout"))
    for publisher, price in mapping(campaign.get("payouts")).items():
        yield (*path, "payouts", publisher), mapping(price)


def _threshold(rule: dict[str, Value], campaign: dict[str, Value], path: KeyPath) -> Iterator[Found]:
    if "at_least" not in rule:
        return
    event = event_of(rule, campaign)
    if event and event not in LASTING:
        hint = None if "on" in rule else "add `on: connected_for`"
        unfit = Unfit(f"{quote(event)} has no duration", expected="`at_least` with connected_for and total_for only", hint=hint)
        yield Found(path=(*path, "at_least"), unfit=unfit, at_key=True)
        return
    ms = attempt(v.duration_ms, rule["at_least"])
    if ms and ms < WARN_BELOW_MS:
        hint = "calls this short are often wrong numbers; 90s is usual"
        yield warning((*path, "at_least"), "a threshold below 60 s", hint=hint)


def _steps(price: dict[str, Value], campaign: dict[str, Value], path: KeyPath) -> Iterator[Found]:
    """Thresholds of one event ascend: in any other order a step could hide behind another."""
    reached: dict[BillableOn, int] = {}
    for index, item in enumerate(listed(price.get("steps"))):
        step = mapping(item)
        event = event_of(step, campaign)
        ms = _threshold_ms(step, campaign, event)
        if event is None or ms is None:
            continue
        if event in reached and ms <= reached[event]:
            key = "at_least" if "at_least" in step else "amount"
            message = "steps that do not ascend" if event in LASTING else f"a second step for {quote(event)}"
            unfit = Unfit(message, hint="each step of an event needs more than the one before")
            yield Found(path=(*path, "steps", index, key), unfit=unfit)
        reached[event] = max(ms, reached.get(event, 0))


def _threshold_ms(step: dict[str, Value], campaign: dict[str, Value], event: BillableOn | None) -> int | None:
    if event not in LASTING:
        return 0
    billable = mapping(campaign.get("billable"))
    default = billable.get("at_least", DEFAULT_AT_LEAST) if event is event_of({}, campaign) else DEFAULT_AT_LEAST
    return attempt(v.duration_ms, step.get("at_least", default))


def _forms(price: dict[str, Value], path: KeyPath) -> Iterator[Found]:
    """A payout is an amount, or a share, or steps."""
    given = [form for form in FORMS if form in price]
    if len(given) != 1:
        message = f"a payout in {len(given)} forms: {' and '.join(map(quote, given))}" if given else "a payout of nothing"
        yield Found(path=path, unfit=Unfit(message, expected=f"exactly one of {', '.join(FORMS)}"))
        return
    for key in ("on", "at_least"):
        if key in price and given == ["steps"]:
            yield Found(path=(*path, key), unfit=Unfit(f"`{key}` beside steps", hint="each step has its own"), at_key=True)
    if "tiers" in price and given != ["steps"]:
        unfit = Unfit("`tiers` without steps", hint=f"{', '.join(Tiers)} choose among several steps")
        yield Found(path=(*path, "tiers"), unfit=unfit, at_key=True)


def _dispositions(campaign: dict[str, Value], path: KeyPath) -> Iterator[Found]:
    if mapping(campaign.get("dispositions")):
        return
    for where, rule in rules_of(campaign, path):
        if rule.get("on") == BillableOn.DISPOSITION.value:
            unfit = Unfit("no disposition is worth anything", hint="say what each is: `dispositions: {sale: 100%, callback: 50%}`")
            yield Found(path=(*where, "on"), unfit=unfit)


def _tokens(tree: Tree) -> Iterator[Found]:
    """A token is a secret: it is compared here, and told nowhere."""
    switch = tree.data.get("switch")
    seen: dict[str, str] = {}
    for name, advertiser in mapping(tree.data.get("advertisers")).items():
        token = mapping(advertiser).get("token")
        path: KeyPath = ("advertisers", name, "token")
        if not isinstance(token, str):
            continue
        if isinstance(switch, dict) and "api" not in switch:
            unfit = Unfit("a token, but nothing to post to", hint="set `switch.api: {listen: ADDRESS:PORT}`")
            yield Found(path=path, unfit=unfit, at_key=True)
        if token in seen:
            hint = f"advertiser {quote(seen[token])} has it: one of them could post for the other"
            yield Found(path=path, unfit=Unfit("a token of two advertisers", hint=hint), at_key=True)
        seen.setdefault(token, name)
