"""Faults 22 and 23: senders that are killed at any point, and one that is paused at the worst."""

import os
import random
import time
from collections import Counter
from datetime import timedelta

import pytest

from shared.contracts.events import ReminderDueV1
from shared.instants import now
from tests.faults.installation import PATIENCE_SECONDS, Notifier
from tests.faults.rig import eventually
from tests.faults.tcp_proxy import TcpProxy

# `FAULT_ROUNDS=200` for a long run.
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "12"))
REMINDERS_A_ROUND = 4
# What a client of the database sends to pass the point of no return.
POINT_OF_NO_RETURN = b"INSERT INTO delivery_states"


def ended_in_the_middle(notifier: Notifier, reminders: list[ReminderDueV1]) -> set[str]:
    """Let the time of a dead sender run out; return what it was about to send or sending."""
    in_doubt = set()
    for reminder in reminders:
        if notifier.state(reminder) == "sending":
            in_doubt.add(reminder.id)
        notifier.let_time_run_out(reminder)
    return in_doubt


@pytest.mark.timeout(60 + 20 * ROUNDS)
def test_killed_senders_never_send_twice_and_lose_no_more_than_they_count(
    notifier: Notifier,
) -> None:
    chance = random.Random(22)
    for kind, seconds in (("before", 0.3), ("after", 0.2), ("before", 0.05)):
        notifier.person.fault(
            f"delay_{kind}_recording", delay_seconds=seconds, times=None, probability=0.4
        )
    not_after = now() + timedelta(hours=1)
    chats: dict[str, int] = {}
    reminders: list[ReminderDueV1] = []
    in_doubt: set[str] = set()
    for number in range(ROUNDS):
        with notifier.consumer() as sender:
            fresh = [notifier.due_reminder(not_after=not_after) for _ in range(REMINDERS_A_ROUND)]
            chats |= {reminder.id: chat_id for reminder, chat_id in fresh}
            reminders += [reminder for reminder, _ in fresh]
            notifier.announce(*(reminder for reminder, _ in fresh))
            if number % 3 == 0:
                wait_until_sending(notifier, reminders)
            else:
                time.sleep(chance.uniform(0, 0.6))
            sender.kill()
        in_doubt |= ended_in_the_middle(notifier, reminders)
    with notifier.consumer():
        outcomes = notifier.wait_for_outcomes(reminders)
        notifier.assert_queues_are_empty()

    received = Counter(request["chat_id"] for request in notifier.person.requests(limit=100_000))
    assert max(received.values()) == 1, "one reminder was sent twice"
    unknown = {each for each, outcome in outcomes.items() if outcome == "unknown"}
    lost = {each for each, chat_id in chats.items() if not received[str(chat_id)]}
    assert set(outcomes.values()) <= {"sent", "unknown"}
    assert lost <= unknown <= in_doubt
    assert in_doubt, "no kill hit a sender"
    for reminder in reminders:
        assert len(notifier.told(reminder)) == 1


def wait_until_sending(notifier: Notifier, reminders: list[ReminderDueV1]) -> None:
    """Return while a request is on its way to Telegram."""
    eventually(
        lambda: any(notifier.state(each) == "sending" for each in reminders),
        "sending",
        PATIENCE_SECONDS,
        pause_seconds=0.01,
    )


@pytest.mark.timeout(400)
def test_a_sender_paused_between_claim_and_send_longer_than_its_claim_is_fenced(
    notifier: Notifier,
) -> None:
    reminder, chat_id = notifier.due_reminder()
    with (
        TcpProxy(notifier.database_url) as to_database,
        TcpProxy(notifier.rabbitmq_url) as to_broker,
        notifier.consumer(DATABASE_URL=to_database.url, RABBITMQ_URL=to_broker.url) as paused,
    ):
        paused.wait_until_ready()
        about_to_send = to_database.hold_at(POINT_OF_NO_RETURN)
        notifier.announce(reminder)
        assert about_to_send.wait(PATIENCE_SECONDS)
        paused.freeze()
        notifier.let_time_run_out(reminder)
        to_broker.cut()
        with notifier.consumer():
            assert notifier.wait_for_outcomes([reminder]) == {reminder.id: "sent"}
        to_database.forward()
        paused.thaw()
        # It has long had its answer by the time it has connected again and sent another one.
        another, _ = notifier.due_reminder()
        notifier.announce(another)
        assert notifier.wait_for_outcomes([another]) == {another.id: "sent"}
        notifier.assert_queues_are_empty()
    assert len(notifier.person.requests(chat_id=chat_id)) == 1
    assert notifier.told(reminder) == [("reminder.sent.v1", None)]
