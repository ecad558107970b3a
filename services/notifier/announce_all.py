"""`announce-all`: the present state of every chat link, told again."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from services.notifier.linking.chat_links import tell_again
from services.notifier.service import SERVICE
from services.notifier.settings import Settings
from services.notifier.tables import CHAT_LINKS
from shared import announce_all
from shared.announce_all import Told


def run_command(settings: Settings, arguments: Sequence[str]) -> int:
    """Run the command as typed, its own name first; return the exit status."""
    return announce_all.run_command(SERVICE.name, settings.database_url, BATCHES, arguments)


def announce_links(connection: Connection, after: str | None, limit: int) -> Told | None:
    """Tell the states of chat links, locked so that none of them changes meanwhile."""
    query = select(CHAT_LINKS).order_by(CHAT_LINKS.c.account_id).limit(limit)
    if after:
        query = query.where(CHAT_LINKS.c.account_id > after)
    rows = connection.execute(query.with_for_update(key_share=True)).all()
    for row in rows:
        tell_again(connection, row)
    return Told(len(rows), rows[-1].account_id) if rows else None


BATCHES = {"links": announce_links}
