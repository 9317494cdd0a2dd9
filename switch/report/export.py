"""Knows how an answer is written for programs: CSV, JSON lines, Parquet. Money in micros, times in ms, ratios as parts of one.

Columns are named as figures and dimensions are, units at their ends. No row is a total: a report without
dimensions is that.
"""

from pathlib import Path

from switch.output import csv_text, json_text
from switch.report.answer import Answer


def csv(answer: Answer) -> str:
    return csv_text(answer.rows.columns, answer.rows.iter_rows())


def json_lines(answer: Answer) -> str:
    """One object a line."""
    return "".join(json_text(row) + "\n" for row in answer.rows.iter_rows(named=True))


def write_parquet(answer: Answer, path: Path) -> None:
    """Raises OSError."""
    with path.open("wb") as file:
        answer.rows.write_parquet(file)
