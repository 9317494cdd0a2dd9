"""What the rules of routing and money become: caps, groups, tags, filters, prices."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from routing.cap import Cap, Counts, Per
from routing.expression import Kind, parse
from routing.table import (
    Accept,
    Health,
    NoRoute,
    NumberState,
    Repeat,
    RepeatRoute,
    RepeatScope,
    Sort,
    Tier,
    ToHold,
)
from switch.billing.terms import BillableOn, Price, PriceStep, Rate, Rule, Tiers
from switch.engine.plan import Plan
from switch.problem_text import show
from switch.settings.load import load

LINES = """\
advertisers:
  beta:
    lines:
      one: {uri: "sip:1@127.0.0.2"}
      two: {uri: "sip:2@127.0.0.2"}
"""
TALK = BillableOn.CONNECTED_FOR


def plan_of(config: Path, extra: str) -> Plan:
    (config / "extra.yaml").write_text(extra)
    loaded = load(config)
    assert [show(problem) for problem in loaded.errors] == []
    assert loaded.deployment is not None
    return loaded.deployment.plan


def test_a_line_counts_against_its_own_caps_its_groups_and_its_advertisers(config: Path) -> None:
    plan = plan_of(
        config,
        """\
switch: {}
groups:
  west: {lines: [one, two], cap: 3}
  east: {lines: [one], caps: [{count: connection, per: concurrency, limit: 2}]}
advertisers:
  beta:
    cap: 9
    prepaid: {credit: 5.50}
    caps: [{count: revenue, per: month, limit: 5000.00, zone: Asia/Tokyo}]
    lines:
      one: {uri: "sip:1@127.0.0.2", cap: 1, caps: [{per: spacing, every: 30s}]}
      two: {uri: "sip:2@127.0.0.2"}
""".replace("switch: {}\n", ""),
    )

    shared = (
        Cap(owner="advertiser:beta", limit=9),
        Cap(owner="advertiser:beta", limit=5_000_000_000, counts=Counts.REVENUE, per=Per.MONTH, zone="Asia/Tokyo"),
        Cap(owner="advertiser:beta", limit=5_500_000, counts=Counts.REVENUE, per=Per.BALANCE, strict=True),
    )
    west = Cap(owner="group:west", limit=3)
    east = Cap(owner="group:east", limit=2, counts=Counts.CONNECTION)
    own = (Cap(owner="line:one", limit=1), Cap(owner="line:one", limit=1, per=Per.SPACING, spacing_ms=30_000))
    assert plan.table.lines["one"].caps == (*own, east, west, *shared)
    assert plan.table.lines["two"].caps == (west, *shared)
    assert plan.groups == {"one": ("east", "west"), "two": ("west",)}


def test_caps_of_all_other_owners(config: Path) -> None:
    (config / "switch.yaml").write_text("""\
switch:
  sip: {listen: 127.0.0.1:5060}
  zone: Europe/Berlin
trunks:
  carrier: {addresses: [192.0.2.0/24], cap: 7, caps: [{per: hour, limit: 100}]}
""")
    table = plan_of(
        config,
        """\
publishers:
  tv: {caps: [{count: conversion, per: day, limit: 5, strict: true}]}
numbers:
  "+18005550101":
    publisher: tv
    campaign: extra
    state: cooling
    caps: [{per: total, limit: 5, since: 2026-11-01T09:30}]
campaigns:
  extra: {zone: America/New_York, lines: [acme-east], revenue: 1, payout: 1, caps: [{per: week, limit: 5}, {per: day, limit: 5, zone: UTC}]}
""",
    ).table

    zone = "Europe/Berlin"
    assert table.trunk_caps == {
        "carrier": (Cap(owner="trunk:carrier", limit=7), Cap(owner="trunk:carrier", limit=100, per=Per.HOUR, zone=zone))
    }
    assert table.publishers["tv"].caps == (
        Cap(owner="publisher:tv", limit=5, counts=Counts.CONVERSION, per=Per.DAY, zone=zone, strict=True),
    )
    since = int(datetime(2026, 11, 1, 8, 30, tzinfo=UTC).timestamp()) * 1_000_000
    number = table.numbers["+18005550101"]
    assert number.state is NumberState.COOLING
    assert number.caps == (Cap(owner="number:+18005550101", limit=5, per=Per.TOTAL, zone=zone, since_us=since),)
    assert table.campaigns["extra"].caps == (
        Cap(owner="campaign:extra", limit=5, per=Per.WEEK, zone="America/New_York"),
        Cap(owner="campaign:extra", limit=5, per=Per.DAY, zone="UTC"),
    )


def test_how_a_campaign_hunts(config: Path) -> None:
    campaigns = plan_of(
        config,
        """\
campaigns:
  extra:
    lines: [acme-east, {line: acme-west, priority: 2}]
    paused: true
    filter: 'not anonymous'
    zone: America/New_York
    tiers: {1: {sort: round_robin}, 2: {sort: least_recent, together: true}}
    retry: {no_answer: 2, busy: 5}
    recover: 20s
    repeat: {scope: group, within: 30d, route: same, bill: false, pay: false}
    conversion_group: auto
    split: {long: 50, short: 25}
    revenue: 1
    payout: 1
    overflow: {capped: {hold: {places: 10, wait: 2m}}, queue_full: {message: goodbye}}
""",
    ).table.campaigns
    extra = campaigns["extra"]

    assert (extra.paused, extra.filter, extra.zone) == (True, parse("not anonymous"), "America/New_York")
    assert extra.tiers == {1: Tier(sort=Sort.ROUND_ROBIN), 2: Tier(sort=Sort.LEAST_RECENT, together=True)}
    assert (extra.retry, extra.recover_ms) == ({NoRoute.NO_ANSWER: 2, NoRoute.BUSY: 5}, 20_000)
    assert extra.repeat == Repeat(scope=RepeatScope.GROUP, window_ms=30 * 86_400_000, route=RepeatRoute.SAME, bill=False, pay=False)
    assert (extra.conversion_group, extra.split) == ("auto", {"long": 50, "short": 25})
    assert extra.overflow[NoRoute.CAPPED] == ToHold(places=10, wait_ms=120_000)
    assert campaigns["quotes"].repeat is None


def test_what_a_line_asks_of_its_advertiser(config: Path) -> None:
    lines = plan_of(
        config,
        """\
tags:
  age: {type: number}
advertisers:
  beta:
    lines:
      key: {uri: "sip:1@127.0.0.2", accept: {prompt: welcome, key: "5", wait: 7s}, health: {failures: 2, rest: 5m}}
      whisper: {uri: "sip:2@127.0.0.2", whisper: sorry, filter: 'state in [TX, OK] and age >= 65'}
""",
    ).table.lines

    assert lines["key"].accept == Accept(prompt="welcome", key="5", wait_ms=7_000)
    assert lines["key"].health == Health(failures=2, rest_ms=300_000)
    assert lines["whisper"].accept == Accept(prompt="sorry")
    assert lines["whisper"].filter == parse("state in [TX, OK] and age >= 65")
    assert (lines["acme-east"].accept, lines["acme-east"].health, lines["acme-east"].filter) == (None, None, None)


PRICES = [
    ("revenue: 25\n    payout: 70%", Price(steps=(PriceStep(rule=Rule(), amount_micros=0),), percent_bp=7_000)),
    (
        "revenue: 25\n    payout: {on: answered, amount: 3}",
        Price(steps=(PriceStep(rule=Rule(on=BillableOn.ANSWERED, at_least_ms=0), amount_micros=3_000_000),)),
    ),
    (
        "revenue: 25\n    payout: {at_least: 60s, percent: 12.5%}",
        Price(steps=(PriceStep(rule=Rule(at_least_ms=60_000), amount_micros=0),), percent_bp=1_250),
    ),
    (
        "revenue: 25\n    billable: {at_least: 2m}\n    payout: {tiers: sum, steps: [{amount: 1}, {at_least: 3m, amount: 2},"
        " {on: total_for, amount: 3}]}",
        Price(
            steps=(
                PriceStep(rule=Rule(at_least_ms=120_000), amount_micros=1_000_000),
                PriceStep(rule=Rule(at_least_ms=180_000), amount_micros=2_000_000),
                PriceStep(rule=Rule(on=BillableOn.TOTAL_FOR, at_least_ms=90_000), amount_micros=3_000_000),
            ),
            tiers=Tiers.SUM,
        ),
    ),
    (
        "revenue: 25\n    billable: {on: postback}\n    payout: 2",
        Price(steps=(PriceStep(rule=Rule(on=BillableOn.POSTBACK, at_least_ms=0), amount_micros=2_000_000),)),
    ),
]


@pytest.mark.parametrize(("text", "price"), PRICES, ids=[text for text, _ in PRICES])
def test_forms_of_a_payout(config: Path, text: str, price: Price) -> None:
    terms = plan_of(config, f"campaigns:\n  extra:\n    lines: [acme-east]\n    {text}\n").terms["extra"]

    assert terms.payout == price


def test_revenue_in_steps_and_the_most_it_may_come_to(config: Path) -> None:
    steps = "steps: [{at_least: 60s, amount: 10.00}, {at_least: 2m, amount: 25.00}]"
    plan = plan_of(
        config,
        f"""\
campaigns:
  highest: {{lines: [acme-east], revenue: {{{steps}}}, payout: {{amount: 1, requires_revenue: true}}, hold_for: 7d}}
  sum: {{lines: [acme-east], revenue: {{tiers: sum, {steps}}}, payout: 1, dispositions: {{sale: 100%, callback: 50%}}}}
""",
    )

    written = (
        PriceStep(rule=Rule(at_least_ms=60_000), amount_micros=10_000_000),
        PriceStep(rule=Rule(at_least_ms=120_000), amount_micros=25_000_000),
    )
    highest, both = plan.terms["highest"], plan.terms["sum"]
    assert highest.revenue == Price(steps=written)
    assert both.revenue == Price(steps=written, tiers=Tiers.SUM)
    assert [plan.table.campaigns[name].revenue_micros for name in ("highest", "sum")] == [25_000_000, 35_000_000]
    assert (highest.requires_revenue, highest.hold_days, both.requires_revenue, both.hold_days) == (True, 7, False, 0)
    assert both.dispositions == {"sale": 100, "callback": 50}
    assert (highest.repeat_bill, highest.repeat_pay) == (True, True)


def test_what_a_repeat_is_worth(config: Path) -> None:
    terms = plan_of(
        config, "campaigns:\n  extra: {lines: [acme-east], revenue: 1, payout: 1, repeat: {within: 7d, pay: false}}\n"
    ).terms["extra"]

    assert (terms.repeat_bill, terms.repeat_pay) == (True, False)


def test_who_must_be_heard(config: Path) -> None:
    written = "campaigns:\n  extra: {lines: [acme-east], revenue: 1, payout: 1, billable: {heard: both}}\n"
    assert plan_of(config, written).terms["extra"].heard_both
    assert not plan_of(config, written.replace("both", "any")).terms["extra"].heard_both


def test_what_carriers_bill(config: Path) -> None:
    plan = plan_of(
        config,
        "trunks:\n  a: {addresses: [10.0.0.1], cost: {per_minute: 0.0080}}\n"
        "  b: {addresses: [10.0.0.2], cost: {per_minute: 1, initial: 60s, step: 1s}}\n",
    )

    rates = {trunk.name: trunk.rate for trunk in plan.trunks}
    assert rates == {
        "a": Rate(per_minute_micros=8_000),
        "b": Rate(per_minute_micros=1_000_000, initial_s=60, step_s=1),
        "carrier": None,
    }


def test_tags_their_kinds_and_headers(config: Path) -> None:
    plan = plan_of(
        config,
        """\
tags:
  age: {type: number}
  sub: {type: text, header: X-Sub-Id}
  vip: {type: truth, header: x-vip}
  passed_zip: {type: text, header: X-Zip}
numbers:
  "+18005550101": {publisher: radio, campaign: quotes, tags: {sub: fb-12, age: "65", vip: true, passed_zip: "02134", shelf: b}}
""",
    )

    assert plan.headers == {
        "x-sub-id": ("sub", Kind.TEXT),
        "x-vip": ("vip", Kind.TRUTH),
        "x-zip": ("passed_zip", Kind.TEXT),
    }
    kinds = plan.tag_kinds
    assert [kinds[name] for name in ("age", "sub", "vip", "shelf", "hour", "repeat")] == [
        Kind.NUMBER,
        Kind.TEXT,
        Kind.TRUTH,
        Kind.TEXT,
        Kind.NUMBER,
        Kind.TRUTH,
    ]
    assert plan.table.numbers["+18005550101"].tags == {
        "sub": "fb-12",
        "age": 65,
        "vip": True,
        "passed_zip": "02134",
        "shelf": "b",
    }


def test_hours_with_holidays_and_dates(config: Path) -> None:
    hours = (
        plan_of(
            config,
            """\
hours:
  shop:
    zone: UTC
    mon: 09:00-17:00
    holidays: [US-TX, US]
    dates: {"2026-12-31": closed, "2026-12-24": ["13:00-14:00", "09:00-12:00"], "2026-12-25": 10:00-24:00}
campaigns:
  extra: {lines: [acme-east], hours: shop, revenue: 1, payout: 1}
""",
        )
        .table.campaigns["extra"]
        .hours
    )

    assert hours is not None
    assert hours.calendars == ("US", "US-TX")
    assert hours.dates == {"2026-12-24": ((540, 720), (780, 840)), "2026-12-25": ((600, 1_440),), "2026-12-31": ()}
