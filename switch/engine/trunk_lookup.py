"""Finds the trunk that a message's source address belongs to: once for each host and plan."""

from switch.engine.plan import Plan, Trunk
from switch.sip.locator import Locator

MAX_KNOWN_HOSTS = 10_000
"""Hosts whose trunk, or that they have none, is kept: unknown sources may send from any address. At the limit all are looked up anew."""


class TrunkLookup:
    """`locator`: knows the addresses of trunks' names."""

    __slots__ = ("_found", "_locator", "_plan")

    def __init__(self, plan: Plan, locator: Locator) -> None:
        self._found: dict[str, Trunk | None] = {}
        self._locator = locator
        self._plan = plan

    def __len__(self) -> int:
        return len(self._found)

    def follow(self, plan: Plan) -> None:
        """From now on the trunks of `plan` are meant."""
        self._plan = plan
        self._found.clear()

    def forget(self) -> None:
        """A name has other addresses now."""
        self._found.clear()

    def trunk_of(self, host: str) -> Trunk | None:
        """Returns the trunk that `host`, where a message comes from, belongs to, or None."""
        if host not in self._found:
            if len(self._found) >= MAX_KNOWN_HOSTS:
                self._found.clear()
            self._found[host] = self._plan.trunk_of(host) or self._of_name(host)
        return self._found[host]

    def _of_name(self, host: str) -> Trunk | None:
        named = (trunk for trunk in self._plan.trunks if trunk.names and host in self._locator.addresses(trunk.names))
        return next(named, None)
