"""Knows how the trail of a ruling is worded. Does not know how a ruling is reached.

A reason's `rule` is a path into the config (`campaigns.auto-quotes.hours`); its `read` holds the figures it was found with: live
counts under the name of the cap's owner (`line:acme-east`), the instant under `utc_us`, the draw under `seed`. With the config's
version and the tried lines, a trail is enough to make the same ruling again: the live counts it names are all that was read.
"""

from collections.abc import Mapping
from typing import assert_never

from routing.hours import local_text
from routing.ruling import Inquiry, Reason
from routing.table import (
    Campaign,
    Cap,
    Hours,
    Line,
    NoRoute,
    Overflow,
    Table,
    ToCampaign,
    ToLine,
    ToMessage,
)


def as_plain(reason: Reason) -> Mapping[str, object]:
    """The reason as plain JSON values, in the shape `CallRecord.trail` keeps."""
    return {"rule": reason.rule, "verdict": reason.verdict, "read": dict(reason.read)}


def asked(table: Table, inquiry: Inquiry, verdict: str) -> Reason:
    """The first line of each trail: what was asked of which table."""
    return Reason(
        rule=f"numbers.{inquiry.did}",
        verdict=verdict,
        read={
            "config": table.version,
            "utc_us": inquiry.utc_us,
            "seed": inquiry.seed,
            "menu_done": "yes" if inquiry.menu_done else "no",
            "tried": " ".join(f"{line}={why}" for line, why in inquiry.tried),
        },
    )


def paused(owner: str) -> Reason:
    return Reason(rule=f"{owner}.paused", verdict="paused")


def attempts_spent(made: int) -> Reason:
    return Reason(rule="limits.attempts", verdict="attempts used up", read={"made": made})


def gate(owner: str, hours: Hours, *, utc_us: int, is_on: bool) -> Reason:
    """What the hours of a campaign said."""
    word = "open" if is_on else "closed"
    return Reason(rule=f"{owner}.hours", verdict=f"{word} at {local_text(hours, utc_us)}", read={"utc_us": utc_us})


def menu_entered(campaign: Campaign, start: str) -> Reason:
    return Reason(rule=f"campaigns.{campaign.name}.menu", verdict=f"enter menu {start}")


def menu_passed(campaign: Campaign, inquiry: Inquiry) -> Reason:
    why = "qualified already" if inquiry.menu_done else "a line was tried already"
    return Reason(rule=f"campaigns.{campaign.name}.menu", verdict=f"no menu: {why}")


def hunting(campaign: Campaign, seed: int) -> Reason:
    return Reason(
        rule=f"campaigns.{campaign.name}.lines",
        verdict="hunt by priority, weights drawn from the seed",
        read={"seed": seed, "lines": len(campaign.targets)},
    )


def tried_before(line: Line, why: NoRoute) -> Reason:
    return Reason(rule=f"lines.{line.name}", verdict=f"tried already: {why}")


def line_paused(line: Line) -> Reason:
    return Reason(rule=f"lines.{line.name}.paused", verdict="paused")


def line_closed(line: Line, hours: Hours, utc_us: int) -> Reason:
    return Reason(rule=f"lines.{line.name}.hours", verdict=f"closed at {local_text(hours, utc_us)}", read={"utc_us": utc_us})


def cap_full(line: Line, cap: Cap, live: Mapping[str, int]) -> Reason:
    """Which cap barred `line`: the rule is the cap's own path, e.g. `campaigns.auto-quotes.cap` for `campaign:auto-quotes`."""
    kind, _, name = cap.owner.partition(":")
    verdict = f"{line.name} capped: {live[cap.owner]} of {cap.limit}"
    return Reason(rule=f"{kind}s.{name}.cap", verdict=verdict, read=live)


def chosen(line: Line, live: Mapping[str, int]) -> Reason:
    return Reason(rule=f"lines.{line.name}", verdict="eligible: attempt", read=live)


def nobody(campaign: Campaign, because: NoRoute) -> Reason:
    return Reason(rule=f"campaigns.{campaign.name}.overflow", verdict=f"nobody takes the call: {because}, and no overflow for it")


def overflowed(campaign: Campaign, because: NoRoute, overflow: Overflow) -> Reason:
    return Reason(rule=f"campaigns.{campaign.name}.overflow.{because}", verdict=f"{because}: {_destination(overflow)}")


def overflow_refused(campaign: Campaign, because: NoRoute, why: str) -> Reason:
    return Reason(rule=f"campaigns.{campaign.name}.overflow.{because}", verdict=f"{because}: {why}")


def _destination(overflow: Overflow) -> str:
    match overflow:
        case ToCampaign(campaign=name):
            return f"to campaign {name}"
        case ToLine(line=name):
            return f"to line {name}"
        case ToMessage(prompt=name):
            return f"play {name}"
        case unknown:
            assert_never(unknown)
