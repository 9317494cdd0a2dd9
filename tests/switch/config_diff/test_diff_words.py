"""One change of a config, and the sentence it is told by."""

from pathlib import Path

import pytest
from config_overlay import guide_text, lay_guide

from switch.codec import Codec
from switch.config_diff.diff import Change, changes
from switch.config_diff.text import Field, text_of
from switch.problem_text import show
from switch.settings.load import load
from switch.settings.model.document import Document

SENTENCES = [
    ("revenue: 15.00", "revenue: 20", "$ campaign late-quotes: revenue 15.00 -> 20.00"),
    ("payout: 10.00", "payout: 60%", "$ campaign late-quotes: payout 10.00 -> 60%"),
    ("{mail-three: 5.00}", "{mail-three: 6.00}", "$ campaign auto-quotes: payout mail-three 5.00 -> 6.00"),
    ("{mail-three: 5.00}", "{radio-one: 5.00, mail-three: 5.00}", "$ campaign auto-quotes: payout radio-one none -> 5.00"),
    (
        "amount: 10.00",
        "amount: 11.00",
        "$ campaign auto-quotes: revenue 10.00 at least 90s, 25.00 at least 3m; tiers highest"
        " -> 11.00 at least 90s, 25.00 at least 3m; tiers highest",
    ),
    (", requires_revenue: true", "", "$ campaign auto-quotes: payout 70% requires revenue -> 70%"),
    ("hold_for: 7d", "hold_for: 8d", "$ campaign auto-quotes: hold for 7d -> 8d"),
    ("hold_for: 7d", "#", "$ campaign auto-quotes: hold for 7d -> (not at all)"),
    ("cap: 2 ", "cap: 3 ", "  line acme-east: cap 2 -> 3 (calls at once)"),
    ("    cap: 10 ", "    cap: 12 ", "  advertiser acme: cap 10 -> 12 (calls at once)"),
    ("beta-main], cap: 5", "beta-main], cap: 6", "  group west-coast: cap 5 -> 6 (calls at once)"),
    ("day, limit: 200", "day, limit: 250", "  publisher mail-three: attempt cap per day limit 200 -> 250"),
    ("limit: 5000.00", "limit: 6000", "$ campaign auto-quotes: revenue cap per month limit 5000.00 -> 6000.00"),
    ("every: 1s", "every: 90s", "  campaign auto-quotes: attempt cap per spacing every 1s -> 90s"),
    ("prepaid: {credit: 0.00}", "prepaid: {credit: 10}", "$ advertiser beta: prepaid credit 0.00 -> 10.00"),
    ("prepaid: {credit: 0.00}", "#", "$ advertiser beta: prepaid credit 0.00 -> (billed afterwards)"),
    (
        '"+18005550101":\n    publisher: mail-three',
        '"+18005550101":\n    publisher: radio-one',
        "$ number +18005550101: publisher mail-three -> radio-one",
    ),
    ("state: assigned", "state: cooling", "  number +18005550101: state assigned -> cooling"),
    ("sub: letter-12", "sub: letter-13", "  number +18005550101: tag sub letter-12 -> letter-13"),
    (
        "      acme-west:\n",
        "      acme-north: {uri: sip:n@192.0.2.9}\n      acme-west:\n",
        "  new line acme-north (advertiser acme; uri sip:n@192.0.2.9)",
    ),
    ("publishers:\n", "publishers:\n  late: {}\n", "  new publisher late"),
    ("publishers:\n", "publishers:\n  late: {paused: true, cap: 4}\n", "  new publisher late (cap 4, paused)"),
    ("paused: false               # true: none", "paused: true               # true: none", "  advertiser acme: paused no -> yes"),
    ("paused: false\n        filter", "paused: true\n        filter", "  line acme-east: paused no -> yes"),
    ("age >= 65", "age > 65", "  line acme-east: filter `state in [OK, TX] and age >= 65` -> `state in [OK, TX] and age > 65`"),
    ("ring: 30s", "ring: 90000ms", "  line acme-east: ring 30s -> 90s"),
    ("timer_offset: 0s", "timer_offset: 2s", "$ line acme-east: timer offset 0s -> 2s"),
    ("failures: 3", "failures: 4", "  line acme-east: health failures 3 -> 4"),
    ('"2": {menu: greet}', '"2": {menu: age}', "  menu qualify: key 2 menu greet -> menu age"),
    ('"9": {again: true}', '"8": {again: true}', "  menu qualify: key 8 none -> again"),
    ("valid: 18-99", "valid: 18-98", "  menu age: valid 18-99 -> 18-98"),
    ("sat: 22:00-02:00", "sat: 20:00-02:00", "  hours office: also open sat 20:00-22:00 (America/New_York)"),
    ("sat: 22:00-02:00", "sun: 00:00-02:00", "  hours office: no longer open sat 22:00-24:00 (America/New_York)"),
    ('"2026-12-31": closed', '"2026-12-30": closed', "  hours office: date 2026-12-30 none -> closed"),
    ("holidays: [US, US-TX]", "holidays: [US]", "  hours office: holidays US, US-TX -> US"),
    ("hours: office               # d", "#", "  campaign auto-quotes: hours office -> (always)"),
    ("recover: 20s", "recover: 30s", "  campaign auto-quotes: recover 20s -> 30s"),
    ("within: 30d", "within: 31d", "$ campaign auto-quotes: repeat within 30d -> 31d"),
    (
        "{long: 50, short: 50}",
        "{long: 150, short: 50}",
        "  campaign auto-quotes: split long 50 -> 150 (50 % -> 75 % of its calls)",
    ),
    (
        "places: 10            #",
        "places: 11            #",
        "  campaign auto-quotes: overflow capped hold places 10, wait 2m, music welcome, "
        "announce `You are number {position:number} in line.`, every 30s -> hold places 11, wait 2m, music welcome, "
        "announce `You are number {position:number} in line.`, every 30s",
    ),
    ("ringback: gb", "ringback: fr", "  campaign auto-quotes: ringback gb -> fr"),
    ("ringback: gb", "ringback: {prompt: welcome}", "  campaign auto-quotes: ringback gb -> prompt welcome"),
    ("ringback: gb                #", "#", "  campaign auto-quotes: ringback gb -> (switch.rtp.ringback)"),
    ("ringback: us", "ringback: de", "  switch: rtp ringback us -> de"),
    ("sort: round_robin", "sort: performance", "  campaign auto-quotes: tier 1 sort round_robin -> performance"),
    ("per_minute: 0.0080", "per_minute: 0.0081", "$ trunk north-carrier: cost per minute 0.008 -> 0.0081"),
    (
        "203.0.113.0/24",
        "203.0.113.0/25",
        "  trunk north-carrier: addresses 198.51.100.7/32, 203.0.113.0/24 -> 198.51.100.7/32, 203.0.113.0/25",
    ),
    ("header: X-Sub-Id", "header: X-Sub", "  tag sub: header x-sub-id -> x-sub"),
    ("t1: 500ms", "t1: 600ms", "  switch: sip t1 500ms -> 600ms (takes a restart)"),
    ("max_calls: 2000", "max_calls: 1999", "  switch: limits max calls 2000 -> 1999"),
    ("data: ../var", "data: ../var2", "  switch: data ../var -> ../var2 (takes a restart)"),
]
WEIGHTS = "lines:\n      - {line: acme-east, weight: 3}\n      - {line: acme-west, weight: 1}"
TIERS = "      2: {sort: weight, together: true}   # all that may take the call ring at once\n"
TARGETS = (
    "lines:\n      - acme-east               # the same as {line: acme-east, priority: 1, weight: 1}\n"
    "      - {line: acme-west, priority: 2, weight: 3}"
)


def side(config: Path, text: str) -> Document:
    lay_guide(config, text)
    loaded = load(config)
    assert loaded.document is not None, [show(problem) for problem in loaded.errors]
    return loaded.document


def told(found: tuple[Change, ...]) -> list[str]:
    return [("$ " if change.money else "  ") + change.words for change in found]


@pytest.mark.parametrize(("old", "new", "sentence"), SENTENCES)
def test_one_change_one_sentence(config: Path, old: str, new: str, sentence: str) -> None:
    text = guide_text()
    assert text.count(old) >= 1

    found = told(changes(side(config, text), side(config, text.replace(old, new, 1))))

    assert sentence in found


def test_a_weight_is_told_as_a_share_of_the_calls(config: Path) -> None:
    text = guide_text().replace(TARGETS, WEIGHTS).replace(TIERS, "")
    assert WEIGHTS in text

    found = changes(side(config, text), side(config, text.replace("weight: 3}\n", "weight: 1}\n", 1)))

    # Round robin, as the guide has it for priority 1, asks no weight.
    assert told(found) == ["  campaign auto-quotes: line acme-east weight 3 -> 1"]
    text = text.replace("1: {sort: round_robin}", "1: {sort: weight}")
    found = changes(side(config, text), side(config, text.replace("weight: 3}\n", "weight: 1}\n", 1)))
    assert told(found) == ["  campaign auto-quotes: line acme-east weight 3 -> 1 (75 % -> 50 % of its calls)"]


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
    assert after("[acme-east]") == ["  campaign auto-quotes: line acme-west removed"]
    assert after("[acme-east, acme-west, {line: beta-main, priority: 2, weight: 3}]") == [
        "  campaign auto-quotes: line beta-main added: priority 2, weight 3 (100 % of its calls)"
    ]
    assert after("[acme-east, beta-main, acme-west]") == ["  campaign auto-quotes: line beta-main added (33.3 % of its calls)"]


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
        .replace("sat: 22:00-02:00", 'sat: ["22:00-24:00"]\n    sun: 00:00-02:00')
    )
    assert other != text

    assert changes(side(config, text), side(config, other)) == ()


def test_a_session_timer_that_is_off_is_not_one_that_is_left_out() -> None:
    field = Field(path="trunks.level3.session_timer", absent="(30m)")
    assert (text_of(None, field), text_of(1_800, field)) == ("off", "30m")


def test_codecs_are_told_by_their_names() -> None:
    assert text_of([Codec.PCMA, Codec.PCMU], Field(path="trunks.level3.codecs")) == "PCMA, PCMU"
