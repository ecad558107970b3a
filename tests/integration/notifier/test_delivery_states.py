"""The states of messages on a real PostgreSQL: every transition, and every one that must not be."""

import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, update

from services.notifier.sending import delivery_states
from services.notifier.sending.delivery_states import Ends, Known, Outcome, Taken
from services.notifier.tables import DELIVERY_STATES
from shared.database import transaction


@pytest.fixture
def message() -> str:
    return f"test:{uuid.uuid4()}"


@pytest.fixture
def states(engine: Engine) -> "States":
    return States(engine)


class States:
    """One short transaction a step, as the product has them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def look(self, *identities: str) -> Known:
        with transaction(self._engine) as connection:
            return delivery_states.look(connection, identities)

    def outcome(self, identity: str) -> str | None:
        end = self.look(identity).ended.get(identity)
        return None if end is None else end.outcome

    def begin(self, identities: str | Sequence[str], token: str) -> int:
        wanted = [identities] if isinstance(identities, str) else identities
        with transaction(self._engine) as connection:
            return delivery_states.begin(connection, wanted, token, None)

    def begins(self, identities: str | Sequence[str], token: str) -> bool:
        try:
            self.begin(identities, token)
        except Taken:
            return False
        return True

    def end(self, identity: str, token: str, outcome: Outcome) -> Ends:
        proof = 77 if outcome == "sent" else None
        reason = None if outcome == "sent" else "why"
        with transaction(self._engine) as connection:
            return delivery_states.end(
                connection, [identity], token, outcome, reason=reason, telegram_message_id=proof
            )

    def end_unsent(self, identity: str, outcome: Outcome) -> Ends:
        with transaction(self._engine) as connection:
            return delivery_states.end_unsent(connection, [identity], None, outcome, "why")

    def give_up(self, identity: str) -> Ends:
        with transaction(self._engine) as connection:
            return delivery_states.give_up(connection, [identity])

    def release(self, identity: str, token: str) -> None:
        with transaction(self._engine) as connection:
            delivery_states.release(connection, [identity], token, "429")

    def let_time_run_out(self, identity: str) -> None:
        """Put the time by which the sender must have spoken into the past, as time does."""
        with transaction(self._engine) as connection:
            connection.execute(
                update(DELIVERY_STATES)
                .where(DELIVERY_STATES.c.identity == identity)
                .values(until=DELIVERY_STATES.c.until - 2 * delivery_states.SENDING_LIMIT)
            )


def test_a_message_nobody_knows_may_be_sent_once(states: States, message: str) -> None:
    assert states.look(message).is_open(message)
    assert states.begin(message, "a") == 1
    assert not states.begins(message, "b")
    known = states.look(message)
    assert not known.is_open(message)
    assert 80 < known.busy_seconds[message] <= 90


def test_many_at_once_get_one_leave_to_send(states: States, message: str) -> None:
    with ThreadPoolExecutor(10) as pool:
        begun = list(pool.map(lambda n: states.begins(message, f"{n}"), range(30)))
    assert begun.count(True) == 1


def test_messages_that_go_together_are_begun_all_or_none(states: States) -> None:
    first, second, third = (f"test:{uuid.uuid4()}" for _ in range(3))
    states.begin([first, second], "a")
    assert not states.begins([third, second], "b")
    assert states.look(third).is_open(third)


def test_two_that_want_the_same_messages_in_another_order_do_not_lock_each_other(
    states: States,
) -> None:
    for _ in range(10):
        both = [f"test:{uuid.uuid4()}" for _ in range(20)]
        with ThreadPoolExecutor(2) as pool:
            begun = list(pool.map(states.begins, (both, both[::-1]), ("a", "b")))
        assert sorted(begun) == [False, True]


def test_sent_is_final_and_remembers_the_proof(states: States, message: str) -> None:
    states.begin(message, "a")
    end = states.end(message, "a", "sent")[message]
    assert (end.outcome, end.telegram_message_id, end.attempts) == ("sent", 77, 1)
    assert end.first_at <= end.at
    assert states.look(message).ended[message] == end
    assert states.end(message, "a", "sent") == {}
    assert states.end(message, "a", "unknown") == {}
    states.release(message, "a")
    assert states.end_unsent(message, "expired") == {}
    assert not states.begins(message, "b")
    assert states.outcome(message) == "sent"


@pytest.mark.parametrize("outcome", ["refused", "chat_gone", "unknown"])
def test_what_telegram_decided_is_final(states: States, message: str, outcome: Outcome) -> None:
    states.begin(message, "a")
    assert states.end(message, "a", outcome)[message].reason == "why"
    states.release(message, "a")
    assert not states.begins(message, "b")
    assert states.outcome(message) == outcome


@pytest.mark.parametrize("outcome", ["expired", "no_chat"])
def test_what_ended_unsent_is_final(states: States, message: str, outcome: Outcome) -> None:
    end = states.end_unsent(message, outcome)[message]
    assert (end.outcome, end.attempts) == (outcome, 0)
    assert states.end_unsent(message, outcome) == {}
    assert not states.begins(message, "a")


def test_a_message_under_way_does_not_end_unsent(states: States, message: str) -> None:
    states.begin(message, "a")
    assert states.end_unsent(message, "expired") == {}
    assert states.end(message, "a", "sent")


def test_what_was_surely_not_sent_may_be_tried_again(states: States, message: str) -> None:
    states.begin(message, "a")
    states.release(message, "a")
    assert states.look(message).is_open(message)
    assert states.begin(message, "b") == 2
    states.release(message, "a")
    assert not states.look(message).is_open(message)


def test_sending_is_never_taken_over_but_ends_as_unknown_and_that_is_news_once(
    states: States, message: str
) -> None:
    states.begin(message, "a")
    assert states.give_up(message) == {}
    states.let_time_run_out(message)
    assert not states.begins(message, "b")
    assert states.look(message).vanished == [message]
    with ThreadPoolExecutor(8) as pool:
        news = [each for each in pool.map(lambda _: states.give_up(message), range(16)) if each]
    assert [each[message].outcome for each in news] == ["unknown"]
    assert not states.begins(message, "b")


def test_proof_of_delivery_beats_unknown_even_when_it_comes_late(
    states: States, message: str
) -> None:
    states.begin(message, "a")
    states.let_time_run_out(message)
    states.give_up(message)
    assert states.outcome(message) == "unknown"
    assert states.end(message, "a", "chat_gone") == {}
    assert states.end(message, "a", "sent")[message].outcome == "sent"
    assert states.outcome(message) == "sent"


def test_an_end_needs_the_token_of_its_beginning(states: States, message: str) -> None:
    states.begin(message, "a")
    assert states.end(message, "b", "sent") == {}
    states.release(message, "b")
    assert not states.look(message).is_open(message)


def test_time_is_the_databases(
    states: States, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_states, "SENDING_LIMIT", timedelta(seconds=0))
    states.begin(message, "a")
    assert states.give_up(message)
