"""What people do: write to the bot, press its buttons, block it, move a group to a new id.

Each of these reaches the bot as an update.
"""

import time
import uuid

from deploy.telegram_simulator.chats import Chat, Message, Standing
from deploy.telegram_simulator.telegram_shapes import (
    chat_shape,
    membership_shape,
    message_shape,
    person,
)
from deploy.telegram_simulator.world import Press, World

GROUP_MEMBER_ID = 100_500


class People:
    """All people; one of a private chat has the chat's id, one of a group any."""

    def __init__(self, world: World) -> None:
        self._world = world

    def say(self, chat: Chat, text: str, person_id: int | None = None) -> Message:
        world = self._world
        speaker = _speaker(chat, person_id)
        message = world.chats.person_says(chat, speaker, text, time.time())
        world.updates.add("message", message_shape(chat, message, world.bot))
        world.changes.announce()
        return message

    def press(
        self, chat: Chat, message_id: int, callback_data: str, person_id: int | None = None
    ) -> str:
        """Press a button of a message of the bot; return the id of the callback query."""
        world = self._world
        message = world.chats.message_of_bot(chat, message_id)
        button = next(b for row in message.buttons for b in row if b.callback_data == callback_data)
        speaker = _speaker(chat, person_id)
        world.chats.person_presses(chat, speaker, button, time.time())
        query_id = str(uuid.uuid4().int >> 65)
        world.presses[query_id] = Press(chat.id, message_id, callback_data)
        query = {
            "id": query_id,
            "from": person(chat, speaker),
            "message": message_shape(chat, message, world.bot),
            "chat_instance": str(chat.id),
            "data": callback_data,
        }
        world.updates.add("callback_query", query)
        world.changes.announce()
        return query_id

    def change_standing(self, chat: Chat, standing: Standing) -> None:
        """Block the bot, let it in again, or close the account; the bot hears of the first two."""
        world = self._world
        was_blocked, is_blocked = chat.standing == "blocked", standing == "blocked"
        chat.standing = standing
        if was_blocked != is_blocked and standing != "deactivated":
            change = membership_shape(
                chat, _speaker(chat, None), world.bot, time.time(), blocked=is_blocked
            )
            world.updates.add("my_chat_member", change)
        world.changes.announce()

    def migrate(self, chat: Chat, new_id: int) -> Chat:
        """Move a chat; both ends tell the bot, as Telegram's service messages do."""
        world = self._world
        moved = world.chats.migrate(chat, new_id)
        now = time.time()
        for place, field, other in (
            (chat, "migrate_to_chat_id", moved),
            (moved, "migrate_from_chat_id", chat),
        ):
            notice = world.chats.notice(place, f"The chat has moved: {chat.id} to {new_id}", now)
            service_message = {
                "message_id": notice.id,
                "from": person(place, _speaker(place, None)),
                "chat": chat_shape(place),
                "date": int(now),
                field: other.id,
            }
            world.updates.add("message", service_message)
        world.changes.announce()
        return moved


def _speaker(chat: Chat, person_id: int | None) -> int:
    if person_id is not None:
        return person_id
    return chat.id if chat.is_private else GROUP_MEMBER_ID
