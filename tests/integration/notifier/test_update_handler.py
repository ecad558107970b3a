"""What the bot does on an update, on a real PostgreSQL."""

# ruff: noqa: PLR0917 - fixtures are asked for by name

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from sqlalchemy import Engine
from sqlalchemy import text as sql
from sqlalchemy.exc import OperationalError

from services.notifier import update_handler
from services.notifier.account_events import AccountEvents
from services.notifier.bot_router import new_update_handler
from services.notifier.linking.chat_links import block
from services.notifier.linking.link_talk import LinkTalk
from services.notifier.metrics import UPDATES
from services.notifier.operator_commands import work_on_unhandled_updates
from services.notifier.unhandled_updates import kept_updates
from services.notifier.update_handler import UpdateHandler
from services.notifier.update_router import Turn
from shared.contracts.cloud_event import UnreadableMessage
from shared.database import new_engine, transaction
from shared.instants import now
from tests.integration.notifier.arrangements import (
    account_delivery,
    eventually,
    link_chat,
    new_account,
    said_to,
)
from tests.integration.notifier.updates import (
    answers,
    code_for,
    edited,
    membership,
    new_update_id,
    press,
    replies,
    status_of,
    take,
    text,
    update_bytes,
)

_chat_ids = count(9000)


@pytest.fixture
def handler(engine: Engine) -> UpdateHandler:
    return new_update_handler(engine)


@pytest.fixture
def account() -> str:
    return new_account()


@pytest.fixture
def chat_id() -> int:
    return next(_chat_ids)


class TestStart:
    def test_with_a_code_links_the_private_chat(
        self, engine: Engine, handler: UpdateHandler, account: str, chat_id: int
    ) -> None:
        take(handler, message=text(chat_id, f"/start {code_for(engine, account)}"))
        assert status_of(engine, account) == ("linked", chat_id)
        assert replies(engine, chat_id)[0].startswith("Done")

    def test_with_a_used_code_says_so(
        self, engine: Engine, handler: UpdateHandler, account: str, chat_id: int
    ) -> None:
        code, other = code_for(engine, account), next(_chat_ids)
        take(handler, message=text(chat_id, f"/start {code}"))
        take(handler, message=text(other, f"/start {code}"))
        assert replies(engine, other)[0].startswith("This link has been used")
        assert status_of(engine, account) == ("linked", chat_id)

    def test_in_a_group_links_nothing_and_leaves_the_code_good(
        self, engine: Engine, handler: UpdateHandler, account: str, chat_id: int
    ) -> None:
        code = code_for(engine, account)
        take(handler, message=text(-chat_id, f"/start {code}", kind="group"))
        assert status_of(engine, account) is None
        take(handler, message=text(chat_id, f"/start {code}"))
        assert status_of(engine, account) == ("linked", chat_id)

    def test_without_a_code_tells_the_chats_id_and_how_to_link(
        self, engine: Engine, handler: UpdateHandler, chat_id: int
    ) -> None:
        take(handler, message=text(chat_id, "/start"))
        assert str(chat_id) in replies(engine, chat_id)[0]
        assert "10 minutes" in replies(engine, chat_id)[0]

    def test_speaks_the_persons_language_before_there_is_an_account(
        self, engine: Engine, handler: UpdateHandler, chat_id: int
    ) -> None:
        take(handler, message=text(chat_id, "/start", language="ru"))
        assert replies(engine, chat_id)[0].startswith("Здравствуйте")

    async def test_of_an_erased_account_links_nothing(
        self, engine: Engine, handler: UpdateHandler, account: str, chat_id: int
    ) -> None:
        code = code_for(engine, account)
        await AccountEvents(engine).handle(account_delivery(account, deleted=True, version=9))
        take(handler, message=text(chat_id, f"/start {code}"))
        assert status_of(engine, account) is None


class TestStartInAChatOfAnotherAccount:
    @pytest.fixture
    def owner(self, engine: Engine, chat_id: int) -> str:
        owner = new_account()
        link_chat(engine, owner, chat_id)
        return owner

    @pytest.fixture
    def code(
        self, engine: Engine, handler: UpdateHandler, owner: str, account: str, chat_id: int
    ) -> str:
        """Return the code of a deep link that the chat has opened."""
        code = code_for(engine, account)
        take(handler, message=text(chat_id, f"/start {code}"))
        return code

    def test_the_chat_is_asked_and_nothing_has_happened(
        self, engine: Engine, owner: str, account: str, chat_id: int, code: str
    ) -> None:
        assert status_of(engine, owner) == ("linked", chat_id)
        assert status_of(engine, account) is None
        question = said_to(engine, chat_id)[-1]
        assert "another account" in question["text"]
        assert [button["data"] for button in question["buttons"]] == [
            f"move:{code}:yes",
            f"move:{code}:no",
        ]

    def test_its_yes_moves_it(
        self,
        engine: Engine,
        handler: UpdateHandler,
        owner: str,
        account: str,
        chat_id: int,
        code: str,
    ) -> None:
        take(handler, callback_query=press(chat_id, f"move:{code}:yes", 5))
        assert status_of(engine, account) == ("linked", chat_id)
        assert status_of(engine, owner) == ("unlinked", None)
        assert edited(engine, chat_id) == [5]
        assert replies(engine, chat_id)[-1].startswith("Done")
        assert answers(engine, chat_id)[-1].startswith("Done")

    def test_its_no_changes_nothing_and_the_code_stays_good_elsewhere(
        self,
        engine: Engine,
        handler: UpdateHandler,
        owner: str,
        account: str,
        chat_id: int,
        code: str,
    ) -> None:
        take(handler, callback_query=press(chat_id, f"move:{code}:no", 5))
        assert status_of(engine, owner) == ("linked", chat_id)
        assert edited(engine, chat_id) == [5]
        own_chat = next(_chat_ids)
        take(handler, message=text(own_chat, f"/start {code}"))
        assert status_of(engine, account) == ("linked", own_chat)

    def test_a_yes_after_the_code_was_used_moves_nothing(
        self,
        engine: Engine,
        handler: UpdateHandler,
        owner: str,
        account: str,
        chat_id: int,
        code: str,
    ) -> None:
        take(handler, message=text(own_chat := next(_chat_ids), f"/start {code}"))
        take(handler, callback_query=press(chat_id, f"move:{code}:yes"))
        assert status_of(engine, owner) == ("linked", chat_id)
        assert status_of(engine, account) == ("linked", own_chat)
        assert answers(engine, chat_id) == ["This question is no longer open."]

    def test_opened_again_and_again_it_asks_once(
        self, engine: Engine, handler: UpdateHandler, chat_id: int, code: str
    ) -> None:
        for _ in range(5):
            take(handler, message=text(chat_id, f"/start {code}"))
        assert len(replies(engine, chat_id)) == 1

    def test_another_link_is_another_question(
        self, engine: Engine, handler: UpdateHandler, chat_id: int, code: str
    ) -> None:
        other = code_for(engine, new_account())
        take(handler, message=text(chat_id, f"/start {other}"))
        assert len(replies(engine, chat_id)) == 2

    def test_ones_own_link_needs_no_question(
        self, engine: Engine, handler: UpdateHandler, owner: str, chat_id: int
    ) -> None:
        take(handler, message=text(chat_id, f"/start {code_for(engine, owner)}"))
        assert replies(engine, chat_id)[-1].startswith("Done")

    def test_a_blocked_chat_is_asked_too(
        self, engine: Engine, handler: UpdateHandler, owner: str, account: str, chat_id: int
    ) -> None:
        with transaction(engine) as connection:
            block(connection, chat_id, now())
        take(handler, message=text(chat_id, f"/start {code_for(engine, account)}"))
        assert status_of(engine, owner) == ("blocked", chat_id)


class TestHelp:
    async def test_other_words_get_it_in_the_accounts_language(
        self, engine: Engine, handler: UpdateHandler, account: str, chat_id: int
    ) -> None:
        await AccountEvents(engine).handle(account_delivery(account, locale="ru"))
        link_chat(engine, account, chat_id)
        take(handler, message=text(chat_id, "hello", language="en"))
        assert "/stop: Прекратить" in replies(engine, chat_id)[0]

    @pytest.mark.parametrize("words", ["/help", "/paint it"])
    def test_so_do_its_command_and_unknown_ones(
        self, engine: Engine, handler: UpdateHandler, chat_id: int, words: str
    ) -> None:
        take(handler, message=text(chat_id, words))
        assert "/stop: End" in replies(engine, chat_id)[0]

    def test_whoever_floods_the_bot_gets_each_explanation_once(
        self, engine: Engine, handler: UpdateHandler, chat_id: int
    ) -> None:
        for _ in range(10):
            for words in ("hello", "/help", "/start", "/stop", "/start bad", "/start worse"):
                take(handler, message=text(chat_id, words))
        assert len(replies(engine, chat_id)) == 4

    def test_later_it_comes_again(
        self, engine: Engine, handler: UpdateHandler, chat_id: int
    ) -> None:
        take(handler, message=text(chat_id, "hello"))
        with transaction(engine) as connection:
            connection.execute(
                sql("UPDATE hints SET given_at = given_at - INTERVAL '31 s' WHERE chat_id = :chat"),
                {"chat": chat_id},
            )
        take(handler, message=text(chat_id, "hello"))
        assert len(replies(engine, chat_id)) == 2

    def test_groups_are_not_answered(
        self, engine: Engine, handler: UpdateHandler, chat_id: int
    ) -> None:
        for words in ("hello", "/stop", "/start"):
            take(handler, message=text(-chat_id, words, kind="group"))
        assert said_to(engine, -chat_id) == []


def test_stop_ends_the_link_and_an_open_request(
    engine: Engine, handler: UpdateHandler, account: str, chat_id: int
) -> None:
    link_chat(engine, account, chat_id)
    code = code_for(engine, account)
    take(handler, message=text(chat_id, "/stop"))
    assert status_of(engine, account) == ("unlinked", None)
    take(handler, message=text(chat_id, "/stop"))
    take(handler, message=text(chat_id, f"/start {code}"))
    said = replies(engine, chat_id)
    assert said[0].startswith("No more reminders")
    assert said[1].startswith("No reminders come here")
    assert status_of(engine, account) == ("unlinked", None)


class TestAnswers:
    def test_yes_links_answers_the_press_and_takes_the_buttons_away(
        self, engine: Engine, handler: UpdateHandler, account: str, chat_id: int
    ) -> None:
        code = code_for(engine, account, chat_id)
        take(handler, callback_query=press(chat_id, f"link:{code}:yes", 7))
        assert status_of(engine, account) == ("linked", chat_id)
        assert [told["kind"] for told in said_to(engine, chat_id)] == [
            "press_answer",
            "edit",
            "reply",
        ]
        assert edited(engine, chat_id) == [7]

    def test_no_links_nothing(
        self, engine: Engine, handler: UpdateHandler, account: str, chat_id: int
    ) -> None:
        code = code_for(engine, account, chat_id)
        take(handler, callback_query=press(chat_id, f"link:{code}:no"))
        take(handler, callback_query=press(chat_id, f"link:{code}:yes"))
        assert status_of(engine, account) is None

    def test_an_answer_from_another_chat_is_ignored(
        self, engine: Engine, handler: UpdateHandler, account: str, chat_id: int
    ) -> None:
        code = code_for(engine, account, chat_id)
        take(handler, callback_query=press(next(_chat_ids), f"link:{code}:yes"))
        assert status_of(engine, account) is None
        take(handler, callback_query=press(chat_id, f"link:{code}:yes"))
        assert status_of(engine, account) == ("linked", chat_id)

    @pytest.mark.parametrize("data", ["link:abc:maybe", "link:", "move:abc", "move:a:b:c"])
    def test_a_broken_button_is_a_question_that_is_over(
        self, engine: Engine, handler: UpdateHandler, chat_id: int, data: str
    ) -> None:
        take(handler, callback_query=press(chat_id, data))
        assert answers(engine, chat_id) == ["This question is no longer open."]

    @pytest.mark.parametrize("data", ["painted:1", "", ":", "link"])
    def test_the_press_of_any_other_button_is_answered(
        self, engine: Engine, handler: UpdateHandler, chat_id: int, data: str
    ) -> None:
        take(handler, callback_query=press(chat_id, data))
        assert len(answers(engine, chat_id)) == 1

    def test_whoever_presses_an_old_button_again_and_again_causes_one_edit(
        self, engine: Engine, handler: UpdateHandler, chat_id: int
    ) -> None:
        for _ in range(5):
            take(handler, callback_query=press(chat_id, "link:abc:yes", 3))
        assert edited(engine, chat_id) == [3]


class TestMembership:
    def test_a_chat_that_blocks_and_unblocks(
        self, engine: Engine, handler: UpdateHandler, account: str, chat_id: int
    ) -> None:
        link_chat(engine, account, chat_id)
        take(handler, my_chat_member=membership(chat_id, "kicked", 1_800_000_000))
        assert status_of(engine, account) == ("blocked", chat_id)
        take(handler, my_chat_member=membership(chat_id, "member", 1_800_000_001))
        assert status_of(engine, account) == ("linked", chat_id)

    def test_a_chat_found_blocked_when_sending_is_linked_again_when_it_unblocks(
        self, engine: Engine, handler: UpdateHandler, account: str, chat_id: int
    ) -> None:
        link_chat(engine, account, chat_id)
        with transaction(engine) as connection:
            block(connection, chat_id, now())
        take(handler, my_chat_member=membership(chat_id, "member", 1_700_000_000))
        assert status_of(engine, account) == ("linked", chat_id)


class TestOrder:
    """A chat sends a code and then /stop; two threads, as of the webhook or two pollers."""

    @pytest.fixture
    def both_at_once(
        self,
        engine: Engine,
        handler: UpdateHandler,
        account: str,
        chat_id: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> Callable[[], None]:
        """Give a function that has the second handled while the first is under way."""
        entered, let_go = threading.Event(), threading.Event()
        real = LinkTalk.start

        def slowly(talk: LinkTalk, turn: Turn, code: str | None) -> object:
            entered.set()
            assert let_go.wait(10)
            return real(talk, turn, code)

        monkeypatch.setattr(LinkTalk, "start", slowly)
        slow = new_update_handler(engine)
        code = code_for(engine, account)

        def run() -> None:
            with ThreadPoolExecutor(2) as threads:
                first = threads.submit(take, slow, message=text(chat_id, f"/start {code}"))
                assert entered.wait(10)
                second = threads.submit(take, handler, message=text(chat_id, "/stop"))
                eventually(lambda: second.done() or waits_for_a_lock(engine), "the second's turn")
                let_go.set()
                first.result()
                second.result()

        return run

    def test_what_the_person_said_last_holds(
        self, engine: Engine, account: str, chat_id: int, both_at_once: Callable[[], None]
    ) -> None:
        both_at_once()
        assert status_of(engine, account) == ("unlinked", None)
        assert [said[:4] for said in replies(engine, chat_id)] == ["Done", "No m"]

    def test_without_the_chats_lock_it_does_not(
        self,
        engine: Engine,
        account: str,
        chat_id: int,
        both_at_once: Callable[[], None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(update_handler, "_lock_chat", lambda *_: None)
        both_at_once()
        assert status_of(engine, account) == ("linked", chat_id)


def waits_for_a_lock(engine: Engine) -> bool:
    query = sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    with engine.connect() as connection:
        return bool(connection.scalar(query))


class TestOnce:
    def test_an_update_is_handled_once(
        self, engine: Engine, handler: UpdateHandler, account: str, chat_id: int
    ) -> None:
        link_chat(engine, account, chat_id)
        update_id = new_update_id()
        for _ in range(3):
            take(handler, update_id, message=text(chat_id, "/stop"))
        assert len(replies(engine, chat_id)) == 1

    def test_also_when_it_comes_many_times_at_once(
        self, engine: Engine, handler: UpdateHandler, chat_id: int
    ) -> None:
        raw = update_bytes(message=text(chat_id, "/start"))
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(handler.handle, [raw] * 16))
        assert len(replies(engine, chat_id)) == 1

    def test_what_the_bot_does_not_know_is_ignored(self, handler: UpdateHandler) -> None:
        take(handler, edited_message={"text": "x"})

    def test_what_is_no_update_is_unreadable(self, handler: UpdateHandler) -> None:
        with pytest.raises(UnreadableMessage):
            handler.handle(b"{}")


class Bug:
    """Makes /start fail a number of times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times = 0
        real = LinkTalk.start

        def start(talk: LinkTalk, turn: Turn, code: str | None) -> object:
            told = real(talk, turn, code)
            if self.times > 0:
                self.times -= 1
                raise ZeroDivisionError("a bug")
            return told

        monkeypatch.setattr(LinkTalk, "start", start)


class TestBugs:
    @pytest.fixture
    def bug(self, monkeypatch: pytest.MonkeyPatch) -> Bug:
        return Bug(monkeypatch)

    @pytest.fixture
    def handler(self, engine: Engine, bug: Bug) -> UpdateHandler:
        return new_update_handler(engine)

    def test_what_fails_once_is_tried_again_and_leaves_no_trace_of_the_failure(
        self, engine: Engine, handler: UpdateHandler, chat_id: int, bug: Bug
    ) -> None:
        bug.times = 1
        take(handler, message=text(chat_id, "/start"))
        assert len(replies(engine, chat_id)) == 1

    def test_what_always_fails_is_kept_whole_and_stops_nobody(
        self, engine: Engine, handler: UpdateHandler, chat_id: int, bug: Bug
    ) -> None:
        bug.times = 1000
        before = UPDATES.labels("unhandled")._value.get()
        raw = update_bytes(update_id := new_update_id(), message=text(chat_id, "/start"))
        handler.handle(raw)
        handler.handle(raw)
        take(handler, message=text(chat_id, "hello"))
        (kept,) = [each for each in kept_updates(engine) if each.update_id == update_id]
        assert (kept.raw, kept.reason) == (raw, "ZeroDivisionError: a bug")
        assert UPDATES.labels("unhandled")._value.get() == before + 1
        assert len(replies(engine, chat_id)) == 1

    def test_once_the_bug_is_mended_it_is_handled_by_a_command(
        self,
        engine: Engine,
        handler: UpdateHandler,
        chat_id: int,
        bug: Bug,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        bug.times = 1000
        take(handler, update_id := new_update_id(), message=text(chat_id, "/start"))

        def command(action: str) -> str:
            work_on_unhandled_updates(engine, handler.retry, [action, str(update_id)])
            return capsys.readouterr().out.splitlines()[-1]

        assert "ZeroDivisionError: a bug" in command("list")
        assert command("retry") == f"{update_id}: failed again, kept"
        assert replies(engine, chat_id) == []
        bug.times = 0
        assert command("retry") == f"{update_id}: handled"
        assert len(replies(engine, chat_id)) == 1
        assert update_id not in [each.update_id for each in kept_updates(engine)]

    def test_what_is_not_wanted_any_more_is_forgotten(
        self,
        engine: Engine,
        handler: UpdateHandler,
        chat_id: int,
        bug: Bug,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        bug.times = 1000
        take(handler, update_id := new_update_id(), message=text(chat_id, "/start"))
        with pytest.raises(SystemExit):
            work_on_unhandled_updates(engine, handler.retry, ["forget"])
        work_on_unhandled_updates(engine, handler.retry, ["forget", str(update_id)])
        assert update_id not in [each.update_id for each in kept_updates(engine)]

    def test_a_database_that_is_away_is_no_bug(self, chat_id: int) -> None:
        away = new_engine("postgresql://nobody@127.0.0.1:9/nothing")
        with pytest.raises(OperationalError):
            take(new_update_handler(away), message=text(chat_id, "/start"))

    def test_nor_is_one_that_is_busy(
        self, engine: Engine, handler: UpdateHandler, chat_id: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def cancelled(*_: object) -> object:
            with engine.connect() as connection:
                connection.execute(sql("SET statement_timeout = '1ms'"))
                return connection.execute(sql("SELECT pg_sleep(1)"))

        with monkeypatch.context() as patch:
            patch.setattr(update_handler, "linked_account", cancelled)
            with pytest.raises(OperationalError):
                take(handler, update_id := new_update_id(), message=text(chat_id, "/start"))
        take(handler, update_id, message=text(chat_id, "/start"))
        assert len(replies(engine, chat_id)) == 1
