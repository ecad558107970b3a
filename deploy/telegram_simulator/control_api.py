"""The control API: be a person, see what the bot did, make things go wrong.

For the page and the tests, JSON in and out. A POST must say that it is JSON: a foreign web page
cannot send that without being asked first, so it cannot speak for the people here.
"""

import json
from http import HTTPStatus
from typing import Any

import marshmallow as ma
from werkzeug.exceptions import HTTPException, UnsupportedMediaType
from werkzeug.routing import Map

from deploy.telegram_simulator.chats import (
    ChatError,
    UnknownButton,
    UnknownChat,
    UnknownMessage,
)
from deploy.telegram_simulator.control_people import ControlPeople
from deploy.telegram_simulator.control_tests import ControlTests
from deploy.telegram_simulator.http_messages import Reply, Request, UnreadableBody, json_reply
from deploy.telegram_simulator.world import World


class ControlApi:
    """Finds the handler by path and method; every refusal is a problem+json."""

    def __init__(self, world: World) -> None:
        rules = [*ControlPeople(world).rules(), *ControlTests(world).rules()]
        self._routes = Map(rules).bind("simulator")

    async def answer(self, request: Request) -> Reply:
        try:
            handler, arguments = self._routes.match(request.path, request.method)
            _require_json(request)
            return json_reply(HTTPStatus.OK, await handler(request, **arguments))
        except HTTPException as error:
            return _problem(error.code or HTTPStatus.BAD_REQUEST, error.description or error.name)
        except ma.ValidationError as error:
            return _problem(HTTPStatus.BAD_REQUEST, "The input is not valid.", error.messages)
        except UnreadableBody as error:
            return _problem(HTTPStatus.BAD_REQUEST, str(error))
        except (UnknownChat, UnknownMessage, UnknownButton) as error:
            return _problem(HTTPStatus.NOT_FOUND, str(error))
        except ChatError as error:
            return _problem(HTTPStatus.CONFLICT, str(error))


def _require_json(request: Request) -> None:
    if request.method == "POST" and request.media_type != "application/json":
        raise UnsupportedMediaType("send application/json")


def _problem(status: int, detail: str, errors: Any = None) -> Reply:
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **({"errors": errors} if errors else {}),
    }
    return Reply(status, json.dumps(content).encode(), "application/problem+json")
