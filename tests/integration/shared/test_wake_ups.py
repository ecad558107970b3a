"""Wake-ups on a real PostgreSQL."""

import threading
from collections.abc import Iterator

import psycopg
import pytest

from shared.outbox.wake_ups import OUTBOX_CHANNEL, WakeUps, written_shards

PATIENCE_SECONDS = 15


@pytest.fixture
def listener(outbox_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(outbox_url, autocommit=True) as connection:
        connection.execute(f"LISTEN {OUTBOX_CHANNEL}")
        yield connection


@pytest.fixture
def wake_ups(outbox_url: str) -> Iterator[WakeUps]:
    wake_ups = WakeUps(outbox_url)
    yield wake_ups
    wake_ups.close()


def heard(listener: psycopg.Connection, *shards: int) -> int:
    """Wait until all of the shards have been named; return how many notifications that took."""
    missing = set(shards)
    for count, notification in enumerate(listener.notifies(timeout=PATIENCE_SECONDS), start=1):
        missing -= set(written_shards(notification.payload))
        if not missing:
            return count
    pytest.fail(f"never heard of {missing}")


def test_the_shards_that_were_written_to_are_named(
    listener: psycopg.Connection, wake_ups: WakeUps
) -> None:
    wake_ups.tell({2})
    assert heard(listener, 2) == 1
    wake_ups.tell({0, 3})
    assert heard(listener, 0, 3) == 1


def test_many_writers_are_told_of_together(listener: psycopg.Connection, wake_ups: WakeUps) -> None:
    def write() -> None:
        for number in range(200):
            wake_ups.tell({number % 4})

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    wake_ups.close()
    told = len(list(listener.notifies(timeout=1)))
    assert 1 <= told < 400


def test_after_a_lost_connection_the_next_writes_are_told(
    listener: psycopg.Connection, wake_ups: WakeUps
) -> None:
    wake_ups.tell({1})
    heard(listener, 1)
    listener.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    wake_ups.tell({2})
    heard(listener, 2)


def test_what_was_written_before_the_end_is_told_and_a_later_write_too(
    listener: psycopg.Connection, wake_ups: WakeUps
) -> None:
    wake_ups.tell({1})
    wake_ups.close()
    heard(listener, 1)
    wake_ups.tell({2})
    heard(listener, 2)
