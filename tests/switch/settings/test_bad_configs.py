"""Every kind of bad config, and what its author is told: one directory of `bad/` each, laid over `base/`.

`expected.txt` is what `check` would print. It is written anew only on purpose, with `--rewrite-golden`, and reviewed.
"""

from pathlib import Path

import pytest
from config_overlay import GOLDEN, SETTINGS_TESTS, lay_over

from switch.problem_text import show
from switch.settings.load import load
from switch.settings.problem import Severity

BAD = sorted((SETTINGS_TESTS / "bad").iterdir())


@pytest.mark.parametrize("bad", BAD, ids=lambda path: path.name)
def test_the_author_is_told_and_only_warnings_let_it_run(bad: Path, config: Path, request: pytest.FixtureRequest) -> None:
    lay_over(config, bad)

    loaded = load(config)

    told = "\n\n".join(show(problem) for problem in loaded.problems) + "\n"
    if request.config.getoption("--rewrite-golden"):
        (bad / GOLDEN).write_text(told, encoding="utf-8")
    assert told == (bad / GOLDEN).read_text(encoding="utf-8")
    only_warnings = all(problem.severity is Severity.WARNING for problem in loaded.problems)
    assert only_warnings == bad.name.startswith("warning-")
    assert (loaded.deployment is not None) == only_warnings
