"""Reading a method's parameters, all strings; a wrong one is refused in Telegram's words."""

import json
import re
from collections.abc import Mapping
from typing import Any

MAX_TEXT_CHARACTERS = 4096
_PARSE_MODES = {"", "html", "markdown", "markdownv2"}
_INTEGER = re.compile(r"-?[0-9]{1,18}")

Parameters = Mapping[str, str]


class BotRefused(Exception):
    """The Bot API says no."""

    def __init__(
        self, status: int, description: str, parameters: Mapping[str, int] | None = None
    ) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameters = parameters


def bad_request(reason: str) -> BotRefused:
    return BotRefused(400, f"Bad Request: {reason}")


def text_of(parameters: Parameters) -> str:
    text = parameters.get("text", "")
    if not text.strip():
        raise bad_request("message text is empty")
    if len(text) > MAX_TEXT_CHARACTERS:
        raise bad_request("message is too long")
    if parameters.get("parse_mode", "").lower() not in _PARSE_MODES:
        raise bad_request("unsupported parse_mode")
    return text


def integer(parameters: Parameters, name: str, default: int) -> int:
    value = parameters.get(name, "").strip()
    if not value:
        return default
    if not _INTEGER.fullmatch(value):
        raise bad_request(f"{name} must be an integer")
    return int(value)


def chat_id_of(parameters: Parameters) -> int | None:
    """Return None where the id can be nobody's, such as a name of a channel."""
    chat_id = parameters.get("chat_id", "").strip()
    if not chat_id:
        raise bad_request("chat_id is empty")
    return int(chat_id) if _INTEGER.fullmatch(chat_id) else None


def json_list(parameters: Parameters, name: str) -> list[Any]:
    try:
        content = json.loads(parameters.get(name) or "[]")
    except ValueError:
        content = None
    if not isinstance(content, list):
        raise bad_request(f"can't parse {name} JSON object")
    return content
