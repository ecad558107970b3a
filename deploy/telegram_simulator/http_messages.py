"""What the Bot API's parameters are made of, and the answers that HTTP servers do not usually give.

An answer may also be none: a connection that is cut, or that stays open and silent.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import Any, assert_never

from aiohttp import web


class UnreadableBody(Exception):
    """The body is not what its Content-Type says."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with a status and a body."""

    status: int
    body: bytes
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class CutConnection:
    """No answer: the connection is closed at once."""


@dataclass(frozen=True, slots=True)
class StaySilent:
    """No answer: the connection stays open until the other side closes it."""


Answer = Reply | CutConnection | StaySilent


def json_reply(status: int, content: Any) -> Reply:
    return Reply(status, json.dumps(content).encode())


async def give(answer: Answer, request: web.Request) -> web.Response:
    """Answer a request, or break off or keep the silence; nobody reads what is returned then."""
    match answer:
        case Reply(status, body, media_type):
            return web.Response(status=status, body=body, content_type=media_type)
        case CutConnection():
            if request.transport is not None:
                request.transport.abort()
        case StaySilent():
            await asyncio.Event().wait()
        case unreachable:
            assert_never(unreachable)
    return web.Response()


async def json_of(request: web.Request) -> Any:
    """Return the body's content. Raises UnreadableBody."""
    try:
        return json.loads(await request.read())
    except ValueError as error:
        raise UnreadableBody("the body is not JSON") from error


async def parameters_of(request: web.Request) -> dict[str, str]:
    """Query and body together, all as strings, as the Bot API takes them. Raises UnreadableBody."""
    if request.content_type == "application/json" and request.body_exists:
        content = await json_of(request)
        if not isinstance(content, dict):
            raise UnreadableBody("the body is not a JSON object")
        body = {k: v if isinstance(v, str) else json.dumps(v) for k, v in content.items()}
    else:
        body = await _form_of(request)
    return {**request.query, **body}


async def _form_of(request: web.Request) -> dict[str, str]:
    try:
        form = await request.post()
    except ValueError as error:
        raise UnreadableBody("the body is not a form") from error
    return {name: value for name, value in form.items() if isinstance(value, str)}
