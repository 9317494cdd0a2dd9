"""A day decided once more: by the same config nothing changes, by another one what must change does, and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from config_overlay import SAMPLE, guide_text, lay_base, lay_guide
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_rows import steered
from simulated_day import DAY, PLAIN, Day, lay_plain, simulated

from ivr.menu import Menu
from routing.cap import Cap, Per
from routing.table import Line, NumberState
from switch.call.record import EndedBy, FinalState
from switch.engine.plan import Plan
from switch.engine.steering_rows import Change
from switch.period import HOUR_US
from switch.simulation import replay as replaying
from switch.simulation.call_script import CallScript
from switch.simulation.compare import ChangedCall, Comparison, Difference
from switch.simulation.replay import TooMany, assumptions, begins_us
from switch.simulation.totals import By

CALLS = 500


def lay_whole(config: Path) -> None:
    """Every key there is: repeats, hold queues, split tests, accept by key, recovery, all kinds of caps."""
    lay_base(config)
    lay_guide(config, guide_text())


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Day:
    directory = tmp_path_factory.mktemp("plain")
    lay_plain(directory / "config")
    return simulated(directory / "day", directory / "config", calls=CALLS)


@pytest.fixture(scope="module")
def capped(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A line with one agent who takes sixty calls a day."""
    directory = tmp_path_factory.mktemp("capped")
    lay_plain(directory / "config")
    caps = "main: {cap: 1, caps: [{per: day, limit: 60}], uri:"
    (directory / "config" / "switch.yaml").write_text(PLAIN.replace("main: {uri:", caps))
    return simulated(directory / "day", directory / "config", calls=CALLS)


def leaves_message(script: CallScript) -> CallScript:
    """Of its own length, and some press the key then: behind what they press in the menu."""
    key = "#" if script.seed % 2 else ""
    return replace(script, message_ms=(3_000, 45_000, 150_000)[script.seed % 3], digits=script.digits + key)


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """Nobody takes a call: after the menu, or at once, callers leave messages. Some are too long."""
    directory = tmp_path_factory.mktemp("messages")
    lay_plain(directory / "config")
    voicemail = "voicemail: {greeting: welcome, goodbye: goodbye}"
    written = PLAIN.replace("lines: [east,", f"filter: age > 1, overflow: {{no_match: {{{voicemail}}}}}, lines: [east,")
    written = written.replace("lines: [main]", f"paused: true, overflow: {{closed: {{{voicemail}}}}}, lines: [main]")
    (directory / "config" / "switch.yaml").write_text(written + "tags: {age: {type: number}}\n")
    return simulated(directory / "day", directory / "config", calls=CALLS, change=leaves_message)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """The sample config: few lines with caps at once, so that each call depends on those before."""
    return simulated(tmp_path_factory.mktemp("busy") / "day", SAMPLE, calls=CALLS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Day:
    directory = tmp_path_factory.mktemp("whole")
    lay_whole(directory / "config")
    return simulated(directory / "day", directory / "config", calls=CALLS)


def changed_line(plan: Plan, name: str, change: Callable[[Line], Line]) -> Plan:
    lines = dict(plan.table.lines)
    lines[name] = change(lines[name])
    return replace(plan, table=replace(plan.table, lines=lines))


def paused(plan: Plan, name: str) -> Plan:
    return changed_line(plan, name, lambda line: replace(line, paused=True))


def by_call(comparison: Comparison) -> dict[str, ChangedCall]:
    return {each.call_id: each for each in comparison.changed}


@pytest.fixture(scope="module")
def overridden(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """From noon on the first line is paused, until it is lifted at four."""
    directory = tmp_path_factory.mktemp("overridden")
    lay_plain(directory / "config")
    noon_us, four_us = (DAY.from_us + hour * HOUR_US for hour in (12, 16))
    rows = [steered(1, made_us=noon_us), steered(1, change=Change.LIFTED, made_us=four_us)]
    return simulated(directory / "day", directory / "config", calls=CALLS, steered=rows)


def test_what_was_overridden_then_is_overridden_in_a_replay_and_only_for_that_time(overridden: Day) -> None:
    day = list(overridden.ledger.calls_between(DAY.from_us, DAY.to_us))
    met = {judged.record.invited_us for judged in day if any(each["rule"] == "overrides.1" for each in judged.record.trail)}
    hours = {(at_us - DAY.from_us) // HOUR_US for at_us in met}
    assert hours
    assert hours <= {12, 13, 14, 15, 16}  # who came before four may have been in the menu then
    last = [each for each in day if each.record.invited_us in met][-1]
    assert [attempt.line for attempt in last.record.attempts if attempt.line == "east"] == []
    replayed = overridden.replay(overridden.plan)
    assert replayed.changed == []
    assert replayed.same == CALLS
    assert overridden.replay(changed_line(overridden.plan, "west", lambda each: replace(each, paused=True))).changed != []


@pytest.mark.parametrize("day", ["plain", "capped", "busy", "whole", "overridden"])
def test_the_same_config_moves_no_call_and_no_money(day: str, request: pytest.FixtureRequest) -> None:
    recorded: Day = request.getfixturevalue(day)

    comparison = recorded.replay(recorded.plan)

    assert comparison.changed == []
    assert comparison.same == CALLS
    assert comparison.before == comparison.after
    assert len(comparison.before.figures.states) > 4


def test_messages_are_as_long_again_and_end_alike(messages: Day) -> None:
    comparison = messages.replay(messages.plan)

    assert comparison.changed == []
    assert comparison.before == comparison.after
    ends = {
        (judged.record.ended_by, judged.record.total_ms > 120_000)
        for judged in messages.ledger.calls_between(DAY.from_us, DAY.to_us)
    }
    assert ends > {(EndedBy.SWITCH, True), (EndedBy.SWITCH, False), (EndedBy.CALLER, False)}


@pytest.mark.parametrize("day", ["busy", "whole"])
@pytest.mark.parametrize("hour", [15, 17])
def test_the_middle_of_a_day_begins_with_what_came_before(day: str, hour: int, request: pytest.FixtureRequest) -> None:
    recorded: Day = request.getfixturevalue(day)
    period = replace(DAY, from_us=DAY.from_us + hour * HOUR_US + 7 * 60_000_000)

    comparison = recorded.replay(recorded.plan, period)

    assert comparison.changed == []
    assert 0 < comparison.same < CALLS
    assert comparison.pending == {}


def test_calls_live_at_the_start_hold_their_caps(capped: Day) -> None:
    records = [judged.record for judged in capped.ledger.calls_between(DAY.from_us, DAY.to_us)]
    turned_away = next(record for record in records if record.final_state is FinalState.CAPPED)
    period = replace(DAY, from_us=turned_away.invited_us)

    comparison = capped.replay(capped.plan, period)

    assert comparison.changed == []
    assert comparison.same > 0


def test_what_was_counted_long_before_counts(capped: Day) -> None:
    """By afternoon the line has had its calls of the day, all of them before the warm-up."""
    period = replace(DAY, from_us=DAY.from_us + 19 * HOUR_US)

    comparison = capped.replay(capped.plan, period)

    assert comparison.changed == []
    assert comparison.after.caps["lines.main.caps: 60 per day"].calls > 5


def test_a_paused_line_moves_exactly_its_calls(plain: Day) -> None:
    records = {judged.record.call_id: judged.record for judged in plain.ledger.calls_between(DAY.from_us, DAY.to_us)}
    tried = {call_id for call_id, record in records.items() if any(each.line == "east" for each in record.attempts)}
    talked = {
        call_id for call_id, record in records.items() if any(each.line == "east" and each.talk_us for each in record.attempts)
    }

    comparison = plain.replay(paused(plain.plan, "east"))

    changed = by_call(comparison)
    assert set(changed) == tried
    assert {call_id for call_id, each in changed.items() if each.change is Difference.MOVED} >= talked
    assert not any("east" in each.after.tried for each in comparison.changed)
    assert comparison.movements()[0][:2] == ("east", "west")
    assert "east" not in comparison.after.figures.of(By.LINE)


def test_a_line_dialled_then_does_the_same_again_when_it_comes_first(plain: Day) -> None:
    """Calls that east did not take went to west: without east, west takes them in the same way."""
    records = {judged.record.call_id: judged.record for judged in plain.ledger.calls_between(DAY.from_us, DAY.to_us)}
    went_on = {
        call_id: record.attempts[1]
        for call_id, record in records.items()
        if len(record.attempts) == 2 and record.attempts[1].talk_us is not None
    }

    changed = by_call(plain.replay(paused(plain.plan, "east")))

    assert len(went_on) > 5
    for call_id in went_on:
        assert changed[call_id].change is Difference.TRIED
        assert changed[call_id].after.revenue_micros == changed[call_id].before.revenue_micros


def test_a_cap_fills_and_says_when(plain: Day) -> None:
    limit = 20
    dialled = [
        (attempt.invited_us, judged.record.call_id)
        for judged in plain.ledger.calls_between(DAY.from_us, DAY.to_us)
        for attempt in judged.record.attempts
        if attempt.line == "main"
    ]
    dialled.sort()
    cap = Cap(owner="line:main", limit=limit, per=Per.DAY)

    comparison = plain.replay(changed_line(plain.plan, "main", lambda line: replace(line, caps=(cap,))))

    (name,) = comparison.after.caps
    filled = comparison.after.caps[name]
    assert name == "lines.main.caps: 20 per day"
    assert filled.calls == len(dialled) - limit
    assert filled.first_us == dialled[limit][0]
    assert comparison.before.caps == {}
    assert {each.call_id for each in comparison.changed} == {call_id for _, call_id in dialled[limit:]}
    assert {each.after.state for each in comparison.changed} == {"capped"}


def test_another_price_changes_money_alone(plain: Day) -> None:
    terms = dict(plain.plan.terms)
    price = terms["homes"].revenue
    terms["homes"] = replace(
        terms["homes"], revenue=replace(price, steps=tuple(replace(step, amount_micros=1_000_000) for step in price.steps))
    )

    comparison = plain.replay(replace(plain.plan, terms=terms))

    assert {each.change for each in comparison.changed} == {Difference.MONEY}
    owed = comparison.before.figures.of(By.CAMPAIGN)["homes"].revenue_micros
    assert comparison.after.figures.of(By.CAMPAIGN)["homes"].revenue_micros == owed // 40 > 0
    assert comparison.movements() == []


def test_a_number_out_of_service(plain: Day) -> None:
    numbers = dict(plain.plan.table.numbers)
    numbers["+18005550101"] = replace(numbers["+18005550101"], state=NumberState.COOLING)

    comparison = plain.replay(replace(plain.plan, table=replace(plain.plan.table, numbers=numbers)))

    assert {each.did for each in comparison.changed} == {"+18005550101"}
    assert {each.after.place for each in comparison.changed} == {FinalState.REJECTED_NUMBER_NOT_IN_SERVICE.value}


def test_a_changed_menu_is_answered_when_it_waits(plain: Day) -> None:
    """A prompt so long that all would have pressed into it, and the keys are not heard until it has ended."""
    plan = plain.plan.menus["qualify"]
    menu = plan.nodes["qualify"]
    assert isinstance(menu, Menu)
    new = replace(plain.plan, menus={"qualify": replace(plan, nodes={"qualify": replace(menu, whole=True, retries=0)})})

    comparison = replace(plain, prompts={"welcome": 5_000}).replay(new)

    qualified = sum(each.after.state != "menu_failed" for each in comparison.changed) + comparison.same
    assert qualified > 0.8 * CALLS


def test_two_runs_agree(busy: Day) -> None:
    new = paused(busy.plan, "beta-main")

    first, second = busy.replay(new), busy.replay(new)

    assert first.changed
    assert first == second


def test_calls_refused_before_routing_are_left_as_they_are(plain: Day, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (judged,) = plain.ledger.calls(limit=1)
    record = replace(
        judged.record, call_id="refused", final_state=FinalState.REJECTED_UNAVAILABLE, attempts=(), ended_detail="overload"
    )
    monkeypatch.setattr(
        type(plain.ledger),
        "calls_between",
        lambda *_, **__: iter([replace(judged, record=record, verdict=replace(judged.verdict, rows=()))]),
    )

    comparison = plain.replay(plain.plan)

    assert (comparison.undecided, comparison.same, comparison.changed) == (1, 0, [])
    assert comparison.before == comparison.after


def test_more_calls_than_fit(plain: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "MAX_CALLS", 100)
    with pytest.raises(TooMany, match="more than 100 calls"):
        plain.read()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), calls=st.integers(1, 60))
def test_any_day_replays_to_itself(seed: int, calls: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    day = simulated(tmp_path_factory.mktemp("any") / "day", SAMPLE, calls=calls, seed=seed)
    try:
        comparison = day.replay(day.plan)
    finally:
        day.ledger.close()
    assert comparison.changed == []
    assert comparison.before == comparison.after


def test_the_three_hours_before_the_period_are_played_too() -> None:
    assert begins_us(DAY) == DAY.from_us - 3 * 3_600_000_000
    assert "3 hours" in " ".join(assumptions())
