"""Steers the running switch for whoever is logged in: each command goes by the control socket, with who gave it and why."""

import secrets
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TypeVar

import structlog

from routing.expression import Scalar
from switch.control.client import connected
from switch.control.messages import MAX_HUNG_UP, Command, HangUp, HungUp, Message
from switch.deployment import User
from switch.engine.steering_rows import DONE, ActionRow
from switch.ledger.database import LedgerUnwritable, RecordRefused
from switch.web.site import Site

AnyReply = TypeVar("AnyReply", bound=Message)

KEY_BYTES = 12

_log = structlog.get_logger("payphone.web")


def actor_of(user: User) -> str:
    return f"console:{user.name}"


async def ask(site: Site, command: Command, kind: type[AnyReply]) -> AnyReply:
    """Returns the switch's reply. Raises ControlError."""

    def asked() -> AnyReply:
        with connected(site.deployment.switch.data) as control:
            return control.ask(command, kind)

    return await site.ask(asked)


async def hang_up(site: Site, call_ids: Sequence[str], *, user: User, reason: str) -> HungUp:
    """Ends exactly these calls, however many: a command takes `MAX_HUNG_UP` of them. Raises ControlError."""
    ended: list[str] = []
    unknown: list[str] = []
    for start in range(0, len(call_ids), MAX_HUNG_UP):
        some = tuple(call_ids[start : start + MAX_HUNG_UP])
        done = await ask(site, HangUp(id=1, call_ids=some, actor=actor_of(user), reason=reason), HungUp)
        ended += done.ended
        unknown += done.unknown
    return HungUp(ended=tuple(ended), unknown=tuple(unknown))


async def note(
    site: Site, actor: str, action: str, target: str, *, outcome: str = DONE, detail: Mapping[str, Scalar] | None = None
) -> None:
    """Writes what somebody did that the switch does not know of, such as a log-in. A ledger that can't be written is logged, no more."""
    row = ActionRow(
        key=f"console/{secrets.token_hex(KEY_BYTES)}",
        at_us=site.now_us(),
        actor=actor,
        action=action,
        target=target,
        detail=detail or {},
        outcome=outcome,
    )
    try:
        await site.ask(partial(site.ledger.add_actions, [row]))
    except (LedgerUnwritable, RecordRefused) as error:
        _log.error("console: an action is not in the ledger", action=action, actor=actor, why=str(error))
