"""Knows the plan: all that config decides about calls, whole and consistent. A call pins the plan it started with for its whole life."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from routing.table import Table
from switch.billing.terms import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """Who may send us calls. `networks`: (address, mask) pairs of IPv4 as integers."""

    name: str
    networks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`terms` are keyed by campaign. `max_calls`: more live calls than that are refused with 503."""

    version: str
    table: Table
    terms: Mapping[str, Terms]
    trunks: tuple[Trunk, ...]
    max_call_ms: int
    max_calls: int

    def trunk_of(self, host: str) -> str | None:
        """The name of the trunk that `host`, an IPv4 literal, belongs to; None: a stranger."""
        address = int(IPv4Address(host))
        for trunk in self.trunks:
            if any(address & mask == network for network, mask in trunk.networks):
                return trunk.name
        return None
