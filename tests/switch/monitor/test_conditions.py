"""What is wrong, by what is known: each kind at its limit and one short of it."""

from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from probe_rows import found as probe_row

from routing.cap import Counts, Per
from switch.alert_settings import AlertSettings
from switch.control.messages import CertificateStatus, LedgerStatus, Status
from switch.engine.live_view import CapStatus
from switch.engine.peer_state import HealthState, RegistrationState
from switch.engine.status import LineStatus, TrunkStatus
from switch.ledger.monitoring import LineResults, Recent
from switch.monitor.alerts import AlertKind, Condition
from switch.monitor.conditions import FAILURES, USUAL_WEEKS, assess, usual_spans
from switch.monitor.view import Disk, SwitchView, View

DAY_US = 86_400_000_000
NOW_US = 1_767_225_600_000_000
STATUS = Status(state="running", since_us=0, calls=0, config="c1", overloaded=False, lag_ms=0)
LINE = LineStatus(
    name="east",
    advertiser="acme",
    calls=0,
    limit=None,
    total_calls=9,
    resting_until_us=None,
    last_result="failed",
    last_result_us=1,
    last_sip_code=503,
    last_why="no\r\nroute",
)
TRUNK = TrunkStatus(name="level3", calls=0, limit=None, total_calls=0, refused=0, malformed=0, last_seen_us=None)
CAP = CapStatus(
    key="campaign:auto/conversion/day",
    owner="campaign:auto",
    counts=Counts.CONVERSION,
    per=Per.DAY,
    limit=200,
    used=0,
    resets_us=NOW_US + DAY_US,
)
BALANCE = CapStatus(
    key="advertiser:acme/revenue/balance", owner="advertiser:acme", counts=Counts.REVENUE, per=Per.BALANCE, limit=0, used=0
)
SETTINGS = AlertSettings(low_balance_micros=100_000_000)
DOWN = HealthState(is_up=False, last_status=None, changed_us=1)


def found(
    switch: SwitchView | None, *, recent: Recent | None = None, disks: tuple[Disk, ...] = (), settings: AlertSettings = SETTINGS
) -> list[Condition]:
    view = View(at_us=NOW_US, switch=switch, why="gone", recent=recent or Recent(), disks=disks, probes=frozenset({"front-door"}))
    return list(assess(view, settings, currency="USD").conditions)


def switch(
    *, caps: tuple[CapStatus, ...] = (), lines: tuple[LineStatus, ...] = (), trunks: tuple[TrunkStatus, ...] = ()
) -> SwitchView:
    return SwitchView(status=STATUS, caps=caps, lines=lines, trunks=trunks)


def only(conditions: list[Condition]) -> Condition:
    (one,) = conditions
    return one


def test_nothing_is_wrong_with_a_switch_that_is_well() -> None:
    lines = (LINE, replace_line(health=HealthState(is_up=None, last_status=None, changed_us=None)))
    assert found(switch(caps=(CAP, replace_cap(BALANCE, used=-100_000_000)), lines=lines, trunks=(TRUNK,))) == []


def replace_cap(cap: CapStatus, **changes: object) -> CapStatus:
    return msgspec.structs.replace(cap, **changes)


def replace_line(**changes: object) -> LineStatus:
    return msgspec.structs.replace(LINE, **changes)


@pytest.mark.parametrize(("used", "level"), [(149, None), (150, 75), (179, 75), (180, 90), (199, 90), (200, 100), (201, 100)])
def test_a_cap_at_its_levels(used: int, level: int | None) -> None:
    conditions = found(switch(caps=(replace_cap(CAP, used=used),)))
    assert [each.level for each in conditions] == ([] if level is None else [level])


def test_a_cap_says_how_full_it_is_and_until_when() -> None:
    one = only(found(switch(caps=(replace_cap(CAP, used=200),))))
    text = "cap campaign:auto/conversion/day is full: 200 of 200; it begins anew at 2026-01-02 00:00 UTC"
    assert (one.kind, one.cause, one.text) == (AlertKind.CAP, "cap:campaign:auto/conversion/day", text)


def test_a_cap_of_revenue_speaks_of_money() -> None:
    money = replace_cap(CAP, counts=Counts.REVENUE, limit=500_000_000, used=400_000_000, resets_us=None)
    assert "has reached 75 %: 400.00 USD of 500.00 USD" in only(found(switch(caps=(money,)))).text


@pytest.mark.parametrize("per", [Per.SPACING, Per.SECOND])
def test_rates_are_there_to_be_full(per: Per) -> None:
    assert found(switch(caps=(replace_cap(CAP, per=per, used=200),))) == []


def test_a_cap_that_lets_nothing_through_is_no_news() -> None:
    assert found(switch(caps=(replace_cap(CAP, limit=0),))) == []


def test_a_cap_of_calls_at_once_is_told_of_when_it_is_full() -> None:
    at_once = replace_cap(CAP, key="line:east", per=Per.CONCURRENCY, counts=Counts.ATTEMPT, limit=4)
    assert found(switch(caps=(replace_cap(at_once, used=3),))) == []
    assert only(found(switch(caps=(replace_cap(at_once, used=4),)))).kind is AlertKind.BUSY


@pytest.mark.parametrize(("left", "level"), [(100, None), (99, 0), (1, 0), (0, 100), (-5, 100)])
def test_a_balance_below_what_the_config_says(left: int, level: int | None) -> None:
    conditions = found(switch(caps=(replace_cap(BALANCE, used=-left * 1_000_000),)))
    assert [each.level for each in conditions] == ([] if level is None else [level])


def test_credit_counts_as_what_is_left() -> None:
    credit = replace_cap(BALANCE, limit=50_000_000, used=-20_000_000)
    assert only(found(switch(caps=(credit,)))).text == "advertiser:acme has 70.00 USD left to pay calls with"


def test_no_balance_is_low_where_the_config_names_none() -> None:
    assert found(switch(caps=(BALANCE,)), settings=AlertSettings()) == []


@pytest.mark.parametrize("failed", [FAILURES - 1, FAILURES])
@pytest.mark.parametrize("answered", [0, 1])
def test_a_line_fails_when_every_attempt_does(failed: int, answered: int) -> None:
    recent = Recent(lines={"east": LineResults(answered=answered, failed=failed)})
    conditions = found(switch(lines=(LINE,)), recent=recent)
    assert len(conditions) == (failed == FAILURES and not answered)


def test_a_line_that_rests_or_is_down_is_told_of_on_one_line() -> None:
    rests = only(found(switch(lines=(replace_line(resting_until_us=NOW_US + 1),))))
    assert rests.text == "line east of acme takes no calls: it rests after failures, the last one: no  route (SIP 503)"
    down = only(found(switch(lines=(replace_line(resting_until_us=NOW_US + 1, health=DOWN),))))
    assert down.cause == rests.cause == "line:east"
    assert down.text == "line east of acme takes no calls: it is down: no answer"


def test_a_trunk_that_does_not_answer_or_lost_its_registration() -> None:
    down = msgspec.structs.replace(TRUNK, health=DOWN)
    assert only(found(switch(trunks=(down,)))).text == "trunk level3 is down: no answer"
    for failures, until_us, number in ((0, None, 0), (1, None, 1), (1, NOW_US + 1, 0)):
        state = RegistrationState(until_us=until_us, status=403, failures=failures, next_us=0)
        assert len(found(switch(trunks=(msgspec.structs.replace(TRUNK, registration=state),)))) == number


def test_a_quiet_hour_is_one_without_a_call_that_always_had_some() -> None:
    usual = (5, 9, 7, 5)
    assert only(found(switch(), recent=Recent(invited=(0, *usual)))).kind is AlertKind.QUIET
    assert found(switch(), recent=Recent(invited=(1, *usual))) == []
    assert found(switch(), recent=Recent(invited=(0, *usual[:3], 4))) == []
    assert found(switch(), recent=Recent(invited=(0, *usual[:3]))) == []
    assert found(switch(), recent=Recent(invited=(0, *usual)), settings=AlertSettings(usual_calls=0)) == []


def test_a_quiet_hour_of_a_switch_that_is_gone_is_told_of_once() -> None:
    assert [each.kind for each in found(None, recent=Recent(invited=(0, 9, 9, 9, 9)))] == [AlertKind.SWITCH]


@pytest.mark.parametrize("number", [4, 5])
def test_near_misses_that_pile_up_say_line_and_publisher(number: int) -> None:
    conditions = found(switch(), recent=Recent(near_misses={("east", "radio"): number, ("west", ""): 1}))
    if number < 5:
        assert conditions == []
        return
    one = only(conditions)
    assert one.text == "line east ended 5 calls of publisher radio just short of what is billable, in an hour"
    assert one.cause == "near_misses:east/radio"


@pytest.mark.parametrize(("free", "number"), [(100, 0), (99, 1)])
def test_a_disk_is_told_of_once_whatever_is_on_it(free: int, number: int) -> None:
    disk = Disk(device=1, place="/data", use="data", free_bytes=free, total_bytes=1_000)
    conditions = found(switch(), disks=(disk, replace(disk, place="/data/recordings", use="recordings")))
    assert [each.cause for each in conditions] == ["disk:/data"] * number


@pytest.mark.parametrize(("days", "levels"), [(14, []), (13, [0]), (0, [100]), (-1, [100])])
def test_a_certificate_that_runs_out(days: int, levels: list[int]) -> None:
    certificate = CertificateStatus(file="tls/switch.pem", until_us=NOW_US + days * DAY_US)
    status = msgspec.structs.replace(STATUS, certificates=(certificate,))
    assert [each.level for each in found(SwitchView(status=status))] == levels


def test_a_ledger_that_cannot_be_written() -> None:
    status = msgspec.structs.replace(STATUS, ledger=LedgerStatus(why="disk full", waiting=3))
    assert only(found(SwitchView(status=status))).text == "the ledger can't be written, new calls are refused: disk full"


def test_what_can_not_be_seen_is_not_known() -> None:
    gone = assess(View(at_us=NOW_US, why="gone"), SETTINGS, currency="USD")
    assert gone.known == {AlertKind.SWITCH, AlertKind.DISK}
    assert [each.cause for each in gone.conditions] == ["switch"]
    blind = assess(View(at_us=NOW_US, switch=switch()), SETTINGS, currency="USD")
    assert set(AlertKind) - blind.known == {AlertKind.LINE, AlertKind.QUIET, AlertKind.NEAR_MISSES, AlertKind.PROBE}


def test_the_same_hour_of_past_weeks_is_that_of_the_clocks() -> None:
    """The clocks of New York went forward on 8 March 2026: 09:00 to 10:00 there is an hour earlier in UTC a week later."""
    now = datetime(2026, 3, 10, 14, 0, tzinfo=UTC)  # 10:00 in New York
    spans = usual_spans(int(now.timestamp()) * 1_000_000, "America/New_York")
    ends = [datetime.fromtimestamp(to / 1_000_000, UTC) for _, to in spans]
    assert [end.strftime("%m-%d %H") for end in ends] == ["03-10 14", "03-03 15", "02-24 15", "02-17 15", "02-10 15"]
    assert {to - since for since, to in spans} == {3_600_000_000}
    assert len(spans) == USUAL_WEEKS + 1


def test_a_probe_on_schedule_that_failed_last_is_told_of() -> None:
    why = ("answers: 486 Busy Here, after 0.1 s",)
    bad = probe_row(probe="front-door", kind="number", target="+18005550100", at_us=2, failures=why)
    one = only(found(switch(), recent=Recent(probes=(bad,))))
    assert (one.kind, one.cause) == (AlertKind.PROBE, "probe:front-door")
    assert one.text == f"probe front-door of number +18005550100 failed: {why[0]}"
    again = replace(bad, at_us=3)
    assert "for the 2. time in a row" in only(found(switch(), recent=Recent(probes=(again, bad)))).text
    assert found(switch(), recent=Recent(probes=(probe_row(probe="front-door", at_us=3), bad))) == []
    assert found(switch(), recent=Recent(probes=(replace(bad, probe="gone-from-the-config"),))) == []
