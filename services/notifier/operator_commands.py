"""`unhandled-updates list|retry|forget`: what to do with updates that the bot tripped over."""

import argparse
import json
from collections.abc import Callable, Sequence

from sqlalchemy import Engine

from services.notifier.bot_router import new_update_handler
from services.notifier.settings import Settings
from services.notifier.unhandled_updates import UnhandledUpdate, kept_updates, take_out
from shared.database import new_engine, transaction
from shared.instants import to_json

_EXCERPT_CHARACTERS = 200


def run_command(settings: Settings, arguments: Sequence[str]) -> None:
    """Run the command as typed, its own name first."""
    engine = new_engine(settings.database_url, pool_size=1)
    work_on_unhandled_updates(engine, new_update_handler(engine).retry, arguments[1:])
    engine.dispose()


def work_on_unhandled_updates(
    engine: Engine, retry: Callable[[int], bool], arguments: Sequence[str]
) -> None:
    """Run the command line; `retry` tries one update again and says whether it went well."""
    parser = argparse.ArgumentParser(prog="python -m services.notifier unhandled-updates")
    parser.add_argument("action", choices=("list", "retry", "forget"))
    parser.add_argument("update_id", nargs="*", type=int, help="these; list and retry: default all")
    options = parser.parse_args(arguments)
    if options.action == "forget" and not options.update_id:
        parser.error("name the updates that are to be forgotten")
    for update in kept_updates(engine):
        if not options.update_id or update.update_id in options.update_id:
            print(_done_to(engine, update, options.action, retry))


def _done_to(
    engine: Engine, update: UnhandledUpdate, action: str, retry: Callable[[int], bool]
) -> str:
    if action == "list":
        return _described(update)
    if action == "retry":
        went_well = retry(update.update_id)
        return f"{update.update_id}: {'handled' if went_well else 'failed again, kept'}"
    with transaction(engine) as connection:
        take_out(connection, update.update_id)
    return f"{update.update_id}: forgotten"


def _described(update: UnhandledUpdate) -> str:
    shown = {
        "update_id": update.update_id,
        "failed_at": to_json(update.failed_at),
        "reason": update.reason,
        "update": update.raw.decode("utf-8", "replace")[:_EXCERPT_CHARACTERS],
    }
    return json.dumps(shown, ensure_ascii=False)
