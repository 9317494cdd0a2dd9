"""The project's own tools, as far as they must keep up with the product."""

import importlib.util
from pathlib import Path

TOOLS = Path(__file__).parent.parent / "tools"


def test_every_limit_that_mutation_passes_over_is_one_of_the_product() -> None:
    spec = importlib.util.spec_from_file_location("mutate_limits", TOOLS / "mutate_limits.py")
    assert spec is not None
    assert spec.loader is not None
    mutate_limits = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(mutate_limits)
    assert mutate_limits.gone_limits() == set()
