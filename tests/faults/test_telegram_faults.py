"""Faults 24 and 26 to 28: a Telegram that drops answers, storms, dawdles and refuses."""

from contextlib import ExitStack
from datetime import timedelta
from statistics import median
from typing import Any

import pytest

from services.notifier.sending import delivery_ends
from services.notifier.sending.delivery import PLACES
from services.notifier.service import SERVICE
from services.notifier.telegram import client as telegram_client
from shared.instants import now
from tests.faults.installation import Notifier
from tests.faults.rig import eventually
from tests.integration.notifier.arrangements import a_reminder

pytestmark = pytest.mark.timeout(400)

# Far more than a busy machine needs between looking at the clock and sending.
MARGIN_SECONDS = 0.7


def consume_impatiently() -> None:
    """Run the process `consume` with short time limits."""
    telegram_client.READ_TIMEOUT_SECONDS = 0.5
    delivery_ends.TOKEN_REFUSED_PAUSE = timedelta(seconds=1)
    SERVICE.run(["consume"])


def received_at(requests: list[dict[str, Any]]) -> list[float]:
    return sorted(request["received_at_seconds"] for request in requests)


def most_in_any_second(instants: list[float]) -> int:
    return max(len([at for at in instants if start <= at < start + 1]) for start in instants)


@pytest.mark.short
@pytest.mark.parametrize("fault", ["drop_after_recording", "hang_after_recording"])
def test_a_recorded_message_whose_answer_is_lost_is_unknown_counted_and_not_repeated(
    notifier: Notifier, fault: str
) -> None:
    notifier.person.fault(fault)
    reminder, chat_id = notifier.due_reminder()
    with notifier.consumer(run=consume_impatiently) as sender:
        notifier.announce(reminder)
        assert notifier.wait_for_outcomes([reminder]) == {reminder.id: "unknown"}
        notifier.announce(reminder, reminder)
        notifier.assert_queues_are_empty()
        assert sender.metric("notifier_unknown_total") == 1
    assert len(notifier.person.requests(chat_id=chat_id)) == 1
    assert len(notifier.person.messages(chat_id)) == 1
    assert notifier.told(reminder) == [("reminder.failed.v1", "unknown")]


def test_after_a_429_its_chat_is_left_alone_by_all_replicas_and_the_others_are_not(
    notifier: Notifier,
) -> None:
    hasty, chat_id = notifier.due_reminder()
    notifier.person.fault("too_many_requests", retry_after_seconds=10, times=1, chat_id=chat_id)
    others = [notifier.due_reminder()[0] for _ in range(10)]
    with ExitStack() as replicas:
        for _ in range(2):
            replicas.enter_context(notifier.consumer()).wait_until_ready()
        notifier.announce(hasty)
        eventually(lambda: bool(notifier.person.requests(chat_id=chat_id)), "refused")
        notifier.announce(hasty, *others)
        outcomes = notifier.wait_for_outcomes([hasty, *others])
        notifier.assert_queues_are_empty()
    assert set(outcomes.values()) == {"sent"}
    refused, accepted = received_at(notifier.person.requests(chat_id=chat_id))
    assert accepted - refused >= 10
    # They were told of after the refusal, and did not wait for its end.
    requests = received_at(notifier.person.requests(limit=1000))
    assert requests[0] == refused
    assert requests[-1] == accepted
    assert len(requests) == len(others) + 2


def test_after_429s_for_several_chats_all_replicas_are_silent_and_nothing_is_lost(
    notifier: Notifier,
) -> None:
    notifier.person.fault("too_many_requests", retry_after_seconds=2, times=3)
    reminders = [notifier.due_reminder()[0] for _ in range(25)]
    with ExitStack() as replicas:
        for _ in range(3):
            replicas.enter_context(notifier.consumer()).wait_until_ready()
        notifier.announce(*reminders)
        outcomes = notifier.wait_for_outcomes(reminders)
        notifier.assert_queues_are_empty()
    assert set(outcomes.values()) == {"sent"}
    requests = notifier.person.requests(limit=1000)
    refused_at = received_at([each for each in requests if each["status"] == 429])
    accepted_at = received_at([each for each in requests if each["recorded"]])
    assert len(refused_at) == 3
    assert len(accepted_at) == len(reminders)
    # What was on its way at that instant arrives within a moment.
    silence = (refused_at[-1] + MARGIN_SECONDS, refused_at[-1] + 2)
    assert not [at for at in received_at(requests) if silence[0] < at < silence[1]]
    assert most_in_any_second(received_at(requests)) <= 30


def test_many_due_at_once_on_a_slow_telegram_go_in_order_and_never_too_late(
    notifier: Notifier,
) -> None:
    notifier.person.fault("delay_before_recording", delay_seconds=0.8, times=None)
    accounts = [notifier.linked_account() for _ in range(150)]
    began = now()
    not_after = began + timedelta(seconds=5)
    reminders = [
        a_reminder(account, due_at=began + timedelta(milliseconds=number), not_after=not_after)
        for number, (account, _) in enumerate(accounts)
    ]
    with notifier.consumer() as sender:
        notifier.announce(*reminders[:PLACES])
        notifier.wait_for_outcomes(reminders[:PLACES])
        at_first_bytes = sender.resident_bytes()
        notifier.announce(*reminders[PLACES:])
        outcomes = notifier.wait_for_outcomes(reminders)
        notifier.assert_queues_are_empty()
        grown_bytes = sender.resident_bytes() - at_first_bytes
    requests = notifier.person.requests(limit=1000)
    assert set(outcomes.values()) == {"sent", "expired"}
    assert len(requests) == len({each["chat_id"] for each in requests})
    assert len(requests) == list(outcomes.values()).count("sent")
    assert received_at(requests)[-1] < not_after.timestamp() + MARGIN_SECONDS
    assert most_under_way(requests) <= PLACES
    places = {str(chat_id): place for place, (_, chat_id) in enumerate(accounts)}
    order = [places[each["chat_id"]] for each in requests]
    # Roughly: the limits of Telegram may send one that has waited long to the back.
    assert median(abs(place - number) for number, place in enumerate(order)) < PLACES
    assert grown_bytes < 50_000_000


def most_under_way(requests: list[dict[str, Any]]) -> int:
    """Return how many requests were at Telegram at once."""
    spans = [(each["received_at_seconds"], each["recorded_at_seconds"]) for each in requests]
    return max(len([1 for began, ended in spans if began <= at < ended]) for at, _ in spans)


def test_a_mix_of_refusals_ends_each_once_by_its_own_rule(notifier: Notifier) -> None:
    person = notifier.person
    refusals: dict[str, dict[str, str]] = {
        "blocked": {},
        "chat_not_found": {},
        "deactivated": {},
        "refused": {"description": "Bad Request: message is too long"},
    }
    mix = {kind: notifier.due_reminder() for kind in refusals}
    for kind, options in refusals.items():
        person.fault(kind, chat_id=mix[kind][1], times=None, **options)
    mix["not found"] = notifier.due_reminder()
    person.fault(
        "refused", chat_id=mix["not found"][1], status=404, description="Not Found", times=1
    )
    reminders = [reminder for reminder, _ in mix.values()]
    with notifier.consumer(run=consume_impatiently):
        notifier.announce(*reminders)
        outcomes = notifier.wait_for_outcomes(reminders)
        notifier.announce(*reminders)
        notifier.assert_queues_are_empty()

    ends = {kind: outcomes[reminder.id] for kind, (reminder, _) in mix.items()}
    requests = {kind: len(person.requests(chat_id=chat)) for kind, (_, chat) in mix.items()}
    assert ends == {
        **dict.fromkeys(("blocked", "chat_not_found", "deactivated"), "chat_gone"),
        "refused": "refused",
        "not found": "sent",
    }
    assert requests == {**dict.fromkeys(refusals, 1), "not found": 2}
    for reminder in reminders:
        assert len(notifier.told(reminder)) == 1
    assert notifier.link_of(mix["blocked"][0]) == ("blocked", mix["blocked"][1])
