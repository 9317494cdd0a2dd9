"""The commands `payphone money ...`: what may be asked for. What they do is in `switch.cli.posting` and `switch.cli.statement`."""

from enum import StrEnum
from typing import Annotated

import typer

from switch.cli.common import DEFAULT_CONFIG, EXIT, AsJson, ConfigDir, app, fail


class Side(StrEnum):
    """Money that corrections are about: costs and deposits are not corrected by call."""

    REVENUE = "revenue"
    PAYOUT = "payout"


__all__ = ["app", "money"]

money = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="See and correct what is owed and earned.\n\nNothing is changed: rows are appended.",
    epilog="`payphone money COMMAND -h` has examples.",
)
app.add_typer(money, name="money")

Call = Annotated[str, typer.Argument(help="The call's id, or how it begins; `payphone calls` shows them.")]
Line = Annotated[str | None, typer.Option(help="Whose revenue it is about, where several lines of the call owe.")]
Reason = Annotated[str, typer.Option(help="Why; kept with it, for those who ask later.")]
Key = Annotated[
    str | None,
    typer.Option(
        help="Done once for each key. Default: made of the call, what is done and the reason, so that pressing Enter twice is once."
    ),
]
Actor = Annotated[str | None, typer.Option(help="Who answers for it, kept as ops:NAME. Default: your user name.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Only = Annotated[Side | None, typer.Option(help="Just the revenue, or just the payout.")]


@money.command(epilog=EXIT)
def show(call: Call, *, config: ConfigDir = DEFAULT_CONFIG, json_lines: AsJson = False) -> None:
    """Show all money of a call.

    Every row, what became of it, and what it comes to.

    \b
    Examples:
      payphone money show 3f2a9c
    """
    from switch.cli.statement import show_money

    show_money(config, call, json_lines=json_lines)


@money.command(epilog=EXIT)
def deposit(
    advertiser: Annotated[str, typer.Argument(help="Who paid.")],
    amount: Annotated[str, typer.Argument(help="How much, e.g. 500.00.")],
    *,
    key: Annotated[str, typer.Option(help="The payment's own name, such as the bank's reference: it is booked once.")],
    reason: Reason = "deposit",
    back: Annotated[bool, typer.Option("--back", help="Paid back to the advertiser.")] = False,
    actor: Actor = None,
    yes: Yes = False,
    config: ConfigDir = DEFAULT_CONFIG,
    json_lines: AsJson = False,
) -> None:
    """Book what an advertiser paid in advance.

    A running switch counts it within two seconds.

    \b
    Examples:
      payphone money deposit acme 500.00 --key WIRE-2026-0711
    """
    from switch.cli.posting import post_deposit

    post_deposit(config, advertiser, amount, key=key, reason=reason, back=back, actor=actor, yes=yes, json_lines=json_lines)


@money.command(epilog=EXIT)
def adjust(
    call: Call,
    *,
    reason: Reason,
    to: Annotated[str | None, typer.Option(help="What it is from now on, e.g. 20.00.", metavar="AMOUNT")] = None,
    by: Annotated[str | None, typer.Option(help="The difference, e.g. -5.00.", metavar="AMOUNT")] = None,
    payout: Annotated[bool, typer.Option("--payout", help="Of the payout. Default: of the revenue.")] = False,
    line: Line = None,
    key: Key = None,
    actor: Actor = None,
    yes: Yes = False,
    config: ConfigDir = DEFAULT_CONFIG,
    json_lines: AsJson = False,
) -> None:
    """Correct an amount.

    A payout that is a share of the revenue, or requires it, follows.

    \b
    Examples:
      payphone money adjust 3f2a9c --to 20.00 --reason "agreed with acme by phone"
    """
    from switch.billing import actions
    from switch.billing.verdict import MoneyKind
    from switch.cli.posting import amount_of, change_of, post_act

    kind = MoneyKind.PAYOUT if payout else MoneyKind.REVENUE
    if (to is None) == (by is None):
        fail("say either --to AMOUNT or --by AMOUNT")
    act: actions.Action
    if to is not None:
        act = actions.AdjustTo(kind=kind, amount_micros=amount_of(to))
    else:
        act = actions.AdjustBy(kind=kind, delta_micros=change_of(by or ""))
    post_act(config, call, act=act, reason=reason, line=line, key=key, actor=actor, yes=yes, json_lines=json_lines)


@money.command(epilog=EXIT)
def void(
    call: Call,
    *,
    reason: Reason,
    only: Only = None,
    line: Line = None,
    key: Key = None,
    actor: Actor = None,
    yes: Yes = False,
    config: ConfigDir = DEFAULT_CONFIG,
    json_lines: AsJson = False,
) -> None:
    """Take it all back, for good.

    Revenue and payout: it should never have been. Final.

    \b
    Examples:
      payphone money void 3f2a9c --reason "test call"
    """
    from switch.billing import actions
    from switch.cli.posting import kind_of, post_act

    act = actions.Void(only=kind_of(only))
    post_act(config, call, act=act, reason=reason, line=line, key=key, actor=actor, yes=yes, json_lines=json_lines)


@money.command(epilog=EXIT)
def manual(
    call: Call,
    *,
    reason: Reason,
    amount: Annotated[str | None, typer.Option(help="What is owed. Default: what the campaign's price says.")] = None,
    line: Line = None,
    key: Key = None,
    actor: Actor = None,
    yes: Yes = False,
    config: ConfigDir = DEFAULT_CONFIG,
    json_lines: AsJson = False,
) -> None:
    """Say that a call is to be paid.

    For campaigns that wait for that (`on: manual`).

    \b
    Examples:
      payphone money manual 3f2a9c --amount 25.00 --reason "sold by phone"
    """
    from switch.billing import actions
    from switch.cli.posting import amount_of, post_act

    act = actions.Manual(amount_micros=None if amount is None else amount_of(amount))
    post_act(config, call, act=act, reason=reason, line=line, key=key, actor=actor, yes=yes, json_lines=json_lines)


@money.command(epilog=EXIT)
def dispute(
    call: Call,
    *,
    reason: Reason,
    line: Line = None,
    key: Key = None,
    actor: Actor = None,
    yes: Yes = False,
    config: ConfigDir = DEFAULT_CONFIG,
    json_lines: AsJson = False,
) -> None:
    """Dispute, in an advertiser's place.

    `uphold` or `reject` decides it.

    \b
    Examples:
      payphone money dispute 3f2a9c --reason "acme says: wrong state"
    """
    from switch.billing import actions
    from switch.cli.posting import post_act

    act = actions.Dispute()
    post_act(config, call, act=act, reason=reason, line=line, key=key, actor=actor, yes=yes, json_lines=json_lines)


@money.command(epilog=EXIT)
def uphold(
    call: Call,
    *,
    reason: Reason,
    percent: Annotated[int, typer.Option(min=1, max=100, help="How much of it is credited.")] = 100,
    line: Line = None,
    key: Key = None,
    actor: Actor = None,
    yes: Yes = False,
    config: ConfigDir = DEFAULT_CONFIG,
    json_lines: AsJson = False,
) -> None:
    """Uphold a dispute.

    The advertiser is credited, and the same part is clawed back from the publisher. Final.

    \b
    Examples:
      payphone money uphold 3f2a9c --percent 50 --reason "recording heard"
    """
    from switch.billing import actions
    from switch.cli.posting import post_act

    act = actions.Uphold(percent=percent)
    post_act(config, call, act=act, reason=reason, line=line, key=key, actor=actor, yes=yes, json_lines=json_lines)


@money.command(epilog=EXIT)
def reject(
    call: Call,
    *,
    reason: Reason = "",
    line: Line = None,
    key: Key = None,
    actor: Actor = None,
    yes: Yes = False,
    config: ConfigDir = DEFAULT_CONFIG,
    json_lines: AsJson = False,
) -> None:
    """Reject a dispute.

    The money stands as before it.

    \b
    Examples:
      payphone money reject 3f2a9c --reason "recording heard"
    """
    from switch.billing import actions
    from switch.cli.posting import post_act

    act = actions.Reject()
    post_act(config, call, act=act, reason=reason, line=line, key=key, actor=actor, yes=yes, json_lines=json_lines)


@money.command(epilog=EXIT)
def approve(
    call: Call,
    *,
    reason: Reason = "",
    only: Only = None,
    line: Line = None,
    key: Key = None,
    actor: Actor = None,
    yes: Yes = False,
    config: ConfigDir = DEFAULT_CONFIG,
    json_lines: AsJson = False,
) -> None:
    """Approve money that is held or pending.

    Before its hold is over, or where nothing else approves it.

    \b
    Examples:
      payphone money approve 3f2a9c --only payout
    """
    from switch.billing import actions
    from switch.cli.posting import kind_of, post_act

    act = actions.Approve(only=kind_of(only))
    post_act(config, call, act=act, reason=reason, line=line, key=key, actor=actor, yes=yes, json_lines=json_lines)


@money.command(epilog=EXIT)
def balance(
    party: Annotated[str | None, typer.Argument(help="An advertiser, publisher or trunk. Default: all.")] = None,
    *,
    config: ConfigDir = DEFAULT_CONFIG,
    json_lines: AsJson = False,
) -> None:
    """Show balances of parties.

    Each is summed from all its rows: what advertisers owe, what publishers have earned, what trunks bill.

    \b
    Examples:
      payphone money balance acme
    """
    from switch.cli.statement import show_balances

    show_balances(config, party, json_lines=json_lines)
