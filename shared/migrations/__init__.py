"""Schema migrations: each service keeps its own in `services/<name>/migrations/versions`.

`migrate` waits for the server, lets one process at a time migrate, and changes nothing when the
schema is up to date.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from shared.database import psycopg_url

_ROOT = Path(__file__).resolve().parents[2]
_LOCK = 5_077_001


def alembic_config(service: str, database_url: str) -> Config:
    """Return Alembic's configuration for one service's database."""
    config = Config()
    config.set_main_option("script_location", str(_ROOT / "shared" / "migrations"))
    config.set_main_option(
        "version_locations", str(_ROOT / "services" / service / "migrations" / "versions")
    )
    config.set_main_option("path_separator", "newline")
    config.attributes["database_url"] = psycopg_url(database_url)
    return config


def migrate(service: str, database_url: str) -> None:
    """Bring a service's database to the newest schema.

    Raises sqlalchemy.exc.OperationalError when the server is not reachable.
    """
    config = alembic_config(service, database_url)
    engine = create_engine(config.attributes["database_url"])
    try:
        with engine.connect() as connection, connection.begin():
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            connection.execute(text("SET LOCAL lock_timeout = '10s'"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()
