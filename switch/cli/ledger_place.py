"""Reads from a config where its ledger is, and the few other settings that reading a ledger takes, without checking or compiling it.

Compiling takes seconds where a config is large; `payphone calls` needs none of it. A config that is broken elsewhere, which happens while
somebody edits it, still says where its ledger is.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from routing.zone import DEFAULT_ZONE, time_zone, zone_of_most
from switch.billing.money import micros_from
from switch.settings.files import DEFAULT_DATA, DEFAULT_LEDGER, merged, read_directory
from switch.settings.problem import Problem
from switch.settings.source import Value

_PLACE = frozenset({"data", "ledger"})
_POSTGRESQL = "postgresql:"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPlace:
    """`data`: the directory of journal and SQLite ledger. `url`: of another database than that; None: there is none. `zone`: IANA, of most
    campaigns. `credits`: by advertiser who pays in advance, how far below zero the balance may go, micros. `names`: those in the config, of
    `publisher`, `campaign` and `line`. `broken`: what of the config could not be read, so that the other fields may lack something."""

    data: Path
    url: str | None
    zone: str
    credits: Mapping[str, int]
    names: Mapping[str, Collection[str]] = field(default_factory=dict)
    broken: tuple[str, ...] = ()


def ledger_place(directory: Path) -> LedgerPlace | None:
    """Returns the place of the ledger, or None where the config is not clear: `switch.settings.load` then says what is wrong.

    Where a file can't be read, its place must be written in another one: the default may not be meant.
    """
    files = read_directory(directory)
    if isinstance(files, Problem):
        return None
    tree = merged(files, root=directory)
    switch = tree.data.get("switch")
    if not isinstance(switch, dict) or (tree.problems and not _PLACE & switch.keys()):
        return None
    if any(get_close_matches(key, _PLACE) for key in switch.keys() - _PLACE):  # a slip: what stands there is meant, and no default
        return None
    data, ledger = switch.get("data", DEFAULT_DATA), switch.get("ledger", DEFAULT_LEDGER)
    zone = switch.get("zone", DEFAULT_ZONE)
    if not (isinstance(data, str) and isinstance(ledger, str) and isinstance(zone, str)):
        return None
    if ledger != DEFAULT_LEDGER and not ledger.startswith(_POSTGRESQL):
        return None
    try:
        return LedgerPlace(
            data=(directory / data).resolve(),
            url=None if ledger == DEFAULT_LEDGER else ledger,
            zone=_zone(tree.data, zone),
            credits=_credits(tree.data.get("advertisers")),
            names=_names(tree.data),
            broken=tuple(f"{problem.path}:{problem.line}: {problem.message}" for problem in tree.problems),
        )
    except (KeyError, ValueError, OSError):  # no such zone, no amount, no path
        return None


def _zone(data: Mapping[str, Value], default: str) -> str:
    """`default`: of campaigns that name none."""
    hours, campaigns = _entries(data.get("hours")), map(_entries, _entries(data.get("campaigns")).values())
    opens = ((campaign, _entries(hours.get(str(campaign.get("hours")))).get("zone")) for campaign in campaigns)
    zones = ((str(campaign.get("zone", default)), str(zone) if zone else None) for campaign, zone in opens)
    return time_zone(zone_of_most(zones)).key


def _names(data: Mapping[str, Value]) -> dict[str, Collection[str]]:
    lines = [
        name for advertiser in _entries(data.get("advertisers")).values() for name in _entries(_entries(advertiser).get("lines"))
    ]
    return {"publisher": _entries(data.get("publishers")), "campaign": _entries(data.get("campaigns")), "line": lines}


def _credits(advertisers: Value | None) -> dict[str, int]:
    found = {}
    for name, advertiser in _entries(advertisers).items():
        if "prepaid" in _entries(advertiser):
            credit = _entries(_entries(advertiser)["prepaid"]).get("credit", "0")
            found[name] = micros_from(credit if isinstance(credit, str) else "0")
    return found


def _entries(value: Value | None) -> Mapping[str, Value]:
    return value if isinstance(value, dict) else {}
