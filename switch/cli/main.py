"""The `payphone` script, and the check that the installation is ours."""

from importlib.util import find_spec
from pathlib import Path

from switch.cli.common import app, fail

PACKAGES = ("switch", "ivr", "media", "routing")


def main() -> None:
    """Runs what the command line says. Exits 1 where another distribution has taken one of our package names."""
    specs = [find_spec(name) for name in PACKAGES]
    homes = {Path(spec.origin).resolve().parent.parent for spec in specs if spec is not None and spec.origin is not None}
    if len(homes) != 1:
        fail("switch, ivr, media and routing come from different places: install payphone in a virtual environment of its own")
    app()


__all__ = ["app", "main"]
if __name__ == "__main__":
    main()
