"""The commands `payphone money ...`: what may be asked for. What they do is in `switch.cli.posting` and `switch.cli.statement`."""

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from inspect import Signature, signature
from typing import TYPE_CHECKING, Annotated, Any

import typer

from switch.cli.common import DEFAULT_CONFIG, EXIT, AsJson, ConfigDir, app, fail
from switch.cli.options import Actor, Reason, Yes

if TYPE_CHECKING:
    from switch.billing.actions import Action


class Side(StrEnum):
    """Money that corrections are about: costs and deposits are not corrected by call."""

    REVENUE = "revenue"
    PAYOUT = "payout"


__all__ = ["app", "money"]

money = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""See and correct what is owed and earned.

    Nothing is changed: rows are appended. `payphone money COMMAND -h` says more of each.

    \b
    Examples:
      payphone money balance
      payphone money show 3f2a9c
    """,
    epilog=EXIT,
)
app.add_typer(money, name="money")

Call = Annotated[str, typer.Argument(help="The call's id, or how it begins; `payphone calls` shows them.")]
Line = Annotated[str | None, typer.Option(help="Whose revenue it is about, where several lines of the call owe.")]
Key = Annotated[
    str | None,
    typer.Option(
        help="Done once for each key. Default: made of the call, what is done and the reason, so that pressing Enter twice is once."
    ),
]
Only = Annotated[Side | None, typer.Option(help="Just the revenue, or just the payout.")]


def _post(
    act: "Action",
    *,
    call: Call,
    reason: Reason,
    line: Line = None,
    key: Key = None,
    actor: Actor = None,
    yes: Yes = False,
    config: ConfigDir = DEFAULT_CONFIG,
    json_lines: AsJson = False,
) -> None:
    from switch.cli.posting import post_act

    post_act(config, call, act=act, reason=reason, line=line, key=key, actor=actor, yes=yes, json_lines=json_lines)


def _posting(*, needs_reason: bool = True) -> Callable[[Callable[..., "Action"]], Callable[..., "Action"]]:
    """Registers a command of what an action takes; the options of every posting, those of `_post`, stand around them."""

    def register(action: Callable[..., "Action"]) -> Callable[..., "Action"]:
        own = signature(action).parameters
        shared = {name: each for name, each in signature(_post).parameters.items() if name != "act"}
        if not needs_reason:
            shared["reason"] = shared["reason"].replace(default="")
        call, why = shared.pop("call"), shared.pop("reason")
        options = [call, why, *own.values(), *shared.values()]

        @wraps(action)
        def command(**given: Any) -> None:
            _post(action(**{name: given.pop(name) for name in own}), **given)

        command.__signature__ = Signature(options)  # type: ignore[attr-defined]  # Typer reads both
        command.__annotations__ = {each.name: each.annotation for each in options}
        money.command(epilog=EXIT)(command)
        return action

    return register


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


@_posting()
def adjust(
    *,
    to: Annotated[str | None, typer.Option(help="What it is from now on, e.g. 20.00.", metavar="AMOUNT")] = None,
    by: Annotated[str | None, typer.Option(help="The difference, e.g. -5.00.", metavar="AMOUNT")] = None,
    payout: Annotated[bool, typer.Option("--payout", help="Of the payout. Default: of the revenue.")] = False,
) -> "Action":
    """Correct an amount.

    A payout that is a share of the revenue, or requires it, follows.

    \b
    Examples:
      payphone money adjust 3f2a9c --to 20.00 --reason "agreed with acme by phone"
    """
    from switch.billing import actions
    from switch.billing.verdict import MoneyKind
    from switch.cli.posting import amount_of, change_of

    kind = MoneyKind.PAYOUT if payout else MoneyKind.REVENUE
    if (to is None) == (by is None):
        fail("say either --to AMOUNT or --by AMOUNT")
    if to is not None:
        return actions.AdjustTo(kind=kind, amount_micros=amount_of(to))
    return actions.AdjustBy(kind=kind, delta_micros=change_of(by or ""))


@_posting()
def void(*, only: Only = None) -> "Action":
    """Take it all back, for good.

    Revenue and payout: it should never have been. Final.

    \b
    Examples:
      payphone money void 3f2a9c --reason "test call"
    """
    from switch.billing import actions
    from switch.cli.posting import kind_of

    return actions.Void(only=kind_of(only))


@_posting()
def manual(
    *,
    amount: Annotated[str | None, typer.Option(help="What is owed. Default: what the campaign's price says.")] = None,
) -> "Action":
    """Say that a call is to be paid.

    For campaigns that wait for that (`on: manual`).

    \b
    Examples:
      payphone money manual 3f2a9c --amount 25.00 --reason "sold by phone"
    """
    from switch.billing import actions
    from switch.cli.posting import amount_of

    return actions.Manual(amount_micros=None if amount is None else amount_of(amount))


@_posting()
def dispute() -> "Action":
    """Dispute, in an advertiser's place.

    `uphold` or `reject` decides it.

    \b
    Examples:
      payphone money dispute 3f2a9c --reason "acme says: wrong state"
    """
    from switch.billing import actions

    return actions.Dispute()


@_posting()
def uphold(*, percent: Annotated[int, typer.Option(min=1, max=100, help="How much of it is credited.")] = 100) -> "Action":
    """Uphold a dispute.

    The advertiser is credited, and the same part is clawed back from the publisher. Final.

    \b
    Examples:
      payphone money uphold 3f2a9c --percent 50 --reason "recording heard"
    """
    from switch.billing import actions

    return actions.Uphold(percent=percent)


@_posting(needs_reason=False)
def reject() -> "Action":
    """Reject a dispute.

    The money stands as before it.

    \b
    Examples:
      payphone money reject 3f2a9c --reason "recording heard"
    """
    from switch.billing import actions

    return actions.Reject()


@_posting(needs_reason=False)
def approve(*, only: Only = None) -> "Action":
    """Approve money that is held or pending.

    Before its hold is over, or where nothing else approves it.

    \b
    Examples:
      payphone money approve 3f2a9c --only payout
    """
    from switch.billing import actions
    from switch.cli.posting import kind_of

    return actions.Approve(only=kind_of(only))


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
