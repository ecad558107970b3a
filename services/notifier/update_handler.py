"""Acts on Telegram's updates: each once, those of a chat one after another.

What an update causes is one transaction: its id, its effects, and what Telegram is to be told. Who
brings an update confirms it to Telegram only after the commit, so a crash brings it again, and its
id tells that it has been handled. While an update of a chat is being handled, the chat's lock keeps
the next one waiting, whichever thread or replica has that.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from services.notifier.accounts import share_account
from services.notifier.bot_texts import BotTexts
from services.notifier.linking.chat_links import change_membership, linked_account
from services.notifier.metrics import UPDATES
from services.notifier.sending.bot_messages import Telling, tell
from services.notifier.tables import HANDLED_UPDATES
from services.notifier.telegram.updates import (
    Chat,
    Content,
    Ignored,
    MembershipChanged,
    Update,
    read_update,
)
from services.notifier.translations import Translations
from services.notifier.unhandled_updates import UnhandledUpdate, keep, take_out
from services.notifier.update_router import Router, Turn
from shared.database import transaction
from shared.instants import now
from shared.process.server_away import is_server_away
from shared.process.structured_logs import get_logger

ATTEMPTS = 3
_LONGEST_REASON = 500
# With a hash of the chat's id, the key of its lock; no other lock of this database has it.
_CHAT_LOCKS = 7301
# Serialization failure, deadlock, a lock or a statement that took too long: it will be better soon.
_DATABASE_BUSY = frozenset({"40001", "40P01", "55P03", "57014"})

_log = get_logger(__name__)


class UpdateHandler:
    """Handles updates; safe to use from many threads."""

    def __init__(self, engine: Engine, router: Router, translations: Translations) -> None:
        self._engine = engine
        self._router = router
        self._translations = translations

    def handle(self, raw: bytes) -> None:
        """Act on an update; once this returns, it may be confirmed to Telegram.

        One that fails again and again by a bug of ours is kept for later, so that it does not stop
        the others. Raises UnreadableMessage for what is no update, and SQLAlchemy's errors when the
        database is away or busy: then it must come again, before those behind it.
        """
        update = read_update(raw)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._handle(update)
            except Exception as error:  # whatever a handler raises, the next update must come
                if _must_come_again(error):
                    raise
                if attempt == ATTEMPTS:
                    self._pass_over(update.update_id, raw, error)
            else:
                return

    def keep(self, raw: bytes) -> None:
        """Keep an update unhandled, for somebody to try again. Raises UnreadableMessage."""
        update_id = read_update(raw).update_id
        with transaction(self._engine) as connection:
            keep(connection, UnhandledUpdate(update_id, raw, "dead-lettered before", now()))

    def retry(self, update_id: int) -> bool:
        """Try again what was kept; False when it has failed again and is kept on."""
        try:
            with transaction(self._engine) as connection:
                if (raw := take_out(connection, update_id)) is not None:
                    update = read_update(raw)
                    _lock_chat(connection, update.content)
                    self._act(connection, update)
        except Exception as error:
            if _must_come_again(error):
                raise
            _log.exception("update failed again", update_id=update_id)
            return False
        return True

    def _handle(self, update: Update) -> None:
        with transaction(self._engine) as connection:
            _lock_chat(connection, update.content)
            if not _is_new(connection, update.update_id):
                UPDATES.labels("repeated").inc()
                return
            self._act(connection, update)
        UPDATES.labels("handled").inc()

    def _act(self, connection: Connection, update: Update) -> None:
        content, at = update.content, now()
        match content:
            case Ignored():
                return
            case MembershipChanged(chat, blocked, changed_at):
                change_membership(
                    connection, chat.id, blocked=blocked, changed_at=changed_at, at=at
                )
            case _:
                texts = self._texts_for(connection, content.chat)
                turn = Turn(connection, update.update_id, content.chat, at, texts)
                _tell_all(turn, self._router.act(turn, content))

    def _pass_over(self, update_id: int, raw: bytes, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"[:_LONGEST_REASON]
        with transaction(self._engine) as connection:
            if _is_new(connection, update_id):
                keep(connection, UnhandledUpdate(update_id, raw, reason, now()))
        UPDATES.labels("unhandled").inc()
        _log.error("update not handled, kept", update_id=update_id, exc_info=error)

    def _texts_for(self, connection: Connection, chat: Chat) -> BotTexts:
        """Speak the language of the chat's account; before there is one, of the person."""
        account_id = linked_account(connection, chat.id)
        if account_id is None:
            return BotTexts(self._translations.of(chat.language))
        return BotTexts(self._translations.of(share_account(connection, account_id).locale))


def _must_come_again(error: Exception) -> bool:
    state = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    return is_server_away(error) or state in _DATABASE_BUSY


def _lock_chat(connection: Connection, content: Content) -> None:
    if not isinstance(content, Ignored):
        key = func.hashint8(content.chat.id)
        connection.execute(select(func.pg_advisory_xact_lock(_CHAT_LOCKS, key)))


def _is_new(connection: Connection, update_id: int) -> bool:
    noted = connection.scalar(
        insert(HANDLED_UPDATES)
        .values(update_id=update_id, handled_at=now())
        .on_conflict_do_nothing()
        .returning(HANDLED_UPDATES.c.update_id)
    )
    return noted is not None


def _tell_all(turn: Turn, tellings: Sequence[Telling]) -> None:
    for telling in tellings:
        tell(turn.connection, telling, turn.at)
