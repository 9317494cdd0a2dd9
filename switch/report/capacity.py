"""Computes how many attempts at once the caps of a config allow, for the owners that a row of a report is about."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from routing.cap import Cap, Per
from routing.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """`max_calls`: of the whole switch."""

    table: Table
    max_calls: int

    def of(self, row: Mapping[str, object]) -> int | None:
        """Returns the least that any of the row's owners allows, by its dimensions; None: they allow any number.

        A row that is about no owner is about all lines. What lines share by their groups is only known of each line, not of several.
        """
        asked = [self._of(name, value) for name, value in row.items() if name in _OWNERS]
        if not asked:
            return _least((self.max_calls, self._together(self.table.lines)))
        return _least(asked)

    def _of(self, dimension: str, value: object) -> int | None:
        """Returns the limit of one owner; None: any number, or the owner is not in the config any more."""
        table = self.table
        match dimension:
            case "line" if value in table.lines:
                return self._together([str(value)])
            case "advertiser":
                lines = [line.name for line in table.lines.values() if line.advertiser == value]
                return self._together(lines) if lines else None
            case "campaign" if campaign := table.campaigns.get(str(value)):
                return _least((_at_once(campaign.caps), self._together([target.line for target in campaign.targets])))
            case "publisher" if publisher := table.publishers.get(str(value)):
                return _at_once(publisher.caps)
            case "number" if number := table.numbers.get(str(value)):
                return _least(
                    (_at_once(number.caps), self._of("publisher", number.publisher), self._of("campaign", number.campaign))
                )
            case "trunk":
                return _at_once(table.trunk_caps.get(str(value), ()))
            case _:
                return None

    def _together(self, lines: Iterable[str]) -> int | None:
        """Returns the sum of what the lines allow, those of one advertiser no more than the advertiser allows."""
        by_advertiser: dict[str, list[str]] = {}
        for name in lines:
            by_advertiser.setdefault(self.table.lines[name].advertiser, []).append(name)
        return _sum(self._advertised(advertiser, names) for advertiser, names in by_advertiser.items())

    def _advertised(self, advertiser: str, lines: Iterable[str]) -> int | None:
        caps = [self.table.lines[name].caps for name in lines]
        own = f"advertiser:{advertiser}"
        shared = _at_once(cap for some in caps for cap in some if cap.owner == own)
        return _least((shared, _sum(_at_once(some) for some in caps)))


_OWNERS = frozenset({"line", "advertiser", "campaign", "publisher", "number", "trunk"})


def _at_once(caps: Iterable[Cap]) -> int | None:
    return _least(cap.limit for cap in caps if cap.per is Per.CONCURRENCY)


def _least(limits: Iterable[int | None]) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)


def _sum(limits: Iterable[int | None]) -> int | None:
    known = list(limits)
    return None if None in known else sum(limit for limit in known if limit is not None)
