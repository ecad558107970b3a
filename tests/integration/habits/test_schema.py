"""The migrations make exactly the tables that the code believes in."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine

from services.habits.tables import metadata
from shared.migrations import migrate


def test_the_migrated_schema_is_the_one_in_tables(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrating_again_changes_nothing(habits_url: str) -> None:
    migrate("habits", habits_url)
