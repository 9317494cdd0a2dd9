"""How much a config may have: at the limit and one past it. What single values may be is tried in `tests/switch/settings`."""

from pathlib import Path

import pytest

from switch.settings.load import load, load_files
from switch.settings.problem import quote

SWITCH = "switch: {sip: {listen: 127.0.0.1:5060}}"


def messages(files: dict[str, str | bytes]) -> list[str]:
    return [problem.message for problem in load_files(files).problems]


@pytest.mark.parametrize(("files", "told"), [(1_000, []), (1_001, ["1001 files"])])
def test_so_many_files(files: int, told: list[str]) -> None:
    more = {f"{number:04}.yaml": f"tags: {{t{number}: {{type: text}}}}" for number in range(files - 1)}
    assert messages({"0.yaml": SWITCH, **more}) == told


@pytest.mark.parametrize(("size", "told"), [(16_777_216, []), (16_777_217, ["the file is too large"])])
def test_so_large_a_file(tmp_path: Path, size: int, told: list[str]) -> None:
    text = f"{SWITCH} #".ljust(size, "x")
    (tmp_path / "a.yaml").write_text(text)
    assert [problem.message for problem in load(tmp_path).problems] == told
    assert messages({"a.yaml": text}) == messages({"a.yaml": text.encode()}) == told


@pytest.mark.parametrize(("levels", "told"), [(24, []), (25, ["nested too deeply"])])
def test_so_deep(levels: int, told: list[str]) -> None:
    found = messages({"a.yaml": SWITCH, "b.yaml": "more: " + "[" * (levels - 1) + "]" * (levels - 1)})
    assert [message for message in found if message == "nested too deeply"] == told


@pytest.mark.parametrize(("parts", "told"), [(400_000, False), (400_001, True)])
def test_so_many_parts_of_a_file(parts: int, *, told: bool) -> None:
    """A list of numbers, and nine parts around it: the key, and the two ends of the list, the mapping, the document and the stream."""
    found = messages({"a.yaml": SWITCH, "b.yaml": f"more: [{'1,' * (parts - 9)}]"})
    assert ("more than 400000 parts in one file" in found) is told


@pytest.mark.parametrize(("characters", "told"), [(255, False), (256, True)])
def test_so_long_a_uri(config: Path, characters: int, *, told: bool) -> None:
    shop = config / "shop.yaml"
    written = shop.read_text()
    uri = f"sip:{'a' * (characters - len('sip:@127.0.0.1:5071'))}@127.0.0.1:5071"
    assert "sip:east@127.0.0.1:5071" in written
    shop.write_text(written.replace("sip:east@127.0.0.1:5071", uri))
    assert bool(load(config).errors) is told


def sold(*, publishers: str = "p: {}", publisher: str = "p", at_least: str = "90s", line: str = "") -> str:
    return f"""
switch: {{sip: {{listen: 127.0.0.1:5060}}}}
publishers: {{{publishers}}}
numbers: {{"+18005550100": {{publisher: {publisher}, campaign: c}}}}
advertisers: {{a: {{lines: {{l: {{uri: "sip:l@127.0.0.2:5060"{line}}}}}}}}}
campaigns: {{c: {{lines: [l], billable: {{on: connected_for, at_least: {at_least}}}, revenue: 2, payout: 1}}}}
"""


@pytest.mark.parametrize(("at_least", "told"), [("60s", False), ("59999ms", True)])
def test_thresholds_below_a_minute_are_warned_of(at_least: str, *, told: bool) -> None:
    assert ("a threshold below 60 s" in messages({"a.yaml": sold(at_least=at_least)})) is told


@pytest.mark.parametrize(("publishers", "more"), [(8, ""), (9, " and 1 more")])
def test_so_many_values_that_a_tag_may_have_are_named(publishers: int, more: str) -> None:
    names = [f"p{number}" for number in range(publishers)]
    config = sold(publishers=", ".join(f"{name}: {{}}" for name in names), publisher="p0", line=", filter: publisher == nobody")
    expected = [problem.expected for problem in load_files({"a.yaml": config}).problems if "nobody" in problem.message]
    assert expected == [f"one of {', '.join(names[:8])}{more}"]


@pytest.mark.parametrize(("others", "hint"), [(199, 'did you mean "quotes"?'), (200, None)])
def test_a_wrong_name_is_compared_with_so_many(others: int, hint: str | None) -> None:
    """Beyond that only with those that begin alike."""
    publishers = ", ".join(["quotes: {}", *(f"x{number}: {{}}" for number in range(others))])
    problems = load_files({"a.yaml": sold(publishers=publishers, publisher="qotes")}).problems
    assert [problem.hint for problem in problems if problem.message == 'unknown publisher "qotes"'] == [hint]


def test_so_much_of_a_text_is_quoted() -> None:
    assert quote("a" * 60) == f'"{"a" * 60}"'
    assert quote("a" * 61) == f'"{"a" * 59}…"'
