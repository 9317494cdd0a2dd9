"""The one way out to people and files: terminal, table, log line, JSON and CSV.

Names, numbers and headers come from strangers: from the wire, a config, an API. Everything that is shown passes through this module. It
writes characters that steer a terminal as escapes, gives no text the meaning of markup, and takes the meaning of a formula from cells
that a spreadsheet would calculate. Nothing else prints: ruff bans `print`, `sys.stdout`, `typer.echo` and `rich` elsewhere (ADR 0016).
"""

import csv
import io
import json
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from getpass import getpass
from typing import Any, TextIO

Cell = str | Sequence[str]
"""What stands in one place of a table: a text, or several lines of it."""
Advanced = Callable[[int, int], None]
"""Called with how many of how many are done."""

GAP = 2
_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "magenta": "35",
    "cyan": "36",
    "red bold": "1;31",
    "green bold": "1;32",
}
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a cell begins that spreadsheets calculate; the last four are the full-width signs, which East Asian editions take for the others."""
_UNPRINTABLE_IN_JSON = re.compile(r"[^\x20-\x7e]")


# characters


def clean(text: str) -> str:
    r"""`text` on one line, with every character that is not to be seen as an escape: `\x1b`, `\u202e`, `\n`.

    Those are the control characters C0, C1 and DEL, those that turn the direction of writing, lone surrogates, line separators, and all
    others that Unicode calls unprintable. A text of printable characters comes back as it is.
    """
    return text if text.isprintable() else "".join(char if char.isprintable() else _escape(char) for char in text)


def clean_tree(value: Any) -> Any:
    """`value` with every text in it cleaned, keys of mappings too; what is neither text, mapping nor list stays."""
    match value:
        case str():
            return clean(value)
        case Mapping():
            return {clean_tree(key): clean_tree(each) for key, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [clean_tree(each) for each in value]
        case _:
            return value


def _escape(char: str) -> str:
    return ascii(char)[1:-1]


@dataclass(frozen=True, slots=True)
class Styled:
    """A text and how it looks on a terminal: one of the names in `_CODES`, or nothing."""

    text: str
    style: str = ""


Line = str | Styled | Sequence[str | Styled]
"""What is written on one line: a text, or parts behind each other."""


# a terminal


def write_line(*parts: str | Styled, err: bool = False) -> None:
    """Writes the parts behind each other as one line, to stdout, or stderr with `err`. Tabs stay, other unprintable characters do not."""
    write_lines([parts], err=err)


def write_folded(texts: Iterable[str | Styled], *, err: bool = False) -> None:
    """Writes each as a line of its own, wrapped between words where it is longer than the terminal is wide, and then indented."""
    room = width(err=err)
    write_lines((piece for text in texts for piece in _folded(text, room)), err=err)


def write_lines(lines: Iterable[Line], *, err: bool = False) -> None:
    """Writes each as a line of its own, all at once."""
    stream = sys.stderr if err else sys.stdout
    coloured = _is_terminal(stream) and "NO_COLOR" not in os.environ
    _write(stream, "".join(_line(line, coloured=coloured) for line in lines))


def write_octets(octets: bytes) -> None:
    """Writes what is no text to stdout, for another program, at once. BrokenPipeError where that has ended."""
    sys.stdout.buffer.write(octets)
    sys.stdout.buffer.flush()


def is_pipe() -> bool:
    """Returns whether stdout is read by a program, or is a file."""
    return not sys.stdout.isatty()


def write_json(row: Mapping[str, Any]) -> None:
    write_line(json_text(row))


def confirmed(question: str) -> bool:
    """Asks on stderr; True for y or yes on stdin. An end of input is a no."""
    _write(sys.stderr, f"{clean(question)} [y/N]: ")
    answer = sys.stdin.readline()
    if not answer:
        _write(sys.stderr, "\n")
    return answer.strip().lower() in ("y", "yes")


def asked_secret(question: str, *, again: bool = False) -> str | None:
    """Asks on the terminal, without showing what is typed. Where stdin is no terminal: returns its next line, and None where it is asked
    `again`. An end of input is an empty answer."""
    if _is_terminal(sys.stdin):
        return getpass(question, stream=sys.stderr)
    return None if again else sys.stdin.readline().rstrip("\r\n")


def width(*, err: bool = False) -> int | None:
    """How many columns stdout has, or stderr with `err`; `COLUMNS` in the environment comes first. None: it is a pipe or a file, and lines
    are as long as they are."""
    if "COLUMNS" not in os.environ and not _is_terminal(sys.stderr if err else sys.stdout):
        return None
    return shutil.get_terminal_size().columns


@contextmanager
def progress(what: str) -> Iterator[Advanced]:
    """Shows on stderr how far a long command is, and nothing where stderr is no terminal."""
    if not _is_terminal(sys.stderr):
        yield lambda _done, _total: None
        return
    shown = -1

    def advanced(done: int, total: int) -> None:
        nonlocal shown
        percent = 100 * done // max(1, total)
        if percent != shown:
            shown = percent
            _write(sys.stderr, f"\r\x1b[K{clean(what)}: {percent} % of {total}")

    try:
        yield advanced
    finally:
        _write(sys.stderr, "\r\x1b[K")


class Screen:
    """The whole terminal of stdout, drawn anew each time."""

    def __init__(self, draw: Callable[[Sequence[Line]], None]) -> None:
        self._draw = draw

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines, which change when its window does."""
        return shutil.get_terminal_size()

    def draw(self, lines: Sequence[Line]) -> None:
        """Shows these lines in the place of those before; what is beyond its size is cut off."""
        self._draw(lines)


@contextmanager
def screen() -> Iterator[Screen]:
    """Takes the terminal, and gives it back as it was, whatever happens."""
    from rich.console import Console, Group  # noqa: PLC0415 takes 0.1 s: only for who needs it
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    def drawn(line: Line) -> Text:
        parts = [Styled(part) if isinstance(part, str) else part for part in ((line,) if isinstance(line, str | Styled) else line)]
        return Text.assemble(*[(clean(part.text), part.style) for part in parts], no_wrap=True, overflow="ellipsis")

    console = Console(file=sys.stdout, markup=False, emoji=False, highlight=False)
    with Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        yield Screen(lambda lines: live.update(Group(*map(drawn, lines)), refresh=True))


def is_terminal() -> bool:
    """Returns whether people see stdout, and it can be drawn on."""
    return _is_terminal(sys.stdout)


def cropped(text: str, columns: int) -> str:
    """`text`, cleaned, in at most so many columns; where it is longer, `…` stands for the rest."""
    seen = clean(text)
    if _cell_width(seen) <= columns:
        return seen
    while seen and _cell_width(seen) > columns - 1:
        seen = seen[:-1]
    return f"{seen}…"


def cell_width(text: str) -> int:
    """Returns how many columns a text takes on a terminal, once it is cleaned."""
    return _cell_width(clean(text))


def _line(line: Line, *, coloured: bool) -> str:
    parts = (line,) if isinstance(line, str | Styled) else line
    return "".join(_part(part, coloured=coloured) for part in parts) + "\n"


def _part(part: str | Styled, *, coloured: bool) -> str:
    text, style = (part, "") if isinstance(part, str) else (part.text, part.style)
    seen = "\t".join(clean(piece) for piece in text.split("\t"))
    return f"\x1b[{_CODES[style]}m{seen}\x1b[0m" if style and coloured else seen


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _write(stream: TextIO, text: str) -> None:
    """A stream that has no sign for a character gets its escape."""
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


# programs


def json_text(value: Any, *, default: Callable[[object], object] | None = None) -> str:
    r"""`value` as JSON on one line. Unprintable characters are `\u` escapes, so that a reader gets the very same text back.

    `default`: makes a JSON value of what is none. Raises TypeError for such a one without it; read-only mappings are none of those.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(", ", ": "), default=default or _plain)
    return text if text.isprintable() else _UNPRINTABLE_IN_JSON.sub(_json_escape, text)


def csv_text(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV table, comma and LF. None is an empty cell, a bool true or false.

    A text that a spreadsheet would take for a formula gets an apostrophe in front, which spreadsheets do not show. Numbers do not: `-5.00`
    and an E.164 number such as `+12025550123` stay what they are.
    """
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow([_csv_cell(heading) for heading in headings])
    writer.writerows([_csv_cell(cell) for cell in row] for row in rows)
    return written.getvalue()


def _csv_cell(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return value
        case date():
            return value.isoformat()
        case _:
            text = str(value)
            formula = text.startswith(_FORMULA) and not _NUMBER.fullmatch(text)
            return ("'" if formula else "") + clean(text)


def _json_escape(found: re.Match[str]) -> str:
    return found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1]


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not a JSON value")


# tables


@dataclass(frozen=True, slots=True)
class Column:
    """`right`: its cells end at the same place, as numbers do. `key`: says what the row is about, and comes again with each part of a table
    that is too wide for the terminal."""

    heading: Cell
    right: bool = False
    key: bool = False


@dataclass(frozen=True, slots=True)
class _Row:
    cells: tuple[tuple[str, ...], ...]
    style: str


@dataclass(slots=True)
class Table:
    """Rows of cells under headings. Words are never broken.

    Where a terminal is too narrow, texts are wrapped between words; where that is not enough, the columns are spread over several tables
    below each other, each with the key columns. A pipe or a file gets every row whole, on one line if its cells have one.

    `least`: how wide the columns are at least; empty: as their cells are.
    """

    columns: Sequence[Column]
    least: Sequence[int] = ()
    _rows: list[_Row] = field(default_factory=list)

    def add_row(self, *cells: Cell, style: str = "") -> None:
        """`cells`: one for each column. Raises ValueError when their number differs."""
        if len(cells) != len(self.columns):
            raise ValueError(f"{len(cells)} cells for {len(self.columns)} columns")
        self._rows.append(_Row(tuple(_texts(cell) for cell in cells), style))

    def lines(self, columns: int | None) -> Iterator[Styled]:
        """The table, line by line, `columns` wide at most where words allow; None: as wide as it is."""
        for number, part in enumerate(self._parts(columns)):
            if number:
                yield Styled("")
            widths = self._widths(part, columns)
            yield from self._headings(part, widths)
            yield from self._drawn(part, widths)

    def rows(self, columns: int | None) -> Iterator[Styled]:
        """The same without headings, to stand below rows that were drawn before."""
        for part in self._parts(columns):
            yield from self._drawn(part, self._widths(part, columns))

    def show(self) -> None:
        """Writes it to stdout, with a blank line before and after where people read it."""
        room = width()
        if room is not None:
            write_line()
        for each in self.lines(room):
            write_line(each)
        if room is not None:
            write_line()

    def fits(self, columns: int | None) -> bool:
        """Whether it needs no wrapping and no second part."""
        return columns is None or _total([self._natural(place) for place in range(len(self.columns))]) <= columns

    def _parts(self, columns: int | None) -> list[list[int]]:
        """Places of columns, for one table after the other."""
        every = list(range(len(self.columns)))
        if columns is None or _total([self._least(place) for place in every]) <= columns:
            return [every]
        keys = [place for place in every if self.columns[place].key] or every[:1]
        parts: list[list[int]] = []
        part = list(keys)
        for place in (place for place in every if place not in keys):
            if part != keys and _total([self._least(each) for each in [*part, place]]) > columns:
                parts.append(part)
                part = list(keys)
            part.append(place)
        return [*parts, part]

    def _widths(self, part: Sequence[int], columns: int | None) -> list[int]:
        """Natural ones, with the widest text column narrowed until all fit or none can be."""
        widths = [self._natural(place) for place in part]
        if columns is None:
            return widths
        least = [self._least(place) for place in part]
        while (over := _total(widths) - columns) > 0:
            spare = [wide - low for wide, low in zip(widths, least, strict=True)]
            if not any(spare):
                break
            widest = max(range(len(part)), key=lambda place: (spare[place] > 0, widths[place]))
            widths[widest] -= min(spare[widest], max(1, over // len(part)))
        return widths

    def _natural(self, place: int) -> int:
        return max(self._floor(place), *(_cell_width(text) for texts in self._column(place) for text in texts))

    def _least(self, place: int) -> int:
        """The longest word of a text; numbers are one word each."""
        if self.columns[place].right:
            return self._natural(place)
        words = (_cell_width(word) for texts in self._column(place) for text in texts for word in text.split(" "))
        return max(self._floor(place), *words)

    def _floor(self, place: int) -> int:
        return self.least[place] if self.least else 0

    def _column(self, place: int) -> Iterator[tuple[str, ...]]:
        yield _texts(self.columns[place].heading)
        for row in self._rows:
            yield row.cells[place]

    def _headings(self, part: Sequence[int], widths: Sequence[int]) -> Iterator[Styled]:
        headings = [_texts(self.columns[place].heading) for place in part]
        for each in self._row_lines(part, headings, widths, at_bottom=True):
            yield Styled(each, "bold")
        yield Styled((" " * GAP).join("─" * wide for wide in widths), "dim")

    def _drawn(self, part: Sequence[int], widths: Sequence[int]) -> Iterator[Styled]:
        for row in self._rows:
            for each in self._row_lines(part, [row.cells[place] for place in part], widths):
                yield Styled(each, row.style)

    def _row_lines(
        self, part: Sequence[int], cells: Sequence[tuple[str, ...]], widths: Sequence[int], *, at_bottom: bool = False
    ) -> Iterator[str]:
        wrapped = [[piece for text in texts for piece in _wrapped(text, wide)] for texts, wide in zip(cells, widths, strict=True)]
        height = max(len(pieces) for pieces in wrapped)
        for number in range(height):
            out = []
            for place, pieces, wide in zip(part, wrapped, widths, strict=True):
                index = number - (height - len(pieces)) if at_bottom else number
                text = pieces[index] if 0 <= index < len(pieces) else ""
                pad = " " * (wide - _cell_width(text))
                out.append(pad + text if self.columns[place].right else text + pad)
            yield (" " * GAP).join(out).rstrip()


def _texts(cell: Cell) -> tuple[str, ...]:
    return (clean(cell),) if isinstance(cell, str) else tuple(clean(each) for each in cell) or ("",)


def _wrapped(text: str, wide: int) -> list[str]:
    """`text` cut between words into pieces of at most `wide` columns; a longer word is a piece of its own. None ends in a space."""
    pieces = [""]
    for word in text.split(" "):
        longer = f"{pieces[-1]} {word}" if pieces[-1] else word
        if _cell_width(longer.rstrip(" ")) <= wide or not pieces[-1]:
            pieces[-1] = longer
        else:
            pieces.append(word)
    return [piece.rstrip(" ") for piece in pieces]


def _folded(line: str | Styled, room: int | None) -> Iterator[str | Styled]:
    text, style = (line, "") if isinstance(line, str) else (line.text, line.style)
    seen = clean(text)
    if room is None or _cell_width(seen) <= room:
        yield line
        return
    words = seen.lstrip(" ")
    indent = " " * (len(seen) - len(words))
    first, *rest = _wrapped(words, room - len(indent) - GAP)
    yield Styled(indent + first, style)
    yield from (Styled(f"{indent}{' ' * GAP}{piece}", style) for piece in rest)


def _cell_width(text: str) -> int:
    """Columns of a terminal: an East Asian character takes two, an accent that joins the letter before it none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)
