"""What an account can ask for: a link code, a question to a chat, the state of its link, its end.

Nothing here tells whether a chat exists: asking a stranger's id, or an id of nobody, looks the same
to the asker. An erased account's token may still be valid; it is refused.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, Engine

from services.notifier.accounts import Account, share_account
from services.notifier.bot_texts import BotTexts
from services.notifier.linking.chat_links import read_link, unlink
from services.notifier.linking.link_questions import LINK, question
from services.notifier.linking.link_request_keys import FirstTime, Repetition, first_or_again
from services.notifier.linking.link_requests import (
    VALID_FOR_MINUTES,
    close_request,
    open_request,
    read_request,
)
from services.notifier.linking.question_limits import QuestionLimits
from services.notifier.sending.bot_messages import tell
from services.notifier.telegram.bot_name import BotName
from services.notifier.translations import Translations
from shared.database import transaction
from shared.http.idempotency import RequestKey
from shared.instants import now


class AccountErased(Exception):
    """The account no longer exists; no retry can help."""


class TooManyQuestions(Exception):
    """The account or the chat has had its questions of this hour."""

    def __init__(self, wait_seconds: int) -> None:
        super().__init__(f"no question for {wait_seconds} s")
        self.wait_seconds = wait_seconds


@dataclass(frozen=True, slots=True)
class CodeOffer:
    deep_link: str
    code: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LinkState:
    """`pending` only while no chat is linked: an open request does not stop reminders."""

    status: Literal["none", "pending", "linked", "blocked"]
    chat_id: int | None = None
    linked_at: datetime | None = None


class ChatLinking:
    """The requests of the HTTP API, each one transaction."""

    def __init__(
        self,
        engine: Engine,
        limits: QuestionLimits,
        bot_name: BotName,
        translations: Translations,
    ) -> None:
        self._engine = engine
        self._limits = limits
        self._bot_name = bot_name
        self._translations = translations

    def offer_code(self, account_id: str, key: RequestKey | None = None) -> CodeOffer:
        """Open a request for whichever private chat sends the code; once for each key.

        Raises AccountErased, KeyReused, TelegramUnavailable.
        """
        bot_name = self._bot_name()
        with transaction(self._engine) as connection:
            _living(connection, account_id)
            at = now()
            match first_or_again(connection, account_id, key, at):
                case Repetition(request):
                    pass
                case FirstTime(code):
                    request = open_request(connection, account_id, None, at, code)
        deep_link = f"https://t.me/{bot_name}?start={request.code}"
        return CodeOffer(deep_link, request.code, request.expires_at)

    def ask_chat(self, account_id: str, chat_id: int, key: RequestKey | None = None) -> datetime:
        """Have the bot ask a chat, once for each key; return until when it can answer.

        Raises AccountErased, KeyReused, TooManyQuestions.
        """
        with transaction(self._engine) as connection:
            account = _living(connection, account_id)
            at = now()
            match first_or_again(connection, account_id, key, at):
                case Repetition(request):
                    pass
                case FirstTime(code):
                    if wait_seconds := self._limits.acquire(account_id, chat_id):
                        raise TooManyQuestions(wait_seconds)
                    request = open_request(connection, account_id, chat_id, at, code)
                    self._ask(connection, account, chat_id, code, at)
        return request.expires_at

    def state(self, account_id: str) -> LinkState:
        """Return the state of the account's link. Raises AccountErased."""
        with transaction(self._engine) as connection:
            _living(connection, account_id)
            row = read_link(connection, account_id)
            if row is not None and row.status == "linked":
                return LinkState("linked", row.chat_id, row.linked_at)
            request = read_request(connection, account_id, now())
            if request is not None:
                return LinkState("pending", request.chat_id)
            if row is not None and row.status == "blocked":
                return LinkState("blocked", row.chat_id, row.linked_at)
        return LinkState("none")

    def end(self, account_id: str) -> None:
        """End the link and withdraw an open request; no harm when there is neither.

        Raises AccountErased.
        """
        with transaction(self._engine) as connection:
            _living(connection, account_id)
            close_request(connection, account_id)
            unlink(connection, account_id, now())

    def _ask(
        self, connection: Connection, account: Account, chat_id: int, code: str, at: datetime
    ) -> None:
        texts = BotTexts(self._translations.of(account.locale))
        text = texts.question(VALID_FOR_MINUTES)
        tell(connection, question(chat_id, LINK, code, text, texts), at)


def _living(connection: Connection, account_id: str) -> Account:
    account = share_account(connection, account_id)
    if account.deleted:
        raise AccountErased(account_id)
    return account
