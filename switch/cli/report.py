"""The command `payphone report`: what may be asked for. What it does is in `switch.cli.reporting`."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from switch.cli.common import DEFAULT_CONFIG, EXIT, AsJson, ConfigDir, app, fail
from switch.report.fields import DIMENSIONS, METRICS, Format

__all__ = ["app", "report"]

PNG = ".png"
_ENDINGS = {".txt": Format.TABLE, ".csv": Format.CSV, ".json": Format.JSON, ".jsonl": Format.JSON, ".parquet": Format.PARQUET}
_BY = f"What there is a row for, in any combination: {', '.join(DIMENSIONS)}. Without it: one row of everything."
_WHICH = f"Which metrics, `quality` or `all`: {', '.join(metric.short for metric in METRICS.values())}."
_OUT = f"Write it to this file, in the format of its ending: {', '.join(_ENDINGS)}."


@app.command(epilog=EXIT)
def report(
    by: Annotated[str, typer.Option(help=_BY)] = "",
    *,
    metrics: Annotated[str | None, typer.Option(help=_WHICH)] = None,
    start: Annotated[str | None, typer.Option("--from", help="Calls from then on: 2026-03-01 or 2026-03-01T14:00.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Calls before then: the first day that is not included.")] = None,
    where: Annotated[str | None, typer.Option(help="A filter as in the config, about the names above.")] = None,
    zone: Annotated[str | None, typer.Option(help="Whose hours and days. Default: that of most campaigns.")] = None,
    style: Annotated[Format | None, typer.Option("--format", help="Default: by the ending of --out, else table.")] = None,
    path: Annotated[Path | None, typer.Option("--out", help=_OUT)] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw calls, capacity and money to this .png file, too.")] = None,
    config: ConfigDir = DEFAULT_CONFIG,
    json_lines: AsJson = False,
) -> None:
    """Report calls, talk and money by publisher, line, hour and more.

    Works while the switch runs. A call counts in every row it belongs to, and once in the totals: two
    lines tried for one call are two rows and one call.

    \b
    Examples:
      payphone report --by publisher,hour --from 2026-03-01 --to 2026-04-01
      payphone report --by final_state --where 'state in [TX, OK]'
      payphone report --by line,day --metrics all --out march.parquet
      payphone report --by hour --metrics incoming,peak --plot march.png
      payphone report --by trunk --metrics quality
    """
    from switch.cli.reporting import write_report

    style = _style(style, path, json_lines=json_lines)
    _check_installed(plot)
    write_report(config, by=by, metrics=metrics, start=start, end=end, where=where, zone=zone, style=style, path=path, plot=plot)


def _style(style: Format | None, path: Path | None, *, json_lines: bool) -> Format:
    """The format that is asked for, or that of the file's ending."""
    if json_lines:
        style = Format.JSON
    elif style is None:
        style = _ENDINGS.get(path.suffix.lower()) if path else Format.TABLE
    if style is None:
        fail(f"--out {path}: its ending says no format that there is; take one of {', '.join(_ENDINGS)}, or say --format")
    if style is Format.PARQUET and path is None:
        fail("Parquet is no text: say where to with --out FILE.parquet")
    return style


def _check_installed(plot: Path | None) -> None:
    if plot is not None and plot.suffix.lower() != PNG:
        fail(f"--plot {plot}: pictures are PNG files; name it {plot.with_suffix(PNG) if plot.name else 'report.png'}")
    needed = ("polars",) if plot is None else ("polars", "matplotlib")
    if missing := [name for name in needed if find_spec(name) is None]:
        fail(f"reports need {' and '.join(missing)}: pip install 'payphone[report]'")
