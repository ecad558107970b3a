from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine

from services.scheduler.tables import METADATA
from shared.migrations import migrate


def test_the_migrations_make_exactly_the_tables_the_code_knows(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})

        assert compare_metadata(context, METADATA) == []


def test_migrating_an_up_to_date_database_changes_nothing(
    engine: Engine, migrated_url: str
) -> None:
    migrate("scheduler", migrated_url)

    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
