"""What is shown of a call in each of its states, and of caps: how full, and until when."""

from dataclasses import replace

import msgspec
import pytest
from engine_world import EAST, MENU, START_US, WEST, World, line, plan

from media.recording import RecorderReady
from routing.cap import Cap, Counts, Per
from routing.table import Accept, NoRoute, Target, Tier, ToHold, ToMessage, ToVoicemail
from switch.call.recording_terms import RecordingTerms, Sides
from switch.engine.effect import LogProblem
from switch.engine.live import LiveCall
from switch.engine.live_view import CapStatus, LiveCallView, cap_status, view_of
from switch.engine.plan import Plan
from switch.engine.usage import Usage, UsageHistory

S_US = 1_000_000


def only(world: World) -> LiveCall:
    (live,) = world.engine._calls
    return live


def seen(with_plan: Plan, *, after_ms: int, world: World | None = None) -> LiveCallView:
    """What is shown of a call so long after its INVITE left its phone, 5 ms from the switch."""
    at = world or World(with_plan)
    at.engine.recorder_report(RecorderReady(pid=7, taps="/run/taps"), at.at())
    at.line_phone(EAST)
    at.call()
    at.run(after_ms)
    return view_of(only(at))


def since_ms(view: LiveCallView) -> int:
    return (view.since_us - START_US) // 1_000


def test_hunting_ringing_talking_releasing() -> None:
    east = plan(line("east", EAST))
    assert (seen(east, after_ms=6).state, since_ms(seen(east, after_ms=6))) == ("hunting", 5)
    ringing = seen(east, after_ms=200)
    assert (ringing.state, since_ms(ringing), ringing.talk_us, ringing.lines) == ("ringing", 15, None, ("east",))
    talking = seen(east, after_ms=2_000)
    assert (talking.state, talking.trunk, talking.publisher) == ("talking", "carrier", "radio")
    assert talking.talk_us is not None
    assert 1_000 < (talking.talk_us - START_US) // 1_000 < 1_100
    world = World(east)
    world.line_phone(EAST)
    world.call(hang_up_ms=3_000)
    world.run(3_000)
    world.cut_off.add(EAST.host)  # its BYE is not answered
    world.run(100)
    releasing = view_of(only(world))
    assert (releasing.state, since_ms(releasing), releasing.talk_us, releasing.lines) == ("releasing", 3_005, None, ())


def test_lines_that_ring_together_are_all_shown_with_the_advertiser_that_they_share() -> None:
    lines = (line("east", EAST), line("west", WEST))
    built = plan(*lines)
    campaign = built.table.campaigns["quotes"]
    together = replace(campaign, targets=(Target(line="east"), Target(line="west")), tiers={1: Tier(together=True)})
    for owner, advertiser in (("acme", "acme"), ("bell", None)):
        table = replace(
            built.table, campaigns={"quotes": together}, lines={"east": lines[0], "west": replace(lines[1], advertiser=owner)}
        )
        world = World(replace(built, table=table))
        world.line_phone(WEST)
        view = seen(built, after_ms=100, world=world)
        assert (sorted(view.lines), view.advertiser) == (["east", "west"], advertiser)


def test_a_menu_an_announcement_voicemail_and_a_hold_queue() -> None:
    menu = seen(plan(line("east", EAST), menu=MENU), after_ms=300)
    assert (menu.state, since_ms(menu), menu.lines, menu.campaign) == ("menu", 5, (), "quotes")
    full = line("east", EAST, limit=0)
    announced = seen(plan(full, overflow={NoRoute.CAPPED: ToMessage(prompt="sorry")}), after_ms=300)
    assert (announced.state, since_ms(announced)) == ("announcement", 5)
    message = plan(full, overflow={NoRoute.CAPPED: ToVoicemail(greeting="sorry", longest_ms=60_000)})
    greeted = seen(message, after_ms=300)
    assert (greeted.state, since_ms(greeted), greeted.recording) == ("voicemail", 5, None)
    taken = seen(message, after_ms=2_500)
    assert (taken.state, since_ms(taken), taken.recording) == ("voicemail", 2_005, "on")
    waiting = seen(plan(full, overflow={NoRoute.CAPPED: ToHold(places=3, wait_ms=60_000)}), after_ms=12_000)
    assert (waiting.state, since_ms(waiting)) == ("waiting", 5)


def test_connecting_and_whispering() -> None:
    world = World(plan(line("east", EAST)))
    world.sync_ms = None
    connecting = seen(plan(line("east", EAST)), after_ms=1_500, world=world)
    assert (connecting.state, since_ms(connecting), connecting.lines) == ("connecting", 1_015, ("east",))
    whispering = seen(plan(line("east", EAST, accept=Accept(prompt="whisper", key="1"))), after_ms=1_500)
    assert (whispering.state, since_ms(whispering), whispering.talk_us) == ("whispering", 1_015, None)


def test_money_is_what_has_been_counted_so_far() -> None:
    for after_ms, owed in ((10_900, 0), (11_200, 25_000_000)):  # ten seconds of talk
        view = seen(plan(line("east", EAST)), after_ms=after_ms)
        assert (view.revenue_micros, view.payout_micros) == (owed, owed * 18 // 25)


@pytest.mark.parametrize(("ani", "shown"), [("+12125550199", "+12125550199"), ("anonymous", None), ("", None), ("12", None)])
def test_who_withholds_the_number_has_none(ani: str, shown: str | None) -> None:
    world = World(plan(line("east", EAST)))
    seen(world.engine.plan, after_ms=100, world=world)
    live = only(world)
    live.call = msgspec.structs.replace(live.call, history=msgspec.structs.replace(live.call.history, ani=ani))
    assert view_of(live).ani == shown


def test_a_recording_that_is_paused() -> None:
    terms = RecordingTerms(sides=Sides.BOTH)
    world = World(replace(plan(line("east", EAST)), recordings={"quotes": terms}))
    assert seen(world.engine.plan, after_ms=2_000, world=world).recording == "on"
    assert world.engine.pause_recording(only(world).call_id, world.at(), paused=True) is None
    assert view_of(only(world)).recording == "paused"


def test_a_call_that_can_t_be_shown_is_told_and_the_others_are_shown() -> None:
    world = World(plan(line("east", EAST)))
    seen(world.engine.plan, after_ms=2_000, world=world)
    world.call()
    world.run(100)
    broken, sound = world.engine._calls
    broken.context.accrued = (None,)  # type: ignore[assignment]
    views = world.engine.live_views()
    assert [view.call_id for view in views.look()[0]] == [sound.call_id]
    assert [view.call_id for view in views.views()] == [sound.call_id]
    (problem,) = [effect for effect in world.engine.effects() if isinstance(effect, LogProblem)]
    assert (problem.call_id, problem.what) == (broken.call_id, "a call can't be shown")


DAY = Cap(owner="campaign:quotes", limit=5, counts=Counts.CONNECTION, per=Per.DAY, zone="America/New_York")


def test_caps_have_what_routing_reads_and_the_end_of_their_window() -> None:
    world = World(plan(line("east", EAST, limit=3)))
    caps = (Cap(owner="line:east", limit=3), DAY, Cap(owner="line:east", limit=3), replace(DAY, strict=True, owner="line:east"))
    seen(world.engine.plan, after_ms=100, world=world)
    found = cap_status(caps, world.usage, world.at().utc_us)
    midnight_us = START_US + 14 * 3_600 * S_US  # from 15:00 UTC to New York's midnight
    assert found == (
        CapStatus(key=DAY.key, owner=DAY.owner, counts=DAY.counts, per=DAY.per, limit=5, used=0, resets_us=midnight_us),
        CapStatus(key="line:east", owner="line:east", counts=Counts.ATTEMPT, per=Per.CONCURRENCY, limit=3, used=1),
        CapStatus(
            key="line:east/connection/day",
            owner="line:east",
            counts=Counts.CONNECTION,
            per=Per.DAY,
            limit=5,
            used=1,
            resets_us=midnight_us,
        ),
    )


@pytest.mark.parametrize("per", list(Per))
def test_every_kind_of_cap_can_be_shown(per: Per) -> None:
    cap = Cap(owner="advertiser:acme", limit=5, per=per, spacing_ms=1_000, counts=Counts.REVENUE)
    (found,) = cap_status([cap], Usage(UsageHistory(deposits={"acme": 7})), START_US)
    assert (found.resets_us is not None) == (per in {Per.HOUR, Per.DAY, Per.WEEK, Per.MONTH})
    assert found.used == (-7 if per is Per.BALANCE else 0)
