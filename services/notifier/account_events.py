"""Takes over accounts from `account.*`: the language of what the bot says, and erasure.

Duplicates and reordering do no harm: only a newer version changes anything, and an erased account
stays erased.
"""

import asyncio

from sqlalchemy import Engine

from services.notifier.accounts import store_account
from services.notifier.answers.reminder_messages import erase_answers
from services.notifier.asking.open_questions import erase_questions
from services.notifier.linking.chat_links import erase_link
from services.notifier.linking.link_requests import close_request
from services.notifier.reminders.ledger import erase_deliveries
from services.notifier.sending.delivery_states import erase_states
from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.events import AccountStateV1
from shared.database import transaction
from shared.http.idempotency_keys import forget_keys
from shared.instants import now
from shared.messaging.deliveries import Delivery


class AccountEvents:
    """Handles one event of the queue `notifier.events`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def handle(self, delivery: Delivery) -> None:
        """Take over one account. Raises UnreadableMessage."""
        event = delivery.event()
        if not isinstance(event.body, AccountStateV1):
            raise UnreadableMessage(f"{event.type} is not about an account")
        await asyncio.to_thread(self._apply, event.body)

    def _apply(self, account: AccountStateV1) -> None:
        with transaction(self._engine) as connection:
            changed = store_account(
                connection,
                account.id,
                locale=account.locale,
                deleted=account.deleted,
                version=account.version,
            )
            if changed and account.deleted:
                erase_link(connection, account.id, now())
                close_request(connection, account.id)
                forget_keys(connection, account.id)
                erase_states(connection, account.id)
                erase_deliveries(connection, account.id)
                erase_answers(connection, account.id)
                erase_questions(connection, account.id)
