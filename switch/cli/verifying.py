"""How `payphone test` runs call tests and shows their results. How one is run: `switch.calltest.run`."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from routing.geo import load_tables
from routing.zone import Zone, time_zone
from switch.billing.call_json import as_json
from switch.billing.money import show_micros
from switch.billing.verdict import JudgedCall
from switch.call.moment import ms_between
from switch.calltest.load import CallTests, load_tests
from switch.calltest.run import CallTest, CallTestResult, run_call_test
from switch.cli.common import count, fail, loaded_config, show_problem
from switch.engine.clock import SystemClock
from switch.explain import explanation_lines
from switch.explanation import Sources
from switch.explanation import explain as explained
from switch.output import Styled, write_folded, write_json
from switch.period import zone_of
from switch.problem_text import as_json as problem_as_json
from switch.settings.problem import Problem

INDENT = "  "


def run_tests(config: Path, directory: Path, *, only: str, verbose: bool, json_lines: bool) -> bool:
    """Whether all passed; each is shown when it has been run."""
    began = SystemClock().now()
    loaded = loaded_config(config)
    if loaded.deployment is None:
        raise AssertionError("loaded_config lets no such config pass")
    plan = loaded.deployment.plan
    chosen = _chosen(directory, load_tests(directory, loaded), only=only)
    sources = Sources(positions=loaded.positions, files=loaded.files)
    clock = time_zone(zone_of(plan))
    load_tables()
    ready = SystemClock().now()
    failed = 0
    for test in chosen:
        result = run_call_test(test, plan)
        failed += not result.passed
        if json_lines:
            write_json(_plain(result))
        else:
            _show(result, sources, clock, verbose=verbose)
    if not json_lines:
        took_ms, before_ms = ms_between(ready, SystemClock().now()), ms_between(began, ready)
        hint = "; -v says why" if failed and not verbose else ""
        write_folded([f"{len(chosen) - failed} passed, {failed} failed in {took_ms} ms, after {before_ms} ms of loading{hint}"])
    return not failed


def _chosen(directory: Path, loaded: CallTests, *, only: str) -> Sequence[CallTest]:
    """The tests to run. What is wrong with them is shown, and none is run then: exit 1."""
    for problem in loaded.problems:
        show_problem(problem, err=True)
    if loaded.problems:
        fail(f"the call tests in {directory} have {count(len(loaded.problems), 'error')}: see above")
    if not loaded.tests:
        fail(f"no call tests in {directory}: files there that end in .yaml are read; docs/guide-call-tests.md says how they look")
    chosen = [test for test in loaded.tests if only.lower() in test.name.lower()]
    if not chosen:
        fail(
            f"none of {count(len(loaded.tests), 'test')} in {directory} has {only!r} in its name: without -k all are run and named"
        )
    return chosen


def _show(result: CallTestResult, sources: Sources, clock: Zone, *, verbose: bool) -> None:
    """A line for a test that passed; four for each expectation that failed; with `verbose` how the calls went, too."""
    test = result.test
    if result.passed:
        write_folded([Styled(f"ok    {test.name}", "green")])
    else:
        write_folded([Styled(f"FAIL  {test.name}", "red bold")])
    for problem in result.failures:
        write_folded(INDENT + row for row in _failure(problem))
    if verbose:
        write_folded(["", *(INDENT + each for each in _transcript(result, sources, clock)), ""])


def _failure(problem: Problem) -> Iterator[str]:
    """Where it stands, what stands there, what was wanted, what happened."""
    yield f"{problem.path}:{problem.line}:{problem.column}  {problem.excerpt.strip()}"
    yield f"{INDENT}{problem.message}"
    if problem.expected:
        yield f"{INDENT}expected  {problem.expected}"


def _transcript(result: CallTestResult, sources: Sources, clock: Zone) -> Iterator[str]:
    """How the calls went, the tested one with all that was decided about it, and by which line of the config."""
    for number, (call, judged) in enumerate(zip(result.test.earlier, result.earlier, strict=True), 1):
        yield f"earlier call {number}: {call.ani} called {call.did}: {'still live' if judged is None else _short(judged)}"
    yield from explanation_lines(explained(result.judged, rows=result.judged.verdict.rows, config=sources), clock)


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
