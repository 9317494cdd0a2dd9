"""Unexpected errors, on stderr, once per kind: a hundred broken packets a second must not fill a disk. Does not know what broke."""

import sys
import traceback

MAX_KINDS = 100


class ErrorReporter:
    __slots__ = ("_kinds",)

    def __init__(self) -> None:
        self._kinds: set[tuple[str, str]] = set()

    def about(self, doing: str, error: Exception | str) -> None:
        """With its traceback where it is an exception. Two are of one kind that arose at the same line while doing the same."""
        kind, text = (doing, str(error)), f"{error}\n"
        if isinstance(error, Exception):
            frames = traceback.extract_tb(error.__traceback__)
            place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
            kind, text = (doing, f"{type(error).__name__} {place}"), "".join(traceback.format_exception(error))
        if kind not in self._kinds and len(self._kinds) < MAX_KINDS:
            self._kinds.add(kind)
            sys.stderr.write(f"media worker, {doing}: {text}")
            sys.stderr.flush()
