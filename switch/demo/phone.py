"""A phone: the switch's own SIP agent on a socket of its own, and audio for each call.

All of asyncio's part is `process`: it handles the agent's facts, sends its datagrams and arms one timer.
"""

import asyncio
import secrets
from typing import assert_never

from switch.call.moment import Moment, ms_between
from switch.demo.audio import Audio, bound
from switch.demo.waiting import ExpectationFailed, Watch
from switch.engine.clock import Clock
from switch.sip import offer_answer, sdp
from switch.sip.agent import UserAgent
from switch.sip.fact import (
    AckReceived,
    AnswerReceived,
    Fact,
    FailedOver,
    InfoDigit,
    InviteReceived,
    LegTerminated,
    OfferAccepted,
    OfferReceived,
    OfferRefused,
    PlainOffered,
    ProvisionalReceived,
    RedirectFollowed,
    ReferReceived,
)
from switch.sip.flow import Flow
from switch.sip.peer import DEFAULT_PEER

CLEAN_SHARE = 0.95
"""A tone is heard clean when that much of the energy is its own; G.711's own noise takes less than a hundredth."""
AUDIBLE_DB = -50.0
NOT_YET = -1
"""The leg of a call that has not been placed."""
NS_PER_S = 1_000_000_000


class PhoneCall:
    """One call of a phone, in or out. `caller`: who calls, as the far end says (incoming calls only)."""

    def __init__(self, phone: "Phone", leg: int = NOT_YET, *, caller: str = "", offer: bytes = b"") -> None:
        self._phone = phone
        self._offer = offer
        self._watch = Watch()
        self.leg = leg
        self.caller = caller
        self.audio = Audio(hz=phone.hz, clock=phone.clock, changed=self._watch.changed)
        self.answered: Moment | None = None
        self.ended: LegTerminated | None = None
        self.ended_at: Moment | None = None

    # what the user does

    def ring(self) -> None:
        self._phone.agent.progress(self.leg, 180, self._phone.now_ns())
        self._phone.process()

    def refuse(self, status: int) -> None:
        self._phone.agent.refuse(self.leg, status, self._phone.now_ns())
        self._phone.process()

    async def answer(self) -> None:
        """Pick up. Raises ExpectationFailed when the caller has left, or the offer can't be served."""
        if self.ended is not None:
            raise ExpectationFailed(f"{self._phone.name} picks up in time: the caller has left")
        host = self._phone.address.host
        port = await self.audio.open(host)
        offer = sdp.parse_sdp(self._offer)
        agreed = None if offer is None else offer_answer.answer(offer, hosts=(host,), port=port, session_id=port, version=1)
        if not isinstance(agreed, offer_answer.NegotiatedMedia):
            self.refuse(488)
            raise ExpectationFailed(f"{self._phone.name} finds no audio in the offer that it could answer")
        self.answered = self._phone.clock.now()
        self._phone.agent.answer(self.leg, agreed.body, self._phone.now_ns())
        self._phone.process()
        self.audio.start(agreed)

    def hang_up(self) -> None:
        """End the call; a call that is over stays so."""
        self._phone.agent.hangup(self.leg, self._phone.now_ns())
        self._phone.process()

    # what the user waits for; each raises ExpectationFailed

    async def until_answered(self) -> None:
        came = await self._watch.until(lambda: self.answered or self.ended, f"{self._phone.name} is answered")
        if isinstance(came, LegTerminated):
            raise ExpectationFailed(f"{self._phone.name} is answered: {came.why.value} instead, status {came.status}")

    async def until_over(self) -> LegTerminated:
        return await self._watch.until(lambda: self.ended, f"the call of {self._phone.name} ends")

    async def until_hears(self, *hz: float) -> float:
        """Tones of `hz` and hardly anything else. Gives the strongest frequency, as measured."""
        named = " + ".join(f"{each:g}" for each in hz)
        await self._watch.until(lambda: self.audio.share(*hz) >= CLEAN_SHARE, f"{self._phone.name} hears {named} Hz, clean")
        return self.audio.strongest_hz()

    async def until_hears_something(self) -> None:
        await self._watch.until(lambda: self.audio.level_db() >= AUDIBLE_DB, f"{self._phone.name} hears something")

    async def until_silent(self) -> None:
        """No audio comes any more."""
        await self._watch.until(lambda: self.audio.silent, f"{self._phone.name} hears nothing any more")

    async def until_pressed(self, digits: str) -> None:
        await self._watch.until(lambda: self.audio.digits == digits, f"{self._phone.name} hears the keys {digits}")

    @property
    def talk_ms(self) -> int:
        """From answer to end, by this phone's own clock."""
        return ms_between(self.answered, self.ended_at) if self.answered and self.ended_at else 0

    # what the agent reports

    def handle(self, fact: Fact) -> None:
        match fact:
            case AnswerReceived(body=body):
                self._answered(body)
            case OfferReceived():
                self._phone.agent.decline(self.leg, 488, self._phone.now_ns())
            case LegTerminated():
                self.ended, self.ended_at = fact, self._phone.clock.now()
                self.audio.close()
            case (
                InviteReceived()
                | ProvisionalReceived()
                | FailedOver()
                | PlainOffered()
                | RedirectFollowed()
                | ReferReceived()
                | AckReceived()
                | OfferAccepted()
                | OfferRefused()
                | InfoDigit()
            ):
                pass
            case _:
                assert_never(fact)
        self._watch.changed()

    def _answered(self, body: bytes) -> None:
        answer = sdp.parse_sdp(body)
        agreed = None if answer is None else offer_answer.accept_answer(answer, host=self._phone.address.host)
        if agreed is None:
            self._phone.agent.hangup(self.leg, self._phone.now_ns())
            return
        self.answered = self._phone.clock.now()
        self.audio.start(agreed)


class Phone(asyncio.DatagramProtocol):
    """A phone of `name` that says a tone of `hz`, a whole number of hertz. Open it first, close it at last."""

    def __init__(self, name: str, *, hz: float, clock: Clock) -> None:
        self.name = name
        self.hz = hz
        self.clock = clock
        self._calls: dict[int, PhoneCall] = {}
        self._ringing: list[PhoneCall] = []
        self._watch = Watch()
        self._timer: asyncio.TimerHandle | None = None

    async def open(self, address: Flow) -> None:
        """Binds `address` (port 0: a free one). Raises OSError when it can't be had."""
        self._transport = await bound(self, (address.host, address.port))
        self.address = Flow(*self._transport.get_extra_info("sockname"))
        self.agent = UserAgent(listeners=(self.address,), token=_token)

    def hang_up(self) -> None:
        """End every call that is on."""
        for call in list(self._calls.values()):
            call.hang_up()

    def close(self) -> None:
        """Hangs up, and does not wait for what the far ends say."""
        self.hang_up()
        for call in self._calls.values():
            call.audio.close()
        if self._timer is not None:
            self._timer.cancel()
        self._transport.close()

    async def call(self, uri: str, *, target: Flow, caller: str) -> PhoneCall:
        """Call `uri` by way of `target`, as the number `caller`."""
        call = PhoneCall(self)
        port = await call.audio.open(self.address.host)
        offer = offer_answer.offer(host=self.address.host, port=port, session_id=port, version=1)
        call.leg = self.agent.invite(uri=uri, target=target, caller=caller, body=offer, now_ns=self.now_ns())
        self._calls[call.leg] = call
        self.process()
        return call

    async def until_called(self) -> PhoneCall:
        """The next call that comes in. Raises ExpectationFailed."""
        await self._watch.until(lambda: bool(self._ringing), f"{self.name} is called")
        return self._ringing.pop(0)

    def now_ns(self) -> int:
        return self.clock.now().mono_ns

    def process(self) -> None:
        """After anything was done with the agent."""
        while facts := self.agent.facts():
            for fact in facts:
                self._handle(fact)
        for data, target, _ in self.agent.to_send():
            self._transport.sendto(data, (target.host, target.port))
        if self._timer is not None:
            self._timer.cancel()
        deadline = self.agent.next_deadline()
        if deadline is not None:
            delay_s = max(0, deadline - self.now_ns()) / NS_PER_S
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._tick)

    def _handle(self, fact: Fact) -> None:
        if isinstance(fact, InviteReceived):
            call = self._calls[fact.leg] = PhoneCall(self, fact.leg, caller=fact.caller, offer=fact.offer)
            self._ringing.append(call)
            self._watch.changed()
            return
        call = self._calls[fact.leg]
        call.handle(fact)
        if isinstance(fact, LegTerminated):
            del self._calls[fact.leg]
            self._ringing = [each for each in self._ringing if each is not call]

    def _tick(self) -> None:
        self.agent.tick(self.now_ns())
        self.process()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.agent.receive(data, Flow(*addr), self.now_ns(), peer=DEFAULT_PEER)
        self.process()


def _token() -> str:
    return secrets.token_hex(8)
