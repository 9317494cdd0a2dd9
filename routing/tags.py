"""Computes the built-in tags: what every call is known by without anyone declaring it. Other tags are passed in.

What a number's own tags, the carrier and the menu say is merged in that order, and what is worked out here goes over all of it. A tag
that is not known of a call is absent: no empty text stands for it, except `digits`, which is empty when nothing was pressed.
"""

from bisect import bisect_right
from collections.abc import Mapping
from hashlib import shake_256
from itertools import accumulate

from routing.expression import Kind, Scalar
from routing.geo import STATES, Source, anonymous, area_of, place
from routing.hours import MINUTES_PER_HOUR, wall_clock
from routing.ruling import Inquiry
from routing.table import Campaign, TrackingNumber

TICKET_BYTES = 8
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

BUILT_IN: Mapping[str, Kind] = {
    "number": Kind.TEXT,  # the tracking number that was dialled
    "caller": Kind.TEXT,  # E.164; absent when anonymous
    "anonymous": Kind.TRUTH,  # nobody can be recognised by the caller id
    "publisher": Kind.TEXT,
    "trunk": Kind.TEXT,
    "campaign": Kind.TEXT,  # the one that is asking: changes with overflow
    "digits": Kind.TEXT,  # all that was pressed in menus
    "zip": Kind.TEXT,  # typed: set by a menu's `zip` node, and by nothing else
    "passed_zip": Kind.TEXT,  # the publisher's: config names the header, or gives it to a number, that fills it
    "consent": Kind.TRUTH,  # set by a menu's `consent` node, and by nothing else
    "state": Kind.TEXT,  # two letters, where the caller is by `geo`
    "area": Kind.TEXT,  # area code of a North American caller
    "geo": Kind.TEXT,  # what told the place: caller (typed ZIP), publisher (passed ZIP), number (area code, exchange), none
    "attestation": Kind.TEXT,  # STIR/SHAKEN A, B or C; the SIP side sets it and the next four
    "privacy": Kind.TRUTH,  # the caller's number is kept from lines that are not trusted
    "rn": Kind.TEXT,  # RFC 4694: routing number of a ported number
    "npdi": Kind.TRUTH,  # RFC 4694: the number portability database was asked
    "cic": Kind.TEXT,  # RFC 4694: carrier identification code
    "repeat": Kind.TRUTH,  # set by `routing.decide`, by the campaign's rule
    "variant": Kind.TEXT,  # only where the campaign splits
    "hour": Kind.NUMBER,  # 0-23, in the campaign's zone like the next two
    "weekday": Kind.TEXT,  # mon tue wed thu fri sat sun
    "date": Kind.TEXT,  # 2026-11-22
}

FROM_CARRIER = ("attestation", "privacy", "rn", "npdi", "cic")
"""Built-in tags that the INVITE sets, whatever headers config names."""

CLOSED: Mapping[str, frozenset[Scalar]] = {
    "state": frozenset(STATES),
    "geo": frozenset(source.value for source in Source),
    "attestation": frozenset("ABC"),
    "hour": frozenset(range(24)),
    "weekday": frozenset(WEEKDAYS),
}
"""All values that a tag may have, where that is a closed set."""


def call_tags(number: TrackingNumber | None, inquiry: Inquiry) -> dict[str, Scalar]:
    """All tags that are the same whichever campaign asks. `number`: the tracking number, None when nobody has it."""
    tags: dict[str, Scalar] = {} if number is None else dict(number.tags)
    tags.update(inquiry.tags)
    where = place(str(tags.get("zip", "")), str(tags.get("passed_zip", "")), inquiry.ani)
    hidden = anonymous(inquiry.ani)
    known: dict[str, Scalar | None] = {
        "number": inquiry.did,
        "caller": None if hidden else inquiry.ani,
        "anonymous": hidden,
        "publisher": None if number is None else number.publisher,
        "trunk": inquiry.trunk,
        "digits": inquiry.digits,
        "state": where.state,
        "area": area_of(inquiry.ani),
        "geo": where.source.value,
    }
    tags.update((name, value) for name, value in known.items() if value is not None)
    return tags


def campaign_tags(campaign: Campaign, inquiry: Inquiry) -> dict[str, Scalar]:
    """The tags that depend on which campaign asks, `repeat` apart."""
    clock = wall_clock(campaign.zone, inquiry.utc_us)
    tags: dict[str, Scalar] = {
        "campaign": campaign.name,
        "hour": clock.minute // MINUTES_PER_HOUR,
        "weekday": WEEKDAYS[clock.weekday],
        "date": clock.date,
    }
    if campaign.split:
        tags["variant"] = variant(campaign, inquiry.seed)
    return tags


def variant(campaign: Campaign, seed: int) -> str:
    """Returns the variant of the campaign's split that this call draws: each with probability weight / total, on every machine alike.

    A ticket of 64 bits from SHAKE-256 over seed and campaign, as `routing.hunt` draws its own: integers only, and the bias is below
    total / 2^64. Variants are lined up by name, so that their order in the config draws nothing else. A call keeps its variant.
    """
    names = sorted(campaign.split)
    ends = list(accumulate(campaign.split[name] for name in names))
    ticket = int.from_bytes(shake_256(f"{seed}/{campaign.name}/variant".encode()).digest(TICKET_BYTES), "big")
    return names[bisect_right(ends, ticket % ends[-1])]
