"""Does what callers and lines do in the demo, and prints it as it happens: dial, press, ring, answer, talk, hang up.

What is printed was measured: a caller hears a tone because its phone found that frequency in the audio it got.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from media.ringing_tones import RINGING_TONES
from routing.table import Line
from switch.billing.money import show_micros
from switch.billing.verdict import JudgedCall
from switch.call.moment import Moment, ms_between
from switch.demo.config import DemoConfig, address_of
from switch.demo.phone import Phone, PhoneCall
from switch.demo.waiting import Watch
from switch.engine.clock import Clock
from switch.output import Styled, write_line
from switch.run import CannotStart
from switch.sip.flow import Flow

SWITCH = "switch"
CALLERS_HOST = "127.0.0.1"
LINES_HZ = (1_100, 1_300, 1_500)
NAME_WIDTH = 12
PAST_MS = 200
"""How long after a threshold they go on talking."""


class Transcript:
    """Prints who did what, and when, in seconds since its first line. `lines`: names that are coloured as a line's.

    `quiet`: prints nothing.
    """

    def __init__(self, clock: Clock, *, lines: tuple[str, ...], quiet: bool = False) -> None:
        self._quiet = quiet
        self._clock = clock
        self._start: Moment | None = None
        self._lines = lines

    def heading(self, text: str) -> None:
        self._write("")
        self._write(Styled(text, "bold"))

    def add(self, who: str, what: str) -> None:
        style = "magenta" if who == SWITCH else "green" if who in self._lines else "cyan"
        now = self._clock.now()
        self._start = self._start or now
        seconds = ms_between(self._start, now) / 1000
        self._write(Styled(f"{seconds:7.2f}  ", "dim"), Styled(f"{who:<{NAME_WIDTH}}", style), what)

    def _write(self, *parts: str | Styled) -> None:
        if not self._quiet:
            write_line(*parts)


@dataclass(slots=True)
class RecordCollector:
    """The judged records as the switch gives them out. `names`: whose number it is, by number."""

    transcript: Transcript
    names: Mapping[str, str]
    calls: list[JudgedCall] = field(default_factory=list)
    _watch: Watch = field(default_factory=Watch)

    def collect(self, judged: JudgedCall) -> None:
        record, verdict = judged.record, judged.verdict
        self.calls.append(judged)
        self._watch.changed()
        worth = "billable" if verdict.billable else "not billable"
        talk = f"talk {record.connected_ms} ms" if record.attempts else "no line tried"
        self.transcript.add(SWITCH, f"records {self.name_of(judged)}: {record.final_state.value}, {talk}, {worth}")
        if verdict.rows:
            money = (f"{row.kind.value} {show_micros(row.amount_micros)} {row.party}" for row in verdict.rows)
            self.transcript.add(SWITCH, f"  {', '.join(money)}")

    async def wait_for(self, ani: str) -> JudgedCall:
        """Raises ExpectationFailed when the switch keeps no record of the call."""
        return await self._watch.until(
            lambda: next((judged for judged in self.calls if judged.record.ani == ani), None),
            f"the switch records {self.names[ani]}",
        )

    def name_of(self, judged: JudgedCall) -> str:
        return self.names.get(judged.record.ani, judged.record.ani)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody who calls the tracking number, and sends a tone of `hz` while talking."""

    name: str
    ani: str
    hz: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """One side of a call: a phone that sends a tone of `hz` while it talks."""

    name: str
    hz: float
    call: PhoneCall


class Endpoints:
    """The lines' phones, waiting to be called, and the callers' as they come. To be used as a context."""

    def __init__(self, config: DemoConfig, *, switch: Flow, clock: Clock, transcript: Transcript) -> None:
        self.config = config
        self._switch = switch
        self._clock = clock
        self._transcript = transcript
        self._phones: list[Phone] = []
        self._lines: dict[str, Phone] = {}

    async def __aenter__(self) -> Self:
        """Raises CannotStart when a line's address is taken."""
        for line, hz in zip(self.config.lines, LINES_HZ, strict=True):
            host, port = address_of(line)
            try:
                self._lines[line.name] = await self._phone(line.name, hz=hz, address=Flow(host, port))
            except OSError as error:
                await self.__aexit__()
                why = f"{error.strerror or error}: stop what uses it"
                raise CannotStart(f"the demo's phone for {line.name} can't have {host}:{port}: {why}") from error
        return self

    async def __aexit__(self, *_error: object) -> None:
        for phone in self._phones:
            phone.close()

    def hang_up_all(self) -> None:
        """After a scenario that went wrong, so that the next one finds its lines free."""
        for phone in self._phones:
            phone.hang_up()

    def note(self, who: Participant, what: str) -> None:
        self._transcript.add(who.name, what)

    def heading(self, text: str) -> None:
        self._transcript.heading(text)

    # what callers do

    async def dial(self, caller: Caller) -> Participant:
        """Call the tracking number, until the menu is heard."""
        phone = await self._phone(caller.name, hz=caller.hz, address=Flow(CALLERS_HOST, 0))
        did = self.config.number.did
        self._transcript.add(caller.name, f"({caller.ani}) dials {did}")
        uri = f"sip:{did}@{self._switch[0]}:{self._switch[1]}"
        call = await phone.call(uri, target=self._switch, caller=caller.ani)
        participant = Participant(name=caller.name, hz=phone.hz, call=call)
        await call.until_answered()
        await call.until_hears_something()
        self.note(participant, f"is answered, hears the menu {self.config.menu.name!r}")
        return participant

    def press_key(self, caller: Participant) -> None:
        """The key that leads to a line."""
        for digit in self.config.key:
            caller.call.audio.press(digit)
        self.note(caller, f"presses {self.config.key}")

    # what lines do

    async def ring(self, line: Line, caller: Participant) -> Participant:
        """The line is called and rings; the caller hears that."""
        ringing = await self._called(line)
        ringing.call.ring()
        self.note(ringing, f"rings: {ringing.call.caller} calls")
        await caller.call.until_hears(*RINGING_TONES["us"].hz)
        self.note(caller, "hears the ringing tone")
        return ringing

    async def refuse(self, line: Line) -> None:
        """The line is called and is busy."""
        busy = await self._called(line)
        busy.call.refuse(486)
        self.note(busy, "is busy")

    async def answer(self, line: Participant, caller: Participant) -> None:
        """The two are connected, and both hear the other and nothing else."""
        await line.call.answer()
        self.note(line, "answers")
        line.call.audio.talking = caller.call.audio.talking = True
        at_caller, at_line = await _heard(line, caller)
        self.note(caller, f"hears {at_caller:g} Hz from {line.name}, which hears {at_line:g} Hz: clean")

    # what both do

    async def talk(self, line: Participant, caller: Participant, *, for_ms: int) -> None:
        """From now on, for so long, and the audio is as clean at the end."""
        await asyncio.sleep(for_ms / 1000)
        await _heard(line, caller)

    async def hang_up(self, who: Participant, other: Participant) -> None:
        who.call.hang_up()
        self.note(who, "hangs up")
        await who.call.until_over()
        await other.call.until_over()

    async def _called(self, line: Line) -> Participant:
        phone = self._lines[line.name]
        return Participant(name=line.name, hz=phone.hz, call=await phone.until_called())

    async def _phone(self, name: str, *, hz: float, address: Flow) -> Phone:
        phone = Phone(name, hz=hz, clock=self._clock)
        await phone.open(address)
        self._phones.append(phone)
        return phone


async def _heard(line: Participant, caller: Participant) -> tuple[float, float]:
    """What the caller and the line hear of each other, in Hz. Raises ExpectationFailed unless it is the other's tone, and clean."""
    return await caller.call.until_hears(line.hz), await line.call.until_hears(caller.hz)
