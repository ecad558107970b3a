"""Databases and roles on a real server: made again alike, and closed to each other."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from deploy.provisioning.databases import (
    NotPermitted,
    ServiceDatabase,
    provision,
    service_databases,
)
from tests.servers.own_space import with_path
from tests.servers.whole_system import own_database_prefix

PASSWORDS = {
    "auth": "one",
    "habits": "it's %2 two",
    "scheduler": "three",
    "notifier": "four",
    "feed": "five",
}


@pytest.fixture
def databases(postgres_url: str) -> Iterator[dict[str, ServiceDatabase]]:
    """Yield the databases of one system, not made yet."""
    with own_database_prefix(postgres_url) as prefix:
        yield service_databases(prefix, PASSWORDS)


def test_provisioning_twice_keeps_the_data(
    postgres_url: str, databases: dict[str, ServiceDatabase]
) -> None:
    provision(postgres_url, databases)
    url = databases["habits"].url(postgres_url)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS id")
    provision(postgres_url, databases)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT id FROM kept").fetchone() == (1,)


def test_a_role_may_not_enter_the_database_of_another_service(
    postgres_url: str, databases: dict[str, ServiceDatabase]
) -> None:
    provision(postgres_url, databases)
    address = with_path(databases["auth"].url(postgres_url), databases["habits"].name)
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(address)


def test_a_role_may_create_neither_roles_nor_databases(
    postgres_url: str, databases: dict[str, ServiceDatabase]
) -> None:
    provision(postgres_url, databases)
    names = [database.name for database in databases.values()]
    with psycopg.connect(postgres_url) as connection:
        rights = connection.execute(
            "SELECT DISTINCT rolsuper, rolcreaterole, rolcreatedb, rolreplication"
            " FROM pg_roles WHERE rolname = ANY(%s)",
            [names],
        ).fetchall()
    assert rights == [(False, False, False, False)]


def test_a_user_without_the_right_to_create_roles_is_told_so(
    postgres_url: str, databases: dict[str, ServiceDatabase]
) -> None:
    provision(postgres_url, databases)
    with own_database_prefix(postgres_url) as prefix:
        others = service_databases(prefix, PASSWORDS)
        with pytest.raises(NotPermitted, match="POSTGRES_URL"):
            provision(databases["auth"].url(postgres_url), others)


def test_an_administrator_who_is_no_superuser_can_provision(
    postgres_url: str, databases: dict[str, ServiceDatabase]
) -> None:
    provision(postgres_url, databases)
    manager = databases["auth"]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER ROLE {} CREATEROLE CREATEDB").format(sql.Identifier(manager.name))
        )
    with own_database_prefix(postgres_url) as prefix:
        others = service_databases(prefix, PASSWORDS)
        manager_url = manager.url(postgres_url)
        provision(manager_url, others)
        provision(manager_url, others)
        psycopg.connect(others["habits"].url(postgres_url)).close()
