"""Days of calls in which events and commands break, before or after they have done their work, at random or always: no call has a second
record, and nothing that a call held is left."""

from collections.abc import Callable, Iterable
from random import Random
from typing import get_args

import pytest
from engine_day import CALLS, Day

from switch.call import command as do
from switch.call import event as ev
from switch.call import machine
from switch.call.moment import Moment
from switch.call.state import Call
from switch.call.steps import Step
from switch.engine import call_runner
from switch.engine.executor import CommandExecutor
from switch.engine.live import LiveCall

Breaks = Callable[[object], bool]
"""Whether this command or event breaks now."""


class Broken(Exception):
    """What goes wrong on purpose."""


def let_break(monkeypatch: pytest.MonkeyPatch, *, before: Breaks, after: Breaks) -> None:
    carry_out, advance = CommandExecutor.carry_out, machine.advance

    def carry_out_or_break(self: CommandExecutor, live: LiveCall, command: do.Command, at: Moment) -> Iterable[ev.Event]:
        if before(command):
            raise Broken
        caused = carry_out(self, live, command, at)
        if after(command):
            raise Broken
        return caused

    def advance_or_break(call: Call, event: ev.Event) -> Step:
        if before(event):
            raise Broken
        return advance(call, event)

    monkeypatch.setattr(CommandExecutor, "carry_out", carry_out_or_break)
    monkeypatch.setattr(call_runner, "advance", advance_or_break)


def never(_: object) -> bool:
    return False


def played(seed: int) -> Day:
    day = Day(seed).played()
    day.run(100_000)
    return day


def nothing_is_left(day: Day) -> None:
    engine = day.engine
    assert engine.live_calls == 0
    assert set(day.sip.live_counts().values()) == {0}
    assert {key: held for key, held in day.usage.snapshot().items() if key.endswith((" live", " outstanding"))} == {}
    assert [day.usage.waiting(name) for name in day.drawn.table.campaigns] == [0, 0]
    assert (engine._media._owners, engine._calls._by_sip, len(engine._runner._deadlines)) == ({}, {}, 0)
    assert set(engine._media._calls.values()) <= {0}


def records_add_up(day: Day) -> None:
    ids = [judged.record.call_id for judged in day.records]
    assert len(ids) == len(set(ids))
    for record in (judged.record for judged in day.records):
        assert record.connected_ms <= record.total_ms
        assert record.ended_us >= (record.answered_us or 0)


@pytest.mark.parametrize("seed", range(40))
def test_what_breaks_at_random(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = Random(seed)
    let_break(monkeypatch, before=lambda _: draw.random() < 0.03, after=lambda _: draw.random() < 0.03)
    day = played(seed)
    assert day.complaints
    nothing_is_left(day)
    records_add_up(day)
    assert {judged.record.call_id for judged in day.records} == {call_id for call_id, _ in day.journal}


@pytest.mark.parametrize("kind", get_args(ev.Event), ids=lambda kind: kind.__name__)
def test_an_event_that_always_breaks(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    let_break(monkeypatch, before=lambda what: isinstance(what, kind), after=never)
    day = played(2)
    nothing_is_left(day)
    records_add_up(day)


@pytest.mark.parametrize("kind", get_args(do.Command), ids=lambda kind: kind.__name__)
def test_a_command_that_always_breaks_undone(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    let_break(monkeypatch, before=lambda what: isinstance(what, kind), after=never)
    day = played(2)
    nothing_is_left(day)
    records_add_up(day)


@pytest.mark.parametrize("kind", get_args(do.Command), ids=lambda kind: kind.__name__)
def test_a_command_that_always_breaks_done(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    let_break(monkeypatch, before=never, after=lambda what: isinstance(what, kind))
    day = played(2)
    nothing_is_left(day)
    records_add_up(day)


@pytest.mark.parametrize("seed", range(5))
def test_records_that_can_not_be_made(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise Broken

    monkeypatch.setattr("switch.engine.call_control.judge_call", breaks)
    day = played(seed)
    assert (day.records, len(day.complaints) >= CALLS) == ([], True)
    nothing_is_left(day)
