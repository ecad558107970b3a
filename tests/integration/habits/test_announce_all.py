"""Everything told again is the present state of every habit and day, under its present version."""

import threading
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from services.habits.announce_all import BATCHES
from services.habits.erasure import erase_account
from services.habits.tables import outbox
from shared import announce_all
from shared.announce_all import run_announce_all
from shared.database import transaction
from shared.instants import now
from tests.integration.habits.callers import WATER, Caller

Told = dict[str, tuple[str, dict[str, Any]]]


@pytest.fixture(autouse=True)
def _empty(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE outbox"))


def last_told(engine: Engine) -> Told:
    """Return the last event of each subject: its type and its body."""
    with engine.connect() as connection:
        rows = connection.execute(
            select(outbox.c.routing_key, outbox.c.headers, outbox.c.body).order_by(outbox.c.id)
        ).all()
    return {row.headers["cloudEvents:subject"]: (row.routing_key, row.body) for row in rows}


def forget(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE outbox"))


def tell_all(engine: Engine, *arguments: str) -> int:
    return run_announce_all("habits", engine, BATCHES, ["announce-all", *arguments])


def lived(anna: Caller, boris: Caller) -> None:
    """Leave a new, a changed, a deleted and an archived habit, a recorded and a cleared day."""
    ids = [anna.request("POST", "/api/habit/", json=WATER).get_json()["id"] for _ in range(4)]
    anna.request("PATCH", f"/api/habit/{ids[1]}/", json={"place": "Park"})
    anna.request("DELETE", f"/api/habit/{ids[2]}/")
    anna.request("POST", f"/api/habit/{ids[3]}/archive/")
    today = now().date().isoformat()
    for habit_id in ids[:2]:
        answer = anna.request(
            "PUT", f"/api/habit/{habit_id}/days/{today}/", json={"status": "done"}
        )
        assert answer.status_code == 201, answer.text
    anna.request("DELETE", f"/api/habit/{ids[1]}/days/{today}/")
    boris.request("POST", "/api/habit/", json=WATER)


def test_what_is_told_again_is_what_was_told_last(
    engine: Engine, anna: Caller, boris: Caller
) -> None:
    lived(anna, boris)
    with transaction(engine) as connection:
        erase_account(connection, boris.account_id, 2, now())
    before = last_told(engine)
    assert len(before) == 7
    forget(engine)

    assert tell_all(engine) == 0

    again = last_told(engine)
    assert {subject: again[subject] for subject in before} == before


def test_it_goes_on_from_where_it_stopped(
    engine: Engine,
    anna: Caller,
    boris: Caller,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lived(anna, boris)
    monkeypatch.setattr(announce_all, "BATCH_SIZE", 3)
    tell_all(engine)
    everything = last_told(engine)
    said = capsys.readouterr().out.splitlines()
    cursors = [line.split()[-1] for line in said if "--after" in line]
    forget(engine)

    assert tell_all(engine, "--after", cursors[0]) == 0

    assert len(last_told(engine)) == len(everything) - 3
    with pytest.raises(SystemExit):
        tell_all(engine, "--after", "nonsense")


def test_beside_changes_the_last_that_is_told_is_the_newest(
    engine: Engine, anna: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announce_all, "BATCH_SIZE", 2)
    ids = [anna.request("POST", "/api/habit/", json=WATER).get_json()["id"] for _ in range(4)]
    done = threading.Event()

    def tell() -> None:
        while not done.is_set():
            tell_all(engine)

    telling = threading.Thread(target=tell)
    telling.start()
    for number in range(8):
        for habit_id in ids:
            anna.request("PATCH", f"/api/habit/{habit_id}/", json={"place": f"Place {number}"})
    done.set()
    telling.join()

    told = last_told(engine)
    assert {told[habit_id][1]["place"] for habit_id in ids} == {"Place 7"}
    assert {told[habit_id][1]["version"] for habit_id in ids} == {9}


def test_an_outbox_that_does_not_drain_stops_it_and_is_named(
    engine: Engine,
    anna: Caller,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(announce_all, "_FULL_OUTBOX", 0)
    monkeypatch.setattr(announce_all, "_STALLED_SECONDS", 0.2)
    anna.request("POST", "/api/habit/", json=WATER)

    assert tell_all(engine) == 1

    assert "does not drain" in capsys.readouterr().err
