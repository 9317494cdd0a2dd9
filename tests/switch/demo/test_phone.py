"""Two of the demo's phones call each other, without a switch: signalling, tones both ways, keys."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from switch.demo.phone import Phone, PhoneCall
from switch.demo.waiting import ExpectationFailed, Watch
from switch.engine.clock import SystemClock
from switch.sip.fact import EndReason, LegTerminated
from switch.sip.flow import Flow

ANN_HZ, BOB_HZ = 700.0, 1_100.0
LOOPBACK = Flow("127.0.0.1", 0)
CLOCK = SystemClock()


@asynccontextmanager
async def two_phones() -> AsyncIterator[tuple[Phone, Phone]]:
    ann, bob = Phone("Ann", hz=ANN_HZ, clock=CLOCK), Phone("Bob", hz=BOB_HZ, clock=CLOCK)
    await ann.open(LOOPBACK)
    await bob.open(LOOPBACK)
    try:
        yield ann, bob
    finally:
        ann.close()
        bob.close()


async def dial(ann: Phone, bob: Phone) -> tuple[PhoneCall, PhoneCall]:
    out = await ann.call("sip:bob@127.0.0.1", target=bob.address, caller="+12025550141")
    return out, await bob.until_called()


async def talk(ann: Phone, bob: Phone) -> tuple[PhoneCall, PhoneCall]:
    out, into = await dial(ann, bob)
    into.ring()
    await into.answer()
    await out.until_answered()
    return out, into


def played(scenario: Callable[[Phone, Phone], Awaitable[None]]) -> None:
    async def play() -> None:
        async with asyncio.timeout(20), two_phones() as (ann, bob):
            await scenario(ann, bob)

    asyncio.run(play())


def test_answered_call_is_heard_both_ways_and_ends_for_both() -> None:
    async def scenario(ann: Phone, bob: Phone) -> None:
        out, into = await talk(ann, bob)
        out.audio.talking = into.audio.talking = True
        assert into.caller == "+12025550141"
        assert await out.until_hears(BOB_HZ) == pytest.approx(BOB_HZ, abs=5)
        assert await into.until_hears(ANN_HZ) == pytest.approx(ANN_HZ, abs=5)
        out.hang_up()
        assert await out.until_over() == LegTerminated(leg=out.leg, why=EndReason.BYE, by_peer=False, status=200)
        assert await into.until_over() == LegTerminated(leg=into.leg, why=EndReason.BYE, by_peer=True, status=200)
        assert 0 < into.talk_ms < 5_000

    played(scenario)


def test_who_does_not_talk_is_heard_as_silence_until_talking() -> None:
    async def scenario(ann: Phone, bob: Phone) -> None:
        out, into = await talk(ann, bob)
        into.audio.talking = True
        await out.until_hears(BOB_HZ)
        assert into.audio.share(ANN_HZ) == 0.0
        assert into.audio.strongest_hz() == 0.0
        assert out.audio.share(ANN_HZ) < 0.01, "the wrong tone is not heard"

    played(scenario)


def test_audio_that_stops_is_noticed() -> None:
    async def scenario(ann: Phone, bob: Phone) -> None:
        out, into = await talk(ann, bob)
        into.audio.talking = True
        await out.until_hears_something()
        into.audio.close()
        await out.until_silent()
        assert out.audio.strongest_hz() == 0.0

    played(scenario)


def test_each_key_is_heard_once_and_the_tone_goes_on_clean() -> None:
    async def scenario(ann: Phone, bob: Phone) -> None:
        out, into = await talk(ann, bob)
        out.audio.talking = True
        for key in "15*5":
            out.audio.press(key)
        await into.until_pressed("15*5")
        await into.until_hears(ANN_HZ)
        assert into.audio.digits == "15*5"

    played(scenario)


def test_busy_line_refuses() -> None:
    async def scenario(ann: Phone, bob: Phone) -> None:
        out, into = await dial(ann, bob)
        into.refuse(486)
        with pytest.raises(ExpectationFailed, match="Ann is answered: refused instead, status 486"):
            await out.until_answered()
        assert await out.until_over() == LegTerminated(leg=out.leg, why=EndReason.REFUSED, by_peer=True, status=486)

    played(scenario)


def test_caller_who_left_is_not_picked_up() -> None:
    async def scenario(ann: Phone, bob: Phone) -> None:
        out, into = await dial(ann, bob)
        into.ring()
        out.hang_up()
        assert (await into.until_over()).why is EndReason.CANCELLED
        with pytest.raises(ExpectationFailed, match="the caller has left"):
            await into.answer()

    played(scenario)


def test_call_that_was_given_up_unseen_is_not_the_next_one() -> None:
    async def scenario(ann: Phone, bob: Phone) -> None:
        given_up = await ann.call("sip:bob@127.0.0.1", target=bob.address, caller="1")
        given_up.hang_up()
        await given_up.until_over()
        out = await ann.call("sip:bob@127.0.0.1", target=bob.address, caller="2")
        into = await bob.until_called()
        assert into.caller == "2"
        assert out.ended is None

    played(scenario)


def test_offer_without_audio_is_refused() -> None:
    async def scenario(ann: Phone, bob: Phone) -> None:
        ann.agent.invite(uri="sip:bob@127.0.0.1", target=bob.address, caller="", body=b"v=0\r\n", now_ns=ann.now_ns())
        for data, target, _ in ann.agent.to_send():
            bob.datagram_received(data, (ann.address.host, ann.address.port))
            assert target == bob.address
        into = await bob.until_called()
        with pytest.raises(ExpectationFailed, match="no audio"):
            await into.answer()
        assert (await into.until_over()).status == 488

    played(scenario)


def test_closing_a_phone_hangs_up() -> None:
    async def scenario(ann: Phone, bob: Phone) -> None:
        _, into = await talk(ann, bob)
        ann.close()
        assert (await into.until_over()).by_peer

    played(scenario)


def test_address_in_use_is_an_error() -> None:
    async def scenario(ann: Phone, bob: Phone) -> None:
        with pytest.raises(OSError, match="in use"):
            await Phone("Eve", hz=900.0, clock=CLOCK).open(bob.address)

    played(scenario)


def test_waiting_in_vain_says_for_what() -> None:
    async def wait() -> None:
        await Watch().until(lambda: None, "the moon rises", within_s=0.01)

    with pytest.raises(ExpectationFailed, match=r"the moon rises: not within 0\.01 s"):
        asyncio.run(wait())
