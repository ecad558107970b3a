"""The migrated schema is the one the code is written for, and refuses bad rows by itself."""

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from services.auth.tables import METADATA
from shared.database import new_engine, transaction
from shared.migrations import alembic_config, migrate
from tests.integration.auth.callers import change


def test_the_migrations_make_exactly_the_tables_of_the_code(migrated_database: str) -> None:
    engine = new_engine(migrated_database)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)
    engine.dispose()

    assert differences == []


def test_migrating_again_changes_nothing(migrated_database: str) -> None:
    migrate("auth", migrated_database)


def test_the_first_migration_can_be_taken_back(migrated_database: str) -> None:
    engine = new_engine(migrated_database)
    config = alembic_config("auth", migrated_database)
    with transaction(engine) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
    engine.dispose()
    migrate("auth", migrated_database)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts SET locale = 'de'",
        "UPDATE accounts SET version = 0",
        "UPDATE accounts SET quiet_from = '22:00'",
        "UPDATE accounts SET quiet_from = '22:00', quiet_to = '22:00'",
        "UPDATE accounts SET day_starts_at = 7",
        "UPDATE accounts SET email = NULL",
        "UPDATE refresh_tokens SET sealed_successor = 'x'",
        ("INSERT INTO api_tokens SELECT id, id, 'x', '{}', 'hab_x', 'x', created_at FROM accounts"),
        "UPDATE refresh_tokens SET expires_at = issued_at",
        "UPDATE refresh_tokens SET account_id = gen_random_uuid()",
        (
            "INSERT INTO accounts SELECT gen_random_uuid(), email, password_hash,"
            " password_changed_at, time_zone, locale, is_active, created_at, updated_at, version"
            " FROM accounts"
        ),
    ],
)
@pytest.mark.usefixtures("signed_in")
def test_a_bad_row_is_impossible(database_url: str, statement: str) -> None:
    with pytest.raises(psycopg.IntegrityError):
        change(database_url, statement)
