"""Shows a config problem: to people with the line that is meant, and to programs as JSON."""

from switch.settings.problem import Problem, Severity, printable

MAX_EXCERPT = 120
EXCERPT_LEAD = 40


def show(problem: Problem) -> str:
    """The problem as people read it: place and message, the line with carets under the whole token, what belongs there, a hint."""
    word = "warning: " if problem.severity is Severity.WARNING else ""
    place = f"{problem.path}:{problem.line}:{problem.column}" if problem.line else problem.path
    rows = [f"{place}  {word}{problem.message}"]
    if problem.line:
        rows += _excerpt(problem)
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


def _excerpt(problem: Problem) -> list[str]:
    """The line and its carets. A line too long to read is cut to a window around the token."""
    line, start = printable(problem.excerpt).rstrip(), problem.column - 1
    if len(line) > MAX_EXCERPT:
        cut = max(0, start - EXCERPT_LEAD)
        line, start = line[cut : cut + MAX_EXCERPT], start - cut
    room = max(1, len(line) - start)
    indent = "".join("\t" if char == "\t" else " " for char in line[:start]).ljust(start)
    carets = "^" * max(1, min(problem.length, room))
    return [f"{problem.line:>5} | {line}".rstrip(), f"      | {indent}{carets}"]
