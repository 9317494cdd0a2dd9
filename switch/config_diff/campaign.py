"""Knows what there is to say about campaigns: who gets their calls, and what they cost."""

from collections.abc import Iterator, Mapping

from routing.table import Campaign, Sort, Target, Tier
from switch.billing.terms import Price, Terms
from switch.config_diff.change import Fact, Thing, arrow
from switch.config_diff.view import View
from switch.config_diff.words import filter_text, overflow_text, percent, price_text, repeat_text, rule_text
from switch.formatter.value import duration_text

GROUP = 0
_PRIORITY = "priority"


def campaigns_of(view: View) -> Iterator[Thing]:
    for name, campaign in view.plan.table.campaigns.items():
        terms = view.plan.terms.get(name)
        lines = ", ".join(target.line for target in campaign.targets)
        money = f"; revenue {price_text(terms.revenue)}, payout {price_text(terms.payout)}" if terms else ""
        yield Thing(
            path=f"campaigns.{name}",
            name=f"campaign {name}",
            group=(GROUP, name),
            facts=dict(_facts(campaign, terms, view)),
            about=f"lines {lines}{money}",
            money=True,
        )


def _facts(campaign: Campaign, terms: Terms | None, view: View) -> Iterator[tuple[str, Fact]]:
    yield "menu", Fact(label="menu", value=campaign.menu, text=campaign.menu or "none")
    yield from _targets(campaign)
    if hours := view.hours_fact(campaign.hours):
        yield "hours", hours
    yield "paused", Fact(label="paused", value=campaign.paused, text=_yes(campaign.paused), say=say_paused)
    yield "filter", Fact(label="filter", value=campaign.filter, text=filter_text(campaign.filter))
    yield "zone", Fact(label="zone", value=campaign.zone, text=campaign.zone)
    yield from view.cap_facts(f"campaign:{campaign.name}").items()
    for priority, tier in campaign.tiers.items():
        yield f"tiers.{priority}", Fact(label=f"lines of priority {priority}", value=tier, text=_tier(tier), absent=_tier(Tier()))
    for cause, attempts in campaign.retry.items():
        label = f"attempts that end with {cause}"
        yield f"retry.{cause}", Fact(label=label, value=attempts, text=f"at most {attempts}", absent="any number")
    recover = duration_text(campaign.recover_ms) if campaign.recover_ms else "never"
    yield "recover", Fact(label="another line after a hang-up within", value=campaign.recover_ms, text=recover)
    if campaign.repeat:
        text = repeat_text(campaign.repeat)
        yield "repeat", Fact(label="repeat callers", value=campaign.repeat, text=text, absent="nothing special", money=True)
    for variant, weight in campaign.split.items():
        share = percent(weight, sum(campaign.split.values()))
        yield f"split.{variant}", Fact(label=f"variant {variant}", value=weight, text=f"weight {weight}, {share} of calls")
    group = campaign.conversion_group
    yield "conversion_group", Fact(label="conversion group", value=group, text=group or "none", money=True)
    if terms:
        yield from _money(terms)
    for cause, overflow in campaign.overflow.items():
        label = f"overflow when {cause}"
        yield f"overflow.{cause}", Fact(label=label, value=overflow, text=overflow_text(overflow), absent="the call ends")


def _money(terms: Terms) -> Iterator[tuple[str, Fact]]:
    yield from _price("revenue", "revenue", terms.revenue)
    yield from _price("payout", "payout", terms.payout)
    for publisher, price in terms.payouts.items():
        yield from _price(f"payouts.{publisher}", f"payout of publisher {publisher}", price)
    requires = terms.requires_revenue
    yield "payout.requires_revenue", _owed("payout requires revenue", requires, _yes(requires))
    yield "hold_for", _owed("money is held for", terms.hold_days, f"{terms.hold_days}d" if terms.hold_days else "no time")
    for code, share in terms.dispositions.items():
        yield f"dispositions.{code}", _owed(f"disposition {code}", share, f"{share} % of the price")


def _price(path: str, label: str, price: Price) -> Iterator[tuple[str, Fact]]:
    """One price; of a single step the amount and the rule are told apart."""
    if len(price.steps) > 1:
        yield path, _owed(label, price, price_text(price))
        return
    step = price.steps[0]
    yield path, _owed(label, (price.percent_bp, step.amount_micros), price_text(price))
    when = rule_text(step.rule)
    yield f"{path}.on", Fact(label=f"{label} is owed", value=step.rule, text=when, money=True, say=_say_both)


def _owed(label: str, value: object, text: str) -> Fact:
    return Fact(label=label, value=value, text=text, money=True)


def _say_both(name: str, before: Fact | None, after: Fact | None) -> str | None:
    """A rule that comes or goes with its price is told with the price."""
    return arrow(name, before, after) if before and after else None


def _targets(campaign: Campaign) -> Iterator[tuple[str, Fact]]:
    for target in campaign.targets:
        text = f"priority {target.priority}, weight {target.weight}"
        yield (
            f"lines.{target.line}",
            Fact(
                label=f"line {target.line}",
                value=(target.priority, target.weight),
                text=text,
                note=_share(target, campaign.targets, campaign.tiers),
                say=_say_target,
            ),
        )
    order = tuple(target.line for target in campaign.targets)
    yield "lines", Fact(label="lines in another order", value=order, text=", ".join(order), say=_say_order)


def _share(target: Target, targets: tuple[Target, ...], tiers: Mapping[int, Tier]) -> str:
    """What part of the calls a line is tried first for, of those that come to its priority; "" where weights do not decide."""
    tier = tiers.get(target.priority, Tier())
    if tier.sort is not Sort.WEIGHT or tier.together:
        return ""
    return percent(target.weight, sum(other.weight for other in targets if other.priority == target.priority))


def _say_target(name: str, before: Fact | None, after: Fact | None) -> str:
    fact = after or before
    assert fact is not None  # noqa: S101 (a change has at least one side)
    if before is None:
        share = f": {fact.note} of its calls" if fact.note else ""
        return f"{name}: {fact.label} is tried too ({fact.text}){share}"
    if after is None:
        return f"{name}: {fact.label} is not tried any more"
    told = [
        f"{word} {one} -> {other}"
        for word, one, other in zip((_PRIORITY, "weight"), _pair(before), _pair(after), strict=True)
        if one != other
    ]
    share = (
        f": its share of calls {before.note} -> {after.note}" if before.note and after.note and before.note != after.note else ""
    )
    return f"{name}: {fact.label} {', '.join(told)}{share}"


def _pair(fact: Fact) -> tuple[object, ...]:
    return fact.value if isinstance(fact.value, tuple) else ()


def _say_order(name: str, before: Fact | None, after: Fact | None) -> str | None:
    """Lines that came or went are told one by one: what counts is the order of the others."""
    if before is None or after is None:
        return None
    one, other = _pair(before), _pair(after)
    if [line for line in one if line in other] == [line for line in other if line in one]:
        return None
    return arrow(name, before, after)


def _tier(tier: Tier) -> str:
    return f"by {tier.sort}, " + ("all at once" if tier.together else "one after the other")


def _yes(value: bool) -> str:  # noqa: FBT001 (the value itself)
    return "yes" if value else "no"


def say_paused(name: str, before: Fact | None, after: Fact | None) -> str:
    del before
    return f"{name}: paused" if after and after.value else f"{name}: no longer paused"
