"""Words the trail of a ruling. `decide`, `hunt` and `repeat` reach the ruling.

A reason's `rule` is a path into the config (`campaigns.auto-quotes.hours`); its `read` holds the figures it was found with: what counts
against a cap under the cap's key (`line:acme-east`), the instant under `utc_us`, the draw under `seed`, tags under their names. With the
config's version, the inquiry and its tried lines, a trail is enough to make the same ruling again: the load it names is all that was
read. Load that is none of a cap's is named `last_line/CAMPAIGN/PRIORITY`, `last_attempt_us/LINE`, `worth_micros/LINE`,
`resting_until_us/LINE`, `is_down/LINE` (where it is), `waiting/CAMPAIGN`, `place/CAMPAIGN` and `paid`: conversions as
`AT_US=DID/CAMPAIGN/ADVERTISER/LINE`, oldest first. An override that was met is a reason of its own, `overrides.NUMBER`, with `paused` or
`limit/CAP` (`limit_micros/CAP`).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import assert_never

from routing.cap import Cap, Counts, Per
from routing.expression import Expression, Scalar, names, show
from routing.hours import local_text, why_closed
from routing.override import Override, OverrideKind
from routing.repeat import RepeatHistory
from routing.ruling import Inquiry, Reason
from routing.table import (
    Campaign,
    Hours,
    Line,
    NoRoute,
    NumberState,
    Overflow,
    RepeatRoute,
    Sort,
    Table,
    ToCampaign,
    ToHold,
    ToLine,
    ToMessage,
    ToVoicemail,
)

MICROS_PER_CENT = 10_000

_NOUN = {Counts.ATTEMPT: "", Counts.CONNECTION: " connections", Counts.CONVERSION: " conversions", Counts.REVENUE: " revenue"}
_PERIOD = {
    Per.CONCURRENCY: "at once",
    Per.SPACING: "in the time between two",
    Per.SECOND: "per second",
    Per.HOUR: "per hour",
    Per.DAY: "per day",
    Per.WEEK: "per week",
    Per.MONTH: "per month",
    Per.TOTAL: "in total",
    Per.BALANCE: "on credit",
}


def as_plain(reason: Reason) -> Mapping[str, object]:
    """The reason as plain JSON values, in the shape `CallRecord.trail` keeps."""
    return {"rule": reason.rule, "verdict": reason.verdict, "read": dict(reason.read)}


def asked(table: Table, inquiry: Inquiry, verdict: str) -> Reason:
    """The first line of each trail: what was asked of which table."""
    read: dict[str, Scalar] = {
        "config": table.version,
        "utc_us": inquiry.utc_us,
        "seed": inquiry.seed,
        "menu_done": "yes" if inquiry.menu_done else "no",
        "tried": " ".join([f"{line}={why}" for line, why in inquiry.tried]),
    }
    if inquiry.line is not None:
        read["transfer"] = inquiry.line
    if inquiry.held_ms is not None:
        read["held_ms"] = inquiry.held_ms
    return Reason(rule=f"numbers.{inquiry.did}", verdict=verdict, read=read)


def not_in_service(did: str, state: NumberState) -> Reason:
    return Reason(rule=f"numbers.{did}.state", verdict=f"not in service: {state}")


def paused(owner: str) -> Reason:
    return Reason(rule=f"{owner}.paused", verdict="paused")


def overridden(override: Override) -> Reason:
    """An override that was met: who made it, why, and until when."""
    read: dict[str, Scalar] = {"by": override.actor}
    if override.reason:
        read["why"] = override.reason
    if override.until_us is not None:
        read["until_us"] = override.until_us
    rule, owner = f"overrides.{override.number}", override.key.replace(":", " ", 1)
    if override.kind is OverrideKind.PAUSE or override.limit is None:
        return Reason(rule=rule, verdict=f"{owner} is paused by an override", read={"paused": override.key, **read})
    limit = f"limit{'_micros' if override.is_money else ''}/{override.key}"
    return Reason(rule=rule, verdict=f"the cap {owner} has another limit by an override", read={limit: override.limit, **read})


def attempts_spent(made: int) -> Reason:
    return Reason(rule="limits.attempts", verdict="attempts used up", read={"made": made})


def retry_spent(campaign: Campaign, why: NoRoute) -> Reason:
    limit = campaign.retry[why]
    return Reason(rule=f"campaigns.{campaign.name}.retry.{why}", verdict=f"the hunt ends: {limit} of {limit} {why}")


def gate(owner: str, at_hours: str, *, utc_us: int) -> Reason:
    """What hours said: `opened` or `closed`."""
    return Reason(rule=f"{owner}.hours", verdict=at_hours, read={"utc_us": utc_us})


def opened(hours: Hours, utc_us: int) -> str:
    return f"open at {local_text(hours, utc_us)}"


def closed(hours: Hours, utc_us: int) -> str:
    return f"closed at {local_text(hours, utc_us)}: {why_closed(hours, utc_us)}"


def filtered(owner: str, expression: Expression, *, tags: Mapping[str, Scalar], is_match: bool) -> Reason:
    """What a filter said, with the tags it asked for; those that the call has not are left out."""
    text, asked_for = _filter(expression)
    read = {name: tags[name] for name in asked_for if name in tags}
    return Reason(rule=f"{owner}.filter", verdict=f"match: {text}" if is_match else f"no match: {text}", read=read)


@lru_cache(maxsize=4_096)  # to find it out takes ten times as long as to ask the filter
def _filter(expression: Expression) -> tuple[str, tuple[str, ...]]:
    """Its text and the tags it asks for."""
    return show(expression), tuple(sorted(names(expression)))


def menu_entered(campaign: Campaign, menu: str) -> Reason:
    return Reason(rule=f"campaigns.{campaign.name}.menu", verdict=f"enter menu {menu}")


def menu_passed(campaign: Campaign, inquiry: Inquiry) -> Reason:
    why = "qualified already" if inquiry.menu_done else "a line was tried already"
    return Reason(rule=f"campaigns.{campaign.name}.menu", verdict=f"no menu: {why}")


def repeat(campaign: Campaign, past: RepeatHistory, *, is_anonymous: bool) -> Reason:
    """Whether the call is a repeat, and what follows for all of it."""
    if past.last is None:
        verdict = "no repeat: the caller is anonymous" if is_anonymous else "no repeat"
    else:
        verdict = f"repeat: paid for on line {past.last.line}"
    if past.is_rejected:
        verdict += ", rejected"
    if past.only is not None:
        verdict += ", and only that line is hunted"
    paid = " ".join([f"{each.at_us}={each.did}/{each.campaign}/{each.advertiser}/{each.line}" for each in past.paid])
    return Reason(rule=f"campaigns.{campaign.name}.repeat", verdict=verdict, read={"paid": paid})


def repeat_barred(campaign: Campaign, line: Line, route: RepeatRoute) -> Reason:
    return Reason(rule=f"campaigns.{campaign.name}.repeat.route", verdict=f"{line.name} is barred for a repeat: {route}")


def transferred(campaign: Campaign, line: str) -> Reason:
    return Reason(rule=f"campaigns.{campaign.name}.menu", verdict=f"the menu transfers to line {line}")


def hunting(campaign: Campaign, seed: int, read: Mapping[str, int]) -> Reason:
    """`read`: what counts against the caps that all of the campaign's lines share."""
    return Reason(
        rule=f"campaigns.{campaign.name}.lines",
        verdict="hunt by priority, weights drawn from the seed",
        read={"seed": seed, "lines": len(campaign.targets), **read},
    )


def sorted_by(campaign: Campaign, priority: int, *, sort: Sort, read: Mapping[str, Scalar]) -> Reason:
    """The order of a tier that is not by weight, with what it was found by."""
    return Reason(rule=f"campaigns.{campaign.name}.tiers.{priority}.sort", verdict=f"priority {priority} by {sort}", read=read)


def tried_before(line: Line, why: NoRoute) -> Reason:
    return Reason(rule=f"lines.{line.name}", verdict=f"tried already: {why}")


def resting(line: Line, read: Mapping[str, int]) -> Reason:
    """It failed too often; or, where it has no rule for that, it asked for a rest itself."""
    if line.health is None:
        return Reason(rule=f"lines.{line.name}", verdict="it asked to be left alone (503, Retry-After)", read=read)
    return Reason(rule=f"lines.{line.name}.health", verdict="unhealthy: it is left alone", read=read)


def down(line: Line, read: Mapping[str, int]) -> Reason:
    return Reason(rule=f"lines.{line.name}.health", verdict="down: it does not answer OPTIONS", read=read)


def capped(name: str, cap: Cap, *, taken: int, revenue_micros: int, read: Mapping[str, int]) -> Reason:
    """Says which cap barred `name`: the rule is the cap's own path.

    `taken`: how much of it the attempts that are dialled at the same time take. `revenue_micros`: the most that this one may earn.
    """
    used = read[cap.key] + taken
    if cap.key == cap.owner:  # calls at once: the most common by far, and a hunt may word fifty
        return Reason(rule=cap.path, verdict=f"{name} capped: {used} of {cap.limit} at once", read=read)
    if cap.counts is Counts.REVENUE:
        figures = f"{_amount(used)} and {_amount(revenue_micros)} more of {_amount(cap.limit)}"
    else:
        figures = f"{used} of {cap.limit}"
    return Reason(rule=cap.path, verdict=f"{name} capped: {figures}{_NOUN[cap.counts]} {_PERIOD[cap.per]}", read=read)


def _amount(micros: int) -> str:
    """Micros to the cent, away from nothing finer: `-12.50`."""
    cents = abs(micros) // MICROS_PER_CENT
    return f"{'-' if micros < 0 else ''}{cents // 100}.{cents % 100:02d}"


def chosen(line: Line, read: Mapping[str, int]) -> Reason:
    return Reason(rule=f"lines.{line.name}", verdict="eligible: attempt", read=read)


def nobody(campaign: Campaign, because: NoRoute) -> Reason:
    return Reason(rule=f"campaigns.{campaign.name}.overflow", verdict=f"nobody takes the call: {because}, and no overflow for it")


def overflowed(campaign: Campaign, because: NoRoute, overflow: Overflow) -> Reason:
    return Reason(rule=f"campaigns.{campaign.name}.overflow.{because}", verdict=f"{because}: {_destination(overflow)}")


def overflow_refused(campaign: Campaign, because: NoRoute, why: str) -> Reason:
    return Reason(rule=f"campaigns.{campaign.name}.overflow.{because}", verdict=f"{because}: {why}")


def queue(campaign: Campaign, because: NoRoute, *, places: int, waiting: int) -> Reason:
    """A caller at the end of the hold queue."""
    word = "queue full" if waiting >= places else "hold"
    rule = f"campaigns.{campaign.name}.overflow.{because}.hold"
    return Reason(rule=rule, verdict=f"{word}: {waiting} of {places} wait", read={f"waiting/{campaign.name}": waiting})


def held(campaign: Campaign, because: NoRoute, *, wait_ms: int, held_ms: int, place: int) -> Reason:
    """A caller in the hold queue."""
    word = "waited too long" if held_ms >= wait_ms else "hold"
    return Reason(
        rule=f"campaigns.{campaign.name}.overflow.{because}.hold",
        verdict=f"{word}: {held_ms} of {wait_ms} ms",
        read={"held_ms": held_ms, f"place/{campaign.name}": place},
    )


def _destination(overflow: Overflow) -> str:
    match overflow:
        case ToCampaign(campaign=name):
            return f"to campaign {name}"
        case ToLine(line=name):
            return f"to line {name}"
        case ToMessage(prompt=name):
            return f"play {name}"
        case ToVoicemail(greeting=name, longest_ms=longest_ms):
            return f"voicemail after {name}, {longest_ms} ms at most"
        case ToHold(places=places, wait_ms=wait_ms):
            return f"hold queue of {places} places, {wait_ms} ms each"
        case unknown:
            assert_never(unknown)
