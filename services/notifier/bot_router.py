"""What the bot understands: the handler of each command and of each kind of button."""

from collections.abc import Sequence

from sqlalchemy import Engine

from services.notifier.answers.buttons import NO_SNOOZE, SNOOZE, SNOOZES, WISHES
from services.notifier.answers.press_talk import PressTalk
from services.notifier.answers.snooze_talk import SnoozeTalk
from services.notifier.asking.account_talk import asker, mute, set_time_zone, undo
from services.notifier.hints import hint
from services.notifier.linking.link_questions import LINK, MOVE
from services.notifier.linking.link_talk import LinkTalk
from services.notifier.sending.bot_messages import AnswerPress, Telling
from services.notifier.telegram.updates import Pressed
from services.notifier.translations import Translations
from services.notifier.update_handler import UpdateHandler
from services.notifier.update_router import Router, Turn


def new_update_handler(engine: Engine) -> UpdateHandler:
    """Return the handler of all that people and Telegram tell the bot."""
    translations = Translations()
    return UpdateHandler(engine, new_router(translations), translations)


def new_router(translations: Translations) -> Router:
    """Return the routes of commands and buttons; whatever else is said gets the help."""
    link, answers = LinkTalk(translations), PressTalk(translations)
    snoozes = SnoozeTalk(translations)
    return Router(
        commands={
            "start": link.start,
            "today": asker("today"),
            "stats": asker("stats"),
            "undo": undo,
            "mute": mute,
            "timezone": set_time_zone,
            "help": say_help,
            "stop": link.stop,
        },
        presses={
            LINK: link.answer_link,
            MOVE: link.answer_move,
            **{prefix: answers.handler(wish) for prefix, wish in WISHES.items()},
            SNOOZE: snoozes.ask,
            NO_SNOOZE: snoozes.think_better,
            **{prefix: snoozes.chooser(until) for prefix, until in SNOOZES.items()},
        },
        help=say_help,
        old_button=say_old_button,
    )


def say_help(turn: Turn, _argument: str | None) -> Sequence[Telling]:
    """Say what the bot can do, and the chat's id."""
    return hint(turn, "help", turn.texts.help(turn.chat.id))


def say_old_button(turn: Turn, press: Pressed, _data: str) -> Sequence[Telling]:
    """Answer the press of a button that no release knows any more."""
    return [AnswerPress(turn.chat.id, press.query_id, turn.texts.old_button())]
