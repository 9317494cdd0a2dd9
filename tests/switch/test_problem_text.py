"""How a problem is shown to people and to programs."""

from dataclasses import replace

from switch.problem_text import as_json, show
from switch.settings.problem import Problem, Severity, quote

TYPO = Problem(
    path="config/campaigns.yaml",
    line=42,
    column=13,
    length=8,
    severity=Severity.ERROR,
    message='unknown line "acme-est"',
    excerpt="    lines: [acme-est, acme-west]",
    expected="a line from config/advertisers.yaml: acme-east (line 7), acme-west (line 12)",
    hint='did you mean "acme-east"?',
)


def problem_at(excerpt: str, *, column: int, length: int) -> Problem:
    return Problem(path="a.yaml", line=1, column=column, length=length, severity=Severity.ERROR, message="bad", excerpt=excerpt)


def test_an_error_as_the_house_style_has_it() -> None:
    assert show(TYPO) == (
        'config/campaigns.yaml:42:13  unknown line "acme-est"\n'
        "   42 |     lines: [acme-est, acme-west]\n"
        "      |             ^^^^^^^^\n"
        "  expected  a line from config/advertisers.yaml: acme-east (line 7), acme-west (line 12)\n"
        '  hint      did you mean "acme-east"?'
    )


def test_for_programs() -> None:
    assert as_json(TYPO) == {
        "path": "config/campaigns.yaml",
        "line": 42,
        "column": 13,
        "length": 8,
        "severity": "error",
        "message": 'unknown line "acme-est"',
        "expected": "a line from config/advertisers.yaml: acme-east (line 7), acme-west (line 12)",
        "hint": 'did you mean "acme-east"?',
    }


def test_about_a_whole_file() -> None:
    problem = Problem(path="config", line=0, column=0, severity=Severity.WARNING, message="no config here")

    assert show(problem) == "config  warning: no config here"


def test_carets_keep_their_place_under_tabs() -> None:
    assert show(problem_at("a:\tbc", column=4, length=2)).splitlines()[1:] == ["    1 | a:\tbc", "      |   \t^^"]


def test_carets_end_with_the_line() -> None:
    assert show(problem_at("a: bc", column=4, length=99)).splitlines()[2] == "      |    ^^"


def test_a_long_line_is_cut_around_the_token() -> None:
    row, carets = show(problem_at("x" * 500 + "TOKEN" + "y" * 500, column=501, length=5)).splitlines()[1:]

    assert len(row) < 150
    assert row[carets.index("^") : carets.rindex("^") + 1] == "TOKEN"


def test_nothing_in_a_config_steers_the_terminal() -> None:
    problem = replace(problem_at("a: \x1b[31m\u202eb", column=4, length=5), message="\x1b[1m", expected="\x1b[2m", hint="\x1b[3m")

    shown = show(problem)

    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert quote('say "hi"\n') == '"say \\"hi\\"\N{REPLACEMENT CHARACTER}"'
