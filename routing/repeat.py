"""Says when a caller is a repeat for a campaign, and which lines its rule allows then. Does not look at caps, nor at who is anonymous.

A caller is a repeat when one of the caller's conversions inside the rule's scope was paid for less than the window ago
(`docs/billing.md` §6). For the scopes `campaign`, `group` and `number` that is so of the whole call. For `line` and `advertiser` it is so
of single lines: a caller is new to one line and a repeat to the next; of the call as a whole (its tag `repeat`) it is said when it holds
of any line of the campaign.

What `route` makes of it:

- `same`: of the campaign's lines only the one of the last paid conversion is hunted. (A line that the menu or an overflow names outright
  may be dialled all the same: it is where ops send callers whom that line can't take.)
- `other`: lines that were paid for are barred; in scope `advertiser`, all lines of an advertiser who paid.
- `reject`: the call is refused; in the scopes `line` and `advertiser`, those lines are barred.
- `any`: nothing is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from routing.load import PaidConversion
from routing.table import Campaign, Line, Repeat, RepeatRoute, RepeatScope, Table

US_PER_MS = 1_000
PER_LINE = frozenset({RepeatScope.LINE, RepeatScope.ADVERTISER})


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatHistory:
    """What of a caller's past concerns one campaign, oldest first. In the scopes that hold of single lines: all inside the window.

    `last`: the one that makes the call a repeat; None: the call is none. `lines`, `advertisers`: who was paid for.
    """

    rule: Repeat
    paid: tuple[PaidConversion, ...]
    last: PaidConversion | None
    lines: frozenset[str]
    advertisers: frozenset[str]

    @property
    def is_repeat(self) -> bool:
        return self.last is not None

    @property
    def is_rejected(self) -> bool:
        """Whether the whole call is to be refused."""
        return self.is_repeat and self.rule.route is RepeatRoute.REJECT and self.rule.scope not in PER_LINE

    @property
    def only(self) -> str | None:
        """The one line of the campaign that may be hunted; None: it does not matter."""
        return self.last.line if self.last is not None and self.rule.route is RepeatRoute.SAME else None

    def is_repeat_for(self, line: Line) -> bool:
        match self.rule.scope:
            case RepeatScope.LINE:
                return line.name in self.lines
            case RepeatScope.ADVERTISER:
                return line.advertiser in self.advertisers
            case _:
                return self.is_repeat

    def bars(self, line: Line) -> bool:
        """Whether the rule keeps the call from this line."""
        if self.rule.route not in (RepeatRoute.OTHER, RepeatRoute.REJECT):
            return False
        if self.rule.scope is RepeatScope.ADVERTISER:
            return line.advertiser in self.advertisers
        return line.name in self.lines


def repeat_history(
    rule: Repeat, paid: Sequence[PaidConversion], *, table: Table, campaign: Campaign, did: str, utc_us: int
) -> RepeatHistory:
    """What `paid`, all of a caller's paid conversions, oldest first, is to `campaign` with this rule."""
    recent = [each for each in paid if utc_us - each.at_us < rule.window_ms * US_PER_MS]
    in_scope = [each for each in recent if _is_in_scope(rule.scope, each, table=table, campaign=campaign, did=did)]
    kept = recent if rule.scope in PER_LINE else in_scope
    return RepeatHistory(
        rule=rule,
        paid=tuple(kept),
        last=in_scope[-1] if in_scope else None,
        lines=frozenset(each.line for each in kept),
        advertisers=frozenset(each.advertiser for each in kept),
    )


def _is_in_scope(scope: RepeatScope, paid: PaidConversion, *, table: Table, campaign: Campaign, did: str) -> bool:
    match scope:
        case RepeatScope.CAMPAIGN:
            return paid.campaign == campaign.name
        case RepeatScope.GROUP:
            return paid.campaign == campaign.name or _is_in_group(table.campaigns.get(paid.campaign), campaign.conversion_group)
        case RepeatScope.NUMBER:
            return paid.did == did
        case RepeatScope.LINE:
            return any(target.line == paid.line for target in campaign.targets)
        case RepeatScope.ADVERTISER:
            return any(table.lines[target.line].advertiser == paid.advertiser for target in campaign.targets)


def _is_in_group(campaign: Campaign | None, group: str | None) -> bool:
    """Campaigns without a group are in none together. `campaign` None: one that is gone from the config."""
    return campaign is not None and group is not None and campaign.conversion_group == group
