"""What the canonical form is: before and after, one rule at a time."""

from hashlib import sha256
from pathlib import Path

import pytest

from switch.formatter.format import FormattedFile, format_text
from switch.ledger.versions import FORMAT_VERSION
from switch.settings.problem import Problem

RULES = {
    "durations in the largest unit": ("health: {rest: 90000ms}", "health: {rest: 90s}"),
    "a minute is 60s": ("ring: 1m", "ring: 60s"),
    "minutes": ("ring: 120s", "ring: 2m"),
    "hours": ("ring: 60m", "ring: 1h"),
    "nothing is 0s": ("timer_offset: 0ms", "timer_offset: 0s"),
    "what is no duration stays": ("ring: 30", "ring: 30"),
    "filters": ("filter: 'state in [TX,OK]  and (age>=65)'", "filter: 'state in [OK, TX] and age >= 65'"),
    "filters without quotes": ("filter: state in [TX,OK]", "filter: state in [OK, TX]"),
    "filters in double quotes": ('filter: "x == \\"a b\\""', 'filter: "x == \\"a b\\""'),
    "filters on several lines stay": ("filter: >\n          a and\n          (b)", "filter: >\n          a and\n          (b)"),
    "what is no filter stays": ("filter: a and", "filter: a and"),
    "numbers are plain": ('cap: "2"', "cap: 2"),
    "no octal look": ("cap: 010", "cap: 10"),
    "truths are plain": ("paused: 'true'", "paused: true"),
    "texts that look like numbers are quoted": ("whisper: 1234", 'whisper: "1234"'),
    "texts that look like booleans are quoted": ("whisper: off", 'whisper: "off"'),
    "the quotes of a text stay": ("whisper: 'hello'", "whisper: 'hello'"),
    "a key of the model is plain": ('"whisper": hello', "whisper: hello"),
    "an unknown key stays": ("frob: 90000ms", "frob: 90000ms"),
    "single spaces": ("accept:   { key: '1',prompt: p  }", 'accept: {prompt: p, key: "1"}'),
    "trailing white space": ("uri: x  \t", "uri: x"),
    "money caps": ("caps: [{limit: 5000, per: month, count: revenue}]", "caps: [{count: revenue, per: month, limit: 5000.00}]"),
    "counts are no money": ("caps: [{limit: 50, per: month}]", "caps: [{per: month, limit: 50}]"),
}


SPECIMEN = """\
# About the file.

menus:
  greet: {keys: {"1": {route:   {interest: quote}}}, prompt: welcome, timeout: 5000ms}   # one line
  age:
    then: {route: {}}
    # the tag
    gather: age
    max: "2"
hours:


  office:
    holidays: [US]
    sat: 10:00-14:00
    mon-fri: [9:00-12:00,13:00-17:00]     # twice
    zone: America/New_York
campaigns:
  quotes:
    payout: {percent: 70%}
    revenue: 25
    filter: 'state in [TX,OK]  and (age>=65)'
    lines: [{weight: 1, line: east}, west]
    caps:
      - limit: 5000
        # money
        count: revenue
        per: month
numbers:
  +18005550100: {campaign: quotes, publisher: radio}
# The end.
"""


def done(text: str, *, by_name: bool = False) -> str:
    after = format_text(text, name="x.yaml", by_name=by_name)
    assert isinstance(after, str), after
    assert format_text(after, name="x.yaml", by_name=by_name) == after
    return after


@pytest.mark.parametrize("rule", RULES)
def test_values_of_a_line(rule: str) -> None:
    before, after = (f"advertisers:\n  acme:\n    lines:\n      east:\n        {text}\n" for text in RULES[rule])

    assert done(before) == after


def test_amounts_numbers_and_times() -> None:
    before = (
        "numbers:\n  +18005550100: {campaign: quotes, publisher: radio}\n"
        "campaigns:\n  quotes:\n    payout: 70%\n    revenue: 25\n    lines: [a]\n"
        "hours:\n  office:\n    daily: 09:00-12:00\n    zone: UTC\n    dates: {2026-12-24: closed}\n"
    )

    assert done(before) == (
        'numbers:\n  "+18005550100": {publisher: radio, campaign: quotes}\n\n'
        "campaigns:\n  quotes:\n    lines: [a]\n    revenue: 25.00\n    payout: 70%\n\n"
        'hours:\n  office:\n    zone: UTC\n    daily: "09:00-12:00"\n    dates: {"2026-12-24": closed}\n'
    )


def test_comments_go_with_their_keys() -> None:
    before = """\
# yaml-language-server: $schema=payphone.schema.json
# About the file.

# About hours.
hours:   # behind hours


  office:
    # about monday
    mon: 09:00-10:00    # behind monday
      # deeper: still monday's
    # about the zone
    zone: UTC # behind the zone
    # last words
# About menus.
menus: {}
# The end."""

    assert (
        done(before)
        == """\
# yaml-language-server: $schema=payphone.schema.json
# About the file.

# About menus.
menus: {}

# About hours.
hours:   # behind hours
  office:
    # about the zone
    zone: UTC # behind the zone
    # about monday
    mon: "09:00-10:00"  # behind monday
      # deeper: still monday's
    # last words
# The end.
"""
    )


def test_items_of_a_list_keep_their_dash_and_their_order() -> None:
    before = "campaigns:\n  c:\n    caps:\n      - limit: 5\n        # every day\n        per: day\n      - per: hour\n        limit: 1\n"

    assert done(before) == (
        "campaigns:\n  c:\n    caps:\n      # every day\n      - per: day\n        limit: 5\n      - per: hour\n        limit: 1\n"
    )


def test_a_comment_between_brackets_keeps_everything_where_it_is() -> None:
    before = "menus:\n  m: {keys: {},   # the keys\n      prompt: welcome,\n      timeout: 5000ms}\n"

    assert done(before) == "menus:\n  m: {keys: {},   # the keys\n      prompt: welcome,\n      timeout: 5s}\n"


def test_several_lines_of_braces_keep_their_layout() -> None:
    before = "menus:\n  m: {keys: {},\n      prompt: welcome}   # behind\n"

    assert done(before) == "menus:\n  m: {prompt: welcome,\n      keys: {}}   # behind\n"


def test_names_keep_their_order_unless_they_are_to_be_sorted() -> None:
    text = "publishers:\n  # the second\n  b:\n  a:\n"

    assert done(text) == text
    assert done(text, by_name=True) == "publishers:\n  a:\n  # the second\n  b:\n"
    assert done("publishers: {b: {}, a: {}}\n", by_name=True) == "publishers: {a: {}, b: {}}\n"


def test_the_order_of_keys_that_a_caller_hears_or_draws_from_stays() -> None:
    text = "campaigns:\n  c:\n    split: {long: 1, a-short: 2}\nmenus:\n  m: {keys: {}}\n"

    assert "{long: 1, a-short: 2}" in done(text, by_name=True)


def test_ends_of_lines_and_marks_of_windows() -> None:
    assert done("\ufeffmenus: {}\r\nhours: {}\r\n\r\n") == "menus: {}\n\nhours: {}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "not YAML"),
        ("a: 1\na: 2\n", "here twice"),
        ("a: &x 1\n", "anchors"),
        ("a: 1\u2028b: 2\n", "U+2028"),
    ],
)
def test_what_is_not_understood_is_told(text: str, message: str) -> None:
    problem = format_text(text, name="x.yaml")

    assert isinstance(problem, Problem)
    assert message in problem.message


def test_a_diff_shows_no_secret() -> None:
    before = "advertisers:\n  acme:\n    lines: {}\n    token: abcdefghijklmnop-0123\n"
    result = FormattedFile(path=Path("x.yaml"), before=before, after=done(before))

    assert result.changed
    assert "abcdef" not in result.diff()
    assert "+    token: x" in result.diff()


def test_the_version_of_the_form_is_raised_with_its_output() -> None:
    output = sha256(done(SPECIMEN).encode()).hexdigest()[:12]

    assert (FORMAT_VERSION, output) == (1, "c9edcac04f28")
