"""One account with very many reminders at one minute, beside others with one each."""

import asyncio
import statistics
import time
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from shared.contracts.events import ReminderDueV1
from shared.contracts.topology import REMINDERS, RETRY_DELAYS_SECONDS
from tests.faults.installation import Notifier
from tests.faults.queues import take_all
from tests.integration.notifier.arrangements import a_reminder, due_together

pytestmark = pytest.mark.timeout(400)

OTHERS = 200
FLOOD = 1000
Way = Literal["together", "one by one"]


@dataclass(frozen=True, slots=True)
class Run:
    """When the others' reminders came, and how many of the flood's were sent among them."""

    p99_seconds: float
    seconds: float
    flood_requests: int


def test_a_thousand_reminders_of_one_account_do_not_delay_the_others(notifier: Notifier) -> None:
    alone = run(notifier, None)
    together = run(notifier, "together")
    one_by_one = run(notifier, "one by one")

    for flooded in (together, one_by_one):
        # A chat gets one message a second: that is all the flood takes from the others' turns.
        assert flooded.flood_requests <= flooded.seconds + 3
        # The bot's turns decide, so it is about the same; several times as long if places are held.
        assert flooded.p99_seconds < 3 * alone.p99_seconds + 3, (alone, together, one_by_one)


def run(notifier: Notifier, flood: Way | None) -> Run:
    """Announce the flood and then the others; wait until the others have their reminders."""
    notifier.person.reset()
    flooded, flood_chat = notifier.linked_account()
    others = [a_reminder(notifier.linked_account()[0]) for _ in range(OTHERS)]
    with notifier.consumer() as sender:
        sender.wait_until_ready()
        began = time.time()
        announce_flood(notifier, due_together(flooded, FLOOD), flood)
        notifier.announce(*others)
        outcomes = notifier.wait_for_outcomes(others)
    assert set(outcomes.values()) == {"sent"}
    requests = notifier.person.requests(limit=100_000)
    theirs = sorted(at(each) for each in requests if each["chat_id"] != str(flood_chat))
    meanwhile = [at(each) for each in requests if each["chat_id"] == str(flood_chat)]
    assert len(theirs) == OTHERS
    purge(notifier)
    return Run(
        p99_seconds=statistics.quantiles(theirs, n=100)[98] - began,
        seconds=theirs[-1] - began,
        flood_requests=len([each for each in meanwhile if each <= theirs[-1]]),
    )


def announce_flood(notifier: Notifier, reminders: list[ReminderDueV1], way: Way | None) -> None:
    if way == "together":
        notifier.announce_together(reminders)
    elif way == "one by one":
        notifier.announce(*reminders)


def purge(notifier: Notifier) -> None:
    """Take away what is left of the flood."""
    queues = [REMINDERS.name, *map(REMINDERS.retry_queue, RETRY_DELAYS_SECONDS)]
    for queue in queues:
        asyncio.run(take_all(notifier.rabbitmq_url, queue))


def at(request: dict[str, Any]) -> float:
    return float(request["received_at_seconds"])
