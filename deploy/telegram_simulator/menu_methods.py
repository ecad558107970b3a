"""The menu of commands: one for each scope and language, as setMyCommands of the Bot API has it."""

import json
import re
from typing import Any

from deploy.telegram_simulator.bot_parameters import Parameters, bad_request, json_list
from deploy.telegram_simulator.telegram_shapes import JSON
from deploy.telegram_simulator.world import World

MAX_COMMANDS = 100
MAX_DESCRIPTION_CHARACTERS = 256

_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_LANGUAGE = re.compile(r"([a-z]{2})?")


class MenuMethods:
    """Keeps what the bot sets; the page shows the menu of all chats."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def set_my_commands(self, parameters: Parameters) -> bool:
        commands = [_command(each) for each in json_list(parameters, "commands")]
        if len(commands) > MAX_COMMANDS:
            raise bad_request("too many bot commands specified")
        self._world.menus[_whose(parameters)] = commands
        self._world.changes.announce()
        return True

    async def get_my_commands(self, parameters: Parameters) -> list[JSON]:
        return self._world.menus.get(_whose(parameters), [])


def _whose(parameters: Parameters) -> str:
    """Return the menu's key: scope and language; without a language it is for all others."""
    language = parameters.get("language_code", "")
    if not _LANGUAGE.fullmatch(language):
        raise bad_request("invalid language code specified")
    try:
        scope = json.loads(parameters.get("scope") or '{"type": "default"}')
    except ValueError:
        scope = None
    if not isinstance(scope, dict) or not isinstance(scope.get("type"), str):
        raise bad_request("can't parse BotCommandScope JSON object")
    return f"{json.dumps(scope, sort_keys=True)} {language}".strip()


def _command(content: Any) -> JSON:
    if not isinstance(content, dict) or not {"command", "description"} <= content.keys():
        raise bad_request("can't parse BotCommand: expected an Object")
    command = str(content["command"]).removeprefix("/")
    description = str(content["description"])
    if not _COMMAND.fullmatch(command):
        raise bad_request("BOT_COMMAND_INVALID")
    if not 1 <= len(description) <= MAX_DESCRIPTION_CHARACTERS:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": command, "description": description}
