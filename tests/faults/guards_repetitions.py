"""What comes twice at once: an update of Telegram, and a refresh token."""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, Engine

from services.auth import refresh_tokens
from services.auth.accounts import register
from services.auth.refresh_tokens import Issued, start_family
from services.auth.sessions import refresh
from services.notifier.telegram.client import TelegramClient
from services.notifier.translations import Translations
from services.notifier.update_handler import UpdateHandler
from shared.contracts.topology import TELEGRAM_UPDATES
from shared.database import transaction
from shared.instants import now
from tests.integration.notifier.arrangements import raw_delivery, said_to

_LONGEST_MEETING_SECONDS = 3


async def replies_to_an_update_that_comes_twice(engine: Engine, chat_id: int) -> int:
    """Hand one update to the bot twice at once; count its replies."""
    nobody = TelegramClient("1:token", "http://127.0.0.1:9", connections=1)
    handler = UpdateHandler(engine, nobody, Translations())
    update: dict[str, Any] = {
        "update_id": chat_id,
        "message": {
            "message_id": 1,
            "text": "hello",
            "chat": {"id": chat_id, "type": "private"},
            "from": {"id": chat_id, "language_code": "en"},
        },
    }
    delivered = raw_delivery(TELEGRAM_UPDATES, json.dumps(update).encode())
    await asyncio.gather(handler.handle(delivered), handler.handle(delivered))
    return len(said_to(engine, chat_id))


def successors_of_a_token_used_twice(engine: Engine, patch: pytest.MonkeyPatch) -> int:
    """Use one refresh token twice at once; count the different successors handed out."""
    token = _signed_in(engine)
    meeting = threading.Barrier(2)
    issue = refresh_tokens._issue

    def issue_together(
        connection: Connection, account_id: UUID, family_id: UUID, at: datetime
    ) -> Issued:
        # Who is alone here has the lock; the other one waits for it.
        with suppress(threading.BrokenBarrierError):
            meeting.wait(_LONGEST_MEETING_SECONDS)
        return issue(connection, account_id, family_id, at)

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
