"""Reads and writes the CSV of `payphone numbers`: what spreadsheets make of telephone numbers is put right where that is certain, and
refused where a digit may be lost.

A cell may begin with an apostrophe, which spreadsheets do not show: what follows it is taken as it is. Empty: the key is left out.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from routing.geo import area_of, is_e164, to_e164
from switch.output import csv_text
from switch.settings.problem import quote
from switch.settings.value import nearest

Fields = Mapping[str, str | None]
"""What a number has, by column. None: the key is to be left out."""

NUMBER = "number"
DEFAULTS: Mapping[str, str] = {"state": "assigned", "show_ani": "false", "answer": "menu"}
COLUMNS = (NUMBER, "publisher", "campaign", "state", "show_ani", "answer", "cap")
TAG_PREFIX = "tag."
MAX_ROWS = 60_000
"""As many numbers as one file of a config can hold."""
DELIMITERS = ",;\t"
_SCIENTIFIC = re.compile(r"\+?([0-9](?:[.,]([0-9]+))?)[eE]\+?([0-9]{1,2})")
_FORMULA_TEXT = re.compile(r'="(.*)"')
_POINT_ZERO = re.compile(r"(\+?[0-9]+)\.0+")
# White space and marks that are not seen: thin, narrow and unbreakable spaces, zero-width ones, marks of direction.
_UNSEEN = re.compile(r"[\s\u00a0\u00ad\u2000-\u200f\u202a-\u202f\u205f\u2060-\u2069\u3000\ufeff]+")
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-") | {"\uff0b": "+", "\u2019": "'"})


class BadCell(Exception):
    """A cell, or the file, can't be taken; it says why in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRow:
    """A row of the file. `line`: where it begins. `fields`: of the columns that the file has, the number's own apart."""

    line: int
    number: str
    fields: Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadNumbers:
    """`refused`: (line, why), in order."""

    rows: tuple[NumberRow, ...]
    refused: tuple[tuple[int, str], ...]


def read_numbers(raw: bytes) -> ReadNumbers:
    """Reads a file. Raises BadCell where nothing of it can be used."""
    text = _decoded(raw)
    first = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text), delimiter=max(DELIMITERS, key=first.count), strict=True)
    rows: list[NumberRow] = []
    refused: list[tuple[int, str]] = []
    seen: dict[str, int] = {}
    try:
        columns = _columns(next(reader, []))
        before = reader.line_num
        for cells in reader:
            line, before = before + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            try:
                row = _row(cells, columns, line)
                if row.number in seen:
                    raise BadCell(f"{row.number} is here twice: it is on line {seen[row.number]} already")
                seen[row.number] = line
                rows.append(row)
            except BadCell as error:
                refused.append((line, str(error)))
            if len(rows) + len(refused) > MAX_ROWS:
                raise BadCell(f"more than {MAX_ROWS:,} rows: spread them over several files")
    except csv.Error as error:
        raise BadCell(f"line {reader.line_num}: not CSV: {error}") from error
    return ReadNumbers(rows=tuple(rows), refused=tuple(refused))


def write_numbers(numbers: Mapping[str, Fields]) -> str:
    """Returns the CSV that `read_numbers` reads back as the same fields. Raises BadCell where a value has characters that no cell shows."""
    used = {column for fields in numbers.values() for column, value in fields.items() if value is not None}
    tags = sorted(column for column in used if column.startswith(TAG_PREFIX))
    columns = [*(column for column in COLUMNS if column in used or column in COLUMNS[:3]), *tags]
    for number, fields in numbers.items():
        for column, value in fields.items():
            if value is not None and not value.isprintable():
                raise BadCell(f"{number}: {column} has characters that no CSV cell shows: {quote(value)}")
    cells = ([number, *(_cell(fields.get(column), column) for column in columns[1:])] for number, fields in numbers.items())
    return csv_text(columns, cells)


def _cell(value: str | None, column: str) -> str | None:
    """A text that would be read otherwise gets an apostrophe in front."""
    is_text = column.startswith(TAG_PREFIX) and value is not None
    return f"'{value}" if is_text and (not value or value != value.strip() or value.startswith("'")) else value


def number_in(cell: str) -> str:
    """Returns the number in E.164 that a cell holds. Raises BadCell with the reason where it does not say all of one."""
    text = _without_format(cell)
    for prefix in ("00", "011"):
        if text.startswith(prefix) and is_e164(f"+{text[len(prefix) :]}"):
            return f"+{text[len(prefix) :]}"
    if text.startswith("0"):
        raise BadCell(f"{quote(cell)} is a national number of another country: write it with + and its country code")
    written = to_e164(text)
    if is_e164(written):
        if not text.startswith("+") and area_of(written) is None:
            raise BadCell(f"{quote(cell)} is no North American number: write it with + and its country code")
        return written
    digits = re.sub(r"[-.()/]", "", text)
    if not re.fullmatch(r"\+?[0-9]+", digits):
        raise BadCell(f"{quote(cell)} is no telephone number")
    abroad = f"+{digits.removeprefix('+')}"
    if len(digits) > 10 and is_e164(abroad):  # a spreadsheet drops the plus sign; a national number here has ten digits
        return abroad
    if digits.startswith("+"):
        raise BadCell(f"{quote(cell)} has {len(digits) - 1} digits: with its country code a number has 7 to 15")
    raise BadCell(f"{quote(cell)} has {len(digits)} digits: a number without + and country code has 10, or 11 with the leading 1")


def _without_format(cell: str) -> str:
    """What a cell holds, without what spreadsheets put around or into a number."""
    text = _UNSEEN.sub("", cell.translate(_DASHES))
    if found := _FORMULA_TEXT.fullmatch(text):
        text = found[1]
    text = text.removeprefix("'")
    if not text:
        raise BadCell("no number")
    if found := _SCIENTIFIC.fullmatch(text):
        text = _digits_of(text, found)
    found = _POINT_ZERO.fullmatch(text)
    return found[1] if found else text


def _digits_of(text: str, found: re.Match[str]) -> str:
    """The whole number behind `1.2125550101E+10`, where all of its digits are there."""
    decimals, exponent = len(found[2] or ""), int(found[3])
    if decimals != exponent:
        lost = exponent - decimals
        why = f"its last {lost} digits are lost" if lost > 0 else "it is no whole number"
        raise BadCell(f"{text} is what a spreadsheet makes of a number, and {why}: format the column as text and fill it again")
    return f"{Decimal(text.lstrip('+').replace(',', '.')):f}"


def _decoded(raw: bytes) -> str:
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadCell('the file is not UTF-8: save it as "CSV UTF-8"') from error
    return text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\n")


def _columns(cells: Sequence[str]) -> list[str]:
    columns = [_UNSEEN.sub("", cell) for cell in cells]
    columns = [column if column.startswith(TAG_PREFIX) else column.lower() for column in columns]
    if NUMBER not in columns:
        raise BadCell(f"its first line has no column `{NUMBER}`: the columns are {_listed(COLUMNS)} and {TAG_PREFIX}NAME")
    for at, column in enumerate(columns):
        if column in columns[:at]:
            raise BadCell(f"column {quote(column)} is there twice")
        if column not in COLUMNS and not column.startswith(TAG_PREFIX):
            hint = nearest(column, COLUMNS) or f"the columns are {_listed(COLUMNS)} and {TAG_PREFIX}NAME"
            raise BadCell(f"unknown column {quote(column)}: {hint}")
    return columns


def _row(cells: Sequence[str], columns: Sequence[str], line: int) -> NumberRow:
    if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
        raise BadCell(f"{len(cells)} cells for {len(columns)} columns: put a cell that has the separator in it in quotes")
    texts = dict(zip(columns, [*cells, *([""] * (len(columns) - len(cells)))], strict=False))
    fields = {column: _field(column, text) for column, text in texts.items() if column != NUMBER}
    return NumberRow(line=line, number=number_in(texts[NUMBER]), fields=fields)


def _field(column: str, cell: str) -> str | None:
    """None: the cell is empty. A tag whose text is empty has a cell with one apostrophe."""
    if not cell.strip():
        return None
    if column.startswith(TAG_PREFIX):
        text = cell[1:] if cell.startswith("'") else cell.strip()
        if not text.isprintable():
            raise BadCell(f"{column} has characters that are not seen: {quote(text)}")
        return text
    text = _UNSEEN.sub("", cell.translate(_DASHES)).removeprefix("'")
    if column == "cap" and (found := _POINT_ZERO.fullmatch(text)):
        return found[1]
    return (text.lower() if column in DEFAULTS else text) or None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
