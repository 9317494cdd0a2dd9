"""Defines what the ledger keeps of how a running switch was steered: actions of people and programs, and changes of overrides."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from routing.expression import Scalar
from routing.override import Override, OverrideKind, TargetKind

DONE = "done"
_JOURNAL_MARK = "~"
"""Begins the id of a journal line of these. No call's id begins so."""


class Change(StrEnum):
    MADE = "made"
    LIFTED = "lifted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRow:
    """Somebody changed something, or tried to. `key`: unique, made by the writer. `actor`: `cli:anna`, `console:anna`, `api:TOKEN`.
    `action`: one word, such as `hangup`, `pause`, `login`. `target`: what it was done to: a call's id, `line:acme-east`. `detail`: what
    else was said. `outcome`: `done`, or why it was not."""

    key: str
    at_us: int
    actor: str
    action: str
    target: str
    detail: Mapping[str, Scalar] = field(default_factory=dict)
    outcome: str = DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideRow:
    """An override was made or lifted. `at_us`, `actor` and `reason` are of the change, the other fields of the override."""

    number: int
    change: Change
    at_us: int
    kind: OverrideKind
    target_kind: TargetKind
    target: str
    limit: int | None
    until_us: int | None
    actor: str
    reason: str

    def override(self) -> Override:
        """Returns the override that this made."""
        return Override(
            number=self.number,
            kind=self.kind,
            target_kind=self.target_kind,
            target=self.target,
            limit=self.limit,
            made_us=self.at_us,
            until_us=self.until_us,
            actor=self.actor,
            reason=self.reason,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SteeringRows:
    """The rows of one command, which the ledger takes together."""

    key: str
    actions: tuple[ActionRow, ...]
    override: OverrideRow | None = None

    @property
    def journal_id(self) -> str:
        """Returns what stands for a call's id in its journal line."""
        return f"{_JOURNAL_MARK}{self.key}"


def override_row(override: Override, change: Change, *, at_us: int, actor: str, reason: str) -> OverrideRow:
    return OverrideRow(
        number=override.number,
        change=change,
        at_us=at_us,
        kind=override.kind,
        target_kind=override.target_kind,
        target=override.target,
        limit=override.limit,
        until_us=override.until_us,
        actor=actor,
        reason=reason,
    )


def is_steering(journal_id: str) -> bool:
    return journal_id.startswith(_JOURNAL_MARK)


def steering_of(lines: Iterable[bytes]) -> SteeringRows:
    """Returns the rows of the journal lines with one id, which are all the same. Raises ValueError."""
    return decode_steering(next(iter(lines)))


encode_steering = msgspec.json.Encoder().encode
decode_steering = msgspec.json.Decoder(SteeringRows).decode
"""Raises msgspec.MsgspecError, a ValueError."""
