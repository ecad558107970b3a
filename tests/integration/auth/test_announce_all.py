"""Accounts are told again as they are, and those that are gone as gone."""

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select

from services.auth import accounts
from services.auth.announce_all import BATCHES
from services.auth.tables import OUTBOX
from shared.announce_all import run_announce_all
from shared.database import new_engine, transaction
from shared.instants import now


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = new_engine(database_url)
    yield engine
    engine.dispose()


def test_each_account_is_told_with_its_present_version(engine: Engine) -> None:
    ids: list[uuid.UUID] = []
    with transaction(engine) as connection:
        for name in ("new", "changed", "erased"):
            account = accounts.register(
                connection,
                email=f"{name}.{uuid.uuid4().hex}@example.com",
                password_hash="x",
                time_zone="Europe/Riga",
                locale="ru",
                now=now(),
            )
            ids.append(account.id)
        accounts.change_profile(connection, ids[1], {"locale": "en"}, now())
        accounts.erase(connection, ids[2], now())
        connection.execute(OUTBOX.delete())

    assert run_announce_all("auth", engine, BATCHES, ["announce-all"]) == 0

    with engine.connect() as connection:
        rows = connection.execute(select(OUTBOX.c.routing_key, OUTBOX.c.body)).all()
    told = {row.body["id"]: (row.routing_key, row.body) for row in rows}
    new, changed, erased = (told[str(account_id)] for account_id in ids)
    assert (new[0], new[1]["version"]) == ("account.registered.v1", 1)
    assert (new[1]["time_zone"], new[1]["locale"]) == ("Europe/Riga", "ru")
    assert (changed[0], changed[1]["version"]) == ("account.changed.v1", 2)
    assert (erased[0], erased[1]["version"]) == ("account.deleted.v1", 2)
    assert (erased[1]["deleted"], erased[1]["is_active"]) == (True, False)
