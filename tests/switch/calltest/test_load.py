"""Call tests as they are written: what they come to, and what their author is told."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
import yaml
from config_overlay import SAMPLE

from switch.call.record import EndedBy
from switch.calltest.load import CallTests, load_tests, schema
from switch.calltest.run import Aspect
from switch.problem_text import show
from switch.settings.load import load
from switch.simulation.call_script import LineBehaviour

CALL = '{to: "+18005550100", at: 2026-03-02T12:00-05:00}'
EXPECT = "{state: converted}"
NOON_US = int(datetime(2026, 3, 2, 17, tzinfo=UTC).timestamp()) * 1_000_000
SCHEMA_FILE = SAMPLE / "tests" / "calltests.schema.json"


SUB_AND_AGE = "sub: {type: text, header: X-Sub}, age: {type: number, header: X-Age}"


def read(config: Path, text: str, *, name: str = "shop.yaml", tags: str = SUB_AND_AGE) -> CallTests:
    """The base config has a cap on acme-east and a tag read from a header besides."""
    (config / "more.yaml").write_text(f"tags: {{{tags}}}\n")
    shop = config / "shop.yaml"
    shop.write_text(shop.read_text().replace("acme-east: {uri: sip:east@127.0.0.1:5071}", ACME_EAST))
    (config / "tests").mkdir(exist_ok=True)
    (config / "tests" / name).write_text(text)
    loaded = load(config)
    assert loaded.errors == ()
    return load_tests(config / "tests", loaded)


ACME_EAST = 'acme-east: {uri: "sip:east@127.0.0.1:5071", cap: 2, caps: [{count: revenue, per: day, limit: 100.00}]}'


def one(**keys: str) -> str:
    """A file of one test, `keys` in place of what it has."""
    written = {"name": "it", "call": CALL, "expect": EXPECT, **keys}
    return "tests:\n  - " + "\n    ".join(f"{key}: {value}" for key, value in written.items()) + "\n"


def test_what_is_left_out_has_defaults(config: Path) -> None:
    loaded = read(config, one())

    assert loaded.problems == ()
    (test,) = loaded.tests
    assert (test.call.did, test.call.ani, test.call.trunk) == ("+18005550100", "+12125550123", "carrier")
    assert (test.call.at_us, test.call.seed, test.call.digits, test.call.patience_ms) == (NOON_US, 1, "", None)
    assert (test.position.file, test.position.line) == ("config/tests/shop.yaml", 2)


def test_a_test_goes_over_the_defaults_of_its_file_key_by_key(config: Path) -> None:
    defaults = """\
defaults:
  call: {to: "+18005550100", from: "+13105550123", at: 2026-03-02T12:00, zone: America/New_York, digits: "1", tags: {sub: a, age: 1}}
  lines: {acme-east: busy, others: rings}
  deposits: {acme: 100}
"""
    (test,) = read(config, defaults + one(call='{digits: "", tags: {sub: b}}', lines="{acme-east: silent}")).tests

    assert (test.call.ani, test.call.at_us, test.call.digits) == ("+13105550123", NOON_US, "")
    assert test.call.tags == {"sub": "b", "age": 1}
    assert test.call.conduct("acme-east").behaviour is LineBehaviour.SILENT
    assert test.call.conduct("acme-west").behaviour is LineBehaviour.RINGS
    assert test.deposits == {"acme": 100_000_000}


@pytest.mark.parametrize(
    ("at", "zone", "hour"),
    [
        ("2026-03-02T12:00Z", "", 12),
        ("2026-03-02T12:00+01:00", "", 11),
        ("2026-03-02T12:00:00-05:00", ", zone: Europe/Berlin", 17),  # an offset is never overruled
        ("2026-03-02T12:00", ", zone: America/New_York", 17),
        ("2026-03-02 12:00", ", zone: Europe/Berlin", 11),
        ("2026-03-02T12:00", "", 18),  # the campaign's zone
    ],
)
def test_a_time_is_local_to_the_campaign_unless_it_says_where(config: Path, at: str, zone: str, hour: int) -> None:
    shop = config / "shop.yaml"
    shop.write_text(shop.read_text().replace("    menu: qualify", "    zone: America/Chicago\n    menu: qualify"))

    (test,) = read(config, one(call=f'{{to: "+18005550100", at: {at}{zone}}}')).tests

    assert datetime.fromtimestamp(test.call.at_us / 1_000_000, tz=UTC) == datetime(2026, 3, 2, hour, tzinfo=UTC)


def test_how_a_line_behaves(config: Path) -> None:
    lines = "{acme-east: {after: 3s, talks: 95s, ended_by: line, accepts: false, accepts_after: 1s}, acme-west: busy}"

    (test,) = read(config, one(lines=lines)).tests

    east, west = test.call.conduct("acme-east"), test.call.conduct("acme-west")
    assert (east.behaviour, east.after_ms, east.talk_ms, east.ended_by) == (LineBehaviour.ANSWERS, 3_000, 95_000, EndedBy.LINE)
    assert (east.accepts, east.accept_ms) == (False, 1_000)
    assert (west.behaviour, west.after_ms) == (LineBehaviour.BUSY, 2_000)


def test_earlier_calls_are_like_the_call_in_what_they_do_not_say(config: Path) -> None:
    earlier = """
      - {ago: 1m, times: 2, every: 10s, from: others, lines: {acme-east: busy}}
      - {ago: 2d, digits: "2", from: anonymous}
      - {at: "2026-03-01T17:00Z", seed: 7}"""

    (test,) = read(config, one(earlier=earlier, lines="{acme-west: fails}", call=CALL.replace("}", ', digits: "1"}'))).tests

    assert [(NOON_US - call.at_us) // 1_000_000 for call in test.earlier] == [2 * 86_400, 86_400, 60, 50]
    assert [call.ani for call in test.earlier] == ["anonymous", "+12125550123", "+12125550124", "+12125550125"]
    assert [call.digits for call in test.earlier] == ["2", "1", "1", "1"]
    assert [call.call_id for call in test.earlier] == ["earlier-1", "earlier-2", "earlier-3", "earlier-4"]
    assert [call.conduct("acme-west").behaviour for call in test.earlier] == [LineBehaviour.FAILS] * 4
    assert [call.conduct("acme-east").behaviour for call in test.earlier] == [LineBehaviour.ANSWERS] * 2 + [LineBehaviour.BUSY] * 2
    assert len({call.seed for call in (test.call, *test.earlier[2:])}) == 3
    assert test.earlier[1].seed == 8


def test_others_have_numbers_of_the_same_exchange(config: Path) -> None:
    """Of ten thousand numbers: after 9999 comes 0000."""
    call = CALL.replace("}", ', from: "+12125559998"}')

    (test,) = read(config, one(call=call, earlier="[{ago: 1m, times: 2, from: others}]")).tests

    assert [call.ani for call in test.earlier] == ["+12125559999", "+12125550000"]


def test_lines_of_an_earlier_call_do_as_it_says_and_else_as_the_test_says(config: Path) -> None:
    lines = "{acme-east: fails, acme-west: busy, others: rings}"

    (test,) = read(config, one(lines=lines, earlier="[{ago: 1m, lines: {acme-east: silent}}]")).tests

    (earlier,) = test.earlier
    assert [earlier.conduct(line).behaviour for line in ("acme-east", "acme-west", "x")] == [
        LineBehaviour.SILENT,
        LineBehaviour.BUSY,
        LineBehaviour.RINGS,
    ]
    assert test.call.conduct("acme-east").behaviour is LineBehaviour.FAILS


def test_caps_are_named_by_their_keys_and_used_in_what_they_count(config: Path) -> None:
    (test,) = read(config, one(full="[line:acme-east]", used="{line:acme-east: 1, line:acme-east/revenue/day: 99.50}")).tests

    assert test.full == {"line:acme-east"}
    assert test.used == {"line:acme-east": 1, "line:acme-east/revenue/day": 99_500_000}


def test_expectations_are_typed_and_know_where_they_are_written(config: Path) -> None:
    expect = """
      line: acme-east
      tried: []
      hears: [welcome, goodbye]
      revenue: 25.00
      connected: 95s
      tags: {age: 65, anonymous: false}"""

    (test,) = read(config, one(expect=expect)).tests

    assert [(each.aspect, each.tag, each.expected, each.span.line) for each in test.expect] == [
        (Aspect.LINE, "", ("acme-east",), 5),
        (Aspect.TRIED, "", (), 6),
        (Aspect.HEARS, "", ("welcome", "goodbye"), 7),
        (Aspect.REVENUE, "", 25_000_000, 8),
        (Aspect.CONNECTED, "", 95_000, 9),
        (Aspect.TAG, "age", 65, 10),
        (Aspect.TAG, "anonymous", False, 10),
    ]


def test_a_problem_is_told_as_one_of_a_config(config: Path) -> None:
    loaded = read(config, one(expect="{line: acme-est}"))

    rows = (config / "shop.yaml").read_text().splitlines()
    east, west = (next(at for at, row in enumerate(rows, 1) if f"{name}: {{" in row) for name in ("acme-east", "acme-west"))
    assert loaded.tests == ()
    assert [show(problem) for problem in loaded.problems] == [
        'config/tests/shop.yaml:4:20  unknown line "acme-est"\n'
        "    4 |     expect: {line: acme-est}\n"
        "      |                    ^^^^^^^^\n"
        f"  expected  a line from config/shop.yaml: acme-east (line {east}), acme-west (line {west})\n"
        '  hint      did you mean "acme-east"?'
    ]


@pytest.mark.parametrize(
    ("keys", "message", "hint"),
    [
        ({"calls": CALL}, 'unknown key "calls"', 'did you mean "call"?'),
        ({"call": CALL.replace("at:", "att:")}, 'unknown key "att"', 'did you mean "at"?'),
        ({"call": CALL.replace("0100", "0101")}, 'unknown number "+18005550101"', 'did you mean "+18005550100"?'),
        ({"call": '{at: "2026-03-02T12:00Z"}'}, "the call has no `to`", None),
        ({"call": '{to: "+18005550100"}'}, "the call has no `at`", None),
        ({"call": CALL.replace("2026-03-02T12:00-05:00", "noon")}, 'bad time "noon"', None),
        ({"call": CALL.replace("}", ", digits: 1x}")}, 'no phone sends "x"', None),
        ({"call": CALL.replace("}", ", from: unknown}")}, 'bad number "unknown"', None),
        ({"call": CALL.replace("}", ", trunk: carrierr}")}, 'unknown trunk "carrierr"', 'did you mean "carrier"?'),
        ({"call": CALL.replace("}", ", tags: {sup: x}}")}, 'unknown header tag "sup"', 'did you mean "sub"?'),
        ({"call": CALL.replace("}", ", tags: {age: old}}")}, '"old" is no value of this tag', None),
        ({"lines": "{acme-east: busyy}"}, 'unknown behaviour "busyy"', 'did you mean "busy"?'),
        ({"lines": "{acme-est: busy}"}, 'unknown line "acme-est"', 'did you mean "acme-east"?'),
        ({"lines": "{acme-east: {talks: 95}}"}, 'bad duration "95"', "did you mean 95s?"),
        ({"lines": "{acme-east: {ended_by: switch}}"}, 'unknown side "switch"', None),
        ({"full": "[line:acme-eats]"}, 'unknown cap "line:acme-eats"', 'did you mean "line:acme-east"?'),
        ({"used": "{line:acme-east: 1.50}"}, 'bad number "1.50"', None),
        ({"deposits": "{acne: 5}"}, 'unknown advertiser "acne"', 'did you mean "acme"?'),
        ({"earlier": "[{times: 2}]"}, "when was it?", None),
        ({"earlier": "[{ago: 1s, times: 3}]"}, "not all of these calls are before the call of the test", "make `ago` longer"),
        ({"earlier": '[{ago: 1s, to: "+18005550199"}]'}, 'unknown number "+18005550199"', 'did you mean "+18005550100"?'),
        ({"expect": "{}"}, "nothing is expected", None),
        ({"expect": "{state: convertd}"}, 'unknown state "convertd"', 'did you mean "converted"?'),
        ({"expect": "{hears: welcom}"}, 'unknown prompt "welcom"', 'did you mean "welcome"?'),
        ({"expect": "{revenue: 25 USD}"}, 'bad amount "25 USD"', None),
        ({"expect": "{tags: {interestt: x}}"}, 'unknown tag "interestt"', None),
        ({"expect": "{tags: {hour: noon}}"}, '"noon" is no value of this tag', None),
        ({"name": '""'}, "a test needs a name", None),
    ],
)
def test_what_is_wrong_is_told_with_a_hint(config: Path, keys: dict[str, str], message: str, hint: str | None) -> None:
    loaded = read(config, one(**keys))

    assert [(problem.message, problem.hint) for problem in loaded.problems] == [(message, hint)]
    assert loaded.problems[0].line > 0


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("2026-03-08T02:30", "2026-03-08 02:30:00 is skipped by the clocks of America/New_York"),
        ("2026-11-01T01:30", "2026-11-01 01:30:00 comes twice with the clocks of America/New_York"),
    ],
)
def test_local_times_that_are_not_one_instant_are_told(config: Path, at: str, message: str) -> None:
    loaded = read(config, one(call=f'{{to: "+18005550100", at: {at}, zone: America/New_York}}'))

    assert [problem.message for problem in loaded.problems] == [message]


def test_everything_is_told_at_once_and_what_is_sound_is_there_too(config: Path) -> None:
    read(config, "tests: [\n", name="broken.yaml")
    read(config, one(name="sound"), name="sound.yaml")

    loaded = read(config, one(lines="{acme-est: busy}", expect="{state: gone, line: acme-wst}"))

    assert [(problem.path, problem.line) for problem in loaded.problems] == [
        ("config/tests/broken.yaml", 1),
        *[("config/tests/shop.yaml", 4)] * 2,
        ("config/tests/shop.yaml", 5),
    ]
    assert [test.name for test in loaded.tests] == ["sound"]


def test_a_number_that_nobody_has_may_be_what_a_test_is_about(config: Path) -> None:
    loaded = read(config, one(call=CALL.replace("0100", "0199"), expect="{state: rejected_unknown_number}"))

    assert loaded.problems == ()


@pytest.mark.parametrize(
    ("most", "more"),
    [
        ({"name": "n" * 200}, {"name": "n" * 201}),
        ({"earlier": "[{ago: 1h, times: 1000}]"}, {"earlier": "[{ago: 1h, times: 1001}]"}),
        ({"call": CALL.replace("}", ", seed: 1000000}")}, {"call": CALL.replace("}", ", seed: 1000001}")}),
    ],
    ids=["characters of a name", "times of a call", "seed"],
)
def test_a_test_says_so_much(config: Path, most: dict[str, str], more: dict[str, str]) -> None:
    assert read(config, one(**most)).problems == ()
    assert len(read(config, one(**more)).problems) == 1


@pytest.mark.parametrize(("more", "told"), [(1, "npdi, cic"), (2, "rn, npdi and 1 more")])
def test_so_many_names_are_listed_where_one_is_not_known(config: Path, more: int, told: str) -> None:
    """Besides the five tags that every INVITE may set."""
    tags = ", ".join(f"g{number}: {{type: text, header: X-{number}}}" for number in range(more))
    (problem,) = read(config, one(call='{to: "+18005550100", tags: {nothing: 1}}'), tags=tags).problems
    assert problem.expected is not None
    assert re.sub(r" \(line [0-9]+\)", "", problem.expected).endswith(told)


def test_two_tests_of_one_name_are_told_apart(config: Path) -> None:
    read(config, one(), name="other.yaml")

    loaded = read(config, one())

    assert [(problem.path, problem.message) for problem in loaded.problems] == [
        ("config/tests/other.yaml", '2 tests have the name "it"'),
        ("config/tests/shop.yaml", '2 tests have the name "it"'),
    ]


@pytest.mark.parametrize("text", ["", "tests: []\n", "tests:\n", "- a\n", "tests: {a: b}\n", "tests: [1]\n", "defaults: {}\n"])
def test_a_file_without_tests_is_a_problem(config: Path, text: str) -> None:
    loaded = read(config, text)

    assert loaded.problems != ()
    assert all(problem.path == "config/tests/shop.yaml" for problem in loaded.problems)


def test_no_directory_has_no_tests(config: Path) -> None:
    assert load_tests(config / "nowhere", load(config)) == CallTests(tests=(), problems=())


def test_the_schema_file_is_the_generated_one() -> None:
    """docs/guide-call-tests.md says how to write it anew."""
    assert json.loads(SCHEMA_FILE.read_text()) == schema()


@pytest.mark.parametrize("path", sorted((SAMPLE / "tests").glob("*.yaml")), ids=lambda path: path.stem)
def test_editors_accept_the_sample(path: Path) -> None:
    jsonschema.Draft202012Validator(schema()).validate(yaml.safe_load(path.read_text()))

    assert path.read_text().startswith("# yaml-language-server: $schema=calltests.schema.json\n")


@pytest.mark.parametrize(
    "data",
    [
        {"tests": []},
        {"tests": [{"name": "it", "expect": {}, "cal": {}}]},
        {"tests": [{"name": "it", "expect": {"state": "gone"}}]},
        {"tests": [{"name": "it", "expect": {"line": "a"}, "lines": {"a": "busyy"}}]},
        {"tests": [{"name": "it", "expect": {"line": "a"}, "call": {"at": "noon"}}]},
    ],
)
def test_editors_refuse(data: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema()).validate(data)


def test_every_key_is_described_to_editors() -> None:
    shapes = schema()
    models = [shapes, *(option for shape in shapes["$defs"].values() for option in shape.get("anyOf", [shape]))]

    bare = [key for model in models for key, part in model.get("properties", {}).items() if "description" not in part]

    assert bare == []
