"""What the control API takes, with strict types and no unknown fields; what it gives is JSON."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import marshmallow as ma
from aiohttp import web
from marshmallow import fields, validate

from deploy.telegram_simulator.bot_parameters import MAX_TEXT_CHARACTERS
from deploy.telegram_simulator.faults import FAULT_KINDS
from deploy.telegram_simulator.http_messages import UnreadableBody, json_of

_MAX_CHAT_ID = (1 << 52) - 1
_LONGEST_WAIT_SECONDS = 50
_ANY_METHOD = "*"


class ChatId(fields.Integer):
    """An id as the Bot API has it, as a number or as text; groups have negative ones."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> int:
        if isinstance(value, bool | float):
            raise self.make_error("invalid", input=value)
        number = super()._deserialize(value, attr, data, **kwargs)
        if not 0 < abs(number) <= _MAX_CHAT_ID:
            raise self.make_error("invalid", input=value)
        return number


def _count(**options: Any) -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(min=1), **options)


class ChatSchema(ma.Schema):
    """Creating a chat; without an id one is made up."""

    chat_id = ChatId(load_default=None)
    type = fields.String(
        load_default="private", validate=validate.OneOf(["private", "group", "supergroup"])
    )
    name = fields.String(load_default=None, validate=validate.Length(1, 64))
    language_code = fields.String(load_default="en", validate=validate.Length(2, 8))


class SaySchema(ma.Schema):
    """A person's message."""

    text = fields.String(required=True, validate=validate.Length(1, MAX_TEXT_CHARACTERS))
    person_id = ChatId(load_default=None)


class PressSchema(ma.Schema):
    """A button by its data (the newest that has it), or by message and index from 0."""

    callback_data = fields.String(load_default=None)
    message_id = fields.Integer(strict=True, load_default=None)
    index = fields.Integer(strict=True, load_default=None, validate=validate.Range(min=0))
    person_id = ChatId(load_default=None)

    @ma.validates_schema
    def _one_way(self, data: dict[str, Any], **_: Any) -> None:
        if (data["callback_data"] is None) == (data["index"] is None):
            raise ma.ValidationError("give callback_data, or message_id and index")
        if data["index"] is not None and data["message_id"] is None:
            raise ma.ValidationError("missing beside index", "message_id")


class MigrateSchema(ma.Schema):
    """Moving a chat; without an id one is made up."""

    new_chat_id = ChatId(load_default=None)


class FaultSchema(ma.Schema):
    """A fault rule; for `sendMessage` unless told otherwise, `*` is for every method."""

    kind = fields.String(required=True, validate=validate.OneOf(sorted(FAULT_KINDS)))
    method = fields.String(load_default="sendMessage", validate=validate.Length(1, 64))
    chat_id = ChatId(load_default=None)
    text_contains = fields.String(load_default=None)
    times = _count(load_default=1, allow_none=True)
    probability = fields.Float(load_default=1.0, validate=validate.Range(0, 1))
    seed = fields.Integer(strict=True, load_default=0)
    retry_after_seconds = _count()
    delay_seconds = fields.Float(validate=validate.Range(0, 3600))
    status = fields.Integer(strict=True, validate=validate.Range(200, 599))
    description = fields.String()
    body = fields.String()
    migrate_to_chat_id = ChatId()
    recorded = fields.Boolean(truthy={True}, falsy={False})

    @ma.post_load
    def _every_method(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**data, "method": None if data["method"] == _ANY_METHOD else data["method"]}


class OverviewQuery(ma.Schema):
    """The list of chats; with a version, once something is newer than it."""

    known_version = fields.Integer(load_default=None)
    wait_seconds = fields.Float(load_default=0, validate=validate.Range(0, _LONGEST_WAIT_SECONDS))


class MessagesQuery(ma.Schema):
    """The messages of a chat."""

    author = fields.String(load_default=None, validate=validate.OneOf(["person", "bot", "notice"]))
    after_message_id = fields.Integer(load_default=0)


class RequestsQuery(ma.Schema):
    """Which received requests."""

    method = fields.String(load_default=None)
    chat_id = fields.String(load_default=None)
    text_contains = fields.String(load_default=None)
    recorded = fields.Boolean(load_default=None)
    after_id = fields.Integer(load_default=0)
    limit = fields.Integer(load_default=None, validate=validate.Range(min=1))


def answered(
    handler: Callable[..., Awaitable[dict[str, Any]]],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Call a handler with the numbers in the path; answer with what it returns."""

    async def answer(request: web.Request) -> web.Response:
        numbers = {name: int(value) for name, value in request.match_info.items()}
        return web.json_response(await handler(request, **numbers))

    return answer


async def body_of(request: web.Request, schema: type[ma.Schema]) -> dict[str, Any]:
    """Read a body; raise ValidationError or UnreadableBody."""
    content = await json_of(request)
    if not isinstance(content, dict):
        raise UnreadableBody("the body is not a JSON object")
    loaded: dict[str, Any] = schema().load(content)
    return loaded


def query_of(request: web.Request, schema: type[ma.Schema]) -> dict[str, Any]:
    loaded: dict[str, Any] = schema().load(dict(request.query))
    return loaded
