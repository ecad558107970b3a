"""Appends events to the log, each once.

The row of `head` is locked first, so writers follow one another, and positions become visible in
their order: a reader that has seen one has seen, or can see, every smaller one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from sqlalchemy import Connection, select, text, update

from services.feed.erasure import erase_accounts, erased_among
from services.feed.log_entry import LogEntry
from services.feed.log_notices import tell_readers
from services.feed.tables import HEAD, LOG
from shared.instants import now

_INSERT = text(
    """
    INSERT INTO log (position, event_id, type, source, subject, account_id, version, time,
                     received_at, data, request_id, traceparent)
    VALUES (:position, :event_id, :type, :source, :subject, :account_id, :version, :time,
            :received_at, CAST(:data AS jsonb), :request_id, :traceparent)
    """
)


def append(connection: Connection, entries: Sequence[LogEntry]) -> int:
    """Append those of the events that are not in the log yet; return how many they were."""
    head = connection.scalars(select(HEAD.c.position).with_for_update()).one()
    new = _not_yet_there(connection, entries)
    if not new:
        return 0
    erase_accounts(connection, [entry.account_id for entry in new if entry.ends_account])
    kept = _without_what_is_erased(connection, new)
    received_at = now()
    connection.execute(
        _INSERT,
        [
            asdict(entry) | {"position": position, "received_at": received_at}
            for position, entry in enumerate(kept, head + 1)
        ],
    )
    connection.execute(update(HEAD).values(position=head + len(kept)))
    tell_readers(connection, {entry.account_id for entry in kept if entry.account_id})
    return len(kept)


def _not_yet_there(connection: Connection, entries: Iterable[LogEntry]) -> list[LogEntry]:
    by_id: dict[str, LogEntry] = {}
    for entry in entries:
        by_id.setdefault(entry.event_id, entry)
    for event_id in connection.scalars(select(LOG.c.event_id).where(LOG.c.event_id.in_(by_id))):
        del by_id[event_id]
    return list(by_id.values())


def _without_what_is_erased(connection: Connection, entries: Iterable[LogEntry]) -> list[LogEntry]:
    """Blank the events of erased accounts, but for those that only say that something ended."""
    erased = erased_among(connection, {entry.account_id for entry in entries})
    return [
        entry.blanked() if entry.account_id in erased and not entry.outlives_account else entry
        for entry in entries
    ]
