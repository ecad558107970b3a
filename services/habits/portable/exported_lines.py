"""The file of an account: one JSON object a line, in UTF-8 (NDJSON).

The first line says what it is. Then come the events of each habit that is there, oldest first, and
behind them those of its days, all in the newest form. The last line says how many there were, so
that a file that was cut off is known. Written row by row: an account of any size takes no memory.
"""

import json
from collections.abc import Generator
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Row, text

from services.habits.account_clock import AccountClock, read_clock
from services.habits.days import stored_days
from services.habits.stored_events import UPCASTING, StoredType
from services.habits.upcasting import JsonObject
from shared import instants
from shared.database import transaction

FORMAT = "habits-export"
VERSION = 1

_ROWS_IN_MEMORY = 500

_EVENTS = text("""
SELECT event.type, event.schema_version, event.version, event.data, event.meta,
       habits.id AS habit_id, first.data ->> 'date' AS date
  FROM habits
  JOIN events first ON first.data ->> 'habit_id' = habits.id::text AND first.version = 1
  JOIN events event ON event.stream_id = first.stream_id
 WHERE habits.owner_id = :owner
 ORDER BY habits.created_at, habits.id, first.position, event.version
""")


def exported_lines(engine: Engine, owner_id: UUID, now: datetime) -> Generator[bytes, None, None]:
    """Yield the lines of an account's file. Raises AccountErased, UpgradeInProgress."""
    with transaction(engine) as connection:
        clock = read_clock(connection, owner_id)
        yield _line({"type": FORMAT, "version": VERSION, "at": instants.to_json(now)})
        options = {"yield_per": _ROWS_IN_MEMORY}
        number = 0
        asked = {"owner": owner_id}
        # Whoever goes away in the midst of it leaves no cursor behind.
        with connection.execute(_EVENTS, asked, execution_options=options) as rows:
            for row in rows:
                yield _line(_told(row, clock))
                number += 1
        yield _line({"type": "end", "events": number})


def _told(row: Row[Any], clock: AccountClock) -> JsonObject:
    upcasting = UPCASTING if row.date is None else stored_days.UPCASTING
    data = upcasting.to_newest(row.type, row.schema_version, row.data)
    channel = data.get("channel") or row.meta.get("channel", "api")
    told = {
        name: value for name, value in data.items() if name not in ("owner_id", "habit_id", "date")
    }
    if row.type == StoredType.CREATED and told["created_on"] is None:
        created_on = clock.known_date_of(instants.from_json(data["at"]))
        told["created_on"] = None if created_on is None else created_on.isoformat()
    return {
        "type": row.type,
        "schema_version": upcasting.newest_version(row.type),
        "habit_id": str(row.habit_id),
        "date": row.date,
        "version": row.version,
        "channel": channel,
        "data": told,
    }


def _line(values: JsonObject) -> bytes:
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
