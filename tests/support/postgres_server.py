"""A PostgreSQL server of a test run's own: on a socket in a directory of its own, without TCP, gone with whoever started it."""

import os
import pwd
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from child_process import Program, wait_until

SERVER_USER = "postgres"
"""Whose account the server runs in when the tests are run by root, for whom it refuses to run."""
INITDB_S = 120
START_S = 120
READY = "database system is ready to accept connections"


@contextmanager
def postgres_server() -> Iterator[str]:
    """The server's URL, with `{}` where the name of a database belongs."""
    root = Path(tempfile.mkdtemp(prefix="payphone-pg-"))
    try:
        shutil.chown(root, _server_user())
        made = _program(root, "initdb", "-U", "payphone", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        if made.wait(INITDB_S) != 0:
            raise RuntimeError(f"initdb failed\n{made.output.read_text()}")
        made.stop()
        server = _program(
            root, "postgres", "-k", str(root), "-h", "", "-F", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"
        )
        try:
            wait_until(lambda: server.ended or READY in server.output.read_text(), START_S)
            if server.ended:
                raise RuntimeError(f"postgres does not start\n{server.output.read_text()}")
            yield f"postgresql://payphone@/{{}}?host={root}"
        finally:
            server.stop()
    finally:
        shutil.rmtree(root)


def _program(root: Path, tool: str, *arguments: str) -> Program:
    """One of PostgreSQL's tools on the data in `root`. SIGQUIT ends the server at once, whoever is connected."""
    return Program(
        [str(_postgres_tools() / tool), "-D", str(root / "data"), *arguments],
        output=root / f"{tool}.log",
        folder=root,
        user=SERVER_USER if os.getuid() == 0 else None,
        stop_signal=signal.SIGQUIT,
    )


def _server_user() -> str:
    return SERVER_USER if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name


def _postgres_tools() -> Path:
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent  # what lies on a PATH may be a link to one of several versions
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not packaged:
        raise RuntimeError(
            "PostgreSQL is missing, and the ledger's tests need it. Run: sudo apt-get update && sudo apt-get install -y postgresql"
        )
    return packaged[-1].parent
