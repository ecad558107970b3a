"""What comes twice at once: an update of Telegram, and a refresh token."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine

from services.auth import refresh_tokens
from services.auth.accounts import register
from services.auth.refresh_tokens import Issued, start_family
from services.auth.sessions import refresh
from services.notifier.bot_router import new_update_handler
from services.notifier.linking.chat_links import link
from shared.database import transaction
from shared.instants import now
from tests.integration.notifier.arrangements import said_to
from tests.integration.notifier.updates import text, update_bytes

_LONGEST_MEETING_SECONDS = 3


def replies_to_an_update_that_comes_twice(engine: Engine, chat_id: int) -> int:
    """Hand one update to the bot twice at once; count its replies."""
    account_id = str(uuid4())
    with transaction(engine) as connection:
        link(connection, account_id, chat_id, now())
    raw = update_bytes(chat_id, message=text(chat_id, "/stop"))
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(new_update_handler(engine).handle, [raw, raw]))
    return len(said_to(engine, chat_id))


def successors_of_a_token_used_twice(engine: Engine, patch: pytest.MonkeyPatch) -> int:
    """Use one refresh token twice at once; count the different successors handed out."""
    token = _signed_in(engine)
    meeting = threading.Barrier(2)
    issue = refresh_tokens._issue

    def issue_together(connection: Connection, session: Mapping[str, Any], at: datetime) -> Issued:
        # Who is alone here has the lock; the other one waits for it.
        with suppress(threading.BrokenBarrierError):
            meeting.wait(_LONGEST_MEETING_SECONDS)
        return issue(connection, session, at)

    patch.setattr(refresh_tokens, "_issue", issue_together)
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda _: refresh(engine, token, now()), range(2)))
    return len({issued.token for _, issued in answers})


def _signed_in(engine: Engine) -> str:
    at = now()
    with transaction(engine) as connection:
        account = register(
            connection,
            email=f"{uuid4()}@example.com",
            password_hash="none",
            time_zone="UTC",
            locale="en",
            now=at,
        )
        return start_family(connection, account.id, at).token
