"""Knows which commands there are, in the order that `payphone --help` shows them. Does not know what they do."""

import sys

from switch.app import ForeignPackages, check_packages
from switch.cli import api, audit, balance, disputes, editing, explain, init, money, replay, report, simulate, switching, testing
from switch.cli.common import app

__all__ = [
    "api",
    "app",
    "audit",
    "balance",
    "disputes",
    "editing",
    "explain",
    "init",
    "main",
    "money",
    "replay",
    "report",
    "simulate",
    "switching",
    "testing",
]

ORDER = (
    *("init", "run", "demo", "check", "route", "test", "fmt", "diff", "replay", "simulate"),
    *("calls", "explain", "report", "money", "audit", "api"),
)
"""As somebody meets them: run it, change its config, look at what came of it."""

app.registered_commands.sort(key=lambda command: ORDER.index(command.name or getattr(command.callback, "__name__", "")))


def main() -> None:
    """Entry point of the `payphone` script."""
    try:
        check_packages()
    except ForeignPackages as error:
        sys.exit(f"payphone: {error}")
    app()
