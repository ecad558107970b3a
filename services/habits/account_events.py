"""Consuming `account.*`: what an account's clock shows, and its end, which its habits share."""

import asyncio
from uuid import UUID

from sqlalchemy import Engine

from services.habits.account_clock import remember_time_zone
from services.habits.erasure import erase_account
from services.habits.owners import lock_for_erasure
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
        await asyncio.to_thread(_erase if account.deleted else _follow, engine, account)

    return handle


def _follow(engine: Engine, account: AccountStateV1) -> None:
    account_id = _id_of(account)
    with transaction(engine) as connection:
        if lock_for_erasure(connection, account_id) is None:
            remember_time_zone(connection, account_id, account)


def _erase(engine: Engine, account: AccountStateV1) -> None:
    account_id = _id_of(account)
    with transaction(engine) as connection:
        erased = erase_account(connection, account_id, account.version, instants.now())
    _log.info("account erased", account_id=account.id, habits=erased)


def _id_of(account: AccountStateV1) -> UUID:
    try:
        return UUID(account.id)
    except ValueError as error:
        raise UnreadableMessage(f"account id {account.id!r} is not a UUID") from error
