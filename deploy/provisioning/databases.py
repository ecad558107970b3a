"""One database and one role for each service on one PostgreSQL server, made again and again alike.

A role owns its own database and may not even connect to another's: the borders between the services
hold in the server, not only in the code.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

# Trusted ones: the owner of a database may create them. habits searches texts by trigrams.
EXTENSIONS_OF_SERVICES = {"habits": ("pg_trgm",)}


class NotPermitted(Exception):
    """The user of POSTGRES_URL may not create roles or databases."""


@dataclass(frozen=True, slots=True)
class ServiceDatabase:
    """A service's database; its role has the same name."""

    name: str
    password: str = field(repr=False)

    def url(self, admin_url: str) -> str:
        """Return the URL under which the service reaches it."""
        server = urlsplit(admin_url)
        address = server.netloc.rpartition("@")[2]
        user = f"{quote(self.name, safe='')}:{quote(self.password, safe='')}"
        return urlunsplit(
            server._replace(scheme="postgresql", netloc=f"{user}@{address}", path=f"/{self.name}")
        )


def service_databases(prefix: str, passwords: Mapping[str, str]) -> dict[str, ServiceDatabase]:
    """Return each service's database by the service's name."""
    return {
        service: ServiceDatabase(f"{prefix}{service}", password)
        for service, password in passwords.items()
    }


def provision(admin_url: str, databases: Mapping[str, ServiceDatabase]) -> None:
    """Create the roles, databases and extensions that are missing; set passwords and rights."""
    try:
        with psycopg.connect(admin_url, autocommit=True) as connection:
            for database in databases.values():
                _provision_one(connection, database)
        for service, extensions in EXTENSIONS_OF_SERVICES.items():
            if service in databases:
                _extend(databases[service].url(admin_url), extensions)
    except psycopg.errors.InsufficientPrivilege as error:
        raise NotPermitted(f"POSTGRES_URL: its user may not do this: {error}") from error


def _provision_one(connection: psycopg.Connection, database: ServiceDatabase) -> None:
    name = sql.Identifier(database.name)
    role_exists = "SELECT 1 FROM pg_roles WHERE rolname = %s"
    if connection.execute(role_exists, [database.name]).fetchone() is None:
        connection.execute(sql.SQL("CREATE ROLE {}").format(name))
    connection.execute(
        sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(name, sql.Literal(database.password))
    )
    database_exists = "SELECT 1 FROM pg_database WHERE datname = %s"
    if connection.execute(database_exists, [database.name]).fetchone() is None:
        # Only a member of a role, or a superuser, may give it a database.
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))
        connection.execute(sql.SQL("CREATE DATABASE {name} OWNER {name}").format(name=name))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))


def _extend(url: str, extensions: Iterable[str]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for extension in extensions:
            name = sql.Identifier(extension)
            connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(name))
