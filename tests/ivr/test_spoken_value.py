"""How values are said: each piece is one that is spoken beforehand, and together they are what a person would say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.spoken_value import LANGUAGES, Way, pieces, vocabulary
from routing.expression import Scalar


@pytest.mark.parametrize(
    ("value", "way", "english", "spanish"),
    [
        ("07030", Way.DIGITS, "0 7 0 3 0", "0 7 0 3 0"),
        (42, Way.DIGITS, "4 2", "4 2"),
        ("1*2", Way.DIGITS, "1 2", "1 2"),
        (0, Way.NUMBER, "0", "0"),
        (34, Way.NUMBER, "34", "34"),
        (100, Way.NUMBER, "1 hundred", "cien"),
        (101, Way.NUMBER, "1 hundred|1", "ciento|1"),
        (555, Way.NUMBER, "5 hundred|55", "quinientos|55"),
        (1_000, Way.NUMBER, "1|thousand", "mil"),
        (21_021, Way.NUMBER, "21|thousand|21", "veintiún|mil|21"),
        (131_000, Way.NUMBER, "1 hundred|31|thousand", "ciento|treinta y un|mil"),
        (100_000, Way.NUMBER, "1 hundred|thousand", "cien|mil"),
        (1_002_003, Way.NUMBER, "1|million|2|thousand|3", "un millón|2|mil|3"),
        (999_099_000, Way.NUMBER, "9 hundred|99|million|99|thousand", "novecientos|99|millones|99|mil"),
        (-7, Way.NUMBER, "minus|7", "menos|7"),
        (1_000_000_000, Way.NUMBER, "", ""),
        ("many", Way.NUMBER, "", ""),
        (1, Way.MONEY, "1|dollar", "un|dólar"),
        ("25.50", Way.MONEY, "25|dollars|and|50|cents", "25|dólares|con|50|centavos"),
        ("21.01", Way.MONEY, "21|dollars|and|1|cent", "veintiún|dólares|con|un|centavo"),
        ("0.5", Way.MONEY, "50|cents", "50|centavos"),
        ("0", Way.MONEY, "0|dollars", "0|dólares"),
        ("-3.00", Way.MONEY, "minus|3|dollars", "menos|3|dólares"),
        ("1.234", Way.MONEY, "", ""),
        (True, Way.MONEY, "", ""),
        ("2026-12-24", Way.DATE, "December|24th", "24 de|diciembre"),
        ("2026-03-01", Way.DATE, "March|1st", "primero de|marzo"),
        ("2026-05-13", Way.DATE, "May|13th", "13 de|mayo"),
        ("2026-02-30", Way.DATE, "", ""),
        ("Christmas", Way.DATE, "", ""),
    ],
)  # fmt: skip
def test_values_are_said(value: Scalar, way: Way, english: str, spanish: str) -> None:
    mark = " " if way is Way.DIGITS else "|"
    for language, said in (("en", english), ("es", spanish)):
        assert pieces(value, way, language) == tuple(said.split(mark) if said else ())


@given(st.integers(-(10**10), 10**10) | st.text(max_size=12) | st.booleans() | st.dates().map(str) | st.decimals(places=2).map(str))
def test_every_piece_is_one_that_is_spoken_beforehand(value: Scalar) -> None:
    for language in LANGUAGES:
        for way in Way:
            assert set(pieces(value, way, language)) <= set(vocabulary(way, language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_piece_is_spoken_for_nothing(language: str) -> None:
    """Each comes up in some value."""
    numbers = {
        piece for number in (*range(-1, 1_100), 101_000, 1_000_000, 2_000_000) for piece in pieces(number, Way.NUMBER, language)
    }
    counted = {piece for number in range(1_000, 100_000, 1_000) for piece in pieces(number, Way.NUMBER, language)}
    assert numbers | counted == set(vocabulary(Way.NUMBER, language))
    amounts = {piece for text in ("1.01", "2.02") for piece in pieces(text, Way.MONEY, language)}
    assert amounts | set(vocabulary(Way.NUMBER, language)) == set(vocabulary(Way.MONEY, language))
    assert len(vocabulary(Way.DATE, language)) == 43
