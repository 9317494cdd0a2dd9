"""What a record says of its world: one row for each way an attempt, a caller or a digit may have gone. And what is drawn where it says
nothing."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.cap import Cap, Counts, Per
from routing.ruling import Inquiry
from routing.trail import as_plain, asked, capped
from switch.billing.verdict import CallEvent, JudgedCall, Verdict
from switch.call.record import AttemptRecord, CallRecord, DurationSource, EndedBy, FinalState, Heard, Outcome
from switch.simulation.call_script import DEFAULT_LINE_SCRIPT, LineBehaviour, LineScript
from switch.simulation.compare import CallResult, Difference, difference, full_caps
from switch.simulation.line_profiles import LineProfiles
from switch.simulation.recorded_call import RecordedAttempt, recorded_attempt, recorded_call

T0_US = 1_767_225_600_000_000
MS = 1_000


def at(ms: int) -> int:
    return T0_US + ms * MS


ATTEMPT = AttemptRecord(
    number=1,
    line="east",
    advertiser="acme",
    campaign="quotes",
    outcome=Outcome.ANSWERED,
    sip_code=200,
    q850=None,
    invited_us=at(4_000),
    answered_us=at(9_000),
    ended_us=at(60_000),
    answer_delay_ms=5_000,
    connected_ms=51_000,
    talk_us=at(9_000),
    talk_ended_us=at(60_000),
    ended_by=EndedBy.CALLER,
)
UNANSWERED = replace(
    ATTEMPT,
    outcome=Outcome.BUSY,
    sip_code=486,
    answered_us=None,
    ended_us=at(4_700),
    answer_delay_ms=None,
    connected_ms=0,
    talk_us=None,
    talk_ended_us=None,
    ended_by=None,
)
RECORD = CallRecord(
    call_id="a",
    did="+18005550100",
    ani="+12145550123",
    trunk="carrier",
    publisher="radio",
    campaign="quotes",
    final_state=FinalState.CONVERTED,
    invited_us=T0_US,
    answered_us=T0_US,
    ended_us=at(60_000),
    ended_by=EndedBy.CALLER,
    ended_detail="caller_hung_up",
    sip_code=200,
    total_ms=60_000,
    menu_ms=4_000,
    connected_ms=51_000,
    duration_source=DurationSource.MONOTONIC,
    attempts=(ATTEMPT,),
    digits="12",
    tags={"sub": "fb-1", "interest": "quote", "caller": "+12145550123"},
    seed=7,
)
VERDICT = Verdict(billable=False, rule="", why="", revenue_micros=0, payout_micros=0)
HUNG_UP_RINGING = replace(RECORD, attempts=(replace(UNANSWERED, outcome=Outcome.ABANDONED),), ended_us=at(31_000))


@pytest.mark.parametrize(
    ("attempt", "expected"),
    [
        pytest.param(
            ATTEMPT,
            RecordedAttempt(conduct=LineScript(after_ms=5_000, talk_ms=51_000), talked=True),
            id="talked, the caller hung up",
        ),
        pytest.param(
            replace(ATTEMPT, ended_by=EndedBy.LINE),
            RecordedAttempt(conduct=LineScript(after_ms=5_000, talk_ms=51_000, ended_by=EndedBy.LINE), talked=True),
            id="talked, the line hung up",
        ),
        pytest.param(
            replace(ATTEMPT, talk_ended_us=at(20_000), heard=Heard.LINE),
            RecordedAttempt(conduct=LineScript(after_ms=5_000, talk_ms=51_000, heard=Heard.LINE, dead_air_ms=40_000), talked=True),
            id="talked, then nobody was heard",
        ),
        pytest.param(
            replace(ATTEMPT, talk_ended_us=at(20_000), ended_us=at(59_000), ended_by=EndedBy.LINE),
            RecordedAttempt(
                conduct=LineScript(after_ms=5_000, talk_ms=50_000, ended_by=EndedBy.LINE, dead_air_ms=39_000), talked=True
            ),
            id="nobody was heard, the line hung up",
        ),
        pytest.param(
            replace(ATTEMPT, ended_by=EndedBy.MEDIA_TIMEOUT),
            RecordedAttempt(conduct=LineScript(after_ms=5_000, talk_ms=51_000), talked=True),
            id="talked, and media was lost",
        ),
        pytest.param(
            replace(ATTEMPT, accepted=True, talk_us=at(11_500)),
            RecordedAttempt(conduct=LineScript(after_ms=5_000, talk_ms=48_500, accept_ms=2_500), talked=True),
            id="accepted by key",
        ),
        pytest.param(
            replace(ATTEMPT, outcome=Outcome.DECLINED, accepted=False, talk_us=None, talk_ended_us=None, ended_us=at(12_000)),
            RecordedAttempt(conduct=LineScript(after_ms=5_000, accepts=False, declines_ms=3_000)),
            id="declined",
        ),
        pytest.param(
            replace(ATTEMPT, talk_us=None, talk_ended_us=None, ended_us=at(12_000)),
            RecordedAttempt(conduct=LineScript(after_ms=5_000, accept_ms=3_001)),
            id="answered, the caller left before it took the call",
        ),
        pytest.param(UNANSWERED, RecordedAttempt(conduct=LineScript(behaviour=LineBehaviour.BUSY, after_ms=700)), id="busy"),
        pytest.param(
            replace(UNANSWERED, outcome=Outcome.FAILED, sip_code=503),
            RecordedAttempt(conduct=LineScript(behaviour=LineBehaviour.FAILS, after_ms=700)),
            id="failed",
        ),
        pytest.param(
            replace(UNANSWERED, outcome=Outcome.CERTIFICATE_REFUSED, sip_code=None),
            RecordedAttempt(conduct=LineScript(behaviour=LineBehaviour.FAILS, after_ms=700)),
            id="its certificate was refused",
        ),
        pytest.param(
            replace(UNANSWERED, outcome=Outcome.SILENT),
            RecordedAttempt(conduct=LineScript(behaviour=LineBehaviour.SILENT)),
            id="silent",
        ),
        pytest.param(
            replace(UNANSWERED, outcome=Outcome.NO_ANSWER, sip_code=487, ended_us=at(34_000)),
            RecordedAttempt(conduct=LineScript(behaviour=LineBehaviour.RINGS)),
            id="rang until we gave it up",
        ),
        pytest.param(
            replace(UNANSWERED, outcome=Outcome.NO_ANSWER, sip_code=480, ended_us=at(24_000)),
            RecordedAttempt(conduct=LineScript(behaviour=LineBehaviour.UNAVAILABLE, after_ms=20_000)),
            id="rang until it gave up itself",
        ),
        pytest.param(
            replace(UNANSWERED, outcome=Outcome.LOST_RACE, sip_code=487),
            RecordedAttempt(conduct=None, rang_ms=700),
            id="another was quicker",
        ),
        pytest.param(
            replace(UNANSWERED, outcome=Outcome.ABANDONED, ended_us=None),
            RecordedAttempt(conduct=None, rang_ms=56_000),
            id="the caller left",
        ),
    ],
)
def test_what_an_attempt_tells_of_its_line(attempt: AttemptRecord, expected: RecordedAttempt) -> None:
    assert recorded_attempt(attempt, RECORD) == expected


@pytest.mark.parametrize(
    ("record", "patience_ms"),
    [
        pytest.param(RECORD, None, id="talked to the end"),
        pytest.param(
            replace(RECORD, attempts=(replace(ATTEMPT, talk_ended_us=at(20_000)),)), None, id="talked, then nobody was heard"
        ),
        pytest.param(HUNG_UP_RINGING, 31_000, id="left while it rang"),
        pytest.param(replace(RECORD, attempts=(), ended_us=at(3_000)), 3_000, id="left in the menu"),
        pytest.param(
            replace(
                RECORD,
                attempts=(replace(ATTEMPT, talk_ended_us=at(20_000), ended_us=at(20_000), ended_by=EndedBy.LINE), UNANSWERED),
            ),
            60_000,
            id="left after the line had dropped him",
        ),
        pytest.param(replace(RECORD, attempts=(), ended_by=EndedBy.SWITCH, ended_detail="capped"), None, id="nobody took it"),
        pytest.param(
            replace(HUNG_UP_RINGING, ended_by=EndedBy.SWITCH, ended_detail="shutdown"), 31_000, id="cut off while it rang"
        ),
        pytest.param(replace(RECORD, ended_by=EndedBy.CRASH, ended_detail="crashed"), None, id="cut off while they talked"),
    ],
)
def test_how_long_the_caller_waits(record: CallRecord, patience_ms: int | None) -> None:
    assert recorded_call(JudgedCall(record=record, verdict=VERDICT), passed=frozenset()).patience_ms == patience_ms


def test_digits_come_at_their_moments_where_the_events_tell() -> None:
    events = (
        CallEvent(number=1, at_us=T0_US, event="InviteArrived", facts={"tags": {"sub": "fb-2"}}),
        CallEvent(number=2, at_us=at(1_200), event="DigitHeard", facts={"leg": 0, "digit": "1"}),
        CallEvent(number=3, at_us=at(3_900), event="DigitHeard", facts={"leg": 0, "digit": "2"}),
        CallEvent(number=4, at_us=at(9_500), event="DigitHeard", facts={"leg": 1, "digit": "5"}),
    )

    call = recorded_call(JudgedCall(record=RECORD, verdict=VERDICT, events=events), passed=frozenset({"sub"}))

    assert call.presses == ((1_200, "1"), (3_900, "2"))
    assert call.tags == {"sub": "fb-2"}


def test_keys_of_talk_and_voicemail_come_behind_those_of_menus() -> None:
    pressed = ((1_200, "1"), (3_900, "2"), (50_000, "#"))
    events = tuple(
        CallEvent(number=number, at_us=at(ms), event="DigitHeard", facts={"leg": 0, "digit": digit})
        for number, (ms, digit) in enumerate(pressed, start=1)
    )

    call = recorded_call(JudgedCall(record=RECORD, verdict=VERDICT, events=events), passed=frozenset())
    fewer = recorded_call(JudgedCall(record=RECORD, verdict=VERDICT, events=events[:1]), passed=frozenset())

    assert (call.presses, fewer.presses) == (pressed, None)


@pytest.mark.parametrize(
    ("total_ms", "connected_ms", "message_ms"), [(90_000, 0, 90_000), (90_000, 60_000, 30_000), (5_000, 0, 20_000)]
)
def test_a_message_would_be_as_long_as_nobody_talked(total_ms: int, connected_ms: int, message_ms: int) -> None:
    record = replace(RECORD, total_ms=total_ms, connected_ms=connected_ms)

    assert recorded_call(JudgedCall(record=record, verdict=VERDICT), passed=frozenset()).message_ms == message_ms


def test_without_events_digits_come_at_an_even_pace_and_headers_by_their_names() -> None:
    call = recorded_call(JudgedCall(record=RECORD, verdict=VERDICT), passed=frozenset({"sub"}))

    assert (call.presses, call.digits, call.digit_ms) == (None, "12", 2_000)
    assert call.tags == {"sub": "fb-1"}


# habits


BUSY = RecordedAttempt(conduct=LineScript(behaviour=LineBehaviour.BUSY, after_ms=300))
LONG = RecordedAttempt(conduct=LineScript(after_ms=9_000, talk_ms=70_000, ended_by=EndedBy.LINE), talked=True)
SHORT = RecordedAttempt(conduct=LineScript(after_ms=2_000, talk_ms=5_000), talked=True)


def habits(**lines: tuple[RecordedAttempt, ...]) -> LineProfiles:
    found = LineProfiles()
    for line, many in lines.items():
        for seed, one in enumerate(many):
            found.add(line, one, seed=seed)
    return found


def test_what_it_did_then_it_does_again() -> None:
    assert habits(east=(BUSY,)).resolved("east", LONG, seed=1) == LONG.conduct


def test_a_line_not_dialled_then_does_what_it_did_in_other_calls() -> None:
    known = habits(east=(SHORT, LONG), west=(BUSY,))

    drawn = [known.resolved("east", None, seed=seed) for seed in range(40)]

    assert {each.talk_ms for each in drawn} == {5_000, 70_000}
    assert drawn == [known.resolved("east", None, seed=seed) for seed in range(40)]


def test_a_line_never_dialled_does_what_any_line_did() -> None:
    known = habits(east=(SHORT,), west=(BUSY,))

    drawn = {known.resolved("new", None, seed=seed).behaviour for seed in range(40)}

    assert drawn == {LineBehaviour.ANSWERS, LineBehaviour.BUSY}
    assert LineProfiles().resolved("new", None, seed=1) == DEFAULT_LINE_SCRIPT


def test_what_was_broken_off_goes_on_as_longer_ones_did() -> None:
    broken_off = RecordedAttempt(conduct=None, rang_ms=4_000)
    known = habits(east=(SHORT, LONG, BUSY))

    assert {known.resolved("east", broken_off, seed=seed) for seed in range(40)} == {LONG.conduct}
    assert habits(east=(SHORT,)).resolved("east", broken_off, seed=1) == LineScript(behaviour=LineBehaviour.RINGS)


def test_who_declined_talks_as_the_line_does_should_he_not_be_asked() -> None:
    declined = RecordedAttempt(conduct=LineScript(after_ms=1_000, accepts=False, declines_ms=500))

    conduct = habits(east=(LONG,)).resolved("east", declined, seed=3)

    assert (conduct.accepts, conduct.after_ms, conduct.talk_ms, conduct.ended_by) == (False, 1_000, 70_000, EndedBy.LINE)


def test_an_answer_to_a_caller_who_left_at_once_is_no_habit() -> None:
    assert not habits(east=(RecordedAttempt(conduct=LineScript(after_ms=1_000)),)).knows("east")


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60), st.integers(0, 2**48))
def test_what_is_drawn_was_done(rings_ms: list[int], seed: int) -> None:
    done = tuple(RecordedAttempt(conduct=LineScript(after_ms=ring_ms, talk_ms=1), talked=True) for ring_ms in rings_ms)
    assert habits(east=done).resolved("east", None, seed=seed).after_ms in rings_ms


def test_a_sample_is_kept_and_it_is_of_all() -> None:
    known = habits(
        east=tuple(RecordedAttempt(conduct=LineScript(after_ms=number, talk_ms=1), talked=True) for number in range(5_000))
    )

    drawn = [known.resolved("east", None, seed=seed).after_ms for seed in range(2_000)]

    assert len(set(drawn)) <= 1_000
    assert 2_000 < sum(drawn) / len(drawn) < 3_000


# comparing


def went(
    place: str = "east",
    state: str = "converted",
    tried: tuple[str, ...] = ("east",),
    *,
    revenue_micros: int = 25,
    cost_micros: int = 1,
) -> CallResult:
    return CallResult(
        place=place, state=state, tried=tried, revenue_micros=revenue_micros, payout_micros=18, cost_micros=cost_micros
    )


@pytest.mark.parametrize(
    ("after", "change"),
    [
        (went(), None),
        (went("west", tried=("west",)), Difference.MOVED),
        (went("capped", "capped", tried=()), Difference.MOVED),
        (went(tried=("west", "east")), Difference.TRIED),
        (went(state="connected_short"), Difference.STATE),
        (went(revenue_micros=24), Difference.MONEY),
        (went(cost_micros=2), Difference.MONEY),
    ],
)
def test_how_a_call_differs(after: CallResult, change: Difference | None) -> None:
    assert difference(went(), after) is change


@pytest.mark.parametrize(
    ("after", "change"),
    [
        (went(state="connected_short", revenue_micros=0), None),
        (went("no_answer", "no_answer"), None),
        (went("west", tried=("west",)), Difference.MOVED),
        (went(tried=("west", "east")), Difference.TRIED),
    ],
)
def test_of_a_call_that_was_cut_off_only_lines_count(after: CallResult, change: Difference | None) -> None:
    assert difference(replace(went(state="crashed"), cut_off=True), after) is change


def test_full_caps_are_read_from_the_trail_as_routing_words_it() -> None:
    daily = Cap(owner="line:east", limit=50, counts=Counts.CONVERSION, per=Per.DAY)
    monthly = Cap(owner="campaign:quotes", limit=5_000_000_000, counts=Counts.REVENUE, per=Per.MONTH)
    at_once = Cap(owner="line:west", limit=1)
    inquiry = Inquiry(did="+18005550100", ani="", trunk="", utc_us=T0_US, seed=1)
    table = type("Table", (), {"version": "v1"})()
    again = asked(table, Inquiry(did="+18005550100", ani="", trunk="", utc_us=at(5_000), seed=1), "again")
    reasons = (
        asked(table, inquiry, "asked"),
        capped("east", daily, taken=0, revenue_micros=0, read={daily.key: 50}),
        capped("west", at_once, taken=0, revenue_micros=0, read={at_once.key: 1}),
        again,
        capped("west", at_once, taken=0, revenue_micros=0, read={at_once.key: 1}),
        capped("east", monthly, taken=0, revenue_micros=25_000_000, read={monthly.key: 4_990_000_000}),
    )

    assert list(full_caps([as_plain(reason) for reason in reasons])) == [
        ("lines.east.caps: 50 conversions per day", T0_US),
        ("lines.west.cap: 1 at once", T0_US),
        ("campaigns.quotes.caps: 5000.00 revenue per month", at(5_000)),
    ]
