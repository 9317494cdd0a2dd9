"""What strangers write reaches a terminal, a JSON reader and a spreadsheet as text, and as nothing else."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch import output
from switch.output import Column, Styled, Table, clean, clean_tree, csv_text, json_text, write_json, write_line, write_lines

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=30)
"""Lone surrogates and control characters too."""
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain", "plain"),
        ("José, 東京", "José, 東京"),
        ("[bold]x[/]", "[bold]x[/]"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x7f\x80\x9b", "\\x7f\\x80\\x9b"),
        ("a\nb\rc\td", "a\\nb\\rc\\td"),
        ("\u202eabc\u2066", "\\u202eabc\\u2066"),
        ("\u2028\u200b\ufeff", "\\u2028\\u200b\\ufeff"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_unprintable_characters_are_escapes(text: str, seen: str) -> None:
    assert clean(text) == seen


@given(ANY_TEXT)
def test_whatever_is_cleaned_is_printable_and_stays_so(text: str) -> None:
    assert clean(text).isprintable()
    assert clean(clean(text)) == clean(text)


def test_a_tree_is_cleaned_whole() -> None:
    assert clean_tree({"\x07": ["\x1b", ("\x00", 1)], "n": None}) == {"\\x07": ["\\x1b", ["\\x00", 1]], "n": None}


# JSON


@given(st.recursive(ANY_TEXT | st.none() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner)))
def test_json_gives_the_same_text_back_and_has_no_control_character(value: object) -> None:
    text = json_text(value)
    assert text.isprintable()
    assert json.loads(text) == json.loads(json.dumps(value))


def test_what_is_no_json_value_is_refused_unless_told_how() -> None:
    with pytest.raises(TypeError, match="Path"):
        json_text({"a": Path("x")})
    assert json_text({"a": Path("x")}, default=str) == '{"a": "x"}'


# CSV


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1", "+1202=1", "-"])
def test_what_a_spreadsheet_would_calculate_is_a_text(cell: str) -> None:
    (_, (read,)) = csv.reader(io.StringIO(csv_text(["h"], [[cell]])))
    assert read == "'" + clean(cell)


@pytest.mark.parametrize("cell", ["-5.00", "+12025550123", "+1", "-1e-5", "a=b", "'", "plain, with comma", 'a "quote"', "5"])
def test_numbers_and_texts_stay_as_they_are(cell: str) -> None:
    (_, (read,)) = csv.reader(io.StringIO(csv_text(["h"], [[cell]])))
    assert read == cell


def test_csv_values() -> None:
    assert csv_text(["a", "=b"], [[None, True], [1, -2.5], [False, ""]]) == "a,'=b\n,true\n1,-2.5\nfalse,\n"


@given(st.lists(ANY_TEXT, min_size=2, max_size=2))
def test_csv_has_one_line_a_row_whatever_is_in_it(row: list[str]) -> None:
    lines = csv_text(["a", "b"], [row]).split("\n")
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)


# lines


def test_a_line_is_one_line_and_tabs_stay(capsys: pytest.CaptureFixture[str]) -> None:
    write_line("a\nb\x1b[1m", Styled("\tc", "bold"))
    write_line("e\x07", err=True)
    captured = capsys.readouterr()
    assert captured.out == "a\\nb\\x1b[1m\tc\n"
    assert captured.err == "e\\x07\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("variable", "coloured"), [(None, True), ("NO_COLOR", False)])
def test_only_a_terminal_gets_styles(monkeypatch: pytest.MonkeyPatch, variable: str | None, *, coloured: bool) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    if variable:
        monkeypatch.setenv(variable, "1")
    monkeypatch.setattr("sys.stdout", terminal := Terminal())
    write_line(Styled("a\x1b[0m", "bold"))
    assert terminal.getvalue() == ("\x1b[1ma\\x1b[0m\x1b[0m\n" if coloured else "a\\x1b[0m\n")


def test_a_terminal_without_a_sign_for_a_character_gets_its_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii"))
    write_lines(["→ José"])
    write_json({"a": "é"})
    assert raw.getvalue() == b'\\u2192 Jos\\xe9\n{"a": "\\xe9"}\n'


@pytest.mark.parametrize(("answer", "yes"), [("y\n", True), ("YES\n", True), ("n\n", False), ("", False), ("\n", False)])
def test_only_a_yes_is_a_yes(monkeypatch: pytest.MonkeyPatch, answer: str, *, yes: bool) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    assert output.confirmed("sure\x1b?") is yes


# tables


def drawn(table: Table, columns: int | None) -> list[str]:
    return [each.text for each in table.lines(columns)]


def test_a_table() -> None:
    table = Table([Column("name", key=True), Column("calls", right=True)])
    table.add_row("acme", "7")
    table.add_row(["b", "of two lines"], "1,000")
    assert drawn(table, None) == [
        "name          calls",
        "────────────  ─────",
        "acme              7",
        "b             1,000",
        "of two lines",
    ]


def test_where_it_is_too_narrow_texts_are_wrapped_between_words() -> None:
    table = Table([Column("name"), Column("owed", right=True)])
    table.add_row("a name of many words", "25.00")
    assert drawn(table, 17) == [
        "name         owed",
        "──────────  ─────",
        "a name of   25.00",
        "many words",
    ]


def test_where_that_is_not_enough_columns_follow_below_with_their_keys() -> None:
    table = Table([Column("line", key=True), *(Column(f"figure{number}", right=True) for number in range(6))])
    table.add_row("a-long-name-of-a-line", *("1,234.00" for _ in range(6)))
    lines = drawn(table, 60)
    assert max(map(len, lines)) <= 60
    assert sum("a-long-name-of-a-line" in line for line in lines) == 2
    assert [line.count("1,234.00") for line in lines if "1,234.00" in line] == [3, 3]
    assert all(f"figure{number}" in "\n".join(lines) for number in range(6))


def test_east_asian_names_take_two_columns_a_letter() -> None:
    table = Table([Column("name"), Column("n", right=True)])
    table.add_row("東京", "1")
    table.add_row("e\u0301", "2")
    assert drawn(table, None)[2:] == ["東京  1", "e\u0301     2"]


def test_a_row_has_a_cell_for_each_column() -> None:
    with pytest.raises(ValueError, match="1 cells for 2 columns"):
        Table([Column("a"), Column("b")]).add_row("x")


@given(st.lists(ANY_TEXT, min_size=3, max_size=3), st.none() | st.integers(20, 120))
def test_cells_are_texts_whatever_they_say(cells: list[str], columns: int | None) -> None:
    table = Table([Column("a", key=True), Column("b"), Column("c", right=True)])
    table.add_row(*cells)
    lines = drawn(table, columns)
    assert all(line.isprintable() for line in lines)
    assert re.sub(r"\s", "", clean(cells[0])) in re.sub(r"\s", "", "".join(lines)) or columns is not None


# no other way


BANNED = re.compile(
    r"^\s*(import|from) (rich|click)\b|\bcsv\.writer\b|\bprint\(|sys\.std(out|err)|typer\.(s?echo|confirm|prompt|style)\b", re.M
)
ALLOWED = {"output.py", "call/diagram.py"}


@pytest.mark.parametrize(
    "way", ["from rich.table import Table", "    print(x)", "sys.stdout.write(x)", "typer.echo(x)", "csv.writer(x)"]
)
def test_the_search_for_other_ways_finds_them(way: str) -> None:
    assert BANNED.search(way)


def test_nothing_else_writes() -> None:
    """As ruff says too; this finds it where somebody switches the rule off."""
    switch = REPOSITORY / "switch"
    found = [str(path.relative_to(switch)) for path in switch.rglob("*.py") if BANNED.search(path.read_text())]
    assert set(found) <= ALLOWED
