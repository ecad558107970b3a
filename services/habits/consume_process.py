"""Wires the process `consume`: what others publish, and what is asked for in Telegram."""

from services.habits.account_events import handle_account_events
from services.habits.asked_questions import AskedQuestions
from services.habits.days.day_commands import DayCommands
from services.habits.days.day_queries import DayQueries
from services.habits.days.stored_days import DAYS
from services.habits.event_store import EventStore
from services.habits.portable.import_work import Importing
from services.habits.service import SERVICE
from services.habits.settings import Settings
from services.habits.statistics.statistics_queries import StatisticsQueries
from services.habits.stored_events import HABITS
from services.habits.telegram_commands import handle_telegram_commands
from services.habits.undo.undo_commands import UndoCommands
from shared.contracts.topology import HABITS_COMMANDS, HABITS_EVENTS
from shared.database import new_engine
from shared.process.processes import run_consume

_PREFETCH = 5


def consume(settings: Settings) -> None:
    """Follow the accounts, and carry out what is asked for in Telegram."""
    engine = new_engine(settings.database_url, pool_size=2 * _PREFETCH)
    days = DayCommands(engine, EventStore(DAYS))
    store = EventStore(HABITS)
    importing = Importing(engine, EventStore(HABITS), EventStore(DAYS))
    questions = AskedQuestions(engine, DayQueries(engine, store), StatisticsQueries(engine, store))
    undo = UndoCommands(engine, store, EventStore(DAYS))
    handlers = {
        HABITS_EVENTS: handle_account_events(engine),
        HABITS_COMMANDS: handle_telegram_commands(engine, days, undo, questions, importing),
    }
    run_consume(SERVICE.name, settings, engine, handlers, prefetch=_PREFETCH)
