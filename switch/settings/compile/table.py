"""Compiles the routing table, numbers, campaigns and lines with their caps, hours and overflow; and prices: a rule that is left out comes
from `billable`."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from routing import table as routing
from routing.cap import Cap, Counts, Per
from routing.expression import Kind
from routing.zone import time_zone
from switch.billing.terms import DEFAULT_AT_LEAST_MS, LASTING, BillableOn, Price, PriceStep, Rule, Terms, Tiers
from switch.settings.compile.menu import typed
from switch.settings.model.campaign import (
    BillableConfig,
    CampaignConfig,
    OverflowConfig,
    PublisherPayoutConfig,
    RepeatConfig,
    StepConfig,
    VoicemailConfig,
)
from switch.settings.model.document import Document, HoursConfig, pieces
from switch.settings.model.party import AdvertiserConfig, CapConfig, CapOwner, LineConfig, NumberConfig
from switch.settings.prompts import Voices
from switch.settings.value import AnswerWhen, MustBeHeard

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
US_PER_S = 1_000_000


def table_of(document: Document, *, hours: Mapping[str, routing.Hours], kinds: Mapping[str, Kind]) -> routing.Table:
    zone, voices = document.switch.zone, document.switch.speech.by_language
    return routing.Table(
        version="",
        numbers={did: _number(did, number, zone=zone, kinds=kinds) for did, number in document.numbers.items()},
        publishers={
            name: routing.Publisher(name=name, paused=entry.paused, caps=caps_of(f"publisher:{name}", entry, zone=zone))
            for name, entry in document.publishers.items()
        },
        campaigns={
            name: _campaign(name, entry, zone=entry.zone or zone, hours=hours, voices=voices)
            for name, entry in document.campaigns.items()
        },
        lines=_lines(document, hours),
        trunk_caps={name: caps for name, entry in document.trunks.items() if (caps := caps_of(f"trunk:{name}", entry, zone=zone))},
    )


def groups_of(document: Document) -> dict[str, tuple[str, ...]]:
    """Returns the groups of each line, by line."""
    found: dict[str, tuple[str, ...]] = {}
    for name, group in sorted(document.groups.items()):
        for line in group.lines:
            found[line] = (*found.get(line, ()), name)
    return found


def _lines(document: Document, hours: Mapping[str, routing.Hours]) -> dict[str, routing.Line]:
    zone = document.switch.zone
    groups, voices = groups_of(document), document.switch.speech.by_language
    group_caps = {name: caps_of(f"group:{name}", group, zone=zone) for name, group in document.groups.items()}
    found: dict[str, routing.Line] = {}
    for advertiser, entry in document.advertisers.items():
        owner = f"advertiser:{advertiser}"
        shared = (*caps_of(owner, entry, zone=zone), *balance_of(owner, entry))
        for name, line in entry.lines.items():
            of_groups = tuple(cap for group in groups.get(name, ()) for cap in group_caps[group])
            caps = (*caps_of(f"line:{name}", line, zone=zone), *of_groups, *shared)
            compiled = _line(name, line, advertiser=advertiser, caps=caps, hours=hours, voices=voices)
            found[name] = replace(compiled, advertiser_paused=entry.paused)
    return found


def _line(
    name: str,
    line: LineConfig,
    *,
    advertiser: str,
    caps: tuple[Cap, ...],
    hours: Mapping[str, routing.Hours],
    voices: Voices,
) -> routing.Line:
    return routing.Line(
        name=name,
        advertiser=advertiser,
        uri=line.uri,
        ring_ms=line.ring,
        silence_ms=line.silence,
        timer_offset_ms=line.timer_offset,
        caps=caps,
        hours=hours[line.hours] if line.hours else None,
        paused=line.paused,
        filter=line.filter,
        accept=_accept(line, voices),
        health=routing.Health(failures=line.health.failures, rest_ms=line.health.rest) if line.health else None,
    )


def _accept(line: LineConfig, voices: Voices) -> routing.Accept | None:
    if line.accept:
        return routing.Accept(prompt=voices.name(line.accept.prompt), key=line.accept.key, wait_ms=line.accept.wait)
    return routing.Accept(prompt=voices.name(line.whisper)) if line.whisper else None


def _number(did: str, number: NumberConfig, *, zone: str, kinds: Mapping[str, Kind]) -> routing.TrackingNumber:
    return routing.TrackingNumber(
        did=did,
        publisher=number.publisher,
        campaign=number.campaign,
        state=number.state,
        caps=caps_of(f"number:{did}", number, zone=zone),
        tags=typed(number.tags, kinds),
        early_media=number.answer is AnswerWhen.WITH_LINE,
    )


def _campaign(
    name: str, campaign: CampaignConfig, *, zone: str, hours: Mapping[str, routing.Hours], voices: Voices
) -> routing.Campaign:
    return routing.Campaign(
        name=name,
        targets=tuple(routing.Target(line=to.line, priority=to.priority, weight=to.weight) for to in campaign.lines),
        menu=campaign.menu,
        hours=hours[campaign.hours] if campaign.hours else None,
        caps=caps_of(f"campaign:{name}", campaign, zone=zone),
        overflow={cause: _overflow(to, voices) for cause, to in campaign.overflow.items()},
        paused=campaign.paused,
        filter=campaign.filter,
        tiers={priority: routing.Tier(sort=tier.sort, together=tier.together) for priority, tier in campaign.tiers.items()},
        retry=campaign.retry,
        recover_ms=campaign.recover,
        repeat=_repeat(campaign.repeat),
        revenue_micros=most_micros(revenue_of(campaign)),
        split=dict(sorted(campaign.split.items())),
        conversion_group=campaign.conversion_group,
        zone=zone,
    )


def _repeat(repeat: RepeatConfig | None) -> routing.Repeat | None:
    if repeat is None:
        return None
    return routing.Repeat(scope=repeat.scope, window_ms=repeat.within, route=repeat.route, bill=repeat.bill, pay=repeat.pay)


def _overflow(to: OverflowConfig, voices: Voices) -> routing.Overflow:
    if to.campaign is not None:
        return routing.ToCampaign(campaign=to.campaign)
    if to.line is not None:
        return routing.ToLine(line=to.line)
    if to.hold is not None:
        return routing.ToHold(places=to.hold.places, wait_ms=to.hold.wait)
    if to.voicemail is not None:
        return _voicemail(to.voicemail, voices)
    assert to.message is not None  # noqa: S101 (exactly one of the five is there)
    return routing.ToMessage(prompt=voices.name(to.message))


def _voicemail(to: VoicemailConfig, voices: Voices) -> routing.ToVoicemail:
    return routing.ToVoicemail(
        greeting=voices.name(to.greeting),
        longest_ms=to.longest,
        goodbye=None if to.goodbye is None else voices.name(to.goodbye),
        format=to.format.value,
    )


def hours_of(hours: HoursConfig) -> routing.Hours:
    """Blocks cut at midnight and sorted, so that equal hours are equal however they are written."""
    week = sorted((day, start, end) for day, start, end, _ in pieces(hours.days))
    return routing.Hours(
        zone=hours.zone,
        blocks=tuple(routing.Block(weekday=day, start_minute=start, end_minute=end) for day, start, end in week),
        calendars=tuple(sorted(set(hours.holidays))),
        dates={day: tuple(sorted(blocks)) for day, blocks in sorted(hours.dates.items())},
    )


def caps_of(owner: str, entry: CapOwner, *, zone: str) -> tuple[Cap, ...]:
    """Returns the caps of `entry`. `zone`: for caps that name none."""
    at_once = () if entry.cap is None else (Cap(owner=owner, limit=entry.cap),)
    if isinstance(entry, LineConfig) and entry.calls_per_second is not None:
        at_once = (*at_once, Cap(owner=owner, limit=entry.calls_per_second, per=Per.SECOND))
    return (*at_once, *(_cap(owner, cap, zone=cap.zone or zone) for cap in entry.caps))


def balance_of(owner: str, advertiser: AdvertiserConfig) -> tuple[Cap, ...]:
    """The balance of one that pays in advance: strict, so that calls in progress can't use it up several times."""
    if advertiser.prepaid is None:
        return ()
    return (Cap(owner=owner, limit=advertiser.prepaid.credit, counts=Counts.REVENUE, per=Per.BALANCE, strict=True),)


def _cap(owner: str, cap: CapConfig, *, zone: str) -> Cap:
    return Cap(
        owner=owner,
        limit=1 if cap.limit is None else cap.limit,
        counts=cap.count,
        per=cap.per,
        zone=zone,
        spacing_ms=cap.every or 0,
        since_us=0 if cap.since is None else _utc_us(cap.since, zone),
        strict=cap.strict,
    )


def _utc_us(local: datetime, zone: str) -> int:
    """A whole number of minutes, so that nothing is lost in seconds as floats."""
    return int((local.replace(tzinfo=time_zone(zone)) - _EPOCH).total_seconds()) * US_PER_S


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
        heard_both=campaign.billable.heard is MustBeHeard.BOTH,
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
    return Price(steps=(PriceStep(rule=rule, amount_micros=payout.amount or 0),), percent_bp=payout.percent)


def _steps(steps: list[StepConfig], billable: Rule) -> tuple[PriceStep, ...]:
    return tuple(PriceStep(rule=_rule(step.on, step.at_least, default=billable), amount_micros=step.amount) for step in steps)


def _rule(on: BillableOn | None, at_least: int | None, *, default: Rule) -> Rule:
    """The rule as written; what is left out is that of `default`, as far as it has it."""
    event = on or default.on
    if event not in LASTING:
        return Rule(on=event, at_least_ms=0)
    return Rule(on=event, at_least_ms=at_least or (default.at_least_ms if default.on is event else DEFAULT_AT_LEAST_MS))
