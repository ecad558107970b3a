"""The methods of the Bot API by name: each takes string parameters and returns the `result`."""

from collections.abc import Awaitable, Callable
from typing import Any

from deploy.telegram_simulator.bot_parameters import Parameters
from deploy.telegram_simulator.menu_methods import MenuMethods
from deploy.telegram_simulator.message_methods import MessageMethods
from deploy.telegram_simulator.polling import Polling
from deploy.telegram_simulator.telegram_shapes import JSON
from deploy.telegram_simulator.update_methods import UpdateMethods
from deploy.telegram_simulator.world import World

Method = Callable[[Parameters], Awaitable[Any]]


class BotMethods:
    """Looks up methods by name, in any case of letters, as the real one."""

    def __init__(self, world: World) -> None:
        self._world = world
        messages, updates = MessageMethods(world), UpdateMethods(world, Polling(world))
        menus = MenuMethods(world)
        self._methods: dict[str, Method] = {
            "getme": self._get_me,
            "setmycommands": menus.set_my_commands,
            "getmycommands": menus.get_my_commands,
            "sendmessage": messages.send_message,
            "editmessagetext": messages.edit_message_text,
            "editmessagereplymarkup": messages.edit_message_reply_markup,
            "answercallbackquery": messages.answer_callback_query,
            "getupdates": updates.get_updates,
            "setwebhook": updates.set_webhook,
            "deletewebhook": updates.delete_webhook,
            "getwebhookinfo": updates.get_webhook_info,
        }

    def knows(self, name: str) -> bool:
        return name.lower() in self._methods

    async def call(self, name: str, parameters: Parameters) -> Any:
        """Run a method; raise BotRefused with what the bot is to be told."""
        return await self._methods[name.lower()](parameters)

    async def _get_me(self, _: Parameters) -> JSON:
        return {
            **self._world.bot,
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
        }
