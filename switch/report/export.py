"""Knows how an answer is written for programs: CSV, JSON lines, Parquet. Money in micros, times in ms, ratios as parts of one.

Columns are named as figures and dimensions are, units at their ends. No row is a total: a report without
dimensions is that.
"""

import json
from pathlib import Path

from switch.report.answer import Answer


def csv(answer: Answer) -> str:
    return answer.rows.write_csv()


def json_lines(answer: Answer) -> str:
    """One object a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in answer.rows.iter_rows(named=True))


def write_parquet(answer: Answer, path: Path) -> None:
    """Raises OSError."""
    with path.open("wb") as file:
        answer.rows.write_parquet(file)
