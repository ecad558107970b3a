"""Linking rules on a real PostgreSQL, with everything at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.exc import IntegrityError

from services.notifier.linking.chat_links import (
    block,
    change_membership,
    link,
    linked_account,
    read_link,
    unlink,
)
from services.notifier.linking.link_requests import (
    Declined,
    Linked,
    NotOpen,
    TakesChatAway,
    answer_question,
    open_request,
    use_code,
)
from services.notifier.tables import CHAT_LINKS, LINK_REQUESTS
from shared.database import transaction
from shared.instants import now
from tests.integration.notifier.arrangements import events_of, link_chat, new_account

_chat_ids = count(1000)


@pytest.fixture
def account() -> str:
    return new_account()


@pytest.fixture
def chat_id() -> int:
    return next(_chat_ids)


def status_of(engine: Engine, account_id: str) -> tuple[str, int | None] | None:
    with engine.connect() as connection:
        row = read_link(connection, account_id)
    return None if row is None else (row.status, row.chat_id)


def types_of(engine: Engine, account_id: str) -> list[str]:
    return [event_type for event_type, _ in events_of(engine, account_id)]


def code_for(engine: Engine, account_id: str, asked_chat_id: int | None = None) -> str:
    with transaction(engine) as connection:
        return open_request(connection, account_id, asked_chat_id, now()).code


def send_code(engine: Engine, code: str, chat_id: int) -> Linked | TakesChatAway | NotOpen:
    with transaction(engine) as connection:
        return use_code(connection, code, chat_id, now())


def answer(
    engine: Engine, code: str, chat_id: int, *, agreed: bool = True
) -> Linked | Declined | NotOpen:
    with transaction(engine) as connection:
        return answer_question(connection, code, chat_id, now(), agreed=agreed)


class TestCodes:
    def test_the_chat_that_sends_the_code_is_linked(
        self, engine: Engine, account: str, chat_id: int
    ) -> None:
        assert isinstance(send_code(engine, code_for(engine, account), chat_id), Linked)
        assert status_of(engine, account) == ("linked", chat_id)
        ((event_type, body),) = events_of(engine, account)
        assert event_type == "telegram.linked.v1"
        assert (body["chat_id"], body["status"], body["version"]) == (str(chat_id), "linked", 1)

    def test_a_code_is_good_for_one_use(self, engine: Engine, account: str, chat_id: int) -> None:
        code = code_for(engine, account)
        send_code(engine, code, chat_id)
        assert send_code(engine, code, next(_chat_ids)) == NotOpen()
        assert send_code(engine, code, chat_id) == NotOpen()
        assert status_of(engine, account) == ("linked", chat_id)

    def test_many_chats_at_once_get_one_link(self, engine: Engine, account: str) -> None:
        code = code_for(engine, account)
        chats = [next(_chat_ids) for _ in range(12)]
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda chat: send_code(engine, code, chat), chats))
        assert sum(isinstance(one, Linked) for one in answers) == 1
        assert types_of(engine, account) == ["telegram.linked.v1"]

    def test_a_code_ends_after_ten_minutes(
        self, engine: Engine, account: str, chat_id: int
    ) -> None:
        code = code_for(engine, account)
        with transaction(engine) as connection:
            late = now() + timedelta(minutes=10, seconds=1)
            assert use_code(connection, code, chat_id, late) == NotOpen()
            assert isinstance(
                use_code(connection, code, chat_id, now() + timedelta(minutes=9)), Linked
            )

    def test_a_new_code_takes_the_place_of_the_old_one(
        self, engine: Engine, account: str, chat_id: int
    ) -> None:
        old, new = code_for(engine, account), code_for(engine, account)
        assert send_code(engine, old, chat_id) == NotOpen()
        assert isinstance(send_code(engine, new, chat_id), Linked)

    def test_an_unknown_code_links_nothing(self, engine: Engine, chat_id: int) -> None:
        assert send_code(engine, "x" * 22, chat_id) == NotOpen()

    def test_a_code_is_stored_as_a_hash_only(self, engine: Engine, account: str) -> None:
        code = code_for(engine, account)
        assert len(code) == 22
        with engine.connect() as connection:
            row = connection.execute(
                select(LINK_REQUESTS).where(LINK_REQUESTS.c.account_id == account)
            ).one()
        assert code.encode() not in bytes(row.code_hash)
        assert len(row.code_hash) == 32


class TestSinceWhen:
    """`linked_since` is when the time began in which reminders have a chat without a break."""

    def test_another_chat_is_no_break_but_a_block_is(
        self, engine: Engine, account: str, chat_id: int
    ) -> None:
        began, other_chat_id = now() - timedelta(hours=1), next(_chat_ids)
        minutes = [began + timedelta(minutes=number) for number in range(6)]
        with transaction(engine) as connection:
            link(connection, account, chat_id, minutes[0])
            link(connection, account, other_chat_id, minutes[1])
            block(connection, other_chat_id, minutes[2])
            change_membership(
                connection, other_chat_id, blocked=False, changed_at=minutes[3], at=minutes[3]
            )
            unlink(connection, account, minutes[4])
            link(connection, account, chat_id, minutes[5])

        since = [body["linked_since"] for _, body in events_of(engine, account)]
        told = [None if one is None else datetime.fromisoformat(one) for one in since]
        assert told == [minutes[0], minutes[0], None, minutes[3], None, minutes[5]]


class TestQuestions:
    def test_a_yes_of_the_asked_chat_links_it(
        self, engine: Engine, account: str, chat_id: int
    ) -> None:
        assert isinstance(answer(engine, code_for(engine, account, chat_id), chat_id), Linked)
        assert status_of(engine, account) == ("linked", chat_id)

    def test_a_yes_of_another_chat_links_nothing_and_leaves_the_question_open(
        self, engine: Engine, account: str, chat_id: int
    ) -> None:
        code = code_for(engine, account, chat_id)
        assert answer(engine, code, next(_chat_ids)) == NotOpen()
        assert status_of(engine, account) is None
        assert isinstance(answer(engine, code, chat_id), Linked)

    def test_a_no_of_another_chat_changes_nothing(
        self, engine: Engine, account: str, chat_id: int
    ) -> None:
        code = code_for(engine, account, chat_id)
        assert answer(engine, code, next(_chat_ids), agreed=False) == NotOpen()
        assert isinstance(answer(engine, code, chat_id), Linked)

    def test_a_no_ends_the_question(self, engine: Engine, account: str, chat_id: int) -> None:
        code = code_for(engine, account, chat_id)
        assert isinstance(answer(engine, code, chat_id, agreed=False), Declined)
        assert answer(engine, code, chat_id) == NotOpen()
        assert status_of(engine, account) is None

    def test_the_code_of_a_question_is_no_start_code(
        self, engine: Engine, account: str, chat_id: int
    ) -> None:
        code = code_for(engine, account, chat_id)
        assert send_code(engine, code, next(_chat_ids)) == NotOpen()
        assert send_code(engine, code, chat_id) == NotOpen()

    def test_a_start_code_is_no_answer(self, engine: Engine, account: str, chat_id: int) -> None:
        assert answer(engine, code_for(engine, account), chat_id) == NotOpen()


class TestLinks:
    def test_a_chat_belongs_to_whom_it_agreed_with_last(self, engine: Engine, chat_id: int) -> None:
        first, second = new_account(), new_account()
        link_chat(engine, first, chat_id)
        link_chat(engine, second, chat_id)
        assert status_of(engine, first) == ("unlinked", None)
        assert status_of(engine, second) == ("linked", chat_id)
        assert types_of(engine, first) == ["telegram.linked.v1", "telegram.unlinked.v1"]
        _, body = events_of(engine, first)[-1]
        assert (body["chat_id"], body["linked_at"], body["version"]) == (None, None, 2)

    def test_an_account_has_one_chat(self, engine: Engine, account: str, chat_id: int) -> None:
        link_chat(engine, account, chat_id)
        other = next(_chat_ids)
        link_chat(engine, account, other)
        assert status_of(engine, account) == ("linked", other)
        with engine.connect() as connection:
            assert linked_account(connection, chat_id) is None

    def test_linking_again_changes_nothing(
        self, engine: Engine, account: str, chat_id: int
    ) -> None:
        link_chat(engine, account, chat_id)
        link_chat(engine, account, chat_id)
        assert types_of(engine, account) == ["telegram.linked.v1"]

    def test_accounts_and_chats_that_swap_at_once_end_with_one_chat_each(
        self, engine: Engine
    ) -> None:
        accounts = [new_account() for _ in range(4)]
        chats = [next(_chat_ids) for _ in range(3)]
        pairs = [(accounts[n % 4], chats[n % 3]) for n in range(60)]
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(lambda pair: link_chat(engine, *pair), pairs))
        states = [status_of(engine, account) for account in accounts]
        linked = [state[1] for state in states if state and state[0] == "linked"]
        assert sorted(linked) == chats  # type: ignore[type-var]
        for account in accounts:
            versions = [body["version"] for _, body in events_of(engine, account)]
            assert versions == list(range(1, len(versions) + 1))

    def test_unlinking_twice_is_one_change(
        self, engine: Engine, account: str, chat_id: int
    ) -> None:
        link_chat(engine, account, chat_id)
        with transaction(engine) as connection:
            assert unlink(connection, account, now()) is True
            assert unlink(connection, account, now()) is False
        assert types_of(engine, account) == ["telegram.linked.v1", "telegram.unlinked.v1"]

    def test_a_blocked_chat_keeps_its_account(
        self, engine: Engine, account: str, chat_id: int
    ) -> None:
        link_chat(engine, account, chat_id)
        with transaction(engine) as connection:
            block(connection, chat_id, now())
            block(connection, chat_id, now())
        assert status_of(engine, account) == ("blocked", chat_id)
        assert types_of(engine, account)[1:] == ["telegram.blocked.v1"]

    def test_an_unblocked_chat_is_linked_again(
        self, engine: Engine, account: str, chat_id: int
    ) -> None:
        link_chat(engine, account, chat_id)
        at = now()
        with transaction(engine) as connection:
            change_membership(connection, chat_id, blocked=True, changed_at=at, at=at)
            change_membership(
                connection, chat_id, blocked=False, changed_at=at + timedelta(seconds=1), at=at
            )
        assert status_of(engine, account) == ("linked", chat_id)
        assert types_of(engine, account)[1:] == ["telegram.blocked.v1", "telegram.linked.v1"]

    def test_older_news_of_a_block_are_ignored(
        self, engine: Engine, account: str, chat_id: int
    ) -> None:
        link_chat(engine, account, chat_id)
        at = now()
        with transaction(engine) as connection:
            change_membership(
                connection, chat_id, blocked=False, changed_at=at + timedelta(seconds=1), at=at
            )
            change_membership(connection, chat_id, blocked=True, changed_at=at, at=at)
        assert status_of(engine, account) == ("linked", chat_id)

    def test_unblocking_links_nobody_who_had_not_agreed(
        self, engine: Engine, account: str, chat_id: int
    ) -> None:
        link_chat(engine, account, chat_id)
        at = now()
        with transaction(engine) as connection:
            unlink(connection, account, at)
            change_membership(connection, chat_id, blocked=False, changed_at=at, at=at)
        assert status_of(engine, account) == ("unlinked", None)

    def test_news_of_a_chat_of_nobody_change_nothing(self, engine: Engine, chat_id: int) -> None:
        at = now()
        with transaction(engine) as connection:
            block(connection, chat_id, at)
            change_membership(connection, chat_id, blocked=True, changed_at=at, at=at)
            assert linked_account(connection, chat_id) is None


def test_an_expired_row_is_not_used_even_if_it_is_still_there(
    engine: Engine, account: str, chat_id: int
) -> None:
    code = code_for(engine, account)
    with transaction(engine) as connection:
        connection.execute(
            update(LINK_REQUESTS)
            .where(LINK_REQUESTS.c.account_id == account)
            .values(expires_at=now() - timedelta(seconds=1))
        )
    assert send_code(engine, code, chat_id) == NotOpen()


def test_two_links_of_one_chat_are_impossible_in_the_schema(
    engine: Engine, account: str, chat_id: int
) -> None:
    link_chat(engine, account, chat_id)
    link_chat(engine, new_account(), next(_chat_ids))
    everybody = CHAT_LINKS.update().where(CHAT_LINKS.c.chat_id.is_not(None))
    with (
        transaction(engine) as connection,
        pytest.raises(IntegrityError, match="uq_chat_links_chat_id"),
    ):
        connection.execute(everybody.values(chat_id=chat_id))
