"""Options of the whole test run."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-flows", action="store_true", help="write tests/flows/*.txt anew from what the machine does now")
