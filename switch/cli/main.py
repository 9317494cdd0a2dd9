"""Knows which commands there are, in the order that `payphone --help` shows them. Does not know what they do."""

import sys

from switch.app import NotOurs, check_packages
from switch.cli import explain, switching, testing
from switch.cli.common import app

__all__ = ["app", "explain", "main", "switching", "testing"]


def main() -> None:
    """Entry point of the `payphone` script."""
    try:
        check_packages()
    except NotOurs as error:
        sys.exit(f"payphone: {error}")
    app()
