"""Golden transcripts of the call machine: `tests/flows/*.txt`. Rewritten only on purpose, with `--rewrite-golden`."""

from pathlib import Path

import flow
import pytest

FLOWS = sorted((Path(__file__).parents[2] / "flows").glob("*.txt"))


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_flow(path: Path, request: pytest.FixtureRequest) -> None:
    told = path.read_text(encoding="utf-8")
    now = flow.play(told)
    if request.config.getoption("--rewrite-golden"):
        path.write_text(now, encoding="utf-8")
    else:
        assert now == told


def test_there_are_flows() -> None:
    assert len(FLOWS) >= 20
