"""Knows what changes from one config to another. Compares what they mean: how they are written, and cut into files, says nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from switch.config_diff.campaign import campaigns_of
from switch.config_diff.change import Change, Thing, apart, changes_of
from switch.config_diff.menu import SWITCH_GROUP, hours_of, menus_of, switch_of, tags_of
from switch.config_diff.party import parties_of
from switch.config_diff.view import View
from switch.engine.plan import Plan


def changes(before: View, after: View) -> tuple[Change, ...]:
    """All that changes, by campaign, advertiser, publisher and so on; none when both plans are the same."""
    old, new = _by_path(_things(before)), _by_path(_things(after))
    found = tuple(changes_of(old, new))
    # Whatever nothing above has words for must not pass for no change.
    return found or tuple(_unworded(_bare(before.plan), _bare(after.plan)))


def _things(view: View) -> Iterator[Thing]:
    yield from campaigns_of(view)
    yield from parties_of(view)
    yield from menus_of(view)
    yield from hours_of(view)
    yield from tags_of(view)
    yield from switch_of(view)


def _by_path(things: Iterable[Thing]) -> dict[str, Thing]:
    return {thing.path: thing for thing in things}


def _bare(plan: Plan) -> Plan:
    """Without the digest of the files it was compiled from."""
    return replace(plan, version="", table=replace(plan.table, version=""))


def _unworded(before: Plan, after: Plan) -> Iterator[Change]:
    for path, one, other in apart(before, after):
        yield Change(
            path=path,
            what="plan",
            before=str(one),
            after=str(other),
            words=f"plan: {path} {one} -> {other}",
            money=True,
            group=(SWITCH_GROUP, ""),
        )
