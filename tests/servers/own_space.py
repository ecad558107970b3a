"""A space of one's own on a shared test server: a database, a virtual host, a Redis database.

Two tests, or two test runs, never see each other's data, and nothing is left behind.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import redis
import requests
from psycopg import sql

REDIS_DATABASES = 16


@contextmanager
def own_database(admin_url: str, name: str) -> Iterator[str]:
    """Yield the URL of a new, empty database; drop it afterwards, whoever is still connected."""
    unique_name = f"{name}_{secrets.token_hex(4)}"
    identifier = sql.Identifier(unique_name)
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(identifier))
    try:
        yield with_path(admin_url, unique_name)
    finally:
        with psycopg.connect(admin_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))


@contextmanager
def own_vhost(amqp_url: str, management_url: str, name: str) -> Iterator[str]:
    """Yield the AMQP URL of a new, empty virtual host; delete it with its connections."""
    unique_name = f"{name}-{secrets.token_hex(4)}"
    user = urlsplit(amqp_url).username or "guest"
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    with requests.Session() as session:
        session.trust_env = False
        address = f"{management_url.rstrip('/')}/api"
        session.put(f"{address}/vhosts/{unique_name}", timeout=30).raise_for_status()
        permissions = f"{address}/permissions/{unique_name}/{quote(user, safe='')}"
        session.put(permissions, json=everything, timeout=30).raise_for_status()
        try:
            yield with_path(amqp_url, unique_name)
        finally:
            session.delete(f"{address}/vhosts/{unique_name}", timeout=30).raise_for_status()


def own_redis_database(url: str) -> str:
    """Return the URL of the database of this test process on the server, emptied.

    A URL that names a database other than 0 is used as it is: whoever set it chose it for this run.
    """
    own_url = url if urlsplit(url).path not in {"", "/", "/0"} else with_path(url, _own_number())
    with redis.Redis.from_url(own_url) as client:
        client.flushdb()
    return own_url


def with_path(url: str, path: str) -> str:
    """Return the URL with another path: another database or virtual host of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))


def _own_number() -> str:
    return str(1 + os.getpid() % (REDIS_DATABASES - 1))
