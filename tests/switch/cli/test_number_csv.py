"""What spreadsheets make of telephone numbers: put right where that is certain, else refused; and files that come back unchanged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.cli.number_csv import MAX_ROWS, BadCell, number_in, read_numbers, write_numbers

HOME = "+12125550101"


@pytest.mark.parametrize(
    "cell",
    [
        "+12125550101",
        "12125550101",
        "2125550101",
        "(212) 555-0101",
        "212.555.0101",
        "+1 212 555 0101",
        "+1\u2009212\u202f555\u00a00101",
        "\u202a+12125550101\u202c",
        "212\u2013555\u20110101",
        "\ufeff'+12125550101",
        "'12125550101",
        '="+12125550101"',
        "12125550101.0",
        "1.2125550101E+10",
        "1,2125550101E+10",
        "2.125550101e9",
        "0012125550101",
        "01112125550101",
        "\uff0b12125550101",
    ],
)
def test_what_is_certain_is_put_right(cell: str) -> None:
    assert number_in(cell) == HOME


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("442071234567", "+442071234567"),
        ("4.42071234567E+11", "+442071234567"),
        ("1.21255501010E+11", "+121255501010"),
        ("+49301234567", "+49301234567"),
        ("011442071234567", "+442071234567"),
    ],
)
def test_numbers_of_other_countries(cell: str, number: str) -> None:
    assert number_in(cell) == number


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("1.21255E+11", "its last 6 digits are lost"),
        ("1.21255501E+10", "its last 2 digits are lost"),
        ("1E+10", "its last 10 digits are lost"),
        ("1.212E+2", "it is no whole number"),
        ("02071234567", "of another country"),
        ("212555010", "has 9 digits"),
        ("1125550101", "no North American number"),
        ("+1212555010112345", "16 digits"),
        ("call us", "is no telephone number"),
        ("", "no number"),
        (" \u200b", "no number"),
        ("212-555-0101 x7", "is no telephone number"),
    ],
)
def test_what_may_be_another_number_is_refused(cell: str, why: str) -> None:
    with pytest.raises(BadCell, match=why):
        number_in(cell)


def read(text: str) -> dict[str, dict[str, str | None]]:
    found = read_numbers(text.encode())
    assert found.refused == ()
    return {row.number: dict(row.fields) for row in found.rows}


@pytest.mark.parametrize(("mark", "inside"), [(",", ","), (";", ";"), ("\t", "|")])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_and_ends_of_lines(mark: str, inside: str, end: str) -> None:
    text = end.join([mark.join(("Number", "publisher", "tag.source")), "", mark.join(("2125550101", "p", f'"a{inside} ""b"""'))])
    assert read(text + end) == {HOME: {"publisher": "p", "tag.source": f'a{inside} "b"'}}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(encoding: str) -> None:
    found = read_numbers("number,tag.a\n2125550101,söder\n".encode(encoding))
    assert [dict(row.fields) for row in found.rows] == [{"tag.a": "söder"}]


def test_an_empty_cell_is_none_and_a_column_that_is_not_there_is_not() -> None:
    assert read("number,state,tag.a\n2125550101,,\n") == {HOME: {"state": None, "tag.a": None}}


def test_words_of_spreadsheets_in_upper_case() -> None:
    assert read("number,show_ani,state,cap\n2125550101,TRUE,Assigned,5.0\n") == {
        HOME: {"show_ani": "true", "state": "assigned", "cap": "5"}
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no column `number`"),
        ("publisher\np\n", "no column `number`"),
        ("number,publisherz\n", 'did you mean "publisher"'),
        ("number,number\n", "there twice"),
        ('number\n"2125550101\n', "not CSV"),
    ],
)
def test_a_file_that_can_not_be_read(text: str, why: str) -> None:
    with pytest.raises(BadCell, match=why):
        read_numbers(text.encode())


def test_another_encoding_is_refused() -> None:
    with pytest.raises(BadCell, match="not UTF-8"):
        read_numbers("number,tag.a\n2125550101,söder\n".encode("latin-1"))


def test_rows_are_refused_by_their_lines() -> None:
    found = read_numbers(b'number,tag.a\n2125550101,"x\ny"\n2125550102,x\n1.2E+10,\n+12125550102,\n2125550103,a,b\n')
    assert [line for line, _ in found.refused] == [2, 5, 6, 7]
    assert "here twice: it is on line 4" in found.refused[2][1]
    assert [row.number for row in found.rows] == ["+12125550102"]


def test_the_limit_of_rows() -> None:
    rows = "".join(f"+{2_000_000_000 + number}\n" for number in range(MAX_ROWS))
    assert len(read_numbers(f"number\n{rows}".encode()).rows) == MAX_ROWS
    with pytest.raises(BadCell, match="more than 60,000 rows"):
        read_numbers(f"number\n{rows}+3000000000\n".encode())


PRINTABLE = st.text(st.characters().filter(str.isprintable), max_size=12)
TAGS = st.dictionaries(st.from_regex(r"tag\.[a-z][a-z0-9_-]{0,5}", fullmatch=True), st.none() | PRINTABLE, max_size=4)
FIELDS = st.builds(
    lambda tags, cap, state: {"publisher": "p-1", "campaign": "c", "cap": cap, "state": state, **tags},
    TAGS,
    st.none() | st.integers(1, 100_000).map(str),
    st.sampled_from([None, "assigned", "quarantined"]),
)


@given(st.dictionaries(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True), FIELDS, max_size=5))
def test_what_is_written_is_read_back(numbers: dict[str, dict[str, str | None]]) -> None:
    found = read_numbers(write_numbers(numbers).encode())

    assert found.refused == ()
    again = {row.number: {key: value for key, value in row.fields.items() if value is not None} for row in found.rows}
    assert again == {
        number: {key: value for key, value in fields.items() if value is not None} for number, fields in numbers.items()
    }


def test_what_no_cell_shows_is_not_exported() -> None:
    with pytest.raises(BadCell, match="no CSV cell shows"):
        write_numbers({HOME: {"publisher": "p", "campaign": "c", "tag.a": "x\ny"}})
