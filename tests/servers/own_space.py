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

# A Redis server has sixteen databases: 1 to 7 for tests, 9 to 15 for whole systems.
SYSTEM_SHIFT = 8


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


def own_redis_database(url: str, *, for_system: bool = False) -> str:
    """Return the URL of a database of this test run on the server, emptied.

    The whole system gets another one than the tests, which empty theirs again and again. A URL that
    names a database other than 0 says which is the tests' own; of several workers, the first one's.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    run = os.getppid() if worker else os.getpid()
    first = int(urlsplit(url).path.strip("/") or 0) or run
    number = 1 + (first - 1 + int((worker or "gw0").removeprefix("gw"))) % (SYSTEM_SHIFT - 1)
    own_url = with_path(url, str(number + SYSTEM_SHIFT if for_system else number))
    with redis.Redis.from_url(own_url) as client:
        client.flushdb()
    return own_url


def with_path(url: str, path: str) -> str:
    """Return the URL with another path: another database or virtual host of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))
