"""Finds the terms by which a call's money is judged: those of the config it was decided by, where the ledger has kept it.

Compiling a config takes time, so terms are kept by version.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from switch.billing.terms import Terms
from switch.engine.plan import Plan
from switch.settings.load import load_kept

MAX_VERSIONS = 16
"""So many versions are kept compiled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """`terms`: by campaign. `kept`: they are those the call was decided by; else the present ones stand in."""

    terms: Mapping[str, Terms]
    kept: bool


class KeptTerms:
    """`files_of(version)`: the files of a config, None: not kept. `present()`: the plan that is in force. Callable from any thread."""

    def __init__(self, *, files_of: Callable[[str], Mapping[str, str] | None], present: Callable[[], Plan]) -> None:
        self._files_of = files_of
        self._present = present
        self._known: dict[str, Mapping[str, Terms]] = {}
        self._guard = threading.Lock()

    def of(self, version: str) -> Agreement:
        """Returns the terms of calls that were decided by that version. Raises LedgerUnreadable."""
        present = self._present()
        if version == present.version:
            return Agreement(terms=present.terms, kept=True)
        with self._guard:
            known = self._known.get(version)
        if known is None:
            files = self._files_of(version)
            known = compiled_terms(files) if files else None
            if known is None:
                return Agreement(terms=present.terms, kept=False)
            self._keep(version, known)
        return Agreement(terms=known, kept=True)

    def _keep(self, version: str, terms: Mapping[str, Terms]) -> None:
        with self._guard:
            self._known[version] = terms
            while len(self._known) > MAX_VERSIONS:
                del self._known[next(iter(self._known))]


def compiled_terms(files: Mapping[str, str]) -> Mapping[str, Terms] | None:
    """Returns the terms, by campaign, in the files of a config that was in force, or None: this release can't read them."""
    deployment = load_kept(files).deployment
    return None if deployment is None else deployment.plan.terms
