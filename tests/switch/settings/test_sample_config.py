"""The sample in `config/`: it loads, its schema is the generated one, and editors accept it."""

import json
import re
import wave
from pathlib import Path

import jsonschema
import pytest
import yaml
from config_overlay import SAMPLE, guide_text

from routing.cap import Cap
from routing.table import NoRoute, Target, ToCampaign
from switch.settings.load import load, schema
from switch.settings.problem import Severity

FILES = sorted(SAMPLE.glob("*.yaml"))
MAX_PROMPT_BYTES = 100_000


class EditorLoader(yaml.SafeLoader):
    """YAML 1.2's core schema, as editors read it: `on` is a text, `25.00` a number."""


EditorLoader.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ("bool", "true|false", "tf"),
    ("int", "[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?[0-9]+\.[0-9]*", "-+0123456789"),
    ("null", "~|null|", "~n"),
):
    EditorLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^({pattern})$"), [*first, ""])


def test_it_loads_with_only_the_warnings_its_comments_speak_of() -> None:
    loaded = load(SAMPLE)

    assert loaded.deployment is not None
    assert {(problem.severity, problem.message) for problem in loaded.problems} == {(Severity.WARNING, "a threshold below 60 s")}


def test_it_has_what_the_demo_calls_need_at_any_hour() -> None:
    deployment = load(SAMPLE).deployment
    assert deployment is not None
    table = deployment.plan.table
    quotes = table.campaigns["auto-quotes"]

    assert table.numbers["+18005550100"].campaign == "auto-quotes"
    assert quotes.targets == (Target(line="acme-east", priority=1), Target(line="beta-main", priority=2))
    assert quotes.hours is None
    assert quotes.overflow[NoRoute.CAPPED] == ToCampaign(campaign="auto-overflow")
    assert Cap(owner="line:acme-east", limit=1) in table.lines["acme-east"].caps
    assert [table.lines[name].uri[-5:] for name in ("acme-east", "beta-main", "gamma-desk")] == [":5071", ":5072", ":5073"]
    assert all(table.lines[name].hours is None for name in ("acme-east", "beta-main", "gamma-desk"))
    assert deployment.plan.terms["auto-quotes"].revenue.steps[0].rule.at_least_ms == 3_000


def test_the_schema_file_is_the_generated_one() -> None:
    """docs/guide-config.md says how to write it anew."""
    assert json.loads((SAMPLE / "payphone.schema.json").read_text()) == schema()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_editors_accept_it(path: Path) -> None:
    data = yaml.load(path.read_text(), Loader=EditorLoader)  # noqa: S506 (a SafeLoader)

    jsonschema.Draft202012Validator(schema()).validate(data)
    assert path.read_text().startswith("# yaml-language-server: $schema=payphone.schema.json\n")


def test_editors_accept_the_guide() -> None:
    """It has every key. To editors keys are texts, whatever they look like."""
    data = json.loads(json.dumps(yaml.load(guide_text(), Loader=EditorLoader)))  # noqa: S506 (a SafeLoader)

    jsonschema.Draft202012Validator(schema()).validate(data)


@pytest.mark.parametrize(
    "data",
    [
        {"campaigns": {"a": {"lines": ["b"], "revenue": "70%", "payout": 1}}},
        {"campaigns": {"a": {"lines": ["b"], "revenue": 1, "payout": 1, "retry": {"capped": 1}}}},
        {"publishers": {"radio": {"caps": [{"per": "balance", "limit": 1}]}}},
        {"menus": {"m": {"say": "p", "gather": "age", "max": 1, "then": {"route": {}}}}},
        {"menus": {"m": {"say": "p", "then": {"again": True}}}},
        {"campaign": {}},
        {"publishers": {"radio": {"pasued": True}}},
        {"publishers": {"radio one": {}}},
        {"campaigns": {"a": {"lines": [], "revenue": 1, "payout": 1}}},
        {"campaigns": {"a": {"lines": [{"line": "b", "weightt": 1}], "revenue": 1, "payout": 1}}},
        {"hours": {"office": {"zone": "UTC", "monday": "09:00-17:00"}}},
        {"menus": {"m": {"prompt": "p", "keys": {"1": {"again": True, "hangup": True}}}}},
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


@pytest.mark.parametrize("path", sorted(SAMPLE.glob("prompts/*.wav")), ids=lambda path: path.stem)
def test_prompts_are_short_telephone_speech(path: Path) -> None:
    with wave.open(str(path)) as prompt:
        assert (prompt.getframerate(), prompt.getnchannels(), prompt.getsampwidth()) == (8_000, 1, 2)
        shortest_s = 0.3 if path.stem.startswith("digit-") else 0.5
        assert shortest_s < prompt.getnframes() / prompt.getframerate() <= 4.0
    assert path.stat().st_size < MAX_PROMPT_BYTES
