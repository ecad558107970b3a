"""Hears of days from `habit.day_*`, and has the messages that reminded of them show it.

An edit goes to the chat that is linked now, or nowhere: what stands in a chat that was the
account's before is nobody's business any more.
"""

import asyncio

from sqlalchemy import Connection, Engine

from services.notifier.accounts import share_account
from services.notifier.answers.heard_days import lock_answers, store_day
from services.notifier.answers.reminder_messages import Place, account_of, places_of, shown_now
from services.notifier.linking.chat_links import linked_chat
from services.notifier.sending.bot_messages import Edit, tell
from services.notifier.translations import Translations
from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.events import HabitDayStateV1
from shared.database import transaction
from shared.instants import now
from shared.messaging.deliveries import Delivery


class DayEvents:
    """Handles one event of the queue `notifier.days`."""

    def __init__(self, engine: Engine, translations: Translations) -> None:
        self._engine = engine
        self._translations = translations

    async def handle(self, delivery: Delivery) -> None:
        """Take over one day. Raises UnreadableMessage."""
        event = delivery.event()
        if not isinstance(event.body, HabitDayStateV1):
            raise UnreadableMessage(f"{event.type} is not about a day")
        await asyncio.to_thread(self._apply, event.body)

    def _apply(self, day: HabitDayStateV1) -> None:
        with transaction(self._engine) as connection:
            if share_account(connection, day.owner_id).deleted:
                return
            lock_answers(connection, day.owner_id)
            if store_day(connection, day):
                for place in places_of(connection, day.owner_id, day.habit_id, day.date):
                    show(connection, day.owner_id, place, self._translations)


def refresh(connection: Connection, edit: Edit, translations: Translations) -> Edit | None:
    """Return what a message is to show by now: a reminder's, what has been heard since.

    None when the chat is not the account's any more.
    """
    place = Place(edit.chat_id, edit.message_id)
    account_id = account_of(connection, place)
    if account_id is None:
        return edit
    if linked_chat(connection, account_id) != edit.chat_id:
        return None
    return shown_now(connection, place, translations)


def show(connection: Connection, account_id: str, place: Place, translations: Translations) -> None:
    """Have a message show what has been heard, if its chat is the account's."""
    if linked_chat(connection, account_id) != place.chat_id:
        return
    if edit := shown_now(connection, place, translations):
        tell(connection, edit, now())
