"""Knows the command `payphone test`: which tests are run, and how their results look. Does not know how a test is run."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from routing.geo import load_tables
from switch.billing.money import show_micros
from switch.billing.statement import as_json
from switch.billing.verdict import JudgedCall
from switch.call.moment import ms_between
from switch.calltest.load import CallTests, load_tests
from switch.calltest.run import CallTest, CallTestResult, run_call_test
from switch.cli.common import AsJson, ConfigDir, app, count, fail, loaded_config, print_json
from switch.engine.clock import SystemClock
from switch.explain import Sources, told
from switch.explain import explain as explained
from switch.settings.problem import as_json as problem_as_json
from switch.settings.problem import show

INDENT = "  "


@app.command("test")
def call_tests(
    config: ConfigDir = Path("config"),
    tests: Annotated[Path | None, typer.Option(help="Directory of the call tests. Default: tests, in that of the config.")] = None,
    only: Annotated[str, typer.Option("-k", help="Only tests with this in their name.", metavar="WORD")] = "",
    *,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell of passed tests too, and how each call went.")] = False,
    json_lines: AsJson = False,
) -> None:
    """Run the call tests beside the config: "this call at this time goes to that line, and bills that". Exit 1 when one fails.

    Every call goes through routing, menus, caps and money as it would on the wire, in simulated time and without a socket. What failed
    is told with where it is written, what happened instead, and why: the rules that decided. docs/guide-call-tests.md says how tests
    are written.

    Example: payphone test -k overflow -v
    """
    began = SystemClock().now()
    loaded = loaded_config(config)
    if loaded.deployment is None:
        raise AssertionError("loaded_config lets no such config pass")
    directory = config / "tests" if tests is None else tests
    chosen = _chosen(directory, load_tests(directory, loaded), only=only)
    sources = Sources(positions=loaded.positions, files=loaded.files)
    load_tables()
    ready = SystemClock().now()
    results = []
    for test in chosen:
        result = run_call_test(test, loaded.deployment.plan)
        results.append(result)
        if json_lines:
            print_json(_plain(result))
        else:
            _show(result, sources, verbose=verbose)
    failed = sum(not result.passed for result in results)
    if not json_lines:
        took_ms, before_ms = ms_between(ready, SystemClock().now()), ms_between(began, ready)
        typer.echo(f"{len(results) - failed} passed, {failed} failed in {took_ms} ms, after {before_ms} ms of loading")
    raise typer.Exit(1 if failed else 0)


def _chosen(directory: Path, loaded: CallTests, *, only: str) -> Sequence[CallTest]:
    """The tests to run. What is wrong with them is told, and none is run then: exit 1."""
    for problem in loaded.problems:
        typer.echo(show(problem) + "\n", err=True)
    if loaded.problems:
        fail(f"the call tests in {directory} have {count(len(loaded.problems), 'error')}: see above")
    if not loaded.tests:
        fail(f"no call tests in {directory}: files there that end in .yaml are read; docs/guide-call-tests.md says how they look")
    chosen = [test for test in loaded.tests if only.lower() in test.name.lower()]
    if not chosen:
        fail(f"none of {count(len(loaded.tests), 'test')} in {directory} has {only!r} in its name")
    return chosen


def _show(result: CallTestResult, sources: Sources, *, verbose: bool) -> None:
    test = result.test
    if result.passed:
        typer.echo(f"{typer.style('ok', fg='green')}    {test.name}")
    else:
        where = f"{test.position.file}:{test.position.line}"
        typer.echo(f"{typer.style('FAIL', fg='red', bold=True)}  {typer.style(test.name, bold=True)}  {where}")
    for problem in result.failures:
        typer.echo("\n" + show(problem))
    if verbose or not result.passed:
        typer.echo("")
        for line in _transcript(result, sources):
            typer.echo(INDENT + line)
        typer.echo("")


def _transcript(result: CallTestResult, sources: Sources) -> Iterator[str]:
    """How the calls went, the tested one with all that was decided about it, and by which line of the config."""
    for number, (call, judged) in enumerate(zip(result.test.earlier, result.earlier, strict=True), 1):
        yield f"earlier call {number}: {call.ani} called {call.did}: {'still live' if judged is None else _short(judged)}"
    yield from told(explained(result.judged, rows=result.judged.verdict.rows, config=sources))


def _short(judged: JudgedCall) -> str:
    lines = ", ".join(f"{tried.line} {tried.outcome}" for tried in judged.record.attempts) or "no line was dialled"
    return f"{judged.record.final_state} ({lines}), owed {show_micros(judged.verdict.revenue_micros)}"


def _plain(result: CallTestResult) -> Mapping[str, Any]:
    position = result.test.position
    return {
        "name": result.test.name,
        "path": position.file,
        "line": position.line,
        "passed": result.passed,
        "failures": [problem_as_json(problem) for problem in result.failures],
        "call": as_json(result.judged),
        "earlier": [None if judged is None else as_json(judged) for judged in result.earlier],
    }
