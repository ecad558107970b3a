"""Requests and answers as the simulator sees them, apart from sockets.

An answer may also be none: a connection that is cut, or that stays open and silent.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, unquote

from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header


class UnreadableBody(Exception):
    """The body is not what its Content-Type says."""


@dataclass(frozen=True, slots=True)
class Request:
    """A received request; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection_id: int

    @property
    def path(self) -> str:
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def media_type(self) -> str:
        return parse_options_header(self.headers.get("content-type"))[0]

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise UnreadableBody("the body is not JSON") from error

    def parameters(self) -> dict[str, str]:
        """Query and body together, all as strings, as the Bot API takes them."""
        if self.media_type == "application/json" and self.body:
            content = self.json()
            if not isinstance(content, dict):
                raise UnreadableBody("the body is not a JSON object")
            body = {k: v if isinstance(v, str) else json.dumps(v) for k, v in content.items()}
        else:
            body = self._form()
        return {**self.query, **body}

    def _form(self) -> dict[str, str]:
        media_type, options = parse_options_header(self.headers.get("content-type"))
        try:
            _, form, _ = FormDataParser(silent=False).parse(
                BytesIO(self.body), media_type, len(self.body), options
            )
        except ValueError as error:
            raise UnreadableBody("the body is not a form") from error
        return dict(form.items())


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with a status and a body."""

    status: int
    body: bytes
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CutConnection:
    """No answer: the connection is closed at once."""


@dataclass(frozen=True, slots=True)
class StaySilent:
    """No answer: the connection stays open until the other side closes it."""


Answer = Reply | CutConnection | StaySilent


def json_reply(status: int, content: Any) -> Reply:
    return Reply(status, json.dumps(content).encode())
