"""No change of a config goes untold, whatever it is, and none is told that is not there."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import Enum
from ipaddress import IPv4Network
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from config_overlay import guide_text, lay_guide
from pydantic import BaseModel

from routing.expression import Expression, parse
from switch.config_diff.diff import Change, changes
from switch.config_diff.text import SECRETS, Field, text_of, whole_field
from switch.formatter.format import format_text
from switch.settings.load import load, load_kept
from switch.settings.model.document import Document
from switch.settings.problem import Problem
from switch.settings.prompts import Spoken
from switch.settings.source import SourceFile
from switch.settings.text import parse_yaml
from switch.sip.digest import Secret

Way = tuple[str | int, ...]
POSTED = "abcdefghijklmnop-0123"


@pytest.fixture
def guide(config: Path) -> Document:
    lay_guide(config, guide_text())
    return read(config)


def read(directory: Path) -> Document:
    found = load(directory).document
    assert found is not None
    return found


def leaves(value: Any, way: Way = ()) -> Iterator[Way]:
    """The ways to all that a config is made of."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from leaves(getattr(value, name), (*way, name))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*way, key))
    elif isinstance(value, list):
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
            return value + 1
        case str():
            return value + "x"
        case datetime():
            return value + timedelta(minutes=1)
        case IPv4Network():
            return IPv4Network("192.0.2.0/24")
        case Spoken():
            return Spoken(value.text + "x", value.language)
        case Secret():
            return Secret(value.reveal() + "x")
        case (str() as host, int() as port):
            return host, port + 1
        case (int() as low, int() as high):
            return low + 1, high
    assert isinstance(value, Expression)
    return parse("trunk == nobody")


def changed(value: Any, way: Way) -> Any:
    """`value` with another leaf at the end of `way`."""
    if not way:
        return another(value)
    step, *rest = way
    if isinstance(value, BaseModel):
        return value.model_copy(update={str(step): changed(getattr(value, str(step)), tuple(rest))})
    if isinstance(value, dict):
        return {**value, step: changed(value[step], tuple(rest))}
    return [changed(inner, tuple(rest)) if index == step else inner for index, inner in enumerate(value)]


def test_every_leaf_of_the_guides_config(guide: Document) -> None:
    ways = list(leaves(guide))
    untold = []
    for way in ways:
        found = changes(guide, changed(guide, way))
        entry = (*way[2:4], "") if way[2:3] == ("lines",) and way[0] == "advertisers" else way
        if (
            not found
            or any(change.before == change.after for change in found)
            or str(entry[1]).replace("_", " ") not in found[0].words.replace("_", " ")
        ):
            untold.append((way, found))

    assert len(ways) > 180
    assert untold == []


def test_what_may_change_money(guide: Document) -> None:
    told = [change for way in leaves(guide) for change in changes(guide, changed(guide, way)) if change.what not in ("new", "gone")]
    money = {
        f"{change.path.partition('.')[0]}: {change.what}" for change in told if change.money and " cap per " not in change.what
    }

    assert money == {
        "advertisers: prepaid credit",
        *(f"campaigns: billable {key}" for key in ("on", "at least", "heard")),
        *(f"campaigns: repeat {key}" for key in ("bill", "pay", "route", "scope", "within")),
        *(f"campaigns: {key}" for key in ("conversion group", "hold for", "payout", "payout mail-three", "revenue")),
        *(f"trunks: cost {key}" for key in ("initial", "per minute", "step")),
        "lines: timer offset",
        "numbers: campaign",
        "numbers: publisher",
    }
    assert {change.what for change in told if " cap per " in change.what and change.money} == {
        *(f"revenue cap per {per}" for per in ("day", "month", "total")),
        "revenue cap per month limit",
        "revenue cap per month strict",
    }


def test_the_same_is_no_change(guide: Document) -> None:
    assert changes(guide, guide) == ()


def test_values_are_told_as_config_writes_them(guide: Document) -> None:
    canonical = format_text(guide_text(), name="guide.yaml")
    assert isinstance(canonical, str)
    tree = parse_yaml(canonical, SourceFile(path="guide.yaml"))
    assert not isinstance(tree, Problem)
    told = []
    for section in type(guide).model_fields:
        entries = {"": getattr(guide, section)} if section == "switch" else getattr(guide, section)
        for name, entry in entries.items():
            raw: Any = tree.data[section]
            told += list(both(raw[name] if name else raw, entry, whole_field(f"{section}.{name}" if name else section)))

    assert len(told) > 140
    assert [one for one in told if one[1] != one[2]] == []


def both(raw: Any, value: Any, field: Field) -> Iterator[tuple[str, str, str]]:
    """(path, as written, as told) of single values; filters and truths are told in a way of their own."""
    if isinstance(value, BaseModel) and isinstance(raw, dict):
        for inner, each in field.inner(value):
            if inner.key in raw:
                yield from both(raw[inner.key], each, inner)
    elif isinstance(value, dict) and isinstance(raw, dict):
        for key, each in value.items():
            found = {str(name): written for name, written in raw.items()}
            found = {**{name.lower(): written for name, written in found.items()}, **found}  # names of HTTP headers have no case
            yield from both(found[str(key)], each, field.child(str(key)))
    elif isinstance(value, list) and isinstance(raw, list):
        for number, (written, each) in enumerate(zip(raw, value, strict=True), 1):
            yield from both(written, each, field.item(str(number)))
    elif (
        isinstance(raw, str)
        and not isinstance(value, bool | Expression | Secret | None)
        and field.key not in ("header", "per_minute")
    ):
        yield field.path, raw.removesuffix("/32").strip("/"), text_of(value, field).removesuffix("/32")


def test_a_menu_of_another_kind(guide: Document) -> None:
    menus = {**guide.menus, "greet": guide.menus["age"]}

    (change,) = changes(guide, guide.model_copy(update={"menus": menus}))

    assert change.words.startswith(
        "menu greet: says something and goes on -> asks for digits and keeps them as a tag (gather age; "
    )


def test_every_secret_is_known_as_one() -> None:
    """By its description, which editors show."""
    found = {
        name for model in models(Document) for name, info in model.model_fields.items() if "secret" in (info.description or "")
    }

    assert found
    assert found <= SECRETS


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for info in model.model_fields.values():
        for part in parts(info.annotation):
            yield from models(part)


def parts(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from parts(inner)


def with_token(token: str) -> str:
    text = guide_text().replace("switch:\n", "switch:\n  api: {listen: 127.0.0.1:8088}\n")
    return text.replace(
        "advertisers:\n  acme:\n", f"advertisers:\n  acme:\n    token: {token}\n" if token else "advertisers:\n  acme:\n"
    )


def test_a_kept_config_is_the_same_without_its_prompts_and_tokens(config: Path) -> None:
    lay_guide(config, with_token(POSTED))
    loaded = load(config)
    assert loaded.deployment is not None
    assert POSTED not in "".join(loaded.files.values())

    kept = load_kept(loaded.files).document

    assert kept is not None
    assert changes(kept, read(config), kept=True) == ()


@pytest.mark.parametrize("text", ["a: [", "switch: {}\n"])
def test_a_kept_config_that_cannot_be_read_says_why(text: str) -> None:
    kept = load_kept({"config.yaml": text})

    assert kept.document is None
    assert kept.problems


def test_tokens_are_told_but_never_shown(config: Path) -> None:
    sides = []
    for token in ("", POSTED, POSTED.replace("0123", "4567"), ""):
        lay_guide(config, with_token(token))
        sides.append(read(config))

    found = [changes(before, after) for before, after in pairwise(sides)]

    assert [[told(change) for change in each] for each in found] == [
        ["$ advertiser acme: token set"],
        ["$ advertiser acme: another token"],
        ["$ advertiser acme: token taken away"],
    ]
    assert "abcdef" not in str(found)


def test_a_password_in_a_url_is_told_but_never_shown(guide: Document) -> None:
    urls = ["postgresql://a:one@127.0.0.1/b", "postgresql://a:two@127.0.0.1/b", "postgresql://a:xxx@127.0.0.1/b"]
    one, two, kept = (guide.model_copy(update={"switch": guide.switch.model_copy(update={"ledger": url})}) for url in urls)

    assert [told(change) for change in changes(one, two)] == ["  switch: another secret in ledger (takes a restart)"]
    assert changes(kept, two, kept=True) == ()
    assert [change.after for change in changes(guide, two)] == [urls[2]]


def test_the_token_of_a_new_advertiser_is_not_shown(config: Path) -> None:
    lay_guide(config, guide_text())
    before = read(config)
    acme = before.advertisers["acme"].model_copy(update={"token": POSTED})

    found = changes(before, before.model_copy(update={"advertisers": {**before.advertisers, "gamma": acme}}))

    assert "new advertiser gamma (cap 10, paused no, token set)" in [change.words for change in found]
    assert POSTED not in str([change.as_json() for change in found])


def told(change: Change) -> str:
    return ("$ " if change.money else "  ") + change.words
