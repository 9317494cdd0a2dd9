"""Compiles prices: a rule that is left out comes from `billable`."""

from switch.billing.terms import DEFAULT_AT_LEAST_MS, LASTING, BillableOn, Price, Rule, Step, Terms, Tiers
from switch.settings.model.campaign import BillableConfig, CampaignConfig, PublisherPayoutConfig, StepConfig


def terms_of(name: str, campaign: CampaignConfig) -> Terms:
    billable = _billable(campaign.billable)
    repeat = campaign.repeat
    return Terms(
        campaign=name,
        revenue=revenue_of(campaign),
        payout=_payout(campaign.payout, billable),
        payouts={publisher: _payout(payout, billable) for publisher, payout in campaign.payouts.items()},
        requires_revenue=campaign.payout.requires_revenue,
        hold_days=campaign.hold_for or 0,
        repeat_bill=repeat.bill if repeat else True,
        repeat_pay=repeat.pay if repeat else True,
        dispositions=campaign.dispositions,
    )


def revenue_of(campaign: CampaignConfig) -> Price:
    billable = _billable(campaign.billable)
    return Price(steps=_steps(campaign.revenue.steps, billable), tiers=campaign.revenue.tiers)


def most_micros(price: Price) -> int:
    """Returns the most that one attempt may earn at this price, micros."""
    amounts = [step.amount_micros for step in price.steps]
    return sum(amounts) if price.tiers is Tiers.SUM else max(amounts)


def _billable(billable: BillableConfig) -> Rule:
    return _rule(billable.on, billable.at_least, default=Rule())


def _payout(payout: PublisherPayoutConfig, billable: Rule) -> Price:
    if payout.steps is not None:
        return Price(steps=_steps(payout.steps, billable), tiers=payout.tiers or Tiers.HIGHEST)
    rule = _rule(payout.on, payout.at_least, default=billable)
    return Price(steps=(Step(rule=rule, amount_micros=payout.amount or 0),), percent_bp=payout.percent)


def _steps(steps: list[StepConfig], billable: Rule) -> tuple[Step, ...]:
    return tuple(Step(rule=_rule(step.on, step.at_least, default=billable), amount_micros=step.amount) for step in steps)


def _rule(on: BillableOn | None, at_least: int | None, *, default: Rule) -> Rule:
    """The rule as written; what is left out is that of `default`, as far as it has it."""
    event = on or default.on
    if event not in LASTING:
        return Rule(on=event, at_least_ms=0)
    return Rule(on=event, at_least_ms=at_least or (default.at_least_ms if default.on is event else DEFAULT_AT_LEAST_MS))
