"""No change of a plan goes untold, whatever it is, and none is told that is not there."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from config_overlay import guide_text, lay_guide

from switch.config_diff.compare import changes
from switch.config_diff.side import KeptUnreadable, kept_side, side_of
from switch.config_diff.view import View
from switch.engine.plan import Plan
from switch.settings.load import load

Way = tuple[str | int, ...]
NOT_MEANT = ("version", "column", "value_column", "key")


@pytest.fixture
def guide(config: Path) -> View:
    lay_guide(config, guide_text())
    deployment = load(config).deployment
    assert deployment is not None
    return side_of(config, deployment)


def leaves(value: Any, way: Way = ()) -> Iterator[Way]:
    """The ways to all that a plan is made of."""
    if is_dataclass(value):
        for each in (each for each in fields(value) if each.init):
            if each.name not in NOT_MEANT or type(value).__name__ == "Accept":
                yield from leaves(getattr(value, each.name), (*way, each.name))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, (*way, key))
    elif isinstance(value, tuple):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*way, index))
    elif value is not None:
        yield way


def another(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case Enum():
            members = list(type(value))
            return members[(members.index(value) + 1) % len(members)]
        case int():
            return value - 1 if value > 1 else value + 1
        case str():
            return value + "x"
    raise AssertionError(f"no other {value!r}")


def changed(value: Any, way: Way) -> Any:
    """`value` with another leaf at the end of `way`."""
    if not way:
        return another(value)
    step, *rest = way
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{str(step): changed(getattr(value, str(step)), tuple(rest))})
    if isinstance(value, Mapping):
        return {**value, step: changed(value[step], tuple(rest))}
    return tuple(changed(inner, tuple(rest)) if index == step else inner for index, inner in enumerate(value))


def test_every_leaf_of_the_guides_plan(guide: View) -> None:
    ways = list(leaves(guide.plan))
    untold, bare = [], set()
    for way in ways:
        plan: Plan = changed(guide.plan, way)
        found = changes(guide, replace(guide, plan=plan))
        if not found:
            untold.append(way)
        elif any(change.what == "plan" for change in found):
            bare.add(str(way[-1]))

    assert len(ways) > 300
    assert untold == []
    # Only what config can't change by itself is told without words of its own. 1: what a header holds, told of its tag.
    of_prices = {"revenue_micros", "repeat_bill", "repeat_pay", "tiers"}  # told of the campaign; a single step has no tiers
    assert bare <= {"name", "campaign", "start", "did", "owner", "zone", "1"} | of_prices


def test_the_same_is_no_change(guide: View) -> None:
    assert changes(guide, guide) == ()


def test_a_kept_config_is_the_same_without_its_prompts_and_tokens(config: Path) -> None:
    text = guide_text().replace("switch:\n", "switch:\n  api: {listen: 127.0.0.1:8088}\n")
    text = text.replace("advertisers:\n  acme:\n", "advertisers:\n  acme:\n    token: abcdefghijklmnop-0123\n")
    lay_guide(config, text)
    loaded = load(config)
    assert loaded.deployment is not None
    assert "abcdefgh" not in "".join(loaded.files.values())

    kept = kept_side(loaded.files)

    assert not isinstance(kept, KeptUnreadable)
    assert changes(kept, side_of(config, loaded.deployment)) == ()


@pytest.mark.parametrize("text", ["a: [", "switch: {}\n"])
def test_a_kept_config_that_cannot_be_read_says_why(text: str) -> None:
    kept = kept_side({"config.yaml": text})

    assert isinstance(kept, KeptUnreadable)
    assert kept.why


def test_tokens_are_told_but_never_shown(config: Path) -> None:
    text = guide_text().replace("switch:\n", "switch:\n  api: {listen: 127.0.0.1:8088}\n")
    views = []
    for token in ("", "    token: abcdefghijklmnop-0123\n", "    token: abcdefghijklmnop-4567\n"):
        lay_guide(config, text.replace("advertisers:\n  acme:\n", f"advertisers:\n  acme:\n{token}"))
        deployment = load(config).deployment
        assert deployment is not None
        views.append(side_of(config, deployment))

    first = changes(views[0], views[1])
    second = changes(views[1], views[2])

    assert [change.words for change in first] == ["advertiser acme: postback token set"]
    assert [change.words for change in second] == ["advertiser acme: another postback token"]
    assert "abcdef" not in str((first, second))
