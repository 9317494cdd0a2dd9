"""Options of the whole test run, its order, and its end on SIGTERM."""

import signal

import pytest
from hypothesis import settings

settings.register_profile("payphone", deadline=None, print_blob=True)
settings.load_profile("payphone")
"""No deadline: other work slows the machine down. What reproduces a failure is printed with it."""

SLOWEST_FIRST = (
    "test_rigs.py",
    "test_running_switch.py",
    "test_running_prompts.py",
    "test_hostile_process.py",
    "test_no_orphans.py",
    "test_demo.py",
    "test_crash_full_disk.py",
)
"""Files whose tests spend their time waiting. Where several processes share the tests, file by file, these are begun with."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite-golden", action="store_true", help="write golden files (flows, config problems) anew from what is said now"
    )
    parser.addoption("--network-seed", type=int, help="play only this world of tests/switch/network")


def pytest_configure() -> None:
    """SIGTERM ends the run as Ctrl-C does: fixtures are torn down, and the processes that they started end in order."""
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


@pytest.fixture(autouse=True)
def _no_terminal_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is printed is as wide as a test says, whatever terminal the tests run in."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(autouse=True)
def _secrets_of_the_guide(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment variables that the config of docs/guide-config.md names."""
    for name in ("SMALL_CARRIER_SECRET", "ACME_SECRET", "RETAIL_SECRET", "TRACKER_SECRET"):
        monkeypatch.setenv(name, "a secret of the guide")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return SLOWEST_FIRST.index(item.path.name) if item.path.name in SLOWEST_FIRST else len(SLOWEST_FIRST)

    items.sort(key=place)
