"""Knows how to bring a database to the present schema with Alembic, from the scripts inside this package and without an ini file.

Does not know the engine's settings: it is given a connection inside a transaction, and either all of the way is gone or none.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection) -> None:
    command.upgrade(scripts(connection), "head")


def scripts(connection: Connection) -> Config:
    """What Alembic's commands want to know."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
