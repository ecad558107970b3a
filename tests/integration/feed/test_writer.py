"""The log under writers at the same time, twice-told events, and content that no database takes."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import OperationalError

from services.feed.batches import Batches
from services.feed.log_entry import LogEntry
from services.feed.log_writer import append
from services.feed.tables import LOG
from shared.contracts.cloud_event import UnreadableMessage
from shared.database import transaction
from tests.integration.feed.story import Feed, habit_changed, message

WRITERS, BATCHES, SIZE = 8, 8, 10


def test_a_reader_beside_eight_writers_misses_nothing(feed: Feed) -> None:
    written = threading.Event()

    def write(writer: int) -> list[str]:
        return [
            event_id
            for batch in range(BATCHES)
            for event_id in feed.take(
                *(habit_changed("anna", f"{writer}/{batch}/{n}") for n in range(SIZE))
            )
        ]

    def read() -> list[str]:
        ids: list[str] = []
        while True:
            was_written = written.is_set()
            cursor = {"lastEventId": ids[-1]} if ids else {}
            page = [event["id"] for event in feed.ask_all(limit=23, **cursor).json()]
            if was_written and not page:
                return ids
            ids += page

    with ThreadPoolExecutor(WRITERS + 2) as threads:
        readers = [threads.submit(read) for _ in range(2)]
        writers = [threads.submit(write, number) for number in range(WRITERS)]
        told = {event_id for writer in writers for event_id in writer.result()}
        written.set()
        first, second = (reader.result() for reader in readers)

    assert first == second
    assert len(first) == len(told) == WRITERS * BATCHES * SIZE
    assert set(first) == told
    with feed.engine.connect() as connection:
        positions = connection.scalars(select(LOG.c.position).order_by(LOG.c.position)).all()
    assert positions == list(range(1, len(told) + 1))


def test_what_comes_twice_is_there_once(feed: Feed) -> None:
    once = habit_changed("anna")
    feed.take(once, once)
    feed.take(habit_changed("anna"), once)

    assert len(feed.all_events()) == 2


async def _receive(batches: Batches, *bodies: bytes) -> list[BaseException | None]:
    messages = [message("x.y.v1", "s", body) for body in bodies]
    return await asyncio.gather(*map(batches.receive, messages), return_exceptions=True)


@pytest.mark.parametrize(
    "refused",
    [b'{"text": "\\u0000"}', b'{"text": "\\ud800"}', b'{"n": 1e999999}'],
)
def test_what_no_database_takes_ends_alone(feed: Feed, engine: Engine, refused: bytes) -> None:
    outcomes = asyncio.run(
        _receive(_batches(engine), b'{"n": 1}', refused, b'{"n": 2}', b"not json", b"[NaN]")
    )

    assert [isinstance(each, UnreadableMessage) for each in outcomes] == [
        *(False, True, False),
        *(True, True),
    ]
    assert [event["data"] for event in feed.all_events()] == [{"n": 1}, {"n": 2}]


def test_while_the_database_is_away_everything_waits_in_its_order(
    feed: Feed, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.feed.batches._RETRY_SECONDS", 0.01)
    failures = [OperationalError("", None, Exception("away")) for _ in range(3)]

    def store(entries: list[LogEntry]) -> int:
        if failures:
            raise failures.pop()
        with transaction(engine) as connection:
            return append(connection, entries)

    bodies = [b'{"n": %d}' % number for number in range(20)]
    assert asyncio.run(_receive(Batches(store), *bodies)) == [None] * 20  # type: ignore[arg-type]
    assert [event["data"]["n"] for event in feed.all_events()] == list(range(20))


def test_an_error_of_ours_leaves_nobody_waiting(engine: Engine) -> None:
    def store(_entries: object) -> int:
        raise KeyError("a bug")

    [outcome] = asyncio.run(_receive(Batches(store), b"{}"))
    assert isinstance(outcome, KeyError)


def test_a_log_without_its_head_is_not_written(feed: Feed, engine: Engine) -> None:
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM head")).scalar_one() == 1
    with pytest.raises(Exception, match="one_row"), engine.begin() as connection:
        connection.execute(text("INSERT INTO head (is_head, position) VALUES (2, 0)"))


def _batches(engine: Engine) -> Batches:
    def store(entries: object) -> int:
        with transaction(engine) as connection:
            return append(connection, entries)  # type: ignore[arg-type]

    return Batches(store)
