"""Knows which caps have windows that begin where nobody said."""

from collections.abc import Iterator

from routing.cap import Per
from switch.settings.harmony.cap import owners
from switch.settings.harmony.found import Found, warning
from switch.settings.ledger_place import DEFAULT_ZONE
from switch.settings.names import listed, mapping
from switch.settings.source import Tree

WINDOWS = tuple(per.value for per in (Per.HOUR, Per.DAY, Per.WEEK, Per.MONTH))


def caps_without_zone(tree: Tree) -> Iterator[Found]:
    """Windows of the calendar where neither the cap, nor its owner, nor the switch has a zone."""
    if "zone" in mapping(tree.data.get("switch")):
        return
    for path, owner in owners(tree):
        for index, cap in enumerate(listed(owner.get("caps")) if "zone" not in owner else ()):
            per = mapping(cap).get("per")
            if per in WINDOWS and "zone" not in mapping(cap):
                hint = "name the zone with `zone:`, here or for all of them in `switch`"
                yield warning((*path, "caps", index), f"a cap per {per} in {DEFAULT_ZONE}, since no zone is named", hint=hint)
