"""Knows the command `payphone report`. Does not know how figures are worked out: `switch.report` does."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from switch.cli.common import AsJson, ConfigDir, app, deployed, fail, from_ledger, ledger_of, out
from switch.cli.progress import progress
from switch.ledger.database import Database, ledger_url
from switch.report.dimension import DIMENSIONS
from switch.report.figure import FIGURES
from switch.report.live import live_calls
from switch.report.question import BadQuestion, Question, dimensions_of, figures_of, filter_of, known_zone, period_of
from switch.settings.plan import Deployment
from switch.simulation.period import zone_of

if TYPE_CHECKING:  # polars takes a quarter of a second: `payphone --help` must not wait for it
    from switch.report.answer import Answer

FILE_WIDTH = 120


class Format(StrEnum):
    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


_SUFFIXES = {".csv": Format.CSV, ".json": Format.JSON, ".jsonl": Format.JSON, ".parquet": Format.PARQUET}
_BY = f"What there is a row for, in any combination: {', '.join(DIMENSIONS)}. Without it: one row of everything."
_WHICH = f"Which figures, or `all`: {', '.join(figure.short for figure in FIGURES.values())}."


@app.command()
def report(
    by: Annotated[str, typer.Option(help=_BY)] = "",
    *,
    figures: Annotated[str | None, typer.Option(help=_WHICH)] = None,
    start: Annotated[str | None, typer.Option("--from", help="Calls from then on: 2026-03-01 or 2026-03-01T14:00.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Calls before then: the first day that is not included.")] = None,
    where: Annotated[str | None, typer.Option(help="A filter as in the config, about the names above.")] = None,
    zone: Annotated[str | None, typer.Option(help="Whose hours and days. Default: that of most campaigns.")] = None,
    style: Annotated[Format | None, typer.Option("--format", help="Default: by the ending of --out, else table.")] = None,
    path: Annotated[Path | None, typer.Option("--out", help="Write it to this file.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw calls, capacity and money to this PNG file, too.")] = None,
    config: ConfigDir = Path("config"),
    json_lines: AsJson = False,
) -> None:
    """Report calls, talk time and money by publisher, line, hour or anything else. Works while the switch runs.

    A call counts in every row it belongs to, and once in the totals: two lines tried for one call are two rows and one call.

    \b
    payphone report --by publisher,hour --from 2026-03-01 --to 2026-04-01
    payphone report --by final_state --where 'campaign == auto-quotes and state in [TX, OK]'
    payphone report --by line,day --figures all --out march.parquet
    payphone report --by hour --figures incoming,peak,capacity --zone America/New_York --plot march.png
    """
    deployment, _ = deployed(config)
    zone = zone or zone_of(deployment.plan)
    try:
        question = Question(
            by=dimensions_of(by),
            figures=figures_of(figures),
            period=period_of(start, end, zone=known_zone(zone)),
            where=filter_of(where),
            zone=zone,
        )
    except BadQuestion as error:
        fail(str(error))
    style = Format.JSON if json_lines else style or _SUFFIXES.get(path.suffix if path else "", Format.TABLE)
    if style is Format.PARQUET and path is None:
        fail("Parquet is no text: say where to with --out FILE.parquet")
    ledger_of(deployment, config=config).close()  # says what to do where there is none yet
    answer, *drawn = _answers(deployment, question, plot=plot)
    if answer.empty:
        typer.echo(f"payphone: no calls {_about(start, end, where)}", err=True)
    try:
        _write(answer, style, path)
        if drawn and plot is not None and not answer.empty:
            _draw(drawn, plot, title=f"Calls {_about(start, end, where)}, {zone}")
    except OSError as error:
        fail(f"{error.filename or path or plot} can't be written: {error.strerror or error}; choose another file")


def _answers(deployment: Deployment, question: Question, *, plot: Path | None) -> "list[Answer]":
    from switch.report.ask import ask, pictured  # noqa: PLC0415 payphone --help must not wait for it
    from switch.report.capacity import Capacity  # noqa: PLC0415 the same

    settings, plan = deployment.switch, deployment.plan
    questions = [question] if plot is None else [question, *pictured(question)]
    with progress("reading calls") as read:
        return from_ledger(
            lambda: ask(
                Database(ledger_url(settings.data, settings.ledger_url)),
                questions,
                Capacity(table=plan.table, max_calls=plan.max_calls),
                live=lambda: live_calls(settings.data / "journal"),
                progress=read,
            )
        )


def _write(answer: "Answer", style: Format, path: Path | None) -> None:
    """Raises OSError."""
    from switch.report.export import csv, json_lines, write_parquet  # noqa: PLC0415 payphone --help must not wait for it
    from switch.report.table import AnswerTable  # noqa: PLC0415 the same

    match style, path:
        case Format.PARQUET, Path():
            write_parquet(answer, path)
        case Format.TABLE, None:
            out.print(AnswerTable(answer))
        case Format.TABLE, Path():
            with path.open("w") as file:
                Console(file=file, width=FILE_WIDTH).print(AnswerTable(answer))
        case _:
            text = csv(answer) if style is Format.CSV else json_lines(answer)
            if path is None:
                typer.echo(text, nl=False)
            else:
                path.write_text(text)


def _draw(answers: "list[Answer]", path: Path, *, title: str) -> None:
    """Raises OSError."""
    from switch.report.plot import draw  # noqa: PLC0415 matplotlib takes half a second

    over, money = answers
    draw(path, title=title, over=over, money=money)


def _about(start: str | None, end: str | None, where: str | None) -> str:
    said = (("from", start), ("before", end), ("where", where))
    return " ".join(f"{word} {value}" for word, value in said if value) or "of all time"
