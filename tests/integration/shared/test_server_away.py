"""What real servers make the libraries raise, when they are away and when they answer with no."""

from collections.abc import Callable, Iterator

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Engine, text

from deploy.local.ports import free_ports
from shared.database import new_engine
from shared.process.server_away import is_server_away


@pytest.fixture
def engine(database: Callable[[str], str]) -> Iterator[Engine]:
    engine = new_engine(database("away"))
    yield engine
    engine.dispose()


def error_of(work: Callable[[], object]) -> BaseException:
    try:
        work()
    except Exception as error:  # the point is which one
        return error
    pytest.fail("nothing was raised")


def run(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_a_database_that_nobody_serves_is_away() -> None:
    [port] = free_ports(1)
    nowhere = new_engine(f"postgresql://nobody@127.0.0.1:{port}/nothing")
    assert is_server_away(error_of(lambda: run(nowhere, "SELECT 1")))


def test_a_session_that_the_server_ends_is_away(engine: Engine) -> None:
    ended = error_of(lambda: run(engine, "SELECT pg_terminate_backend(pg_backend_pid())"))
    assert is_server_away(ended)


def test_a_session_that_ended_while_nobody_used_it_is_not_noticed(engine: Engine) -> None:
    with engine.connect() as idle:
        session = idle.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with engine.connect() as other:
            # Where it lies in the pool, it ends.
            idle.close()
            other.execute(
                text("SELECT pg_terminate_backend(:session, 10000)"), {"session": session}
            )
    for _ in range(2):
        run(engine, "SELECT 1")


@pytest.mark.parametrize(
    "statements",
    [
        ("SET LOCAL statement_timeout = '10ms'", "SELECT pg_sleep(5)"),
        ("SELECT 1 / 0",),
        ("SELECT FROM FROM",),
        ("SET TRANSACTION READ ONLY", "CREATE TABLE t ()"),
    ],
)
def test_a_database_that_refuses_is_not_away(engine: Engine, statements: tuple[str, ...]) -> None:
    assert not is_server_away(error_of(lambda: run(engine, *statements)))


def test_a_redis_that_nobody_serves_is_away() -> None:
    [port] = free_ports(1)
    with redis.Redis(port=port, retry=Retry(NoBackoff(), 0)) as client:
        assert is_server_away(error_of(client.ping))


def test_a_redis_that_refuses_is_not_away(redis_database: str) -> None:
    with redis.Redis.from_url(redis_database) as client:
        client.set("text", "x")
        assert not is_server_away(error_of(lambda: client.rpush("text", "y")))
        assert not is_server_away(error_of(lambda: client.eval("return nothing.at.all", 0)))
