"""A stop while Telegram dawdles: the process ends by itself and in time, and nothing is open."""

import pytest

from shared.process.stop_budget import STOP_SECONDS
from tests.faults.installation import Notifier
from tests.faults.rig import eventually

pytestmark = pytest.mark.timeout(200)

PATIENCE_SECONDS = 30


@pytest.mark.parametrize(
    ("fault", "options", "outcome"),
    [
        ("delay_after_recording", {"delay_seconds": 2}, "sent"),
        ("hang_after_recording", {}, "unknown"),
    ],
)
def test_a_sender_that_is_stopped_while_telegram_dawdles_finishes_in_its_time(
    notifier: Notifier, fault: str, options: dict[str, float], outcome: str
) -> None:
    notifier.person.fault(fault, **options)
    reminder, chat_id = notifier.due_reminder()
    with notifier.consumer() as sender:
        notifier.announce(reminder)
        eventually(
            lambda: bool(notifier.person.requests(chat_id=chat_id)),
            "the request is at Telegram",
            PATIENCE_SECONDS,
        )
        assert sender.ends_by_itself(STOP_SECONDS)
        assert notifier.outcomes([reminder]) == {reminder.id: outcome}
    assert len(notifier.person.messages(chat_id)) == 1
