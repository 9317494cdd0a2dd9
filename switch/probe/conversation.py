"""PURE. What the probe's phone does and when, from its INVITE to the end of the call: events of the phone in, commands for it out.

The phone's ticks are the only clock. What was heard is in its recording (`switch.probe.measured`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import msgspec

PAUSE = ","
"""In keys to press: wait for `PAUSE_MS`."""
PAUSE_MS = 2_000
KEY_EVERY_MS = 400
ECHO_AFTER_MS = 500
"""How long talk lasts before keys are pressed for their echo."""
END_MS = 40_000
"""How long the end of a call may take once the probe hung up: a BYE without an answer is given up after 32 s (RFC 3261 timer F)."""


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=str.lower):
    at_ms: int


class Calling(_Event, frozen=True, kw_only=True):
    """The INVITE goes out."""


class Rang(_Event, frozen=True, kw_only=True):
    """A provisional answer: 180, 183."""

    code: int


class Answered(_Event, frozen=True, kw_only=True):
    """200, and our ACK."""


class Media(_Event, frozen=True, kw_only=True):
    """Audio flows in this codec: early, or of the call."""

    codec: str
    rate: int


class Digit(_Event, frozen=True, kw_only=True):
    """A key was heard."""

    digit: str


class Stats(_Event, frozen=True, kw_only=True):
    """What RTCP says by now. `sent_lost`, `sent_jitter_ms`: by the far end's reports; None: there is none. `rtt_ms`: likewise."""

    received: int
    lost: int
    jitter_ms: float
    rtt_ms: float | None
    sent: int
    sent_lost: int | None
    sent_jitter_ms: float | None


class Tick(_Event, frozen=True, kw_only=True):
    """Time passes."""


class Bye(_Event, frozen=True, kw_only=True):
    """A BYE has been answered, or given up. `by`: `caller`, the probe, or `line`, the far end."""

    by: str
    code: int


class Over(_Event, frozen=True, kw_only=True):
    """The call has ended, or was never answered."""

    code: int
    reason: str
    sip_call_id: str


class Closed(_Event, frozen=True, kw_only=True):
    """The phone is about to exit."""


class Error(_Event, frozen=True, kw_only=True):
    """Something could not be done."""

    what: str


PhoneEvent = Calling | Rang | Answered | Media | Digit | Stats | Tick | Bye | Over | Closed | Error
decode_phone_event = msgspec.json.Decoder(PhoneEvent).decode


class Does(StrEnum):
    """What a phone is told to do."""

    PRESS = "press"
    RECORD = "record"
    SPEAK = "speak"
    HANG_UP = "hangup"
    QUIT = "quit"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneCommand:
    """`digits`: those to press."""

    do: Does
    digits: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """`keys`: to press once the call is answered; `,` waits for two seconds. `talk_ms`: how long the call lasts after them. `answer_ms`:
    how long it may go unanswered. `echoes`: keys to press in that last part, for a far end that sends them back."""

    keys: str
    echoes: str
    talk_ms: int
    answer_ms: int

    @property
    def presses(self) -> tuple[tuple[int, str], ...]:
        """Returns when each key is pressed, in ms since the answer."""
        echoes = tuple((self.keys_ms + after_ms + ECHO_AFTER_MS, key) for after_ms, key in _timed(self.echoes))
        return (*((after_ms, key) for after_ms, key in _timed(self.keys) if key != PAUSE), *echoes)

    @property
    def keys_ms(self) -> int:
        """Returns how long the keys take, without echoes."""
        return sum(PAUSE_MS if key == PAUSE else KEY_EVERY_MS for key in self.keys)


def _timed(keys: str) -> Iterator[tuple[int, str]]:
    after_ms = 0
    for key in keys:
        yield after_ms, key
        after_ms += PAUSE_MS if key == PAUSE else KEY_EVERY_MS


@dataclass(slots=True, kw_only=True)
class CallFacts:
    """What the phone saw of its call; None: it did not come to that. Times are ms since the INVITE.

    `pdd_ms`: the post-dial delay: to the first 180, 183 or answer. `code`, `reason`: of the final answer. `digits`: keys that were heard
    in the last part. `talk_ms`: of the part that is listened to. `bye_by`: who hung up, `caller` or `line`; `bye_code`: how that was
    answered. `gave_up`: the probe cancelled: nobody had answered. `errors`: what went wrong in the phone itself.
    """

    pdd_ms: int | None = None
    answer_ms: int | None = None
    code: int | None = None
    reason: str = ""
    sip_call_id: str = ""
    codec: str | None = None
    rate: int = 0
    digits: str = ""
    stats: Stats | None = None
    bye_by: str | None = None
    bye_code: int | None = None
    talk_ms: int = 0
    ended_ms: int | None = None
    gave_up: bool = False
    errors: tuple[str, ...] = ()


class Conversation:
    """One call of a probe's phone."""

    def __init__(self, script: Script) -> None:
        self.facts = CallFacts()
        self._script = script
        self._presses = list(script.presses)
        self._talks_ms: int | None = None
        self._hung_up_ms: int | None = None

    def feed(self, event: PhoneEvent) -> tuple[PhoneCommand, ...]:
        """Returns what the phone has to do now."""
        facts = self.facts
        match event:
            case Rang(at_ms=at_ms):
                facts.pdd_ms = at_ms if facts.pdd_ms is None else facts.pdd_ms
            case Answered(at_ms=at_ms):
                facts.answer_ms = at_ms
                facts.pdd_ms = at_ms if facts.pdd_ms is None else facts.pdd_ms
            case Media(codec=codec, rate=rate):
                facts.codec, facts.rate = codec, rate
            case Digit(digit=digit):
                facts.digits += digit if self._talks_ms is not None else ""
            case Stats():
                facts.stats = event
            case Bye(by=by, code=code):
                facts.bye_by, facts.bye_code = facts.bye_by or by, facts.bye_code or code
            case Over(at_ms=at_ms):
                facts.code, facts.reason = (event.code, event.reason) if facts.answer_ms is None else (200, "OK")
                facts.ended_ms, facts.sip_call_id = at_ms, event.sip_call_id
                facts.talk_ms = at_ms - self._talks_ms if facts.talk_ms == 0 and self._talks_ms is not None else facts.talk_ms
                return (PhoneCommand(do=Does.QUIT),)
            case Error(what=what):
                facts.errors = tuple(dict.fromkeys((*facts.errors, what)))
            case Tick(at_ms=at_ms):
                return tuple(self._due(at_ms))
            case Calling() | Closed():
                pass
        return ()

    def _due(self, now_ms: int) -> Iterator[PhoneCommand]:
        if self._hung_up_ms is not None:
            if now_ms - self._hung_up_ms >= END_MS:
                yield PhoneCommand(do=Does.QUIT)
        elif self.facts.answer_ms is None:
            if now_ms >= self._script.answer_ms:
                self.facts.gave_up = True
                yield self._hang_up(now_ms)
        else:
            yield from self._talk(now_ms, now_ms - self.facts.answer_ms)

    def _talk(self, now_ms: int, since_answer_ms: int) -> Iterator[PhoneCommand]:
        while self._presses and self._presses[0][0] <= since_answer_ms:
            yield PhoneCommand(do=Does.PRESS, digits=self._presses.pop(0)[1])
        if self._talks_ms is None and since_answer_ms >= self._script.keys_ms:
            self._talks_ms = now_ms
            yield PhoneCommand(do=Does.RECORD)
            yield PhoneCommand(do=Does.SPEAK)
        elif self._talks_ms is not None and now_ms - self._talks_ms >= self._script.talk_ms:
            yield self._hang_up(now_ms)

    def _hang_up(self, now_ms: int) -> PhoneCommand:
        self._hung_up_ms = now_ms
        self.facts.talk_ms = 0 if self._talks_ms is None else now_ms - self._talks_ms
        return PhoneCommand(do=Does.HANG_UP)
