"""Knows the commands `payphone money ...`: what is asked for, how it is confirmed, how it looks. Does not know what may be posted.

A key that is not given is made of what is asked: the same command again, however soon or late, is the same posting and does nothing.
"""

import getpass
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Annotated, assert_never

import typer

from switch.api.postings import CallMoney, Done, KeyReused, NoSuchCall, Outcome, PostingRequest, PostingWriter
from switch.api.view import entries, entry_json, row_json, state_json, time_of
from switch.billing import actions
from switch.billing.actions import Refusal, Refused
from switch.billing.money import micros_from, show_micros
from switch.billing.verdict import MoneyKind, MoneyRow
from switch.cli.common import AsJson, ConfigDir, app, count, deployed, fail, from_ledger, ledger_of, print_json
from switch.engine.clock import SystemClock
from switch.ledger.store import RecordRefused
from switch.settings.plan import Deployment

KEY_DIGITS = 16
MAX_REASON = 500
_AMOUNT = re.compile(r"[0-9]{1,7}(\.[0-9]{1,6})?")
_ACTOR = re.compile(r"[A-Za-z0-9._@-]{1,48}")
_TO_DO: Mapping[Refusal, str] = {
    Refusal.WHICH_LINE: "say which with --line",
    Refusal.MALFORMED_KEY: "a key is 1 to 64 printable ASCII characters, no space, no slash",
    Refusal.ENTRY_CLOSED: "`payphone money show` says how it stands",
    Refusal.ILLEGAL_MOVE: "`payphone money show` says how it stands",
    Refusal.NO_SUCH_LINE: "`payphone money show` names the lines",
}


class Side(StrEnum):
    """Money that corrections are about: costs and deposits are not corrected by call."""

    REVENUE = MoneyKind.REVENUE.value
    PAYOUT = MoneyKind.PAYOUT.value


money = typer.Typer(no_args_is_help=True, help="See and correct what is owed and earned. Nothing is changed: rows are appended.")
app.add_typer(money, name="money")

Call = Annotated[str, typer.Argument(help="The call's id, or how it begins; `payphone calls --json` shows them.")]
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


@money.command()
def show(call: Call, *, config: ConfigDir = Path("config"), json_lines: AsJson = False) -> None:
    """Show all money of a call: every row, what became of it, and what it comes to.

    Example: payphone money show 3f2a9c
    """
    with _postings(config) as (postings, _):
        found = _call(postings, call)
        now_us = SystemClock().now().utc_us
    if json_lines:
        for row in found.money:
            print_json({"row": row_json(row)})
        for state in found.states:
            print_json({"state": state_json(state)})
        for entry in entries(found.money, found.states, now_us):
            print_json({"entry": entry_json(entry)})
        return
    _show_rows(found.money)
    for state in found.states:
        until = "" if state.until_us is None else f" until {time_of(state.until_us)}"
        typer.echo(f"{time_of(state.at_us)}  {state.of} {state.state}{until}: {state.reason} (by {state.actor})")
    for entry in entries(found.money, found.states, now_us):
        stands = "" if entry.standing is None else f", {entry.standing.state}"
        typer.echo(f"{entry.base.kind} of {entry.base.party}: {show_micros(entry.amount_micros)}{stands}")


@money.command()
def deposit(
    advertiser: Annotated[str, typer.Argument(help="Who paid.")],
    amount: Annotated[str, typer.Argument(help="How much, e.g. 500.00.")],
    *,
    key: Annotated[str, typer.Option(help="The payment's own name, such as the bank's reference: it is booked once.")],
    reason: Reason = "deposit",
    back: Annotated[bool, typer.Option("--back", help="Paid back to the advertiser.")] = False,
    actor: Actor = None,
    yes: Yes = False,
    config: ConfigDir = Path("config"),
    json_lines: AsJson = False,
) -> None:
    """Book what an advertiser paid in advance. A running switch counts it within two seconds.

    Example: payphone money deposit acme 500.00 --key WIRE-2026-0711
    """
    micros = _micros(amount) * (-1 if back else 1)
    with _postings(config) as (postings, deployment):
        if advertiser not in _advertisers(deployment):
            fail(f"no advertiser {advertiser!r} in {config}: there is {', '.join(_advertisers(deployment)) or 'none'}")
        _confirm(f"book {show_micros(micros)} for {advertiser}?", yes=yes)
        by = _actor(actor)
        outcome = _done(lambda: postings.deposit(advertiser, key, amount_micros=micros, actor=by, reason=_reason(reason)))
    _tell(outcome, json_lines=json_lines)


@money.command()
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
    config: ConfigDir = Path("config"),
    json_lines: AsJson = False,
) -> None:
    """Correct an amount. A payout that is a share of the revenue, or requires it, follows.

    Example: payphone money adjust 3f2a9c --to 20.00 --reason "agreed with acme by phone"
    """
    kind = MoneyKind.PAYOUT if payout else MoneyKind.REVENUE
    if (to is None) == (by is None):
        fail("say either --to AMOUNT or --by AMOUNT")
    act: actions.Action
    if to is not None:
        act = actions.AdjustTo(kind=kind, amount_micros=_micros(to))
    else:
        act = actions.AdjustBy(kind=kind, delta_micros=_signed(by or ""))
    post_act(config, call, act=act, reason=reason, line=line, key=key, actor=actor, yes=yes, json_lines=json_lines)


@money.command()
def void(
    call: Call,
    *,
    reason: Reason,
    only: Only = None,
    line: Line = None,
    key: Key = None,
    actor: Actor = None,
    yes: Yes = False,
    config: ConfigDir = Path("config"),
    json_lines: AsJson = False,
) -> None:
    """Take all of it back, revenue and payout: it should never have been. Final.

    Example: payphone money void 3f2a9c --reason "test call"
    """
    act = actions.Void(only=kind_of(only))
    post_act(config, call, act=act, reason=reason, line=line, key=key, actor=actor, yes=yes, json_lines=json_lines)


@money.command()
def manual(
    call: Call,
    *,
    reason: Reason,
    amount: Annotated[str | None, typer.Option(help="What is owed. Default: what the campaign's price says.")] = None,
    line: Line = None,
    key: Key = None,
    actor: Actor = None,
    yes: Yes = False,
    config: ConfigDir = Path("config"),
    json_lines: AsJson = False,
) -> None:
    """Say that a call is to be paid, where its campaign waits for that (`on: manual`).

    Example: payphone money manual 3f2a9c --amount 25.00 --reason "sold by phone"
    """
    act = actions.Manual(amount_micros=None if amount is None else _micros(amount))
    post_act(config, call, act=act, reason=reason, line=line, key=key, actor=actor, yes=yes, json_lines=json_lines)


def post_act(
    config: Path,
    call: str,
    *,
    act: actions.Action,
    reason: str,
    line: str | None,
    key: str | None,
    actor: str | None,
    yes: bool,
    json_lines: bool,
) -> None:
    """Says what would be appended, asks, appends, says what was."""
    if not reason.strip() and not isinstance(act, actions.Reject | actions.Approve):
        fail("--reason: say why; whoever asks later finds it in the row")
    with _postings(config) as (postings, _):
        call_id = _call(postings, call).record.call_id
        order = PostingRequest(
            call_id=call_id,
            key=key or _made_key(call_id, act, line=line, reason=reason),
            act=act,
            actor=_actor(actor),
            reason=_reason(reason),
            line=line,
        )
        outcome = _done(lambda: postings.preview(order))
        if isinstance(outcome, Done) and not outcome.again:
            if not outcome.kept:
                typer.echo("the config this call was decided by is not kept: the present one stands in", err=True)
            if not yes:
                _show_rows(outcome.money, err=True)
                for state in outcome.states:
                    typer.echo(f"  {state.of} becomes {state.state}", err=True)
            _confirm(f"{act} for call {call_id}: append this?", yes=yes)
            outcome = _done(lambda: postings.post(order))
    _tell(outcome, json_lines=json_lines)


def _made_key(call_id: str, act: actions.Action, *, line: str | None, reason: str) -> str:
    """Made of what is asked, and of nothing that changes by asking."""
    return sha256(json.dumps([call_id, str(act), line, reason]).encode()).hexdigest()[:KEY_DIGITS]


@contextmanager
def _postings(config: Path) -> Iterator[tuple[PostingWriter, Deployment]]:
    deployment, _ = deployed(config)
    ledger = ledger_of(deployment, config=config)
    clock = SystemClock()
    try:
        yield PostingWriter(ledger, plan=lambda: deployment.plan, now_us=lambda: clock.now().utc_us), deployment
    finally:
        ledger.close()


def _call(postings: PostingWriter, beginning: str) -> CallMoney:
    """The one call whose id begins so."""
    found = from_ledger(lambda: postings.ids_like(beginning))
    if not found:
        fail(f"no call {beginning!r} in the ledger: `payphone calls --json` shows their ids; a call in progress is not there yet")
    if len(found) > 1:
        fail(f"more than one call begins with {beginning!r}: give more of its id")
    call = from_ledger(lambda: postings.call(found[0]))
    if call is None:
        raise AssertionError("calls are never deleted")
    return call


def _done(work: Callable[[], Outcome]) -> Done:
    """What `work` did; whatever kept it from being done is said, and exit 1."""
    try:
        outcome = from_ledger(work)
    except RecordRefused as error:
        fail(f"the ledger holds no such value: {error}")
    if not isinstance(outcome, Done):
        fail(_why_not(outcome))
    return outcome


def _why_not(outcome: Refused | NoSuchCall | KeyReused) -> str:
    match outcome:
        case Refused(because=because, detail=detail):
            return f"{because.replace('_', ' ')}: {detail}" + (f"; {_TO_DO[because]}" if because in _TO_DO else "")
        case NoSuchCall():
            return "there is no such call"
        case KeyReused(at_us=at_us):
            return f"something else was posted under that key at {time_of(at_us)}: give another --key"
        case unknown:
            assert_never(unknown)


def _tell(done: Done, *, json_lines: bool) -> None:
    if json_lines:
        print_json({**done.answer, "again": done.again})
    elif done.again:
        typer.echo(f"this was done at {time_of(done.at_us)}: nothing was appended. To do it once more, give another --key")
    else:
        _show_rows(done.money)
        typer.echo(f"appended {count(len(done.money), 'money row')} and {count(len(done.states), 'state')}")


def _show_rows(rows: Sequence[MoneyRow], *, err: bool = False) -> None:
    for row in rows:
        corrects = f", corrects {row.corrects}" if row.corrects else ""
        told = f"{row.kind} {show_micros(row.amount_micros)} {row.party}: {row.reason} (by {row.actor}{corrects}) [{row.key}]"
        typer.echo(f"{time_of(row.at_us)}  {told}", err=err)


def _confirm(question: str, *, yes: bool) -> None:
    if not yes and not typer.confirm(question, err=True):
        fail("nothing was done")


def _actor(named: str | None) -> str:
    name = (getpass.getuser() if named is None else named).removeprefix("ops:")
    if not _ACTOR.fullmatch(name):
        fail(f"{name!r} is no --actor: letters, digits and . _ @ -, at most 48 of them")
    return f"ops:{name}"


def _reason(text: str) -> str:
    if not text.isprintable() or len(text) > MAX_REASON:
        fail(f"--reason: printable characters, at most {MAX_REASON}")
    return text


def _micros(text: str) -> int:
    if not _AMOUNT.fullmatch(text):
        fail(f"{text!r} is not an amount: write it as 25 or 25.00, with at most six places, and at most 1,000,000")
    return micros_from(text)


def _signed(text: str) -> int:
    return -_micros(text[1:]) if text.startswith("-") else _micros(text.removeprefix("+"))


def kind_of(side: Side | None) -> MoneyKind | None:
    return None if side is None else MoneyKind(side.value)


def _advertisers(deployment: Deployment) -> list[str]:
    return sorted({line.advertiser for line in deployment.plan.table.lines.values()})
