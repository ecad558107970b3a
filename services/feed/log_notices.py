"""What readers are told when the log has grown: whose events came, as far as that fits.

The notice is part of the writer's transaction. That is no bottleneck here: writers follow one
another anyway.
"""

import json
from collections.abc import Collection

from sqlalchemy import Connection, func, select

LOG_CHANNEL = "feed_log"

# A NOTIFY carries less than 8000 bytes.
_LONGEST_NOTICE = 7_900


def tell_readers(connection: Connection, account_ids: Collection[str]) -> None:
    """Have the readers told, at the commit, that there are new events, of these accounts too."""
    notice = json.dumps(sorted(account_ids))
    if len(notice) > _LONGEST_NOTICE:
        notice = ""
    connection.execute(select(func.pg_notify(LOG_CHANNEL, notice)))


def accounts_in(notice: str) -> list[str] | None:
    """Return the accounts that a notice names; None when it may concern any."""
    return [str(account_id) for account_id in json.loads(notice)] if notice else None
