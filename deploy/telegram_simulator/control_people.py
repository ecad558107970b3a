"""Control API, the people's part: chats, what is said in them, buttons, blocking, moving."""

from collections.abc import Iterable
from typing import Any

from aiohttp import web

from deploy.telegram_simulator.chats import Chat, Message, Standing, UnknownChat
from deploy.telegram_simulator.control_schemas import (
    ChatSchema,
    MessagesQuery,
    MigrateSchema,
    OverviewQuery,
    PressSchema,
    SaySchema,
    answered,
    body_of,
    query_of,
)
from deploy.telegram_simulator.people import People
from deploy.telegram_simulator.telegram_shapes import JSON, keyboard_shape
from deploy.telegram_simulator.world import World

_SHOWN_CHATS = 200
_CHAT = "/chats/{chat_id:-?[0-9]+}"


class ControlPeople:
    """What handlers return is the content of a 200."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._people = People(world)

    def routes(self) -> Iterable[web.RouteDef]:
        yield web.get("/chats", answered(self._overview))
        yield web.post("/chats", answered(self._create))
        yield web.get(_CHAT, answered(self._show))
        yield web.get(f"{_CHAT}/messages", answered(self._messages))
        yield web.post(f"{_CHAT}/messages", answered(self._say))
        yield web.post(f"{_CHAT}/press", answered(self._press))
        yield web.post(f"{_CHAT}/block", answered(self._block))
        yield web.post(f"{_CHAT}/unblock", answered(self._unblock))
        yield web.post(f"{_CHAT}/deactivate", answered(self._deactivate))
        yield web.post(f"{_CHAT}/migrate", answered(self._migrate))

    async def _overview(self, request: web.Request) -> JSON:
        query = query_of(request, OverviewQuery)
        changes = self._world.changes
        if query["known_version"] is not None:
            await changes.wait_beyond(query["known_version"], query["wait_seconds"])
        chats = list(self._world.chats.all())
        return {
            "version": changes.version,
            "bot": self._world.bot,
            "chat_count": len(chats),
            "chats": [_chat(chat) for chat in chats[:_SHOWN_CHATS]],
        }

    async def _create(self, request: web.Request) -> JSON:
        wanted = await body_of(request, ChatSchema)
        chat_id = wanted["chat_id"] or self._world.chats.unused_id(wanted["type"])
        chat = self._world.chats.create(
            Chat(
                id=chat_id,
                kind=wanted["type"],
                name=wanted["name"] or _default_name(chat_id),
                language_code=wanted["language_code"],
            )
        )
        self._world.changes.announce()
        return _chat(chat)

    async def _show(self, _: web.Request, chat_id: int) -> JSON:
        return _chat(self._world.chats.get(chat_id))

    async def _messages(self, request: web.Request, chat_id: int) -> JSON:
        query = query_of(request, MessagesQuery)
        chat = self._world.chats.get(chat_id)
        found = [
            _message(chat, message)
            for message in chat.messages
            if query["author"] in {None, message.author} and message.id > query["after_message_id"]
        ]
        commands = self._world.commands_for(chat.language_code)
        return {"chat": _chat(chat), "messages": found, "commands": commands}

    async def _say(self, request: web.Request, chat_id: int) -> JSON:
        """Write as a person; the first message of somebody new makes the chat."""
        said = await body_of(request, SaySchema)
        try:
            chat = self._world.chats.get(chat_id)
        except UnknownChat:
            if chat_id <= 0:
                raise
            chat = self._world.chats.create(Chat(chat_id, "private", _default_name(chat_id)))
        return _message(chat, self._people.say(chat, said["text"], said["person_id"]))

    async def _press(self, request: web.Request, chat_id: int) -> JSON:
        pressed = await body_of(request, PressSchema)
        chats = self._world.chats
        chat, data, message_id = chats.get(chat_id), pressed["callback_data"], pressed["message_id"]
        if data is None:
            data = chats.button_at(chat, message_id, pressed["index"])
        message_id = chats.find_button(chat, data, message_id).id
        query_id = self._people.press(chat, message_id, data, pressed["person_id"])
        return {"callback_query_id": query_id, "message_id": message_id, "callback_data": data}

    async def _block(self, _: web.Request, chat_id: int) -> JSON:
        return self._standing(chat_id, "blocked")

    async def _unblock(self, _: web.Request, chat_id: int) -> JSON:
        return self._standing(chat_id, "open")

    async def _deactivate(self, _: web.Request, chat_id: int) -> JSON:
        return self._standing(chat_id, "deactivated")

    async def _migrate(self, request: web.Request, chat_id: int) -> JSON:
        wanted = await body_of(request, MigrateSchema)
        chat = self._world.chats.get(chat_id)
        new_id = wanted["new_chat_id"] or self._world.chats.unused_id(chat.kind)
        return _chat(self._people.migrate(chat, new_id))

    def _standing(self, chat_id: int, standing: Standing) -> JSON:
        chat = self._world.chats.get(chat_id)
        self._people.change_standing(chat, standing)
        return _chat(chat)


def _default_name(chat_id: int) -> str:
    return f"Person {chat_id}" if chat_id > 0 else f"Group {-chat_id}"


def _chat(chat: Chat) -> JSON:
    return {
        "chat_id": chat.id,
        "type": chat.kind,
        "name": chat.name,
        "standing": chat.standing,
        "migrated_to": chat.migrated_to,
        "message_count": len(chat.messages),
        "last_message": _message(chat, chat.messages[-1]) if chat.messages else None,
    }


def _message(chat: Chat, message: Message) -> dict[str, Any]:
    return {
        "message_id": message.id,
        "chat_id": chat.id,
        "author": message.author,
        "person_id": message.person_id,
        "text": message.text,
        "sent_at_seconds": message.sent_at,
        "edited_at_seconds": message.edited_at,
        "parse_mode": message.parse_mode,
        "buttons": keyboard_shape(message.buttons),
    }
