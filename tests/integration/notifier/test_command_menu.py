"""The menu of commands on the simulated Telegram."""

import json

from services.notifier.bot_router import new_router
from services.notifier.command_menu import offer_commands
from services.notifier.telegram.client import TelegramClient
from services.notifier.translations import Translations
from tests.fakes.telegram_person import TelegramPerson


async def test_it_lists_in_both_languages_what_the_bot_understands(
    telegram: TelegramClient, person: TelegramPerson
) -> None:
    await offer_commands(telegram)
    asked = [request["parameters"] for request in person.requests("setMyCommands")]
    assert [parameters.get("language_code") for parameters in asked] == ["ru", None]
    understood = set(new_router(Translations()).commands)
    for parameters in asked:
        assert json.loads(parameters["scope"]) == {"type": "all_private_chats"}
        menu = json.loads(parameters["commands"])
        assert {entry["command"] for entry in menu} == understood
        assert all(entry["description"] for entry in menu)


async def test_it_is_set_again_until_telegram_takes_it(
    telegram: TelegramClient, person: TelegramPerson
) -> None:
    person.fault("server_error", method="setMyCommands", times=2)
    await offer_commands(telegram)
    assert len(person.requests("setMyCommands")) == 4
