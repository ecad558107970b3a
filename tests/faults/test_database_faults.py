"""Faults 2, 9 and 10: overlapping transactions, a failover, a COMMIT whose answer is lost."""

import asyncio
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from services.habits import command_handling
from services.habits.app import build_app
from services.habits.tables import events
from shared.contracts.topology import SCHEDULER_EVENTS
from shared.database import new_engine, transaction
from shared.migrations import migrate
from shared.outbox.table import OUTBOX
from tests.faults.queues import arrivals, first_seen
from tests.faults.rig import eventually
from tests.faults.standby import running_pair
from tests.faults.tcp_proxy import TcpProxy
from tests.integration.habits.callers import WATER, Caller, find_key
from tests.integration.shared.outbox_story import running_relay, until_empty

PATIENCE_SECONDS = 60


@pytest.fixture
def habits_url(database: Callable[[str], str]) -> str:
    url = database("habits")
    migrate("habits", url)
    return url


@contextmanager
def habits_engine(url: str) -> Iterator[Engine]:
    engine = new_engine(url, pool_size=8)
    yield engine
    engine.dispose()


@dataclass(slots=True)
class Journal:
    """What one person was told: habit and version of every acknowledged command."""

    acknowledged: list[tuple[str, int]] = field(default_factory=list)
    refused: int = 0

    def note(self, answer: TestResponse) -> str | None:
        """Note an answer; return the habit's id when the command was acknowledged."""
        if answer.status_code >= 500:
            self.refused += 1
            return None
        assert answer.status_code < 300, answer.text
        habit = answer.get_json()
        self.acknowledged.append((habit["id"], habit["version"]))
        return str(habit["id"])


def stored(engine: Engine) -> list[tuple[str, int]]:
    with engine.connect() as connection:
        rows = connection.execute(select(events.c.stream_id, events.c.version))
        return sorted((str(row.stream_id), row.version) for row in rows)


async def test_every_committed_event_arrives_in_order_though_transactions_overlap_and_roll_back(
    habits_url: str, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(2)

    @contextmanager
    def hesitant(engine: Engine) -> Iterator[Connection]:
        with transaction(engine) as connection:
            yield connection
            time.sleep(chance.uniform(0, 0.05))
            if chance.random() < 0.1:
                raise OperationalError("COMMIT", {}, Exception("rolled back"))

    monkeypatch.setattr(command_handling, "transaction", hesitant)
    with habits_engine(habits_url) as engine:
        app = build_app(engine, find_key)

        def live(number: int) -> Journal:
            journal, caller = Journal(), Caller(app.test_client())
            habits = [journal.note(caller.post(WATER)) for _ in range(3)]
            for change in range(20):
                habit_id = habits[change % 3]
                if habit_id is not None:
                    journal.note(caller.patch(habit_id, {"place": f"Place {number} {change}"}))
            return journal

        async with running_relay(habits_url, broker):
            people = await asyncio.gather(*(asyncio.to_thread(live, n) for n in range(6)))
            await until_empty(engine)
        acknowledged = sorted(each for person in people for each in person.acknowledged)
        assert sum(person.refused for person in people) > 5
        assert stored(engine) == acknowledged
    arrived = await arrivals(broker, SCHEDULER_EVENTS.name)
    assert sorted((habit, version) for habit, version, _ in arrived) == acknowledged
    for versions in first_seen(arrived).values():
        assert versions == list(range(1, len(versions) + 1))


class TestALostAnswerToCommit:
    """The database has committed; who asked for it gets an error instead of the answer."""

    @pytest.fixture
    def line(self, habits_url: str) -> Iterator[TcpProxy]:
        with TcpProxy(habits_url) as line:
            yield line

    @pytest.fixture
    def anna(self, line: TcpProxy) -> Iterator[Caller]:
        with habits_engine(line.url) as engine:
            yield Caller(build_app(engine, find_key).test_client())

    @staticmethod
    def post(caller: Caller, key: str | None) -> TestResponse:
        headers = {} if key is None else {"Idempotency-Key": key}
        return caller.request("POST", "/api/habit/", headers, json=WATER)

    @pytest.mark.short
    def test_repeated_with_its_key_gives_the_first_result(
        self, line: TcpProxy, anna: Caller, habits_url: str
    ) -> None:
        lost = line.lose_answer_to(b"COMMIT")
        assert self.post(anna, "k-1").status_code == 503
        assert lost.is_set()
        again = self.post(anna, "k-1")
        assert again.status_code == 201
        with habits_engine(habits_url) as engine:
            assert stored(engine) == [(again.get_json()["id"], 1)]
            with engine.connect() as connection:
                told = connection.execute(select(OUTBOX.c.ordering_key)).scalars().all()
        assert told == [again.get_json()["id"]]

    def test_repeated_without_a_key_is_a_second_habit(
        self, line: TcpProxy, anna: Caller, habits_url: str
    ) -> None:
        """What the key is for: without one nobody can tell a repetition from a new wish."""
        line.lose_answer_to(b"COMMIT")
        assert self.post(anna, None).status_code == 503
        assert self.post(anna, None).status_code == 201
        with habits_engine(habits_url) as engine:
            assert len(stored(engine)) == 2


@pytest.mark.timeout(400)
def test_a_promoted_synchronous_standby_has_every_acknowledged_command(tmp_path: Path) -> None:
    with running_pair(tmp_path) as (primary, standby), TcpProxy(primary.admin_url) as address:
        migrate("habits", primary.admin_url)
        with habits_engine(address.url) as engine:
            app = build_app(engine, find_key)
            stop = threading.Event()

            def live(_number: int) -> Journal:
                journal, caller = Journal(), Caller(app.test_client())
                while not stop.is_set():
                    key = {"Idempotency-Key": str(uuid.uuid4())}
                    # Repeated with its key until it is acknowledged, as a client does.
                    while not stop.is_set():
                        answer = caller.request("POST", "/api/habit/", key, json=WATER)
                        if journal.note(answer) is not None:
                            break
                        time.sleep(0.1)
                return journal

            with ThreadPoolExecutor(4) as pool:
                people = [pool.submit(live, number) for number in range(4)]
                wait_for_events(primary.admin_url, 20)
                primary.kill()
                standby.promote()
                before = count_events(standby.admin_url)
                address.redirect(standby.admin_url)
                address.cut()
                wait_for_events(standby.admin_url, before + 20)
                stop.set()
                journals = [person.result(PATIENCE_SECONDS) for person in people]
        acknowledged = {each for journal in journals for each in journal.acknowledged}
        with habits_engine(standby.admin_url) as promoted:
            found = stored(promoted)
    assert acknowledged <= set(found)
    assert sum(journal.refused for journal in journals) > 0
    # At most one a person is in the store without having been acknowledged: the last one.
    assert len(found) - len(acknowledged) <= len(people)


def count_events(url: str) -> int:
    with psycopg.connect(url) as connection:
        [[count]] = connection.execute("SELECT count(*) FROM events").fetchall()
    return int(count)


def wait_for_events(url: str, count: int) -> None:
    eventually(lambda: count_events(url) >= count, f"{count} events", PATIENCE_SECONDS)
