"""Wires the simulator together and runs it until SIGTERM or Ctrl-C, then ends at once.

Nothing waits for open long polls: a bot that loses one asks again.
"""

import asyncio
import signal

from deploy.telegram_simulator import saved_state
from deploy.telegram_simulator.bot_endpoint import BotEndpoint
from deploy.telegram_simulator.control_api import ControlApi
from deploy.telegram_simulator.http_messages import Answer, Request
from deploy.telegram_simulator.http_server import Handler, HttpServer
from deploy.telegram_simulator.page_files import page_reply
from deploy.telegram_simulator.request_log import RequestLog
from deploy.telegram_simulator.settings import Settings, read_settings
from deploy.telegram_simulator.telegram_shapes import bot_user
from deploy.telegram_simulator.webhook_delivery import deliver_for_ever
from deploy.telegram_simulator.world import World
from shared.process.environment import load_settings
from shared.process.structured_logs import configure_logs, get_logger

log = get_logger(__name__)


def main() -> None:
    settings = load_settings(read_settings)
    configure_logs("telegram-simulator", "serve", settings.log_level)
    asyncio.run(run(settings))


async def run(settings: Settings) -> None:
    """Serve until a signal; a background task that fails ends the process with its error."""
    world = World(bot_user(settings.bot_token), RequestLog(settings.journal))
    if settings.state is not None:
        saved_state.load(world, settings.state)
    background = [asyncio.create_task(deliver_for_ever(world))]
    if settings.state is not None:
        background.append(asyncio.create_task(saved_state.save_for_ever(world, settings.state)))
    server = HttpServer(route(BotEndpoint(world, settings.bot_token), ControlApi(world)))
    stopping = asyncio.create_task(_stop_signal())
    try:
        await server.start(settings.host, settings.port)
        log.info("listening", host=settings.host, port=settings.port)
        done, _ = await asyncio.wait([stopping, *background], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await server.close()
        for task in [stopping, *background]:
            task.cancel()
        if settings.state is not None:
            saved_state.save(world, settings.state)


def route(bot: BotEndpoint, control: ControlApi) -> Handler:
    """Choose by path: the Bot API, the control API, or the page."""

    async def answer(request: Request) -> Answer:
        if request.path.startswith("/bot"):
            return await bot.answer(request)
        if request.path.startswith("/control"):
            return await control.answer(request)
        return page_reply(request)

    return answer


async def _stop_signal() -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await stopping.wait()
