"""Names and bindings of everything on the broker.

A work queue is a quorum queue that dead-letters, at least once, to `<queue>.dlq`; a failed message
waits in one of its retry queues, one for each delay, because a time-to-live is looked at only at
the head of a queue.
"""

from dataclasses import dataclass

from shared.contracts import events

EVENTS_EXCHANGE = "events"

RETRY_DELAYS_SECONDS = (1, 5, 30)


@dataclass(frozen=True, slots=True)
class WorkQueue:
    """A queue of ours; `bindings` are the event types it takes, none for a direct queue.

    `past_bindings` are those it took in an earlier release, to be taken away at setup.
    """

    name: str
    bindings: tuple[str, ...] = ()
    past_bindings: tuple[str, ...] = ()

    @property
    def dead_letter_queue(self) -> str:
        return f"{self.name}.dlq"

    def retry_queue(self, delay_seconds: int) -> str:
        return f"{self.name}.retry.{delay_seconds}s"


_HABITS = (events.HABIT_CREATED, events.HABIT_CHANGED, events.HABIT_DELETED)
_ACCOUNTS = (events.ACCOUNT_REGISTERED, events.ACCOUNT_CHANGED, events.ACCOUNT_DELETED)
_DAYS = (events.HABIT_DAY_RECORDED, events.HABIT_DAY_CLEARED)
_TELEGRAM = (events.TELEGRAM_LINKED, events.TELEGRAM_UNLINKED, events.TELEGRAM_BLOCKED)

SCHEDULER_EVENTS = WorkQueue("scheduler.events", _HABITS + _ACCOUNTS + _TELEGRAM)
SCHEDULER_COMMANDS = WorkQueue("scheduler.commands")
HABITS_EVENTS = WorkQueue("habits.events", _ACCOUNTS)
HABITS_COMMANDS = WorkQueue("habits.commands")
NOTIFIER_EVENTS = WorkQueue("notifier.events", _ACCOUNTS)
NOTIFIER_DAYS = WorkQueue("notifier.days", _DAYS)
NOTIFIER_REPLIES = WorkQueue("notifier.replies")
REMINDERS = WorkQueue("reminders", past_bindings=(events.REMINDER_DUE,))
TELEGRAM_MESSAGES = WorkQueue("telegram.messages")

# Each service declares and consumes its own.
HABITS_QUEUES = (HABITS_EVENTS, HABITS_COMMANDS)
SCHEDULER_QUEUES = (SCHEDULER_EVENTS, SCHEDULER_COMMANDS)
NOTIFIER_QUEUES = (
    REMINDERS,
    TELEGRAM_MESSAGES,
    NOTIFIER_EVENTS,
    NOTIFIER_DAYS,
    NOTIFIER_REPLIES,
)

ALL_QUEUES = HABITS_QUEUES + SCHEDULER_QUEUES + NOTIFIER_QUEUES

# Losing one of these would lose a change for one of our own services: when no queue takes it,
# the relay keeps the message.
CONSUMED_TYPES = frozenset(key for queue in ALL_QUEUES for key in queue.bindings)
