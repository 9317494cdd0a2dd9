"""However a config is laid out, it is written the same way afterwards, means the same, and has lost no comment."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from config_overlay import SAMPLE, guide_text, lay_base, lay_guide
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from switch.formatter.format import format_text
from switch.settings.load import load
from switch.settings.problem import Problem
from switch.settings.source import NoValue, SourceFile, Value
from switch.settings.text import parse_yaml

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SAMPLES = [path.read_text() for path in sorted(SAMPLE.glob("*.yaml"))]
AUTHORS = st.integers(0, 2**32).map(lambda seed: Author(Random(seed)))
DURATIONS = {"90s": "90000ms", "60s": "1m", "30s": "30000ms", "30d": "720h", "3m": "180s", "5s": "5000ms"}


class Author:
    """Writes plain data as YAML in a layout of his own. Each comment says what it is about."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._comments = 0

    def write(self, data: dict[str, Value]) -> str:
        return "\n".join(self._pairs(data, 0)) + "\n" * self._random.randint(1, 3)

    def _pairs(self, data: dict[str, Value], indent: int) -> Iterator[str]:
        keys = list(data)
        if self._random.random() < 0.5:
            self._random.shuffle(keys)
        for key in keys:
            yield from self._above(key, indent)
            yield from self._pair(key, data[key], indent)

    def _pair(self, key: str, value: Value, indent: int) -> Iterator[str]:
        begin = " " * indent + self._scalar(key) + ":"
        step = self._random.choice((1, 2, 4))
        match value:
            case dict() if value and self._random.random() < 0.7:
                yield begin + self._behind(key)
                yield from self._pairs(value, indent + step)
            case list() if value and self._random.random() < 0.5:
                yield begin + self._behind(key)
                for item in value:
                    yield from self._item(item, indent + step)
            case _:
                yield begin + self._random.choice((" ", " ", "   ")) + self._flow(value) + self._behind(key)

    def _item(self, item: Value, indent: int) -> Iterator[str]:
        if isinstance(item, dict) and self._random.random() < 0.5:
            rows = list(self._pairs(item, indent + 2))
            while not re.match(r" +['\"]?\w", rows[0]):  # what is above the first key stands above the item
                yield rows.pop(0).replace("above", "item of")
            yield " " * indent + "- " + rows[0][indent + 2 :]
            yield from rows[1:]
        else:
            yield " " * indent + "- " + self._flow(item)

    def _flow(self, value: Value) -> str:
        if isinstance(value, str):
            return self._scalar(value)
        if isinstance(value, NoValue):
            return self._random.choice(("", "~"))
        space = self._random.choice(("", " "))
        comma = self._random.choice((", ", ",  ", ",\n" + " " * 30))
        if isinstance(value, list):
            return f"[{space}{comma.join(map(self._flow, value))}{space}]"
        parts = [f"{self._scalar(key)}: {self._flow(inner)}" for key, inner in value.items()]
        self._random.shuffle(parts)
        return f"{{{space}{comma.join(parts)}{space}}}"

    def _scalar(self, text: str) -> str:
        text = DURATIONS.get(text, text) if self._random.random() < 0.5 else text
        plain = re.fullmatch(r"[\w/][\w./@-]*(:[\w.]+)*", text)
        styles = [json.dumps(text, ensure_ascii=False), "'" + text.replace("'", "''") + "'", *([text] * 3 if plain else [])]
        return self._random.choice(styles)

    def _above(self, key: str, indent: int) -> Iterator[str]:
        if self._random.random() < 0.3:
            yield from [" " * self._random.randint(0, 3)] * self._random.randint(0, 3)
        if self._random.random() < 0.3:
            yield " " * indent + self._comment(f"above {key}")

    def _behind(self, key: str) -> str:
        draw = self._random.random()
        return " " * self._random.randint(1, 5) + self._comment(f"behind {key}") if draw < 0.3 else " \t" if draw < 0.4 else ""

    def _comment(self, about: str) -> str:
        self._comments += 1
        return f"# {self._comments} {about} 'it\"s: [here"


def remarks(text: str) -> Counter[str]:
    return Counter(re.findall(r"# \d+ (?:above|behind|item of).*$", text, re.MULTILINE))


def data_of(text: str) -> dict[str, Value]:
    read = parse_yaml(text, SourceFile(path="sample"))
    assert not isinstance(read, Problem)
    return read.data


def done(text: str) -> str:
    after = format_text(text, name="sample.yaml")
    assert isinstance(after, str), after
    return after


def version(directory: Path, text: str) -> str:
    lay_guide(directory, text)
    deployment = load(directory).deployment
    assert deployment is not None
    return deployment.plan.version


@QUICK
@given(author=AUTHORS)
def test_any_layout_of_the_guides_config(tmp_path_factory: pytest.TempPathFactory, author: Author) -> None:
    text = author.write(data_of(guide_text()))
    directory = tmp_path_factory.mktemp("any") / "config"
    lay_base(directory)

    after = done(text)

    assert done(after) == after
    assert remarks(after) == remarks(text)
    assert version(directory, after) == version(directory, text)


@QUICK
@given(author=AUTHORS, sample=st.sampled_from(SAMPLES))
def test_comments_stay_with_what_they_are_about(author: Author, sample: str) -> None:
    lines = done(author.write(data_of(sample))).splitlines()

    for number, line in enumerate(lines):
        for where, key in re.findall(r"# \d+ (above|behind) (\S+)", line):
            below = next(other for other in lines[number:] if other.strip() and not other.strip().startswith("#"))
            about = below if where == "above" else line
            assert re.search(rf"""^[ -]*['"]?{re.escape(key)}['"]?:""", about) or key in about, (line, about)


@pytest.mark.parametrize("sample", [*SAMPLES, guide_text()])
def test_our_own_texts(sample: str) -> None:
    after = done(sample)

    assert done(after) == after
    assert Counter(re.findall(r"(?:^| )#.*$", after, re.MULTILINE)) == Counter(re.findall(r"(?:^| )#.*$", sample, re.MULTILINE))


@QUICK
@given(
    text=st.lists(
        st.sampled_from(
            [
                *"\n\n\n:-#|>'\"[]{},&*\t ",
                "  ",
                "\n  ",
                ": ",
                "- ",
                "\n# c",
                " # d",
                "a",
                "b",
                "filter",
                "menus",
                "campaigns",
                "caps",
                "|\n  ",
            ]
        ),
        max_size=25,
    ).map("".join)
)
@example(text="a: |+\n  x\n\n\n")
@example(text="a: >\n  # no comment\n # one\nb: c")
@example(text="? a\n: b\n")
@example(text="--- # x\nb: 1\na: {c: , d}\n...\n# end")
def test_whatever_it_is_it_is_left_alone_or_well_formatted(text: str) -> None:
    after = format_text(text, name="x.yaml")

    if isinstance(after, str):
        assert format_text(after, name="x.yaml") == after
