"""The seeds of the simulated worlds: those of CI, or the one that `--network-seed` names."""

import pytest

SEEDS = range(25)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "network_seed" in metafunc.fixturenames:
        asked = metafunc.config.getoption("--network-seed")
        metafunc.parametrize("network_seed", SEEDS if asked is None else [asked])
