"""Schema migrations: each service keeps its own in `services/<name>/migrations/versions`.

`migrate` waits for the server, lets one process at a time migrate, and changes nothing when the
schema is up to date.

While a release is rolled out, processes of the release before still run on the new schema. So a
migration either adds what they need not know of, or its file is called `NNNN_post_<title>.py` and
runs when they are gone. A release's post-migrations are the last of its files.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
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


def migrate(service: str, database_url: str, *, before_rollout: bool = False) -> None:
    """Bring a service's database to the newest schema, or as far as the release before can live.

    Raises sqlalchemy.exc.OperationalError when the server is not reachable.
    """
    config = alembic_config(service, database_url)
    target = last_before_rollout(config) if before_rollout else "head"
    engine = create_engine(config.attributes["database_url"])
    try:
        with engine.connect() as connection, connection.begin():
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            connection.execute(text("SET LOCAL lock_timeout = '10s'"))
            config.attributes["connection"] = connection
            command.upgrade(config, target)
    finally:
        engine.dispose()


def last_before_rollout(config: Config) -> str:
    """Return the newest revision that the release before can live with."""
    newest_first = ScriptDirectory.from_config(config).walk_revisions()
    return next(script.revision for script in newest_first if not _is_post_migration(script))


def _is_post_migration(script: Script) -> bool:
    return "_post_" in Path(script.path).name
