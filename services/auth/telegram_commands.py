"""Carries out what people ask of their account in Telegram, from `auth.commands`: each wish once.

A wish, that it has been handled and the reply to the notifier are one transaction. What comes later
than such records are kept, from dead letters, is let be: it would undo what was changed since.
"""

import asyncio
import hashlib
from datetime import datetime

from sqlalchemy import Connection, Engine
from sqlalchemy.dialects.postgresql import insert

from services.auth.accounts import UnknownAccount, change_profile, locked_account
from services.auth.time_zones import zone_called
from shared.contracts.account_commands import SetTimeZoneV1, read_command
from shared.contracts.replies import TimeZoneReplyV1, reply_to_json
from shared.contracts.topology import NOTIFIER_REPLIES
from shared.database import transaction
from shared.http.idempotency_keys import ANSWERED_REQUESTS, KEPT
from shared.instants import now
from shared.messaging.deliveries import Delivery, Handler
from shared.outbox.table import add_message
from shared.process.structured_logs import get_logger

_log = get_logger(__name__)


def handle_telegram_commands(engine: Engine) -> Handler:
    """Return the handler of the queue `auth.commands`."""

    async def handle(delivery: Delivery) -> None:
        command = read_command(delivery.body)
        try:
            await asyncio.to_thread(_set_time_zone, engine, command)
        except UnknownAccount:
            _log.info("a command of an account that is gone", command_id=command.command_id)

    return handle


def _set_time_zone(engine: Engine, command: SetTimeZoneV1) -> None:
    at = now()
    with transaction(engine) as connection:
        account = locked_account(connection, command.account_id)
        is_too_late = at - command.at > KEPT
        if is_too_late or not account.is_active or not _is_new(connection, command, at):
            return
        zone = zone_called(command.time_zone)
        if zone is not None:
            change_profile(connection, account.id, {"time_zone": zone}, at)
        reply = TimeZoneReplyV1(
            command_id=command.command_id, account_id=account.id, time_zone=zone
        )
        add_message(connection, NOTIFIER_REPLIES, str(account.id), reply_to_json(reply))


def _is_new(connection: Connection, command: SetTimeZoneV1, at: datetime) -> bool:
    noted = connection.scalar(
        insert(ANSWERED_REQUESTS)
        .values(
            owner=str(command.account_id),
            key_hash=hashlib.sha256(command.command_id.encode()).digest(),
            fingerprint=b"",
            made={},
            used_at=at,
        )
        .on_conflict_do_nothing()
        .returning(ANSWERED_REQUESTS.c.owner)
    )
    return noted is not None
