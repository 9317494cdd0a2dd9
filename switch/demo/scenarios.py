"""The four scenarios of the demo: each places its calls and returns what the switch must have recorded of them."""

import asyncio

from switch.call.record import EndedBy, FinalState, Outcome
from switch.demo.config import FlatTerms
from switch.demo.endpoints import PAST_MS, Caller, Endpoints, Participant
from switch.demo.expected import Expected

ANN = Caller(name="Ann", ani="+12025550141", hz=600)
BOB = Caller(name="Bob", ani="+12025550142", hz=700)
CLEO = Caller(name="Cleo", ani="+12025550143", hz=800)
DAN = Caller(name="Dan", ani="+12025550144", hz=900)
EVE = Caller(name="Eve", ani="+12025550145", hz=1000)
FAY = Caller(name="Fay", ani="+12025550146", hz=1200)
CALLERS = (ANN, BOB, CLEO, DAN, EVE, FAY)


async def long_talk(endpoints: Endpoints) -> list[Expected]:
    """The first line answers and they talk past the threshold: billable."""
    config = endpoints.config
    ann = await endpoints.dial(ANN)
    endpoints.press_key(ann)
    line = await endpoints.ring(config.first, ann)
    await endpoints.answer(line, ann)
    await endpoints.talk(line, ann, for_ms=config.terms.at_least_ms + PAST_MS)
    await endpoints.hang_up(ann, line)
    return [_billable(ANN, line, terms=config.terms)]


async def busy_then_short_talk(endpoints: Endpoints) -> list[Expected]:
    """The first line is busy, the next one answers, the talk is too short: not billable."""
    config = endpoints.config
    bob = await endpoints.dial(BOB)
    endpoints.press_key(bob)
    await endpoints.refuse(config.first)
    line = await endpoints.ring(config.second, bob)
    await endpoints.answer(line, bob)
    await endpoints.talk(line, bob, for_ms=config.terms.at_least_ms // 4)
    await endpoints.hang_up(line, bob)
    return [
        Expected(
            name=BOB.name,
            ani=BOB.ani,
            campaign=config.terms.campaign,
            final_state=FinalState.CONNECTED_SHORT,
            ended_by=EndedBy.LINE,
            attempts=((config.first.name, Outcome.BUSY), (config.second.name, Outcome.ANSWERED)),
            talk_ms=line.call.talk_ms,
        )
    ]


async def no_key(endpoints: Endpoints) -> list[Expected]:
    """The caller presses no key: ended in the menu."""
    config = endpoints.config
    cleo = await endpoints.dial(CLEO)
    for _ in range(config.menu.retries):
        await cleo.call.until_silent()
        endpoints.note(cleo, "presses nothing")
        await cleo.call.until_hears_something()
        endpoints.note(cleo, "is asked again")
    await cleo.call.until_silent()
    endpoints.note(cleo, "presses nothing")
    await cleo.call.until_over()
    endpoints.note(cleo, "hears the switch hang up")
    state = FinalState.MENU_FAILED
    return [Expected(name=CLEO.name, ani=CLEO.ani, campaign=config.terms.campaign, final_state=state, ended_by=EndedBy.SWITCH)]


async def lines_full(endpoints: Endpoints) -> list[Expected]:
    """Two callers hold both lines, each at its cap; the third overflows to another campaign's line."""
    config = endpoints.config
    longest_ms = max(config.terms.at_least_ms, config.overflow_terms.at_least_ms)
    talks: list[tuple[Participant, Participant]] = []
    for each, line in zip((DAN, EVE, FAY), config.lines, strict=True):
        caller = await endpoints.dial(each)
        endpoints.press_key(caller)
        ringing = await endpoints.ring(line, caller)
        await endpoints.answer(ringing, caller)
        talks.append((ringing, caller))
    await asyncio.gather(*(endpoints.talk(answered, caller, for_ms=longest_ms + PAST_MS) for answered, caller in talks))
    for answered, caller in talks:
        await endpoints.hang_up(caller, answered)
    dans, eves, fays = (answered for answered, _ in talks)
    return [
        _billable(DAN, dans, terms=config.terms),
        _billable(EVE, eves, terms=config.terms),
        _billable(FAY, fays, terms=config.overflow_terms),
    ]


def _billable(caller: Caller, line: Participant, *, terms: FlatTerms) -> Expected:
    """The caller was connected to `line` at once, talked for long enough, and hung up."""
    return Expected(
        name=caller.name,
        ani=caller.ani,
        campaign=terms.campaign,
        final_state=FinalState.CONVERTED,
        ended_by=EndedBy.CALLER,
        attempts=((line.name, Outcome.ANSWERED),),
        talk_ms=line.call.talk_ms,
        billable=True,
        revenue_micros=terms.revenue_micros,
        payout_micros=terms.payout_micros,
    )
