"""Chat links are told again as they are."""

from typing import Any

from sqlalchemy import Engine, select

from services.notifier.announce_all import BATCHES
from services.notifier.linking.chat_links import block, link, unlink
from shared.announce_all import run_announce_all
from shared.database import transaction
from shared.instants import now
from shared.outbox.table import OUTBOX


def _told(engine: Engine) -> dict[str, Any]:
    with engine.begin() as connection:
        rows = connection.execute(
            select(OUTBOX.c.routing_key, OUTBOX.c.ordering_key, OUTBOX.c.body).order_by(OUTBOX.c.id)
        ).all()
        connection.execute(OUTBOX.delete())
    return {row.ordering_key: (row.routing_key, row.body) for row in rows}


def test_each_link_is_told_with_its_present_version(engine: Engine) -> None:
    with transaction(engine) as connection:
        for number, account_id in enumerate(("linked", "blocked", "unlinked")):
            link(connection, f"again-{account_id}", 990_000 + number, now())
        block(connection, 990_001, now())
        unlink(connection, "again-unlinked", now())
    before = {key: told for key, told in _told(engine).items() if key.startswith("again-")}
    assert len(before) == 3

    assert run_announce_all("notifier", engine, BATCHES, ["announce-all"]) == 0

    again = _told(engine)
    assert {key: again[key] for key in before} == before
