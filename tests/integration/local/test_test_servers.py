"""The servers that the other tests rely on: private ones start, answer and leave nothing behind."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import redis
import requests

from deploy.local.postgresql_server import postgresql_answers
from deploy.local.rabbitmq_server import rabbitmq_answers
from deploy.local.redis_server import redis_answers
from tests.servers.private import private_postgresql, private_rabbitmq, private_redis


@pytest.fixture
def closed_directory(tmp_path: Path) -> Path:
    """Return a directory with a space in its name, below one that nobody else may enter."""
    closed = tmp_path / "closed to others"
    closed.mkdir(mode=0o700)
    return closed


def test_a_private_postgresql_serves_from_a_closed_directory_and_ends(
    closed_directory: Path,
) -> None:
    with private_postgresql(closed_directory) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not postgresql_answers(url)


def test_a_private_rabbitmq_has_no_user_guest_and_ends(closed_directory: Path) -> None:
    with private_rabbitmq(closed_directory) as (amqp_url, management_url):
        port = int(amqp_url.rstrip("/").rpartition(":")[2])
        assert rabbitmq_answers(management_url, port)
        users = requests.get(f"{management_url}/api/users", timeout=5).json()
        assert [user["name"] for user in users] == ["administrator"]
    assert not rabbitmq_answers(management_url, port)


def test_a_private_redis_wants_its_password_never_evicts_and_ends(closed_directory: Path) -> None:
    with private_redis(closed_directory) as url:
        with redis.Redis.from_url(url) as client:
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert client.config_get("appendonly") == {"appendonly": "yes"}
        address = url.rpartition("@")[2]
        assert not redis_answers(f"redis://{address}")
    assert not redis_answers(url)


def test_each_database_of_a_test_is_empty_and_its_own(database: Callable[[str], str]) -> None:
    first, second = database("orders"), database("orders")
    assert first != second
    with psycopg.connect(first) as connection:
        connection.execute("CREATE TABLE t (id int)")
    with psycopg.connect(second) as connection:
        assert connection.execute("SELECT to_regclass('t')").fetchone() == (None,)


def test_each_virtual_host_of_a_test_exists_until_its_end(
    vhost: Callable[[str], str], rabbitmq_management_url: str
) -> None:
    name = vhost("orders").rpartition("/")[2]
    answer = requests.get(f"{rabbitmq_management_url}/api/vhosts/{name}", timeout=5)
    assert answer.status_code == 200


def test_the_redis_database_of_a_test_is_empty(redis_database: str) -> None:
    with redis.Redis.from_url(redis_database) as client:
        assert client.dbsize() == 0
