"""Wires the simulator together and runs it until SIGTERM or Ctrl-C, then ends at once.

Nothing waits for open long polls: a bot that loses one asks again. A request runs to its end even
when its client has gone, as it would on the real Telegram.
"""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from deploy.telegram_simulator import saved_state
from deploy.telegram_simulator.bot_endpoint import BotEndpoint
from deploy.telegram_simulator.control_api import control_app
from deploy.telegram_simulator.page_files import page_routes
from deploy.telegram_simulator.request_log import RequestLog
from deploy.telegram_simulator.settings import Settings, read_settings
from deploy.telegram_simulator.telegram_shapes import bot_user
from deploy.telegram_simulator.webhook_delivery import deliver_for_ever
from deploy.telegram_simulator.world import World
from shared.process.environment import load_settings
from shared.process.structured_logs import configure_logs, get_logger

MAX_BODY_BYTES = 1 << 20

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
    stopping = asyncio.create_task(_stop_signal())
    try:
        async with _serving(build_app(world, settings.bot_token), settings):
            tasks = [stopping, *background]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        for task in [stopping, *background]:
            task.cancel()
        if settings.state is not None:
            saved_state.save(world, settings.state)


def build_app(world: World, bot_token: str) -> web.Application:
    """Return the app: the Bot API, the control API and the page."""
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.add_routes(page_routes())
    app.add_routes([web.route("*", "/bot{rest:.*}", BotEndpoint(world, bot_token).answer)])
    app.add_subapp("/control", control_app(world, MAX_BODY_BYTES))
    return app


@asynccontextmanager
async def _serving(app: web.Application, settings: Settings) -> AsyncIterator[None]:
    # No access log: the bot's token is part of every address. A time-out of 0 would mean none.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port, backlog=1024).start()
        log.info("listening", host=settings.host, port=settings.port)
        yield
    finally:
        await runner.cleanup()


async def _stop_signal() -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await stopping.wait()
