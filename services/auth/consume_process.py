"""Wires the process `consume`: what people ask of their account in Telegram."""

from services.auth.service import SERVICE
from services.auth.settings import Settings
from services.auth.telegram_commands import handle_telegram_commands
from shared.contracts.topology import AUTH_COMMANDS
from shared.database import new_engine
from shared.process.processes import run_consume

_PREFETCH = 2


def consume(settings: Settings) -> None:
    """Carry out what the notifier passes on."""
    engine = new_engine(settings.database_url, pool_size=_PREFETCH)
    handlers = {AUTH_COMMANDS: handle_telegram_commands(engine)}
    run_consume(SERVICE.name, settings, engine, handlers, prefetch=_PREFETCH)
