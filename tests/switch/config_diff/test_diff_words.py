"""One change of a config, and the sentence it is told by."""

from pathlib import Path

import pytest
from config_overlay import guide_text, lay_guide

from switch.config_diff.change import Change
from switch.config_diff.compare import changes
from switch.config_diff.side import side_of
from switch.config_diff.view import View
from switch.settings.load import load
from switch.settings.problem import show

SENTENCES = [
    ("revenue: 15.00", "revenue: 20", "$ campaign late-quotes: revenue 15.00 -> 20.00"),
    ("payout: 10.00", "payout: 60%", "$ campaign late-quotes: payout 10.00 -> 60 % of the revenue"),
    ("{mail-three: 5.00}", "{mail-three: 6.00}", "$ campaign auto-quotes: payout of publisher mail-three 5.00 -> 6.00"),
    (
        "{mail-three: 5.00}",
        "{radio-one: 5.00, mail-three: 5.00}",
        "$ campaign auto-quotes: payout of publisher radio-one none -> 5.00",
    ),
    (
        "amount: 10.00",
        "amount: 11.00",
        "$ campaign auto-quotes: revenue highest of 10.00 after 90s of talk, 25.00 after 3m of talk"
        " -> highest of 11.00 after 90s of talk, 25.00 after 3m of talk",
    ),
    (", requires_revenue: true", "", "$ campaign auto-quotes: payout requires revenue yes -> no"),
    ("hold_for: 7d", "hold_for: 8d", "$ campaign auto-quotes: money is held for 7d -> 8d"),
    ("cap: 2 ", "cap: 3 ", "  line acme-east: cap 2 -> 3 (calls at once)"),
    ("    cap: 10 ", "    cap: 12 ", "  advertiser acme: cap 10 -> 12 (calls at once)"),
    ("beta-main], cap: 5", "beta-main], cap: 6", "  group west-coast: cap 5 -> 6 (calls at once)"),
    ("day, limit: 200", "day, limit: 250", "  publisher mail-three: cap on calls per day 200 (UTC) -> 250 (UTC)"),
    (
        "limit: 5000.00",
        "limit: 6000",
        "$ campaign auto-quotes: cap on revenue per month 5000.00 (America/New_York) -> 6000.00 (America/New_York)",
    ),
    ("every: 1s", "every: 90s", "  campaign auto-quotes: least time between calls 1s -> 90s"),
    ("prepaid: {credit: 0.00}", "prepaid: {credit: 10}", "$ advertiser beta: prepaid credit 0.00 -> credit 10.00"),
    (
        '"+18005550101":\n    publisher: mail-three',
        '"+18005550101":\n    publisher: radio-one',
        "$ number +18005550101 moves from publisher mail-three to radio-one",
    ),
    ("state: assigned", "state: cooling", "  number +18005550101: state assigned -> cooling"),
    ("sub: letter-12", "sub: letter-13", "  number +18005550101: tag sub letter-12 -> letter-13"),
    (
        "      acme-west:\n",
        "      acme-north: {uri: sip:n@192.0.2.9}\n      acme-west:\n",
        "  new line acme-north (advertiser acme)",
    ),
    ("paused: false\n        filter", "paused: true\n        filter", "  line acme-east: paused"),
    ("age >= 65", "age > 65", "  line acme-east: filter `state in [OK, TX] and age >= 65` -> `state in [OK, TX] and age > 65`"),
    ("ring: 30s", "ring: 90000ms", "  line acme-east: rings for 30s -> 90s"),
    ("timer_offset: 0s", "timer_offset: 2s", "$ line acme-east: taken off the talk time 0s -> 2s"),
    (
        "failures: 3",
        "failures: 4",
        "  line acme-east: health left alone for 60s after 3 failures in a row -> left alone for 60s after 4 failures in a row",
    ),
    ('"2": {menu: greet}', '"2": {menu: age}', "  menu qualify: key 2 now leads to menu age, not to menu greet"),
    ('"9": {again: true}', '"8": {again: true}', "  menu qualify: key 8 now leads to the prompt once more"),
    ("valid: 18-99", "valid: 18-98", "  menu age: valid answers 18-99 -> 18-98"),
    ("sat: 22:00-02:00", "sat: 20:00-02:00", "  hours office: also open sat 20:00-22:00 America/New_York"),
    ("sat: 22:00-02:00", "sun: 00:00-02:00", "  hours office: no longer open sat 22:00-24:00 America/New_York"),
    ('"2026-12-31": closed', '"2026-12-30": closed', "  hours office: 2026-12-30 as usual -> closed"),
    ("holidays: [US, US-TX]", "holidays: [US]", "  hours office: closed on holidays of US, US-TX -> US"),
    (
        "hours: office               # d",
        "#",
        "  campaign auto-quotes: hours office (mon-fri 09:00-12:00, mon-fri 13:00-17:00, sat 22:00-24:00, sun 00:00-02:00,",
    ),
    ("recover: 20s", "recover: 30s", "  campaign auto-quotes: another line after a hang-up within 20s -> 30s"),
    (
        "within: 30d",
        "within: 31d",
        "$ campaign auto-quotes: repeat callers for 30d per campaign: to any, not billed, not paid -> for 31d",
    ),
    (
        "{long: 50, short: 50}",
        "{long: 150, short: 50}",
        "  campaign auto-quotes: variant long weight 50, 50 % of calls -> weight 150, 75 % of calls",
    ),
    (
        "places: 10",
        "places: 11",
        "  campaign auto-quotes: overflow when capped hold (10 places, 2m each) -> hold (11 places, 2m each)",
    ),
    (
        "sort: round_robin",
        "sort: performance",
        "  campaign auto-quotes: lines of priority 1 by round_robin, one after the other -> by performance,",
    ),
    (
        "per_minute: 0.0080",
        "per_minute: 0.0081",
        "$ trunk north-carrier: cost 0.008 a minute, at least 6s, in steps of 6s -> 0.0081 a minute,",
    ),
    (
        "203.0.113.0/24",
        "203.0.113.0/25",
        "  trunk north-carrier: addresses 198.51.100.7/32, 203.0.113.0/24 -> 198.51.100.7/32, 203.0.113.0/25",
    ),
    ("header: X-Sub-Id", "header: X-Sub", "  tag sub: read from header x-sub-id -> x-sub"),
    ("t1: 500ms", "t1: 600ms", "  switch: t1 500ms -> 600ms (takes a restart)"),
    ("max_calls: 2000", "max_calls: 1999", "  switch: live calls at most 2000 -> 1999"),
    ("data: ../var", "data: ../var2", "  switch: data ../var -> ../var2 (takes a restart)"),
]
WEIGHTS = "lines:\n      - {line: acme-east, weight: 3}\n      - {line: acme-west, weight: 1}"
TIERS = "      2: {sort: weight, together: true}   # all that may take the call ring at once\n"
TARGETS = (
    "lines:\n      - acme-east               # the same as {line: acme-east, priority: 1, weight: 1}\n"
    "      - {line: acme-west, priority: 2, weight: 3}"
)


def side(config: Path, text: str) -> View:
    lay_guide(config, text)
    loaded = load(config)
    assert loaded.deployment is not None, [show(problem) for problem in loaded.errors]
    return side_of(config, loaded.deployment)


def told(found: tuple[Change, ...]) -> list[str]:
    return [("$ " if change.money else "  ") + change.words for change in found]


@pytest.mark.parametrize(("old", "new", "sentence"), SENTENCES)
def test_one_change_one_sentence(config: Path, old: str, new: str, sentence: str) -> None:
    text = guide_text()
    assert text.count(old) >= 1

    found = told(changes(side(config, text), side(config, text.replace(old, new, 1))))

    assert any(one.startswith(sentence) for one in found), found


def test_a_weight_is_told_as_a_share_of_the_calls(config: Path) -> None:
    text = guide_text().replace(TARGETS, WEIGHTS).replace(TIERS, "")
    assert WEIGHTS in text

    found = changes(side(config, text), side(config, text.replace("weight: 3}\n", "weight: 1}\n", 1)))

    # Round robin, as the guide has it for priority 1, asks no weight.
    assert told(found) == ["  campaign auto-quotes: line acme-east weight 3 -> 1"]
    text = text.replace("1: {sort: round_robin}", "1: {sort: weight}")
    found = changes(side(config, text), side(config, text.replace("weight: 3}\n", "weight: 1}\n", 1)))
    assert told(found) == ["  campaign auto-quotes: line acme-east weight 3 -> 1: its share of calls 75 % -> 50 %"]


def test_lines_that_come_go_and_change_places(config: Path) -> None:
    text = (
        guide_text()
        .replace(TARGETS, "lines: [acme-east, acme-west]")
        .replace(TIERS, "")
        .replace("1: {sort: round_robin}", "1: {sort: weight}")
    )
    before = side(config, text)

    def after(lines: str) -> list[str]:
        return told(
            changes(before, side(config, text.replace("lines: [acme-east, acme-west]\n    hours", f"lines: {lines}\n    hours")))
        )

    assert after("[acme-west, acme-east]") == [
        "  campaign auto-quotes: lines in another order acme-east, acme-west -> acme-west, acme-east"
    ]
    assert after("[acme-east]") == ["  campaign auto-quotes: line acme-west is not tried any more"]
    assert after("[acme-east, beta-main, acme-west]") == [
        "  campaign auto-quotes: line beta-main is tried too (priority 1, weight 1): 33.3 % of its calls"
    ]


def test_paths_and_values_for_programs(config: Path) -> None:
    text = guide_text()

    found = changes(side(config, text), side(config, text.replace("revenue: 15.00", "revenue: 20")))

    assert [change.as_json() for change in found] == [
        {
            "path": "campaigns.late-quotes.revenue",
            "what": "revenue",
            "before": "15.00",
            "after": "20.00",
            "words": "campaign late-quotes: revenue 15.00 -> 20.00",
            "money": True,
        }
    ]


def test_how_it_is_written_is_no_change(config: Path) -> None:
    text = guide_text()
    other = (
        text.replace("'not anonymous'", '"not  (anonymous)"')
        .replace("within: 30d", "within: 720h")
        .replace("[US, US-TX]", "[US-TX, US]")
    )
    assert other != text

    assert changes(side(config, text), side(config, other)) == ()
