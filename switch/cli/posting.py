"""What the commands of `payphone money` do: what is asked for is previewed, confirmed and posted, and what was posted is shown.

A key that is not given is made of what is asked: the same command again, however soon or late, is the same posting and does nothing.
"""

import getpass
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import assert_never

from routing.zone import Zone, time_zone
from switch.api.postings import MAX_REASON, Done, KeyReused, NoSuchCall, PostingOutcome, PostingRequest, PostingWriter
from switch.api.view import time_of
from switch.billing import actions
from switch.billing.actions import Refusal, Refused
from switch.billing.money import micros_from, show_micros
from switch.billing.verdict import MoneyKind
from switch.cli.common import count, deployed, fail, from_ledger, open_ledger
from switch.cli.statement import only_one, show_rows
from switch.console import local
from switch.deployment import Deployment
from switch.engine.clock import SystemClock
from switch.ledger.store import RecordRefused
from switch.output import confirmed, write_folded, write_json, write_line

KEY_DIGITS = 16
_AMOUNT = re.compile(r"[0-9]{1,7}(\.[0-9]{1,6})?")
_ACTOR = re.compile(r"[A-Za-z0-9._@-]{1,48}")
_TO_DO: Mapping[Refusal, str] = {
    Refusal.WHICH_LINE: "say which with --line",
    Refusal.MALFORMED_KEY: "a key is 1 to 64 printable ASCII characters, no space, no slash",
    Refusal.ENTRY_CLOSED: "`payphone money show` says how it stands",
    Refusal.ILLEGAL_MOVE: "`payphone money show` says how it stands",
    Refusal.NO_SUCH_LINE: "`payphone money show` names the lines",
}


def post_deposit(
    config: Path,
    advertiser: str,
    amount: str,
    *,
    key: str,
    reason: str,
    back: bool,
    actor: str | None,
    yes: bool,
    json_lines: bool,
) -> None:
    """Asks, appends, says what was."""
    micros = amount_of(amount) * (-1 if back else 1)
    with _postings(config) as (postings, deployment, clock):
        if advertiser not in _advertisers(deployment):
            fail(f"no advertiser {advertiser!r} in {config}: there is {', '.join(_advertisers(deployment)) or 'none'}")
        confirm(f"book {show_micros(micros)} for {advertiser}?", yes=yes)
        by = actor_of(actor)
        outcome = _done(lambda: postings.deposit(advertiser, key, amount_micros=micros, actor=by, reason=reason_of(reason)))
    _write_result(outcome, clock, json_lines=json_lines)


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
    with _postings(config) as (postings, _, clock):
        call_id = _call_id(postings, call)
        order = PostingRequest(
            call_id=call_id,
            key=key or _made_key(call_id, act, line=line, reason=reason),
            act=act,
            actor=actor_of(actor),
            reason=reason_of(reason),
            line=line,
        )
        outcome = _done(lambda: postings.preview(order))
        if isinstance(outcome, Done) and not outcome.again:
            if not outcome.kept:
                write_line("the config this call was decided by is not kept: the present one stands in", err=True)
            if not yes:
                show_rows(outcome.money, clock, err=True)
                for state in outcome.states:
                    write_folded([f"  {state.of} becomes {state.state}"], err=True)
            confirm(f"{act} for call {call_id}: append this?", yes=yes)
            outcome = _done(lambda: postings.post(order))
    _write_result(outcome, clock, json_lines=json_lines)


def _made_key(call_id: str, act: actions.Action, *, line: str | None, reason: str) -> str:
    """Made of what is asked, and of nothing that changes by asking."""
    return sha256(json.dumps([call_id, str(act), line, reason]).encode()).hexdigest()[:KEY_DIGITS]


@contextmanager
def _postings(config: Path) -> Iterator[tuple[PostingWriter, Deployment, Zone]]:
    deployment, _ = deployed(config)
    ledger, place = open_ledger(config)
    clock = SystemClock()
    postings = PostingWriter(ledger, plan=lambda: deployment.plan, now_us=lambda: clock.now().utc_us)
    try:
        yield postings, deployment, time_zone(place.zone)
    finally:
        ledger.close()


def _call_id(postings: PostingWriter, beginning: str) -> str:
    return only_one(from_ledger(lambda: postings.ids_like(beginning)), beginning)


def _done(work: Callable[[], PostingOutcome]) -> Done:
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


def _write_result(done: Done, clock: Zone, *, json_lines: bool) -> None:
    if json_lines:
        write_json({**done.answer, "again": done.again})
    elif done.again:
        write_folded([f"this was done at {time_of(done.at_us)}: nothing was appended. To do it once more, give another --key"])
    else:
        show_rows(done.money, clock)
        for state in done.states:
            write_folded([f"{local(state.at_us, clock)}  {state.of} {state.state}"])
        write_line(f"appended {count(len(done.money), 'money row')} and {count(len(done.states), 'change')} of state")


def confirm(question: str, *, yes: bool) -> None:
    if not yes and not confirmed(question):
        fail("nothing was done")


def actor_of(named: str | None) -> str:
    name = (getpass.getuser() if named is None else named).removeprefix("ops:")
    if not _ACTOR.fullmatch(name):
        fail(f"{name!r} is no --actor: letters, digits and . _ @ -, at most 48 of them")
    return f"ops:{name}"


def reason_of(text: str) -> str:
    if not text.isprintable() or len(text) > MAX_REASON:
        fail(f"--reason: printable characters, at most {MAX_REASON}")
    return text


def amount_of(text: str) -> int:
    if not _AMOUNT.fullmatch(text):
        fail(f"{text!r} is not an amount: write it as 25 or 25.00, with at most six places, and at most 1,000,000")
    return micros_from(text)


def change_of(text: str) -> int:
    return -amount_of(text[1:]) if text.startswith("-") else amount_of(text.removeprefix("+"))


def kind_of(side: str | None) -> MoneyKind | None:
    return None if side is None else MoneyKind(side)


def _advertisers(deployment: Deployment) -> list[str]:
    return sorted({line.advertiser for line in deployment.plan.table.lines.values()})
