"""Knows how caps are compiled: who owns them, in which zone their windows begin, and what a total counts from."""

from datetime import datetime

from routing.cap import Cap, Counts, Per
from routing.zone import time_zone
from switch.settings.model.party import AdvertiserConfig, CapConfig, Capped

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
US_PER_S = 1_000_000


def caps_of(owner: str, entry: Capped, *, zone: str) -> tuple[Cap, ...]:
    """The caps of `entry`. `zone`: of those that name none."""
    at_once = () if entry.cap is None else (Cap(owner=owner, limit=entry.cap),)
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
