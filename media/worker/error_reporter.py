"""Reports unexpected errors to the switch, which logs them: once per kind, since a hundred broken packets a second must not fill a disk."""

import traceback
from collections.abc import Callable

from media.control import WorkerProblem

MAX_KINDS = 100
MAX_WHY, MAX_TRACE = 500, 8_000
"""Characters of an error, the first ones, and of its traceback, the last ones: at four bytes each they fit into a message."""


class ErrorReporter:
    """`report` sends a problem to the switch."""

    __slots__ = ("_kinds", "_report")

    def __init__(self, report: Callable[[WorkerProblem], None]) -> None:
        self._kinds: set[tuple[str, str]] = set()
        self._report = report

    def about(self, doing: str, error: Exception | str) -> None:
        """Reports an error that arose while `doing`. Two are of one kind that arose at the same line while doing the same."""
        kind, why, trace = str(error), str(error), ""
        if isinstance(error, Exception):
            frames = traceback.extract_tb(error.__traceback__)
            kind = f"{type(error).__name__} {frames[-1].filename}:{frames[-1].lineno}" if frames else type(error).__name__
            why, trace = f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error))
        if (doing, kind) not in self._kinds and len(self._kinds) < MAX_KINDS:
            self._kinds.add((doing, kind))
            self._report(WorkerProblem(doing=doing, why=_encodable(why[:MAX_WHY]), trace=_encodable(trace[-MAX_TRACE:])))


def _encodable(text: str) -> str:
    """Replaces lone surrogates, as the name of a file may have them."""
    return text.encode(errors="replace").decode()
