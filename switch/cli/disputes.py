"""Knows the commands that settle money: dispute, uphold, reject, approve. Does not know how they are posted: `switch.cli.money`."""

from pathlib import Path
from typing import Annotated

import typer

from switch.billing import actions
from switch.cli.common import AsJson, ConfigDir
from switch.cli.money import Actor, Call, Key, Line, Only, Reason, Yes, kind_of, money, post_act


@money.command()
def dispute(
    call: Call,
    *,
    reason: Reason,
    line: Line = None,
    key: Key = None,
    actor: Actor = None,
    yes: Yes = False,
    config: ConfigDir = Path("config"),
    json_lines: AsJson = False,
) -> None:
    """Object, in an advertiser's place; `uphold` or `reject` settles it.

    Example: payphone money dispute 3f2a9c --reason "acme says: wrong state"
    """
    act = actions.Dispute()
    post_act(config, call, act=act, reason=reason, line=line, key=key, actor=actor, yes=yes, json_lines=json_lines)


@money.command()
def uphold(
    call: Call,
    *,
    reason: Reason,
    percent: Annotated[int, typer.Option(min=1, max=100, help="How much of it is credited.")] = actions.WHOLE_PERCENT,
    line: Line = None,
    key: Key = None,
    actor: Actor = None,
    yes: Yes = False,
    config: ConfigDir = Path("config"),
    json_lines: AsJson = False,
) -> None:
    """The dispute is right: credit the advertiser, and claw the same part back from the publisher. Final.

    Example: payphone money uphold 3f2a9c --percent 50 --reason "recording heard"
    """
    act = actions.Uphold(percent=percent)
    post_act(config, call, act=act, reason=reason, line=line, key=key, actor=actor, yes=yes, json_lines=json_lines)


@money.command()
def reject(
    call: Call,
    *,
    reason: Reason = "",
    line: Line = None,
    key: Key = None,
    actor: Actor = None,
    yes: Yes = False,
    config: ConfigDir = Path("config"),
    json_lines: AsJson = False,
) -> None:
    """The dispute is not right: the money stands as before it.

    Example: payphone money reject 3f2a9c --reason "recording heard"
    """
    act = actions.Reject()
    post_act(config, call, act=act, reason=reason, line=line, key=key, actor=actor, yes=yes, json_lines=json_lines)


@money.command()
def approve(
    call: Call,
    *,
    reason: Reason = "",
    only: Only = None,
    line: Line = None,
    key: Key = None,
    actor: Actor = None,
    yes: Yes = False,
    config: ConfigDir = Path("config"),
    json_lines: AsJson = False,
) -> None:
    """Approve money before its hold is over, or money that nothing else approves.

    Example: payphone money approve 3f2a9c --only payout
    """
    act = actions.Approve(only=kind_of(only))
    post_act(config, call, act=act, reason=reason, line=line, key=key, actor=actor, yes=yes, json_lines=json_lines)
