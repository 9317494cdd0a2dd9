"""`payphone numbers import` and `export`: what is shown, what is written, and that it is all or nothing."""

import re
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from switch.cli.main import app
from switch.formatter.entries import EntryChanges, with_entries
from switch.formatter.format import format_text
from switch.settings.load import load

SAMPLE = Path(__file__).resolve().parents[3] / "config"
NUMBERS = "publishers.yaml"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(SAMPLE, tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    return Path("config")


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["numbers", *words], env={"COLUMNS": "80"})
    return done.exit_code, done.output


def given_rows(*rows: str) -> str:
    Path("n.csv").write_text("\n".join(rows) + "\n")
    return "n.csv"


def numbers_of(config: Path) -> dict[str, tuple[str, str, dict[str, str]]]:
    document = load(config).document
    assert document is not None
    return {number: (entry.publisher, entry.campaign, entry.tags) for number, entry in document.numbers.items()}


def test_it_shows_first_and_writes_only_when_told(config: Path) -> None:
    before = (config / NUMBERS).read_text()
    file = given_rows("number,campaign,publisher", "8005550101,medicare,search-two", "8005550177,medicare,radio-one")

    code, said = run("import", file)

    assert code == 0
    assert "~ +18005550101  campaign auto-quotes -> medicare" in said
    assert "+ +18005550177  campaign medicare, publisher radio-one" in said
    assert "1 to be added, 1 to be changed in publishers.yaml; 4 left as" in said
    assert (config / NUMBERS).read_text() == before
    assert max(map(len, said.splitlines())) <= 80

    assert run("import", file, "--write")[0] == 0

    after = (config / NUMBERS).read_text()
    assert [line for line in after.splitlines() if line not in before] == [
        '  "+18005550101": {publisher: search-two, campaign: medicare}',
        '  "+18005550177": {publisher: radio-one, campaign: medicare}',
    ]
    assert [line for line in before.splitlines() if line not in after] == [
        '  "+18005550101": {publisher: search-two, campaign: auto-quotes}'
    ]
    assert run("import", file, "--write") == (0, "config: 0 added, 0 changed; 6 left as they are\n")


def test_one_refused_row_and_nothing_is_written(config: Path) -> None:
    before = (config / NUMBERS).read_bytes()
    file = given_rows(
        "number,publisher,campaign",
        "8005550177,radio-one,auto-quotes",
        "8005550178,radio-on,auto-quotes",
        "1.80055E+10,radio-one,auto-quotes",
        "8005550179,radio-one,autoquotes",
        "8005550180,,auto-quotes",
    )

    code, said = run("import", file, "--write")

    assert code == 1
    assert 'n.csv:3 +18005550178: unknown publisher "radio-on": did you mean "radio-one"?' in " ".join(said.split())
    assert "n.csv:4" in said
    assert 'unknown campaign "autoquotes": did you mean "auto-quotes"?' in " ".join(said.split())
    assert "n.csv:6  +18005550180: no publisher" in said
    assert "4 rows refused: nothing is written" in said
    assert (config / NUMBERS).read_bytes() == before


def test_what_the_loader_refuses_is_not_written(config: Path) -> None:
    before = (config / NUMBERS).read_bytes()

    code, said = run("import", given_rows("number,state,cap", "8005550101,retired,0"), "--write")

    assert code == 1
    assert 'unknown state "retired"' in said
    assert "nothing is written" in said
    assert (config / NUMBERS).read_bytes() == before


def test_a_number_goes_to_the_file_that_has_it_and_a_write_that_fails_undoes_the_others(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (config / "more.yaml").write_text('numbers:\n  "+18005550900": {publisher: radio-one, campaign: medicare}   # ours\n')
    file = given_rows("number,campaign", "8005550101,medicare", "8005550900,auto-quotes")
    before = {path.name: path.read_bytes() for path in config.glob("*.yaml")}
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        if target.name == NUMBERS and b"+18005550101" in self.read_bytes() and self.read_bytes() != before[NUMBERS]:
            raise OSError(28, "No space left on device")
        return replace(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        code, said = run("import", file, "--write")
    assert (code, "No space left on device" in said) == (1, True)
    assert {path.name: path.read_bytes() for path in config.glob("*.yaml")} == before

    assert run("import", file, "--write")[0] == 0
    assert "campaign: auto-quotes}  # ours" in (config / "more.yaml").read_text()
    assert numbers_of(config)["+18005550101"][1] == "medicare"


def test_the_first_number_of_a_config(config: Path) -> None:
    text = (config / NUMBERS).read_text()
    (config / NUMBERS).write_text(text[: text.index("# Each number")])

    assert run("import", given_rows("number,publisher,campaign", "8005550177,radio-one,auto-quotes"), "--write")[0] == 0

    assert (config / "numbers.yaml").read_text() == 'numbers:\n  "+18005550177": {publisher: radio-one, campaign: auto-quotes}\n'
    assert numbers_of(config) == {"+18005550177": ("radio-one", "auto-quotes", {})}


BLOCK = """numbers:
  # about the first
  "+18005550100":
    publisher: radio-one   # who
    campaign: auto-quotes
    tags:   # what
      source: radio
      slot: morning
    state: quarantined
  # about the second
  "+18005550101": {publisher: a, campaign: b, tags: {x: "1", y: two}}   # end
"""


@pytest.mark.parametrize(
    ("changes", "written"),
    [
        ({"campaign": "other"}, ("campaign: auto-quotes", "campaign: other")),
        ({"state": None}, ("    state: quarantined\n", "")),
        ({"tags": {"slot": None}}, ("      slot: morning\n", "")),
        ({"tags": {"source": None, "slot": None}}, ("    tags:   # what\n      source: radio\n      slot: morning\n", "")),
        ({"tags": {"new": "a: b"}}, ("slot: morning\n", 'slot: morning\n      new: "a: b"\n')),
        ({"show_ani": "true"}, ("state: quarantined\n", "state: quarantined\n    show_ani: true\n")),
    ],
)
def test_an_entry_in_block_style_keeps_its_comments(changes: EntryChanges, written: tuple[str, str]) -> None:
    wanted = BLOCK.replace(*written)
    assert with_entries(BLOCK, "numbers", {"+18005550100": changes}, name="x.yaml") == wanted


@pytest.mark.parametrize(
    ("changes", "written"),
    [
        ({"tags": {"x": None}}, ('{x: "1", y: two}', "{y: two}")),
        ({"tags": {"x": None, "y": None}}, (', tags: {x: "1", y: two}', "")),
        (
            {"tags": {"z": "yes"}, "campaign": "c"},
            ('campaign: b, tags: {x: "1", y: two}', 'campaign: c, tags: {x: "1", y: two, z: "yes"}'),
        ),
        ({"state": "assigned"}, ("y: two}}", "y: two}, state: assigned}")),
    ],
)
def test_an_entry_in_braces(changes: EntryChanges, written: tuple[str, str]) -> None:
    found = with_entries(BLOCK, "numbers", {"+18005550101": changes}, name="x.yaml")
    assert isinstance(found, str)
    assert re.sub(r" +# end", "   # end", found) == BLOCK.replace(*written)  # the comment keeps its column where there is room


def test_a_comment_between_braces_is_left_to_people() -> None:
    text = 'numbers:\n  "+18005550100": {publisher: a,  # why\n    campaign: b}\n'
    found = with_entries(text, "numbers", {"+18005550100": {"state": "assigned"}}, name="x.yaml")
    assert not isinstance(found, str)
    assert "a comment between braces" in found.message


@pytest.mark.parametrize("section", ["numbers:\n", "numbers: {}\n", "", "numbers: null\n"])
def test_a_section_without_entries(section: str) -> None:
    found = with_entries(f"hours: {{}}\n{section}", "numbers", {"+1800": {"publisher": "a"}}, name="x.yaml")
    assert isinstance(found, str)
    assert '"+1800": {publisher: a}' in found
    assert found.count("numbers") == 1


TAG = st.text(st.characters().filter(str.isprintable), max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(TAG, st.sampled_from(["radio-one", "search-two"]), st.sampled_from(["medicare", "auto-quotes"])), max_size=4)
)
def test_what_is_exported_is_imported_unchanged(config: Path, rows: list[tuple[str, str, str]]) -> None:
    """First into the same config, where it changes nothing; then into one without numbers, where it makes the same."""
    shutil.copy(SAMPLE / NUMBERS, config / NUMBERS)
    Path(config / "numbers.yaml").unlink(missing_ok=True)
    more: dict[str, EntryChanges] = {
        f"+1800555{1000 + at}": {"publisher": p, "campaign": c, "tags": {"t": tag}} for at, (tag, p, c) in enumerate(rows)
    }
    text = with_entries((config / NUMBERS).read_text(), "numbers", more, name="x.yaml")
    assert isinstance(text, str)
    assert format_text(text, name="x.yaml") == text
    (config / NUMBERS).write_text(text)
    before = numbers_of(config)
    Path("n.csv").write_text(run("export")[1])

    assert run("import", "n.csv", "--write") == (0, f"config: 0 added, 0 changed; {len(before)} left as they are\n")
    (config / NUMBERS).write_text(text[: text.index("# Each number")])
    assert run("import", "n.csv", "--write")[0] == 0
    assert numbers_of(config) == before


def test_caps_have_no_column_and_that_is_said(config: Path) -> None:
    text = (config / NUMBERS).read_text()
    (config / NUMBERS).write_text(text.replace("campaign: auto-quotes}", "campaign: auto-quotes, caps: [{per: day, limit: 9}]}", 1))

    code, said = run("export")

    assert code == 0
    assert "1 number with `caps`, which have no column: +18005550100" in said
