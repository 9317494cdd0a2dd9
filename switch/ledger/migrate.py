"""Brings a database to the present schema with Alembic, from the scripts inside this package and without an ini file."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from switch.ledger.database import LedgerUnwritable

_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection) -> None:
    """All the way, inside the connection's transaction. Raises LedgerUnwritable where the database is of a schema that these scripts do not
    know: a newer release wrote it."""
    try:
        command.upgrade(scripts(connection), "head")
    except CommandError as error:
        raise LedgerUnwritable(str(error)) from error


def scripts(connection: Connection) -> Config:
    """Returns the configuration that Alembic's commands need."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
