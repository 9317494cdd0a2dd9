"""Does what callers and lines do in the demo, and prints it as it happens: dial, press, ring, answer, talk, hang up.

What is printed was measured: a caller hears a tone because its phone found that frequency in the audio it got.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from media.dsp.tones import RINGBACK_HZ
from routing.table import Line
from switch.billing.money import show_micros
from switch.billing.verdict import JudgedCall
from switch.call.moment import ms_between
from switch.demo.cast import Cast, address_of
from switch.demo.phone import Phone, PhoneCall
from switch.demo.waiting import Watch
from switch.engine.clock import Clock
from switch.output import Styled, write_line
from switch.run import CannotStart
from switch.sip.message import Address

SWITCH = "switch"
CALLERS_HOST = "127.0.0.1"
LINES_HZ = (1_100, 1_300, 1_500)
NAME_WIDTH = 12
PAST_MS = 200
"""How long after a threshold they go on talking."""


class Narrator:
    """Prints who did what, and when, in seconds since the narrator was made. `lines`: names that are coloured as a line's.

    `quiet`: says nothing.
    """

    def __init__(self, clock: Clock, *, lines: tuple[str, ...], quiet: bool = False) -> None:
        self._quiet = quiet
        self._clock = clock
        self._start = clock.now()
        self._lines = lines

    def title(self, text: str) -> None:
        self._write("")
        self._write(Styled(text, "bold"))

    def say(self, who: str, what: str) -> None:
        style = "magenta" if who == SWITCH else "green" if who in self._lines else "cyan"
        seconds = ms_between(self._start, self._clock.now()) / 1000
        self._write(Styled(f"{seconds:7.2f}  ", "dim"), Styled(f"{who:<{NAME_WIDTH}}", style), what)

    def _write(self, *parts: str | Styled) -> None:
        if not self._quiet:
            write_line(*parts)


@dataclass(slots=True)
class DemoRecords:
    """The judged records as the switch gives them out. `names`: whose number it is, by number."""

    narrator: Narrator
    names: Mapping[str, str]
    calls: list[JudgedCall] = field(default_factory=list)
    _watch: Watch = field(default_factory=Watch)

    def keep(self, judged: JudgedCall) -> None:
        record, verdict = judged.record, judged.verdict
        self.calls.append(judged)
        self._watch.changed()
        owed = ", ".join(f"{row.party} {row.kind.value} {show_micros(row.amount_micros)}" for row in verdict.rows)
        worth = f"billable: {owed}" if verdict.billable else "not billable"
        talk = f"talk {record.connected_ms} ms" if record.attempts else "no line tried"
        self.narrator.say(SWITCH, f"records {self.name_of(judged)}: {record.final_state.value}, {talk}, {worth}")

    async def of(self, ani: str) -> JudgedCall:
        """Raises Missed when the switch keeps no record of the call."""
        return await self._watch.until(
            lambda: next((judged for judged in self.calls if judged.record.ani == ani), None),
            f"the switch records {self.names[ani]}",
        )

    def name_of(self, judged: JudgedCall) -> str:
        return self.names.get(judged.record.ani, judged.record.ani)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A caller."""

    name: str
    ani: str
    hz: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One side of a call: a phone that sends a tone of `hz` while it talks."""

    name: str
    hz: float
    call: PhoneCall


class Stage:
    """The lines' phones, waiting to be called, and the callers' as they come. To be used as a context."""

    def __init__(self, cast: Cast, *, switch: Address, clock: Clock, narrator: Narrator) -> None:
        self.cast = cast
        self._switch = switch
        self._clock = clock
        self._narrator = narrator
        self._phones: list[Phone] = []
        self._lines: dict[str, Phone] = {}

    async def __aenter__(self) -> Self:
        """Raises CannotStart when a line's address is taken."""
        for line, hz in zip(self.cast.lines, LINES_HZ, strict=True):
            host, port = address_of(line)
            try:
                self._lines[line.name] = await self._phone(line.name, hz=hz, address=(host, port))
            except OSError as error:
                await self.__aexit__()
                why = f"{error.strerror or error}: stop what uses it"
                raise CannotStart(f"the demo's phone for {line.name} can't have {host}:{port}: {why}") from error
        return self

    async def __aexit__(self, *_error: object) -> None:
        for phone in self._phones:
            phone.close()

    def clear(self) -> None:
        """Everybody hangs up: a scene went wrong, the next one must not suffer for it."""
        for phone in self._phones:
            phone.hang_up()

    def say(self, party: Party, what: str) -> None:
        self._narrator.say(party.name, what)

    def title(self, text: str) -> None:
        self._narrator.title(text)

    # what callers do

    async def dial(self, person: Person) -> Party:
        """Call the tracking number, until the menu is heard."""
        phone = await self._phone(person.name, hz=person.hz, address=(CALLERS_HOST, 0))
        did = self.cast.number.did
        self._narrator.say(person.name, f"({person.ani}) dials {did}")
        uri = f"sip:{did}@{self._switch[0]}:{self._switch[1]}"
        call = await phone.call(uri, target=self._switch, caller=person.ani)
        caller = Party(name=person.name, hz=phone.hz, call=call)
        await caller.call.until_answered()
        await caller.call.until_hears_something()
        self.say(caller, f"is answered, hears the menu {self.cast.menu.name!r}")
        return caller

    def press_key(self, caller: Party) -> None:
        """The key that leads to a line."""
        for digit in self.cast.key:
            caller.call.audio.press(digit)
        self.say(caller, f"presses {self.cast.key}")

    # what lines do

    async def ring(self, line: Line, caller: Party) -> Party:
        """The line is called and rings; the caller hears that."""
        ringing = await self._called(line)
        ringing.call.ring()
        self.say(ringing, f"rings: {ringing.call.caller} calls")
        await caller.call.until_hears(*RINGBACK_HZ)
        self.say(caller, "hears the ringing tone")
        return ringing

    async def refuse(self, line: Line) -> None:
        """The line is called and is busy."""
        busy = await self._called(line)
        busy.call.refuse(486)
        self.say(busy, "is busy")

    async def answer(self, line: Party, caller: Party) -> None:
        """The two are connected, and both hear the other and nothing else."""
        await line.call.answer()
        self.say(line, "answers")
        line.call.audio.talking = caller.call.audio.talking = True
        at_caller, at_line = await _heard(line, caller)
        self.say(caller, f"hears {at_caller:g} Hz from {line.name}, who hears {at_line:g} Hz: clean both ways")

    # what both do

    async def talk(self, line: Party, caller: Party, *, for_ms: int) -> None:
        """From now on, for so long, and the audio is as clean at the end."""
        await asyncio.sleep(for_ms / 1000)
        await _heard(line, caller)

    async def hang_up(self, who: Party, other: Party) -> None:
        who.call.hang_up()
        self.say(who, "hangs up")
        await who.call.until_over()
        await other.call.until_over()

    async def _called(self, line: Line) -> Party:
        phone = self._lines[line.name]
        return Party(name=line.name, hz=phone.hz, call=await phone.until_called())

    async def _phone(self, name: str, *, hz: float, address: Address) -> Phone:
        phone = Phone(name, hz=hz, clock=self._clock)
        await phone.open(address)
        self._phones.append(phone)
        return phone


async def _heard(line: Party, caller: Party) -> tuple[float, float]:
    """What the caller and the line hear of each other, in Hz. Raises Missed unless it is the other's tone, and clean."""
    return await caller.call.until_hears(line.hz), await line.call.until_hears(caller.hz)
