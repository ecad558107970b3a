"""The chats, the people in them and what was said: pure state, without HTTP and without waiting.

A chat exists once a person wrote to the bot or somebody created it; until then the bot cannot
write to it, as on the real Telegram. Message ids are never used twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

Kind = Literal["private", "group", "supergroup"]
Standing = Literal["open", "blocked", "deactivated"]
Author = Literal["person", "bot", "notice"]


class ChatError(Exception):
    """Something asked of a chat that cannot be."""


class UnknownChat(ChatError):
    """There is no such chat."""


class UnknownMessage(ChatError):
    """There is no such message of the bot in this chat."""


class UnknownButton(ChatError):
    """No message of this chat has such a button."""


class ChatExists(ChatError):
    """A chat of this id is there already."""


class ChatClosed(ChatError):
    """The chat is blocked, deactivated or has moved to another id."""


@dataclass(frozen=True, slots=True)
class Button:
    """An inline button: one of callback data or a link."""

    text: str
    callback_data: str | None = None
    url: str | None = None


Rows = tuple[tuple[Button, ...], ...]


@dataclass(frozen=True, slots=True)
class Message:
    """One line of a chat; a notice is what Telegram itself says, such as an answer to a press."""

    id: int
    author: Author
    person_id: int | None
    text: str
    sent_at: float
    buttons: Rows = ()
    parse_mode: str | None = None
    edited_at: float | None = None


@dataclass(slots=True)
class Chat:
    """A private chat has the id of its person; a group has people in it."""

    id: int
    kind: Kind
    name: str
    language_code: str = "en"
    standing: Standing = "open"
    migrated_to: int | None = None
    messages: list[Message] = field(default_factory=list)

    @property
    def is_private(self) -> bool:
        return self.kind == "private"

    def name_of(self, person_id: int) -> str:
        """Name a person of this chat; in a private one it is the chat's own."""
        return self.name if self.is_private else f"Person {person_id}"

    def last_active_at(self) -> float:
        return self.messages[-1].sent_at if self.messages else 0.0


class ChatBook:
    """All chats by id."""

    def __init__(self) -> None:
        self.next_message_id = 1
        self._chats: dict[int, Chat] = {}

    def all(self) -> Iterable[Chat]:
        """List the chats, the one with the newest message first."""
        return sorted(self._chats.values(), key=Chat.last_active_at, reverse=True)

    def get(self, chat_id: int) -> Chat:
        try:
            return self._chats[chat_id]
        except KeyError:
            raise UnknownChat(f"no chat {chat_id}") from None

    def create(self, chat: Chat) -> Chat:
        if chat.id in self._chats:
            raise ChatExists(f"chat {chat.id} exists")
        self._chats[chat.id] = chat
        return chat

    def unused_id(self, kind: Kind) -> int:
        """Propose an id of the shape the real one has: people positive, groups negative."""
        sign, first = (1, 100_001) if kind == "private" else (-1, 200_001)
        chat_id = sign * first
        while chat_id in self._chats:
            chat_id += sign
        return chat_id

    def clear(self) -> None:
        """Forget all chats; ids go on, because others remember the old ones."""
        self._chats.clear()

    def person_says(self, chat: Chat, person_id: int, text: str, at: float) -> Message:
        _refuse_closed(chat)
        return self._add(chat, "person", text, at, person_id=person_id)

    def person_presses(self, chat: Chat, person_id: int, button: Button, at: float) -> Message:
        """Note a press in the chat; only the page shows it, Telegram has no such message."""
        _refuse_closed(chat)
        return self._add(chat, "notice", f"{chat.name_of(person_id)} pressed “{button.text}”", at)

    def bot_says(
        self, chat: Chat, text: str, at: float, buttons: Rows = (), parse_mode: str | None = None
    ) -> Message:
        return self._add(chat, "bot", text, at, buttons=buttons, parse_mode=parse_mode)

    def notice(self, chat: Chat, text: str, at: float) -> Message:
        return self._add(chat, "notice", text, at)

    def message_of_bot(self, chat: Chat, message_id: int) -> Message:
        for message in reversed(chat.messages):
            if message.id == message_id and message.author == "bot":
                return message
        raise UnknownMessage(f"no message {message_id} of the bot in chat {chat.id}")

    def edit(self, chat: Chat, old: Message, text: str, buttons: Rows, at: float) -> Message:
        """Replace text and buttons of a message of the bot."""
        new = replace(old, text=text, buttons=buttons, edited_at=at)
        chat.messages[chat.messages.index(old)] = new
        return new

    def find_button(self, chat: Chat, callback_data: str, message_id: int | None = None) -> Message:
        """Return the newest message that has a button with this data, or that very message."""
        for message in reversed(chat.messages):
            if message_id in {None, message.id} and any(
                button.callback_data == callback_data for row in message.buttons for button in row
            ):
                return message
        raise UnknownButton(f"no button with data {callback_data!r} in chat {chat.id}")

    def button_at(self, chat: Chat, message_id: int, index: int) -> str:
        """Return the callback data of a message's n-th button, counted over the rows from 0."""
        flat = [b for row in self.message_of_bot(chat, message_id).buttons for b in row]
        if index >= len(flat) or (data := flat[index].callback_data) is None:
            raise UnknownButton(f"message {message_id} has no pressable button {index}")
        return data

    def migrate(self, chat: Chat, new_id: int) -> Chat:
        """Move a chat to a new id; the old one answers with where it went."""
        _refuse_closed(chat)
        kind: Kind = "private" if chat.is_private else "supergroup"
        moved = self.create(
            Chat(new_id, kind, chat.name, chat.language_code, messages=list(chat.messages))
        )
        chat.migrated_to = new_id
        return moved

    def _add(
        self,
        chat: Chat,
        author: Author,
        text: str,
        at: float,
        *,
        person_id: int | None = None,
        buttons: Rows = (),
        parse_mode: str | None = None,
    ) -> Message:
        message = Message(self.next_message_id, author, person_id, text, at, buttons, parse_mode)
        self.next_message_id += 1
        chat.messages.append(message)
        return message


def _refuse_closed(chat: Chat) -> None:
    if chat.migrated_to is not None:
        raise ChatClosed(f"chat {chat.id} has moved to {chat.migrated_to}")
    if chat.standing != "open":
        raise ChatClosed(f"chat {chat.id} is {chat.standing}")
