"""Consuming `account.deleted`: an account that is gone takes its habits along."""

import asyncio
from uuid import UUID

from sqlalchemy import Engine

from services.habits.erasure import erase_account
from shared import instants
from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.events import AccountStateV1
from shared.database import transaction
from shared.messaging.deliveries import Delivery, Handler
from shared.process.structured_logs import get_logger

_log = get_logger(__name__)


def handle_account_events(engine: Engine) -> Handler:
    """Return the handler of the queue `habits.events`."""

    async def handle(delivery: Delivery) -> None:
        account = delivery.event().body
        if not isinstance(account, AccountStateV1):
            raise UnreadableMessage(f"{type(account).__name__} is not an account")
        if account.deleted:
            await asyncio.to_thread(_erase, engine, account)

    return handle


def _erase(engine: Engine, account: AccountStateV1) -> None:
    try:
        account_id = UUID(account.id)
    except ValueError as error:
        raise UnreadableMessage(f"account id {account.id!r} is not a UUID") from error
    with transaction(engine) as connection:
        erased = erase_account(connection, account_id, account.version, instants.now())
    _log.info("account erased", account_id=account.id, habits=erased)
