"""Switches of any config and days of any calls, each drawn from one seed: what is promised of every call is counted anew from outside.

The caps are recounted from records and from what the lines themselves saw, never from the usage; money from the records alone. A failing
day names its seed: `Day(SEED).played()` plays it again.
"""

from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise

import pytest
from engine_day import CALLS, Day

from media.recording import StartRecording, StopRecording
from routing.cap import Per
from switch.billing.judge import judge, with_final_state
from switch.billing.verdict import JudgedCall, MoneyKind
from switch.call.record import FinalState
from switch.engine.effect import TellRecorder
from switch.engine.journal_line import recover_call

SEEDS = range(40)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_day(seed: int) -> None:
    day = Day(seed).played()
    assert not day.complaints, day.complaints[0].trace or day.complaints[0].what
    one_record_each(day)
    nothing_is_left(day)
    caps_hold(day)
    money_is_the_records(day)
    talk_adds_up(day)
    no_crash_adds_anything(day)


def one_record_each(day: Day) -> None:
    ids = [judged.record.call_id for judged in day.records]
    assert len(ids) == len(set(ids))
    assert set(ids) == {call_id for call_id, _ in day.journal}
    if not day.bad_network:
        assert len(ids) == CALLS


def nothing_is_left(day: Day) -> None:
    assert day.engine.live_calls == 0
    assert set(day.sip.live_counts().values()) == {0}
    held = {key: amount for key, amount in day.usage.snapshot().items() if key.endswith((" live", " outstanding"))}
    assert held == {}
    recorded = [type(effect.order) for effect in day.effects if isinstance(effect, TellRecorder)]
    assert recorded.count(StartRecording) == recorded.count(StopRecording)
    assert [day.usage.waiting(name) for name in day.drawn.table.campaigns] == [0, 0]


def caps_hold(day: Day) -> None:
    counted = list(day.counted())
    now_us = day.at().utc_us
    for cap in dict.fromkeys(day.config.caps):
        mine = sorted((each.at_us, each.amount) for each in counted if each.counts is cap.counts and cap.owner in each.owners)
        total = sum(amount for _, amount in mine)
        assert day.usage.used(replace(cap, per=Per.TOTAL, strict=False), now_us) == total, f"{cap.key} as the usage have it"
        match cap.per:
            case Per.CONCURRENCY:  # of what lines see; with losses they see an end late
                assert day.bad_network or day.most[cap.owner] <= cap.limit, cap.key
            case Per.SPACING:
                gaps = [later - earlier for (earlier, _), (later, _) in pairwise(mine)]
                assert all(gap >= cap.spacing_ms * 1_000 for gap in gaps), cap.key
            case _:  # a day lies in one hour
                assert total <= cap.limit, cap.key


def money_is_the_records(day: Day) -> None:
    rate = day.drawn.trunks[0].rate
    for judged in day.records:
        found = judge(judged.record, day.drawn.terms, rate=rate)
        assert found == judged.verdict
        assert with_final_state(judged.record, found) == judged.record
        assert not judge(judged.record, day.drawn.terms, found.rows, rate=rate).rows
        keys = [row.key for row in found.rows]
        assert len(keys) == len(set(keys))
        assert all(row.amount_micros > 0 for row in found.rows)
        payouts = {row.corrects or row.key for row in found.rows if row.kind is MoneyKind.PAYOUT}
        assert len(payouts) <= 1
        lines = Counter(row.line for row in found.rows if row.kind is MoneyKind.REVENUE and row.corrects is None)
        assert set(lines.values()) <= {1}


def talk_adds_up(day: Day) -> None:
    for judged in day.records:
        record = judged.record
        names = [tried.line for tried in record.attempts]
        assert len(names) == len(set(names))
        assert (
            record.connected_ms
            == sum(tried.connected_ms for tried in record.attempts)
            <= (record.ended_us - record.invited_us) // 1_000
        )
        for tried in record.attempts:
            if tried.talk_us is not None and tried.talk_ended_us is not None:
                assert tried.connected_ms <= (tried.talk_ended_us - tried.talk_us) // 1_000
            else:
                assert tried.connected_ms == 0
        talks = sorted((tried.talk_us, tried.talk_ended_us) for tried in record.attempts if tried.talk_us is not None)
        assert all(end is not None and end <= start for (_, end), (start, _) in pairwise(talks))
        assert (record.final_state is FinalState.CONVERTED) <= judged.verdict.billable


def no_crash_adds_anything(day: Day) -> None:
    lines: dict[str, list[bytes]] = defaultdict(list)
    for call_id, payload in day.journal:
        lines[call_id].append(payload)
    for judged in day.records:
        mine = lines[judged.record.call_id]
        assert recover_call(mine) == judged
        for length in day.random.sample(range(1, len(mine) + 1), min(4, len(mine))):
            _compare(recover_call(mine[:length]), judged)


def _compare(cut: JudgedCall, whole: JudgedCall) -> None:
    assert cut.record.connected_ms <= whole.record.connected_ms
    assert cut.record.total_ms <= whole.record.total_ms
    for was, became in zip(cut.record.attempts, whole.record.attempts, strict=False):
        assert (was.line, was.invited_us) == (became.line, became.invited_us)
        assert was.connected_ms <= became.connected_ms
        assert was.talk_us in {None, became.talk_us}
