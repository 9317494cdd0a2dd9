"""Defines a cap: whose, of what, over which time, how many. The engine's usage counts; `routing.hunt` decides."""

from dataclasses import dataclass, field
from enum import StrEnum


class Counts(StrEnum):
    """What a cap counts, and when it is counted (`docs/billing.md` §12)."""

    ATTEMPT = "attempt"
    """At the INVITE."""
    CONNECTION = "connection"
    """At the start of talk."""
    CONVERSION = "conversion"
    """At the money row of revenue."""
    REVENUE = "revenue"
    """At the money row, by its amount in micros."""


class Per(StrEnum):
    """Over which time. Calendar windows begin at the boundary in the cap's zone."""

    CONCURRENCY = "concurrency"
    SPACING = "spacing"
    SECOND = "second"
    """Any second, not one of the calendar: `calls_per_second`."""
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    TOTAL = "total"
    BALANCE = "balance"
    """A prepaid balance: revenue less deposits may reach `limit`, the credit that is given."""


_WRITTEN = {Per.BALANCE: "prepaid", Per.SECOND: "calls_per_second"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """At most `limit` of what is counted, on `owner`: `line:acme-east`, `group:west`, `advertiser:acme`, `campaign:auto`,
    `publisher:radio`, `number:+18005550100`, `trunk:level3`. Owners share a cap by `key`.

    `limit`: calls; micros where revenue is counted; 1 where attempts are spaced. `zone`: IANA, where windows begin and end.
    `spacing_ms`: the least time between two, for `spacing`. `since_us`: what a `total` counts from, UTC microseconds: a later one
    is how it is reset. `strict`: calls that may still come to count are counted already, so that it can't be exceeded.
    `path`: the part of the config that it stands in, as trails name it: `campaigns.auto-quotes.cap` for `campaign:auto-quotes`.
    """

    owner: str
    limit: int
    counts: Counts = Counts.ATTEMPT
    per: Per = Per.CONCURRENCY
    zone: str = "UTC"
    spacing_ms: int = 0
    since_us: int = 0
    strict: bool = False
    key: str = field(init=False)
    path: str = field(init=False)

    def __post_init__(self) -> None:
        plain = self.counts is Counts.ATTEMPT and self.per is Per.CONCURRENCY
        object.__setattr__(self, "key", self.owner if plain else f"{self.owner}/{self.counts}/{self.per}")
        written = "cap" if plain else _WRITTEN.get(self.per, "caps")
        object.__setattr__(self, "path", f"{self.owner.replace(':', 's.', 1)}.{written}")
