"""Finds the known word that a wrong one was meant to be."""

from collections.abc import Collection, Iterable
from difflib import SequenceMatcher, get_close_matches
from os.path import commonprefix

MAX_CLOSE = 3
MAX_COMPARED = 200
"""Comparing a wrong name with very many right ones takes seconds: beyond this only those that begin alike are compared."""


def nearest_word(word: str, known: Iterable[str]) -> str | None:
    """Returns the known word that is most like `word`, among equals the one that begins most like it; or None. One that differs in case
    alone is the most like."""
    words = tuple(known)
    close = [other for other in words if other.lower() == word.lower()]
    close = close or get_close_matches(word, words, n=MAX_CLOSE, cutoff=0.6)
    if not close:
        return None
    return max(close, key=lambda other: (SequenceMatcher(a=word, b=other).ratio(), len(commonprefix((word, other)))))  # noqa: RUF071 (of characters)


def alike(word: str, known: Collection[str]) -> list[str]:
    """Returns those of the known words that it takes no long time to compare with `word`, sorted."""
    words = sorted(known)
    return words if len(words) <= MAX_COMPARED else [other for other in words if other[:3] == word[:3]][:MAX_COMPARED]
