"""The control API: be a person, see what the bot did, make things go wrong.

For the page and the tests, JSON in and out. A POST must say that it is JSON: a foreign web page
cannot send that without being asked first, so it cannot speak for the people here.
"""

import json
from http import HTTPStatus
from typing import Any

import marshmallow as ma
from aiohttp import web
from aiohttp.typedefs import Handler

from deploy.telegram_simulator.chats import (
    ChatError,
    UnknownButton,
    UnknownChat,
    UnknownMessage,
)
from deploy.telegram_simulator.control_people import ControlPeople
from deploy.telegram_simulator.control_tests import ControlTests
from deploy.telegram_simulator.http_messages import UnreadableBody
from deploy.telegram_simulator.world import World


def control_app(world: World, max_body_bytes: int) -> web.Application:
    """Return the app for `/control`; every refusal is a problem+json."""
    app = web.Application(middlewares=[_problems], client_max_size=max_body_bytes)
    app.add_routes([*ControlPeople(world).routes(), *ControlTests(world).routes()])
    return app


@web.middleware
async def _problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        if request.match_info.http_exception is None:
            _require_json(request)
        return await handler(request)
    except web.HTTPException as error:
        return _problem(error.status, error.text or error.reason)
    except ma.ValidationError as error:
        return _problem(HTTPStatus.BAD_REQUEST, "The input is not valid.", error.messages)
    except UnreadableBody as error:
        return _problem(HTTPStatus.BAD_REQUEST, str(error))
    except (UnknownChat, UnknownMessage, UnknownButton) as error:
        return _problem(HTTPStatus.NOT_FOUND, str(error))
    except ChatError as error:
        return _problem(HTTPStatus.CONFLICT, str(error))


def _require_json(request: web.Request) -> None:
    if request.method == "POST" and request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="send application/json")


def _problem(status: int, detail: str, errors: Any = None) -> web.Response:
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **({"errors": errors} if errors else {}),
    }
    body = json.dumps(content).encode()
    return web.Response(status=status, body=body, content_type="application/problem+json")
