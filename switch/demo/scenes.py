"""The four scenes of the demo: each places its calls and returns what the switch must have recorded of them."""

import asyncio

from switch.call.record import EndedBy, FinalState, Outcome
from switch.demo.cast import Deal
from switch.demo.expected import Expected
from switch.demo.stage import PAST_MS, Party, Person, Stage

ANN = Person(name="Ann", ani="+12025550141", hz=600)
BOB = Person(name="Bob", ani="+12025550142", hz=700)
CLEO = Person(name="Cleo", ani="+12025550143", hz=800)
DAN = Person(name="Dan", ani="+12025550144", hz=900)
EVE = Person(name="Eve", ani="+12025550145", hz=1000)
FAY = Person(name="Fay", ani="+12025550146", hz=1200)
CALLERS = (ANN, BOB, CLEO, DAN, EVE, FAY)


async def long_talk(stage: Stage) -> list[Expected]:
    """The first line answers and they talk past the threshold: billable."""
    cast = stage.cast
    ann = await stage.dial(ANN)
    stage.press_key(ann)
    line = await stage.ring(cast.first, ann)
    await stage.answer(line, ann)
    await stage.talk(line, ann, for_ms=cast.deal.at_least_ms + PAST_MS)
    await stage.hang_up(ann, line)
    return [_billable(ANN, line, deal=cast.deal)]


async def busy_then_short_talk(stage: Stage) -> list[Expected]:
    """The first line is busy, the next one answers, the talk is too short: not billable."""
    cast = stage.cast
    bob = await stage.dial(BOB)
    stage.press_key(bob)
    await stage.refuse(cast.first)
    line = await stage.ring(cast.second, bob)
    await stage.answer(line, bob)
    await stage.talk(line, bob, for_ms=cast.deal.at_least_ms // 4)
    await stage.hang_up(line, bob)
    return [
        Expected(
            name=BOB.name,
            ani=BOB.ani,
            campaign=cast.deal.campaign,
            final_state=FinalState.CONNECTED_SHORT,
            ended_by=EndedBy.LINE,
            attempts=((cast.first.name, Outcome.BUSY), (cast.second.name, Outcome.ANSWERED)),
            talk_ms=line.call.talk_ms,
        )
    ]


async def no_key(stage: Stage) -> list[Expected]:
    """The caller presses no key: ended in the menu."""
    cast = stage.cast
    cleo = await stage.dial(CLEO)
    for _ in range(cast.menu.retries):
        await cleo.call.until_silent()
        stage.say(cleo, "presses nothing")
        await cleo.call.until_hears_something()
        stage.say(cleo, "is asked again")
    await cleo.call.until_silent()
    stage.say(cleo, "presses nothing")
    await cleo.call.until_over()
    stage.say(cleo, "hears the switch hang up")
    state = FinalState.MENU_FAILED
    return [Expected(name=CLEO.name, ani=CLEO.ani, campaign=cast.deal.campaign, final_state=state, ended_by=EndedBy.SWITCH)]


async def lines_full(stage: Stage) -> list[Expected]:
    """Two callers hold both lines, each at its cap; the third overflows to another campaign's line."""
    cast = stage.cast
    longest_ms = max(cast.deal.at_least_ms, cast.spare_deal.at_least_ms)
    talks: list[tuple[Party, Party]] = []
    for person, line in zip((DAN, EVE, FAY), cast.lines, strict=True):
        caller = await stage.dial(person)
        stage.press_key(caller)
        ringing = await stage.ring(line, caller)
        await stage.answer(ringing, caller)
        talks.append((ringing, caller))
    await asyncio.gather(*(stage.talk(answered, caller, for_ms=longest_ms + PAST_MS) for answered, caller in talks))
    for answered, caller in talks:
        await stage.hang_up(caller, answered)
    dans, eves, fays = (answered for answered, _ in talks)
    return [
        _billable(DAN, dans, deal=cast.deal),
        _billable(EVE, eves, deal=cast.deal),
        _billable(FAY, fays, deal=cast.spare_deal),
    ]


def _billable(person: Person, line: Party, *, deal: Deal) -> Expected:
    """The caller was connected to `line` at once, talked for long enough, and hung up."""
    return Expected(
        name=person.name,
        ani=person.ani,
        campaign=deal.campaign,
        final_state=FinalState.CONVERTED,
        ended_by=EndedBy.CALLER,
        attempts=((line.name, Outcome.ANSWERED),),
        talk_ms=line.call.talk_ms,
        billable=True,
        revenue_micros=deal.revenue_micros,
        payout_micros=deal.payout_micros,
    )
