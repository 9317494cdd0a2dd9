"""Shows a config problem: to people with the line that is meant, and to programs as JSON."""

from switch.settings.problem import Problem, Severity, printable

MAX_EXCERPT = 120
EXCERPT_LEAD = 40
MARGIN = "      | "


def show(problem: Problem, *, columns: int | None = None) -> str:
    """The problem as people read it: place and message, the line with carets under the whole token, what belongs there, a hint.

    `columns`: how wide the line of the file may be with its number; None: as wide as a log takes it.
    """
    word = "warning: " if problem.severity is Severity.WARNING else ""
    place = f"{problem.path}:{problem.line}:{problem.column}" if problem.line else problem.path
    rows = [f"{place}  {word}{problem.message}"]
    if problem.line:
        rows += _excerpt(problem, MAX_EXCERPT if columns is None else columns - len(MARGIN))
    if problem.expected:
        rows.append(f"  expected  {problem.expected}")
    if problem.hint:
        rows.append(f"  hint      {problem.hint}")
    return "\n".join(printable(row) for row in rows)


def as_json(problem: Problem) -> dict[str, str | int | None]:
    """The problem for programs; `length` is the number of characters meant, from `column` on."""
    return {
        "path": problem.path,
        "line": problem.line,
        "column": problem.column,
        "length": problem.length,
        "severity": problem.severity.value,
        "message": problem.message,
        "expected": problem.expected,
        "hint": problem.hint,
    }


def _excerpt(problem: Problem, wide: int) -> list[str]:
    """The line and its carets. A line of more than `wide` characters is cut to a window around the token."""
    line, start = printable(problem.excerpt).rstrip(), problem.column - 1
    if len(line) > wide:
        cut = max(0, start - EXCERPT_LEAD)
        line, start = line[cut : cut + max(wide, EXCERPT_LEAD + 1)], start - cut
    room = max(1, len(line) - start)
    indent = "".join("\t" if char == "\t" else " " for char in line[:start]).ljust(start)
    carets = "^" * max(1, min(problem.length, room))
    return [f"{problem.line:>5} | {line}".rstrip(), f"{MARGIN}{indent}{carets}"]
