"""Defines what the outside does in a simulated call: who calls when, which keys the caller presses, how lines behave."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from routing.expression import Scalar
from switch.call.record import EndedBy, Heard


class LineBehaviour(StrEnum):
    """What a line does when it is dialled."""

    ANSWERS = "answers"
    BUSY = "busy"
    FAILS = "fails"
    RINGS = "rings"
    """It rings, and nobody answers."""
    SILENT = "silent"
    """It does not even ring."""
    UNAVAILABLE = "unavailable"
    """It says that nobody answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineScript:
    """How one line behaves in one call. `after_ms`: from the INVITE to its answer, or to its refusal.

    `talk_ms`: from the bridge to the first hang-up, which is `ended_by`'s: CALLER or LINE. `accepts`: whether it takes a call that
    has to be accepted by key, `accept_ms` after its answer. `declines_ms`: one that does not accept hangs up so long after its answer;
    None: it says nothing. `heard`: who is heard in talk, from its beginning on, until `dead_air_ms` before its end.
    """

    behaviour: LineBehaviour = LineBehaviour.ANSWERS
    after_ms: int = 2_000
    talk_ms: int = 120_000
    ended_by: EndedBy = EndedBy.CALLER
    accepts: bool = True
    accept_ms: int = 2_000
    declines_ms: int | None = None
    heard: Heard = Heard.BOTH
    dead_air_ms: int = 0


DEFAULT_LINE_SCRIPT = LineScript()
MESSAGE_MS = 20_000
"""How long a message in voicemail is, where nothing else is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallScript:
    """One call. `at_us`: when its INVITE comes, UTC microseconds. `tags`: what is passed in headers. `digits`: what the caller presses,
    one each time a menu waits for one, `digit_ms` after it began to; then nothing. `presses`: what the caller presses at which moments
    instead, in milliseconds from the INVITE, whether a menu waits for it or not. `prompt_ms`: how long a prompt plays whose length the
    simulator does not know. `patience_ms`: from the INVITE until the caller hangs up unless talking then; None: the caller waits for ever.
    `message_ms`: how long the caller speaks in voicemail, to press # then where `digits` has that next, or to hang up.
    `conduct`: how a line behaves; asked again, it says the same.
    """

    call_id: str
    did: str
    ani: str
    trunk: str
    at_us: int
    seed: int
    tags: Mapping[str, Scalar] = field(default_factory=dict)
    digits: str = ""
    digit_ms: int = 500
    presses: tuple[tuple[int, str], ...] | None = None
    prompt_ms: int = 1_000
    patience_ms: int | None = None
    message_ms: int = MESSAGE_MS
    conduct: Callable[[str], LineScript] = lambda _: DEFAULT_LINE_SCRIPT
