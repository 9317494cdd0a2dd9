"""Every rule is part of a config's version, and how it is written is not. The guide's config has every key."""

from pathlib import Path

import pytest
from config_overlay import guide_text, lay_guide

from switch.problem_text import show
from switch.settings.load import load


def version(config: Path, text: str) -> str:
    lay_guide(config, text)
    loaded = load(config)
    assert [show(problem) for problem in loaded.errors] == []
    assert loaded.deployment is not None
    return loaded.deployment.plan.version


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("zone: UTC ", "zone: Europe/Berlin "),
        ("per_minute: 0.0080", "per_minute: 0.0081"),
        ("caps: [{per: day, limit: 200}]", "caps: [{per: day, limit: 201}]"),
        ("state: assigned", "state: cooling"),
        ("sub: letter-12", "sub: letter-13"),
        ("header: X-Sub-Id", "header: X-Sub"),
        ("age: {type: number}", "age: {type: number, header: X-Age}"),
        ("valid: 18-99", "valid: 18-98"),
        ("{transfer: acme-east}", "{transfer: acme-west}"),
        ("{hours: office, then:", "{when: anonymous, then:"),
        ("filter: 'not anonymous'", "filter: 'anonymous'"),
        ("age >= 65", "age > 65"),
        ('key: "1", wait', 'key: "2", wait'),
        ("failures: 3", "failures: 4"),
        ("whisper: welcome", "whisper: sorry"),
        ("credit: 0.00", "credit: 0.01"),
        ("[acme-west, beta-main], cap: 5", "[acme-west, beta-main], cap: 6"),
        ("limit: 50, strict: true", "limit: 50"),
        ("sort: round_robin", "sort: performance"),
        ("no_answer: 2,", "no_answer: 3,"),
        ("recover: 20s", "recover: 21s"),
        ("within: 30d", "within: 31d"),
        ("long: 50", "long: 51"),
        ("conversion_group: auto", "conversion_group: home"),
        ("tiers: highest ", "tiers: sum "),
        ("percent: 70%", "percent: 71%"),
        ("hold_for: 7d", "hold_for: 8d"),
        ("places: 10", "places: 11"),
        ("holidays: [US, US-TX]", "holidays: [US]"),
        ('"2026-12-31": closed', '"2026-12-30": closed'),
    ],
)
def test_every_rule_is_part_of_the_version(config: Path, old: str, new: str) -> None:
    text = guide_text()
    assert text.count(old) >= 1

    assert version(config, text) != version(config, text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("filter: 'not anonymous'", 'filter:   "not  (anonymous)"'),
        ("[US, US-TX]", "[US-TX, US]"),
        ("{long: 50, short: 50}", "{short: 50, long: 50}"),
        ("tiers: highest ", "# "),
        ("within: 30d", "within: 720h"),
    ],
)
def test_the_version_does_not_see_how_a_rule_is_written(config: Path, old: str, new: str) -> None:
    text = guide_text()
    assert text.count(old) == 1

    assert version(config, text) == version(config, text.replace(old, new))
