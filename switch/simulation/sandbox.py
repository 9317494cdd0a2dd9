"""Makes the place for invented calls: a fresh directory with a ledger, and a copy of the config that points to it.

Never in a ledger that is there already: invented calls must not get into the usage.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from shutil import copytree, rmtree

from switch.engine.plan import Plan
from switch.ledger.database import Database, ledger_url
from switch.ledger.store import Ledger
from switch.settings.load import load
from switch.settings.problem import Position

CONFIG = "config"
DATA_LINE = "data: .."
"""As the copy of the config has it: relative to its directory."""
_VALUE = re.compile(r"""(data|ledger):\s*("[^"]*"|'[^']*'|[^,}#\s]+)""")


class NotFresh(Exception):
    """The directory has something in it, or the config can't be pointed at it. The text says what to do."""


def open_sandbox(into: Path, *, config: Path, at_us: int) -> tuple[Ledger, Plan]:
    """An empty ledger in `into`, `into/config`, and the plan of that. `config`: one without errors. `at_us`: from when on it decides.

    Raises NotFresh, LedgerUnwritable.
    """
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise NotFresh(f"{into} is not empty: invented calls go into a new directory, never to what is there")
    try:
        into.mkdir(parents=True, exist_ok=True)
        copytree(config, into / CONFIG)
    except OSError as error:
        raise NotFresh(f"{into} can't be written: {error.strerror or error}; choose another directory with --into") from error
    _point(into / CONFIG, load(into / CONFIG).positions)
    loaded = load(into / CONFIG)
    copied = loaded.deployment
    if copied is None or copied.switch.ledger_url is not None or copied.switch.data.resolve() != into.resolve():
        rmtree(into / CONFIG)
        raise NotFresh(
            f"no copy of {config} can keep its data in {into}: prompts must lie in it, `data` and `ledger` be plain keys"
        )
    ledger = Ledger(Database(ledger_url(copied.switch.data)))
    ledger.migrate()
    ledger.keep_config(copied.plan.version, at_us=at_us, files=loaded.files)
    return ledger, copied.plan


def _point(config: Path, positions: Mapping[str, Position]) -> None:
    """The copy's `switch.data` and `switch.ledger` mean the directory around it."""
    _rewrite(config, positions.get("switch.ledger"), "ledger: sqlite")
    data = positions.get("switch.data")
    if data is not None:
        _rewrite(config, data, DATA_LINE)
        return
    keys = [at for rule, at in positions.items() if rule.startswith("switch.") and rule.count(".") == 1]
    if keys:
        first = min(keys, key=lambda at: (at.file, at.line))
        path = config / Path(first.file).name
        lines = path.read_text(encoding="utf-8").splitlines()
        lines.insert(first.line - 1, f"{' ' * (first.column - 1)}{DATA_LINE}")
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _rewrite(config: Path, at: Position | None, text: str) -> None:
    """The key and value written there become `text`."""
    if at is None:
        return
    path = config / Path(at.file).name
    lines = path.read_text(encoding="utf-8").splitlines()
    line = lines[at.line - 1]
    lines[at.line - 1] = line[: at.column - 1] + _VALUE.sub(text, line[at.column - 1 :], count=1)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
