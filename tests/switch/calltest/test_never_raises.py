"""Whatever stands in a file of call tests: it is told what is wrong, or it is a test that can be run."""

import json
from pathlib import Path

import pytest
from config_overlay import lay_base
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.calltest.load import load_tests
from switch.calltest.run import run_call_test
from switch.settings.load import Loaded, load

KEYS = (
    *("defaults", "tests", "name", "call", "lines", "full", "used", "deposits", "earlier", "expect"),
    *("to", "from", "at", "zone", "digits", "tags", "trunk", "gives_up_after", "seed", "ago", "times", "every"),
    *("does", "after", "talks", "ended_by", "accepts", "line", "tried", "state", "hears", "revenue", "connected", "sip"),
    *("acme-east", "others", "acme", "line:acme-east", "interest", "hour"),
)
WORDS = (
    *("", "it", "~", "0", "1", "2000", "12", "-1", "1.5", "true", "30s", "3d", "500ms", "busy", "rings", "caller", "line"),
    *("+18005550100", "anonymous", "others", "2026-03-02T12:00", "2026-03-08T02:30", "0001-01-01T00:00", "9999-12-31T23:59-12:00"),
    *("America/New_York", "carrier", "acme-east", "line:acme-east", "converted", "capped", "welcome", "quote", "\x00", "é" * 300),
)
VALUES = st.recursive(
    st.sampled_from(WORDS) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
CALL = st.fixed_dictionaries({"to": st.just("+18005550100"), "at": st.just("2026-03-02T12:00")}, optional={"digits": st.just("1")})
TEST = st.fixed_dictionaries(
    {"name": st.sampled_from(("it", "other")), "expect": st.just({"state": "converted"}) | VALUES, "call": CALL | VALUES},
    optional=dict.fromkeys(("lines", "full", "used", "deposits", "earlier"), VALUES),
)
FILE = st.fixed_dictionaries({"tests": st.lists(TEST, max_size=3) | VALUES}, optional={"defaults": VALUES}) | VALUES


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Loaded]:
    directory = tmp_path_factory.mktemp("any") / "config"
    lay_base(directory)
    shop = directory / "shop.yaml"
    shop.write_text(shop.read_text().replace("acme-east: {", "acme-east: {cap: 2, "))
    (directory / "tests").mkdir()
    return directory / "tests", load(directory)


@settings(max_examples=150, deadline=None)
@given(data=FILE)
def test_it_is_told_or_it_runs(config: tuple[Path, Loaded], data: object) -> None:
    directory, loaded = config
    (directory / "any.yaml").write_text(json.dumps(data, ensure_ascii=False))

    tests = load_tests(directory, loaded)

    assert loaded.deployment is not None
    assert tests.tests or tests.problems
    for test in tests.tests:
        assert run_call_test(test, loaded.deployment.plan).judged.record.did == test.call.did


@settings(max_examples=150, deadline=None)
@given(raw=st.binary(max_size=60))
def test_any_bytes_are_told(config: tuple[Path, Loaded], raw: bytes) -> None:
    directory, loaded = config
    (directory / "any.yaml").write_bytes(raw)

    assert load_tests(directory, loaded).problems != ()
