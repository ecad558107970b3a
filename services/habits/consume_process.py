"""Wires the process `consume`: what other services publish, and what is pressed in Telegram."""

from services.habits.account_events import handle_account_events
from services.habits.days.day_commands import DayCommands
from services.habits.days.pressed_answers import handle_pressed_answers
from services.habits.days.stored_days import DAYS
from services.habits.event_store import EventStore
from services.habits.service import SERVICE
from services.habits.settings import Settings
from shared.contracts.topology import HABITS_COMMANDS, HABITS_EVENTS
from shared.database import new_engine
from shared.process.processes import run_consume

_PREFETCH = 5


def consume(settings: Settings) -> None:
    """Follow the accounts, and record what is pressed below reminders."""
    engine = new_engine(settings.database_url, pool_size=2 * _PREFETCH)
    days = DayCommands(engine, EventStore(DAYS))
    handlers = {
        HABITS_EVENTS: handle_account_events(engine),
        HABITS_COMMANDS: handle_pressed_answers(engine, days),
    }
    run_consume(SERVICE.name, settings, engine, handlers, prefetch=_PREFETCH)
