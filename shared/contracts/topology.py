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

    `past_bindings` are those it took in an earlier release, to be taken away at setup. One that is
    `in_order` has one consumer at a time, whatever number is there, and no retry queues: a message
    that waits in one would be overtaken.
    """

    name: str
    bindings: tuple[str, ...] = ()
    past_bindings: tuple[str, ...] = ()
    in_order: bool = False

    @property
    def dead_letter_queue(self) -> str:
        return f"{self.name}.dlq"

    @property
    def retry_delays_seconds(self) -> tuple[int, ...]:
        return () if self.in_order else RETRY_DELAYS_SECONDS

    def retry_queue(self, delay_seconds: int) -> str:
        return f"{self.name}.retry.{delay_seconds}s"


_HABITS = (
    events.HABIT_CREATED,
    events.HABIT_CHANGED,
    events.HABIT_DELETED,
    events.HABIT_CREATED_V2,
    events.HABIT_CHANGED_V2,
    events.HABIT_DELETED_V2,
)
_ACCOUNTS = (events.ACCOUNT_REGISTERED, events.ACCOUNT_CHANGED, events.ACCOUNT_DELETED)
_DAYS = (events.HABIT_DAY_RECORDED, events.HABIT_DAY_CLEARED)
_TELEGRAM = (events.TELEGRAM_LINKED, events.TELEGRAM_UNLINKED, events.TELEGRAM_BLOCKED)

SCHEDULER_EVENTS = WorkQueue("scheduler.events", _HABITS + _ACCOUNTS + _TELEGRAM)
SCHEDULER_DAYS = WorkQueue("scheduler.days", _DAYS)
SCHEDULER_COMMANDS = WorkQueue("scheduler.commands")
AUTH_COMMANDS = WorkQueue("auth.commands")
HABITS_EVENTS = WorkQueue("habits.events", _ACCOUNTS)
HABITS_COMMANDS = WorkQueue("habits.commands")
NOTIFIER_EVENTS = WorkQueue("notifier.events", _ACCOUNTS)
NOTIFIER_DAYS = WorkQueue("notifier.days", _DAYS)
NOTIFIER_REPLIES = WorkQueue("notifier.replies")
REMINDERS = WorkQueue("reminders", past_bindings=(events.REMINDER_DUE,))
TELEGRAM_MESSAGES = WorkQueue("telegram.messages")
FEED_LOG = WorkQueue("feed.log", ("#",), in_order=True)

# Each service declares and consumes its own.
AUTH_QUEUES = (AUTH_COMMANDS,)
HABITS_QUEUES = (HABITS_EVENTS, HABITS_COMMANDS)
SCHEDULER_QUEUES = (SCHEDULER_EVENTS, SCHEDULER_DAYS, SCHEDULER_COMMANDS)
NOTIFIER_QUEUES = (
    REMINDERS,
    TELEGRAM_MESSAGES,
    NOTIFIER_EVENTS,
    NOTIFIER_DAYS,
    NOTIFIER_REPLIES,
)
FEED_QUEUES = (FEED_LOG,)

ALL_QUEUES = AUTH_QUEUES + HABITS_QUEUES + SCHEDULER_QUEUES + NOTIFIER_QUEUES + FEED_QUEUES
