"""`/api/tg/link/`: linking the caller's account with a Telegram chat.

The token is checked before anything else. Only private chats can be linked, so only positive chat
ids are taken: in a group, one member's yes would speak for all.
"""

# mypy: disable-error-code="untyped-decorator"
# flask-smorest is not typed, so each of its decorators would be an error.

import re
from typing import Any

import marshmallow as ma
from flask import Flask, Response, jsonify, request
from flask.views import MethodView
from flask_jwt_extended import jwt_required

from services.notifier.linking.chat_linking import AccountErased, ChatLinking, TooManyQuestions
from services.notifier.telegram.bot_name import TelegramUnavailable
from shared.http.access_tokens import current_account_id
from shared.http.app import ApiBlueprint
from shared.http.idempotency import IDEMPOTENCY_KEY, RequestKey, read_key
from shared.http.problem_details import (
    RETRY_AFTER_SECONDS,
    Problem,
    too_many_requests,
    unauthorized,
)
from shared.http.strict_fields import StrictSchema
from shared.instants import to_json

# Telegram's ids have at most 52 significant bits.
_BIGGEST_CHAT_ID = 2**52 - 1
# The same bound, to 15 places, in the API document.
_DOCUMENTED_DIGITS = "^([1-9][0-9]{0,14}|[1-3][0-9]{15}|4[0-4][0-9]{14})$"
_DIGITS = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)

_BEARER: list[dict[str, list[str]]] = [{"bearerAuth": []}]
_INSTANT = {"format": "date-time", "example": "2026-01-31T07:40:00Z"}


class ChatIdField(ma.fields.Field[int]):
    """The id of a private chat, as a JSON integer or as text of digits."""

    default_error_messages = {  # noqa: RUF012 - marshmallow's way to set them
        "invalid": "Must be a chat id, an integer or text of digits.",
        "range": "Must be the id of a private chat, from 1 to 4503599627370495.",
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        del attr, data, kwargs
        if isinstance(value, str):
            if not _DIGITS.fullmatch(value):
                raise self.make_error("invalid")
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid")
        if not 0 < value <= _BIGGEST_CHAT_ID:
            raise self.make_error("range")
        return value


class LinkRequest(StrictSchema):
    """Empty to get a code, or the chat that the bot is to ask."""

    chat_id = ChatIdField(
        metadata={
            "oneOf": [
                {"type": "string", "pattern": _DOCUMENTED_DIGITS},
                {"type": "integer", "minimum": 1, "maximum": _BIGGEST_CHAT_ID},
            ],
            "example": "123456789",
            "description": "A private chat with the bot; the bot tells its id after /start.",
        }
    )


class CodeOffered(ma.Schema):
    """A code that links the private chat that sends it to the bot."""

    status = ma.fields.String(
        required=True, validate=ma.validate.OneOf(["pending"]), metadata={"example": "pending"}
    )
    deep_link = ma.fields.String(
        required=True,
        metadata={
            "format": "uri",
            "example": "https://t.me/habit_bot?start=Zk3vXo8mQ1y7Hs5bWc2dTA",
            "description": "Opens the bot with the code, to be sent by pressing Start.",
        },
    )
    code = ma.fields.String(
        required=True,
        metadata={"example": "Zk3vXo8mQ1y7Hs5bWc2dTA", "description": "For one use."},
    )
    expires_at = ma.fields.String(required=True, metadata=_INSTANT)


class ChatAsked(ma.Schema):
    """The bot asks the chat, if it may write there; nothing is linked before the chat says yes."""

    status = ma.fields.String(
        required=True, validate=ma.validate.OneOf(["pending"]), metadata={"example": "pending"}
    )
    chat_id = ma.fields.String(required=True, metadata={"example": "123456789"})
    expires_at = ma.fields.String(required=True, metadata=_INSTANT)


class LinkRepresentation(ma.Schema):
    """The state of the account's link.

    `pending`: a request is open and no chat is linked. `blocked`: the chat has blocked the bot;
    reminders go on when it unblocks it.
    """

    status = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf(["none", "pending", "linked", "blocked"]),
        metadata={"example": "linked"},
    )
    chat_id = ma.fields.String(required=True, allow_none=True, metadata={"example": "123456789"})
    linked_at = ma.fields.String(required=True, allow_none=True, metadata=_INSTANT)


def add_link_routes(blueprint: ApiBlueprint, linking: ChatLinking) -> None:
    """Add the routes to a blueprint."""

    @blueprint.route("/link/")
    class Link(MethodView):
        """The caller's link."""

        @jwt_required()
        @blueprint.doc(security=_BEARER)
        @blueprint.response(200, LinkRepresentation)
        @blueprint.problems(401)
        def get(self) -> dict[str, Any]:
            """Read the state of my link."""
            state = linking.state(current_account_id())
            return {
                "status": state.status,
                "chat_id": None if state.chat_id is None else str(state.chat_id),
                "linked_at": None if state.linked_at is None else to_json(state.linked_at),
            }

        @jwt_required()
        @blueprint.doc(security=_BEARER, parameters=[IDEMPOTENCY_KEY])
        @blueprint.arguments(LinkRequest)
        @blueprint.response(201, CodeOffered, description="A code, good for 10 minutes.")
        @blueprint.alt_response(202, schema=ChatAsked, description="The chat will be asked.")
        @blueprint.problems(400, 401, 409, 413, 415, 429, 503)
        def post(self, body: dict[str, int]) -> Any:
            """Ask to link a chat.

            Without `chat_id`: a code, for the private chat that sends `/start <code>` to the bot.
            With `chat_id`: the bot asks that chat with two buttons; at most 3 such questions an
            hour for an account and for a chat. A new request takes the place of an open one. The
            answer does not tell whether the chat exists.

            With an `Idempotency-Key` the request can be repeated when its answer was lost: the same
            code comes again, the chat is not asked again, also when the request has been answered
            or replaced since.
            """
            key = read_key(request)
            if "chat_id" in body:
                return _ask(linking, body["chat_id"], key)
            offer = linking.offer_code(current_account_id(), key)
            return {
                "status": "pending",
                "deep_link": offer.deep_link,
                "code": offer.code,
                "expires_at": to_json(offer.expires_at),
            }

        @jwt_required()
        @blueprint.doc(security=_BEARER)
        @blueprint.response(204)
        @blueprint.problems(401)
        def delete(self) -> None:
            """End my link; reminders stop.

            Also withdraws an open request. 204 as well when there was nothing to end.
            """
            linking.end(current_account_id())


def _ask(linking: ChatLinking, chat_id: int, key: RequestKey | None) -> Response:
    expires_at = linking.ask_chat(current_account_id(), chat_id, key)
    answer = jsonify(status="pending", chat_id=str(chat_id), expires_at=to_json(expires_at))
    answer.status_code = 202
    return answer


def register_refusals(app: Flask) -> None:
    """Answer the refusals of linking as problem details."""
    app.register_error_handler(AccountErased, _account_erased)
    app.register_error_handler(TooManyQuestions, _too_many_questions)
    app.register_error_handler(TelegramUnavailable, _telegram_unavailable)


def _account_erased(_error: AccountErased) -> Response:
    return unauthorized("invalid_token", "The account no longer exists.").response()


def _too_many_questions(error: TooManyQuestions) -> Response:
    return too_many_requests(error.wait_seconds).response()


def _telegram_unavailable(_error: TelegramUnavailable) -> Response:
    return Problem(
        503,
        "telegram_unavailable",
        "Telegram cannot be reached right now; try again shortly.",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    ).response()
