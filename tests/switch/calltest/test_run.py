"""Call tests are run: expectations are met or missed, caps are full or used, earlier calls count; tests share nothing."""

from pathlib import Path

import pytest
from config_overlay import lay_base

from switch.calltest.load import load_tests
from switch.calltest.run import CallTestResult, prompts_heard, run_call_test
from switch.settings.load import load

TIGHT = """\
publishers:
  radio:
numbers:
  "+18005550100": {publisher: radio, campaign: quotes}
tags:
  sub: {type: text, header: X-Sub}
menus:
  qualify: {prompt: welcome, invalid: sorry, retries: 1, keys: {"1": {route: {interest: quote}}}, failed: {hangup: goodbye}}
advertisers:
  acme:
    cap: 3
    lines:
      acme-east:
        uri: sip:east@127.0.0.1:5071
        cap: 1
        caps: [{count: conversion, per: day, limit: 2}, {count: revenue, per: month, limit: 100.00}]
      acme-west: {uri: "sip:west@127.0.0.1:5072", filter: 'sub == "fb-12"'}
  beta:
    prepaid: {credit: 0.00}
    lines:
      beta-main: {uri: "sip:beta@127.0.0.1:5073"}
campaigns:
  quotes:
    menu: qualify
    lines: [{line: acme-east, priority: 1}, {line: acme-west, priority: 2}, {line: beta-main, priority: 3}]
    zone: America/New_York
    repeat: {scope: campaign, within: 30d, route: other}
    revenue: 25.00
    payout: 18.00
    overflow: {capped: {message: goodbye}}
"""
CALL = '{to: "+18005550100", at: 2026-03-02T12:00, digits: "1"}'


def run(tmp_path: Path, expect: str, **keys: str) -> CallTestResult:
    config = tmp_path / "config"
    if not config.exists():
        lay_base(config)
        (config / "shop.yaml").write_text(TIGHT)
        (config / "tests").mkdir()
    written = {"name": "it", "call": CALL, **keys, "expect": expect}
    text = "tests:\n  - " + "\n    ".join(f"{key}: {value}" for key, value in written.items()) + "\n"
    (config / "tests" / "it.yaml").write_text(text)
    loaded = load(config)
    assert loaded.errors == ()
    assert loaded.deployment is not None
    tests = load_tests(config / "tests", loaded)
    assert tests.problems == ()
    return run_call_test(tests.tests[0], loaded.deployment.plan)


@pytest.mark.parametrize(
    ("expect", "got", "wanted"),
    [
        ("{line: acme-west}", "line: got acme-east", "acme-west"),
        ("{line: [acme-west, beta-main]}", "line: got acme-east", "acme-west or beta-main"),
        ("{tried: []}", "tried: got acme-east", "none"),
        ("{tried: [acme-east, acme-west]}", "tried: got acme-east", "acme-east, acme-west"),
        ("{state: capped}", "state: got converted", "capped"),
        ("{hears: [goodbye]}", "hears: got welcome", "goodbye"),
        ("{hears: [welcome, welcome]}", "hears: got welcome", "welcome, welcome"),
        ("{revenue: 24.99}", "revenue: got 25.00", "24.99"),
        ("{payout: 0}", "payout: got 18.00", "0.00"),
        ("{connected: 119999ms}", "connected: got 120s", "119.999s"),
        ("{ended_by: line}", "ended_by: got caller", "line"),
        ("{sip: 486}", "sip: got 200", "486"),
        ("{tags: {interest: auto}}", "tags interest: got quote", "auto"),
        ("{tags: {anonymous: true}}", "tags anonymous: got false", "true"),
        ("{tags: {sub: x}}", "tags sub: got none", "x"),
    ],
)
def test_a_missed_expectation_is_told_with_what_happened(tmp_path: Path, expect: str, got: str, wanted: str) -> None:
    result = run(tmp_path, expect)

    assert not result.passed
    (failure,) = result.failures
    assert (failure.message, failure.expected) == (got, wanted)
    assert failure.excerpt.strip() == f"expect: {expect}"


def test_what_is_met_passes_and_each_that_is_missed_is_told(tmp_path: Path) -> None:
    met = """{line: [acme-west, acme-east], tried: [acme-east], state: converted, campaign: quotes, publisher: radio, hears: welcome,
      revenue: 25, payout: 18.00, connected: 120s, ended_by: caller, sip: 200, tags: {interest: quote, hour: 12, repeat: false}}"""
    assert run(tmp_path, met).failures == ()

    missed = run(tmp_path, met.replace("converted", "capped").replace("18.00", "17").replace("12,", "13,"))
    assert [failure.expected for failure in missed.failures] == ["capped", "17.00", "13"]


@pytest.mark.parametrize(
    ("keys", "expect"),
    [
        ({"full": "[line:acme-east]", "deposits": "{beta: 100}"}, "{tried: [beta-main]}"),
        ({"full": "[line:acme-east/conversion/day]", "deposits": "{beta: 100}"}, "{tried: [beta-main]}"),
        ({"full": "[line:acme-east, advertiser:beta/revenue/balance]", "deposits": "{beta: 100}"}, "{tried: [], hears: goodbye}"),
        ({"full": "[line:acme-east]"}, "{tried: [], state: capped}"),  # nothing is deposited: beta has no credit
        ({"used": "{line:acme-east/conversion/day: 1}"}, "{tried: [acme-east]}"),
        ({"used": "{line:acme-east/conversion/day: 2}", "deposits": "{beta: 25}"}, "{tried: [beta-main]}"),
        ({"used": "{line:acme-east/revenue/month: 75.00}"}, "{tried: [acme-east]}"),
        ({"used": "{line:acme-east/revenue/month: 75.01}", "deposits": "{beta: 25}"}, "{tried: [beta-main]}"),
    ],
)
def test_caps_are_full_or_used_as_the_test_says(tmp_path: Path, keys: dict[str, str], expect: str) -> None:
    assert run(tmp_path, expect, **keys).failures == ()


@pytest.mark.parametrize(
    ("earlier", "expect"),
    [
        ("[{ago: 30s, from: others}]", "{tried: [beta-main]}"),  # still talks
        ("[{ago: 130s, from: others}]", "{tried: [acme-east]}"),
        ("[{ago: 1h, from: others, times: 2, every: 10m}]", "{tried: [beta-main]}"),  # two conversions: enough for the day
        ("[{ago: 1d, from: others, times: 2, every: 10m}]", "{tried: [acme-east]}"),  # of the day before
        ("[{ago: 29d}]", "{tags: {repeat: true}, tried: [beta-main]}"),  # a repeat goes to another line
        ("[{ago: 31d}]", "{tags: {repeat: false}, tried: [acme-east]}"),
        ("[{ago: 29d, from: others}]", "{tags: {repeat: false}}"),
        ("[{ago: 29d, lines: {acme-east: busy, beta-main: busy}}]", "{tags: {repeat: false}}"),  # was not paid for
        ('[{at: "2026-03-01T12:00", digits: ""}]', "{tags: {repeat: false}}"),
    ],
)
def test_earlier_calls_count(tmp_path: Path, earlier: str, expect: str) -> None:
    assert run(tmp_path, expect, earlier=earlier, deposits="{beta: 1000}").failures == ()


def test_earlier_calls_that_are_over_are_told_of_and_live_ones_are_not(tmp_path: Path) -> None:
    result = run(tmp_path, "{line: acme-east}", earlier="[{ago: 1d}, {ago: 10s, from: others, lines: {acme-east: {talks: 1h}}}]")

    over, live = result.earlier
    assert over is not None
    assert over.record.final_state == "converted"
    assert live is None


def test_what_is_passed_in_headers_is_there_for_filters(tmp_path: Path) -> None:
    call = CALL.replace("}", ", tags: {sub: fb-12}}")

    assert run(tmp_path, "{tried: [acme-east, acme-west], tags: {sub: fb-12}}", call=call, lines="{acme-east: busy}").failures == ()


def test_impatience_lines_and_others_are_as_told(tmp_path: Path) -> None:
    call = CALL.replace("}", ", gives_up_after: 10s}")

    left = run(
        tmp_path, "{state: caller_left_while_ringing, ended_by: caller, line: [acme-east]}", call=call, lines="{others: rings}"
    )

    assert [failure.message for failure in left.failures] == ["line: got none"]


HOLDING = """\
publishers: {radio: {}}
numbers: {"+18005550100": {publisher: radio, campaign: quotes}}
advertisers: {acme: {lines: {acme-east: {uri: "sip:east@127.0.0.1:5071", cap: 1}}}}
campaigns:
  quotes:
    lines: [acme-east]
    revenue: 25.00
    payout: 18.00
    overflow:
      capped: {hold: {places: 2, wait: 5m, music: welcome, announce: sorry, every: 20s}}
      queue_full: {message: goodbye}
"""


@pytest.mark.parametrize(
    ("times", "expect"),
    [
        ("1", "{hears: [sorry, welcome, sorry, welcome], line: acme-east}"),
        ("2", "{hears: [sorry, welcome, sorry, welcome], line: acme-east}"),
        ("3", "{hears: goodbye, tried: []}"),
    ],
)
def test_the_caller_hears_what_a_hold_queue_has(tmp_path: Path, times: str, expect: str) -> None:
    config = tmp_path / "config"
    lay_base(config)
    (config / "shop.yaml").write_text(HOLDING)
    (config / "tests").mkdir()
    result = run(
        tmp_path, expect, call='{to: "+18005550100", at: 2026-03-02T12:00}', earlier=f"[{{ago: 30s, times: {times}, from: others}}]"
    )
    assert result.failures == ()


def test_the_caller_hears_prompts_and_lines_hear_whispers(tmp_path: Path) -> None:
    whispering = TIGHT.replace("cap: 1\n", "cap: 1\n        whisper: sorry\n")
    run(tmp_path, "{line: acme-east}")
    (tmp_path / "config" / "shop.yaml").write_text(whispering)

    result = run(tmp_path, "{line: acme-east, hears: welcome}")

    assert result.failures == ()
    assert prompts_heard(result.judged) == ("welcome",)
    assert any("Play 2 sorry to 1" in str(event.facts["then"]) for event in result.judged.events)


@pytest.mark.parametrize(
    ("speaks", "digits", "expect"),
    [
        ("12s", "1", "{hears: [goodbye, beep], voicemail: 12s, state: capped, ended_by: caller, tried: [], revenue: 0, sip: 200}"),
        ("12s", "1#", "{hears: [goodbye, beep, sorry], voicemail: 12s, state: capped, ended_by: switch}"),
        ("31s", "1", "{hears: [goodbye, beep, sorry], voicemail: 30s, state: capped, ended_by: switch}"),
        ("0s", "1", "{hears: [goodbye, beep], voicemail: 0s, ended_by: caller}"),
    ],
)
def test_a_caller_leaves_a_message(tmp_path: Path, speaks: str, digits: str, expect: str) -> None:
    run(tmp_path, "{line: acme-east}")
    voicemail = TIGHT.replace("{message: goodbye}", "{voicemail: {greeting: goodbye, goodbye: sorry, longest: 30s}}")
    (tmp_path / "config" / "shop.yaml").write_text(voicemail)
    call = CALL.replace('digits: "1"', f'digits: "{digits}", voicemail: {speaks}')
    full = "[line:acme-east, advertiser:acme, advertiser:beta/revenue/balance]"

    assert run(tmp_path, expect, call=call, full=full).failures == ()
    (missed,) = run(tmp_path, "{voicemail: 31s}", call=call, full=full).failures
    assert missed.message.startswith("voicemail: got ")


def test_a_call_that_leaves_no_message(tmp_path: Path) -> None:
    (missed,) = run(tmp_path, "{voicemail: 20s}").failures
    assert (missed.message, missed.expected) == ("voicemail: got none", "20s")


def test_earlier_callers_speak_as_long_unless_they_say_so(tmp_path: Path) -> None:
    run(tmp_path, "{line: acme-east}")
    (tmp_path / "config" / "shop.yaml").write_text(TIGHT.replace("{message: goodbye}", "{voicemail: {greeting: goodbye}}"))
    call = CALL.replace("}", ", voicemail: 7s}")
    full = "[line:acme-east, advertiser:acme, advertiser:beta/revenue/balance]"
    earlier = "[{ago: 1h}, {ago: 30m, voicemail: 9s}]"

    result = run(tmp_path, "{voicemail: 7s}", call=call, full=full, earlier=earlier)

    assert result.failures == ()
    assert [judged and judged.record.total_ms for judged in result.earlier] == [10_500, 12_500]


def test_the_same_test_has_the_same_result_whatever_ran_before(tmp_path: Path) -> None:
    first = run(tmp_path, "{line: acme-east}")
    run(tmp_path, "{line: acme-east}", earlier="[{ago: 1h, times: 20, every: 1m, from: others}]")

    assert run(tmp_path, "{line: acme-east}").judged == first.judged
