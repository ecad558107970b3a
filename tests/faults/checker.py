"""Compares, once all is quiet, what was acknowledged with what every part of the system holds.

I1 every acknowledged command is in the event store, none twice.
I2 every event reached the projections and a subscriber from outside, in order per aggregate.
I3 for each habit and local date at most one message, and one unless it is unknown, refused, missed.
I4 no message before its time, none after its grace.
I5 queues and outboxes end empty, the dead-letter queues too.
I6 Telegram's limits: at most 30 messages in any second, about one a second in a chat.
"""

import re
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.rig import SERVICES_WITH_DATABASES, Rig, eventually
from tests.faults.sending_rates import (
    MOST_A_SECOND,
    MOST_AHEAD_IN_A_CHAT,
    most_ahead_by_chat,
    most_in_a_second,
)
from tests.faults.subscriber import Seen
from tests.faults.workload import ACTION_PATTERN, NEVER, HabitRecord, Workload

GRACE_SECONDS = 3600
LATE_SECONDS = 1.0
# Longer than the longest delay of a retry.
LEFTOVER_SECONDS = 60
BREACHES = {"lost", "duplicate", "untimely"}
EXCUSES = {"unknown", "refused", "chat_gone", "expired", "missed"}


@dataclass(slots=True)
class Verdict:
    """The table at the end of a run, and the breaches, which have to be none."""

    numbers: dict[str, int] = field(default_factory=dict)
    breaches: list[str] = field(default_factory=list)

    def table(self) -> str:
        width = max(map(len, self.numbers))
        return "\n".join(f"  {name:<{width}}  {count:>7}" for name, count in self.numbers.items())


def check(rig: Rig, workload: Workload, seen: Seen, requests: Sequence[dict[str, Any]]) -> Verdict:
    """Return the verdict on a run that has become quiet."""
    verdict = Verdict()
    _check_store(rig, workload, verdict)
    _check_delivery(rig, seen, verdict)
    _check_reminders(rig, workload, requests, verdict)
    _check_leftovers(rig, verdict)
    _check_rates(requests, verdict)
    verdict.breaches += [f"refused: {refusal}" for refusal in workload.journal.refused]
    return verdict


def wait_until_quiet(rig: Rig, seconds: float = 180) -> None:
    """Wait until nothing is on its way any more.

    The broker does not tell what is in a handler's hands, so the ends of all ways are asked.
    """

    def is_quiet() -> bool:
        waiting = [
            rig.query(service, "SELECT count(*) FROM outbox")[0][0]
            for service in SERVICES_WITH_DATABASES
        ]
        overdue = rig.query("scheduler", "SELECT 1 FROM habits WHERE next_due_at <= now() LIMIT 1")
        announced = set(rig.query("scheduler", _ANNOUNCED))
        return not (
            any(waiting)
            or overdue
            or announced - set(rig.query("notifier", _ENDED))
            or _projection(rig) != _latest_versions(rig)
            or any(rig.queue_depths().values())
        )

    eventually(is_quiet, "everything has arrived", seconds, 0.5)


_ANNOUNCED = "SELECT habit_id, local_date FROM reminders WHERE outcome = 'due'"
_ENDED = "SELECT habit_id, local_date FROM deliveries"


def _projection(rig: Rig) -> dict[str, int]:
    """Return the version of each habit that the scheduler has."""
    return {
        str(habit_id): int(str(version))
        for habit_id, version in rig.query("scheduler", "SELECT habit_id, version FROM habits")
    }


def _latest_versions(rig: Rig) -> dict[str, int]:
    """Return the version of each habit in the event store."""
    latest = "SELECT stream_id, max(version) FROM events GROUP BY stream_id"
    return {str(habit): int(str(version)) for habit, version in rig.query("habits", latest)}


def _check_store(rig: Rig, workload: Workload, verdict: Verdict) -> None:
    """I1, and that the read model is where the events are."""
    stored: dict[str, list[int]] = defaultdict(list)
    for habit_id, version in rig.query(
        "habits", "SELECT stream_id::text, version FROM events ORDER BY position"
    ):
        stored[str(habit_id)].append(int(str(version)))
    verdict.numbers["commands acknowledged"] = workload.journal.acknowledged
    verdict.numbers["commands in doubt"] = workload.journal.in_doubt
    verdict.numbers["events appended"] = sum(map(len, stored.values()))
    for habit_id, versions in stored.items():
        if versions != list(range(1, len(versions) + 1)):
            verdict.breaches.append(f"I1 {habit_id}: versions {versions}")
    for habit in workload.journal.habits.values():
        missing = set(habit.versions) - set(stored[habit.id])
        if missing:
            verdict.breaches.append(f"I1 {habit.id}: acknowledged {missing} not stored")
    projected = _projection(rig)
    for habit_id, versions in stored.items():
        if projected.get(habit_id) != versions[-1]:
            verdict.breaches.append(
                f"I2 {habit_id}: scheduler at {projected.get(habit_id)}, store at {versions[-1]}"
            )


def _check_delivery(rig: Rig, seen: Seen, verdict: Verdict) -> None:
    """I2 for a subscriber from outside."""
    stored = set(rig.query("habits", "SELECT stream_id::text, version FROM events"))
    delivered = seen.first_seen("habit.")
    lost = stored - set(delivered)
    verdict.numbers["events delivered"] = len(set(delivered) & stored)
    verdict.numbers["event duplicates (harmless)"] = seen.duplicates
    verdict.numbers["events lost"] = len(lost)
    verdict.breaches += [f"I2 lost event {habit_id} v{version}" for habit_id, version in lost]
    latest: dict[str, int] = {}
    for subject, version in delivered:
        if version < latest.get(subject, 0):
            verdict.breaches.append(f"I2 {subject}: v{version} after v{latest[subject]}")
        latest[subject] = max(version, latest.get(subject, 0))
    verdict.breaches += [f"I2 {ids}: one version, two events" for ids in seen.conflicts]


def _check_reminders(
    rig: Rig, workload: Workload, requests: Sequence[dict[str, Any]], verdict: Verdict
) -> None:
    """I3 and I4."""
    sent: dict[str, list[float]] = defaultdict(list)
    for request in requests:
        if request["recorded"]:
            for action in _ACTION.findall(request["text"] or ""):
                sent[action].append(request["received_at_seconds"])
    outcomes = {str(h): str(o) for h, o in rig.query("notifier", _LEDGER)}
    missed = {str(row[0]) for row in rig.query("scheduler", _MISSED)}
    announced = {str(row[0]) for row in rig.query("scheduler", _ANNOUNCED)}
    count: Counter[str] = Counter()
    for habit in workload.journal.habits.values():
        outcome = "missed" if habit.id in missed else outcomes.get(habit.id)
        owed = _was_owed(habit, workload, announced)
        found = _judge(habit, sent[habit.action], outcome, owed=owed)
        count.update(found)
        if found & BREACHES:
            verdict.breaches.append(
                f"{sorted(found & BREACHES)} {habit}; sent {sent[habit.action]}; ledger {outcome}"
            )
    verdict.numbers |= {
        "reminders due": len(announced),
        "sent once": count["once"],
        "of them late (over 1 s)": count["late"],
        "missed by rule": len(missed),
        "unknown": sum(outcome == "unknown" for outcome in outcomes.values()),
        "duplicates": count["duplicate"],
        "lost": count["lost"],
    }


# Reminders that are due together come as lines of one message.
_ACTION = re.compile(ACTION_PATTERN)
_LEDGER = "SELECT habit_id, outcome FROM deliveries"
_MISSED = "SELECT habit_id FROM reminders WHERE outcome = 'missed'"


def _judge(habit: HabitRecord, times: list[float], outcome: str | None, *, owed: bool) -> set[str]:
    """Return all that can be said of one habit's reminder."""
    if not times:
        return {"lost"} if owed and outcome not in EXCUSES else set()
    found = {"once"} if len(times) == 1 else {"duplicate"}
    if times[0] > habit.due_at + LATE_SECONDS:
        found.add("late")
    if not habit.earliest_due_at <= times[0] <= habit.due_at + GRACE_SECONDS:
        found.add("untimely")
    return found


def _was_owed(habit: HabitRecord, workload: Workload, announced: set[str]) -> bool:
    """Whether the reminder had to come, whatever went wrong meanwhile.

    The chat is looked up when the reminder is sent, so a link in doubt at any time after the due
    time excuses it. A deletion takes effect at once: when the outage of a server kept the reminder
    from being announced until then, it is not announced any more. A time in doubt, or one that was
    over when it was set, excuses too.
    """
    person = workload.people[habit.person]
    unsure_later = any(end >= habit.due_at for _, end in person.unsure)
    return (
        habit.timed_at < habit.due_at
        and not habit.is_time_in_doubt
        and habit.deleted_from > habit.due_at + LATE_SECONDS
        and (habit.deleted_from == NEVER or habit.id in announced)
        and not unsure_later
    )


def _check_leftovers(rig: Rig, verdict: Verdict) -> None:
    """I5: what comes twice may still be on its way when everything has arrived once."""
    deadline = time.monotonic() + LEFTOVER_SECONDS
    while (left := _leftovers(rig)) and time.monotonic() < deadline:
        time.sleep(0.5)
    verdict.breaches += [f"I5 {place} holds {count}" for place, count in left.items()]


def _leftovers(rig: Rig) -> dict[str, int]:
    waiting = {
        f"outbox of {service}": int(str(rig.query(service, "SELECT count(*) FROM outbox")[0][0]))
        for service in SERVICES_WITH_DATABASES
    }
    return {place: count for place, count in (waiting | rig.queue_depths()).items() if count}


def _check_rates(requests: Sequence[dict[str, Any]], verdict: Verdict) -> None:
    """I6, over all requests that reached Telegram, replies included."""
    most = most_in_a_second(request["received_at_seconds"] for request in requests)
    verdict.numbers["most requests in a second"] = most
    if most > MOST_A_SECOND:
        verdict.breaches.append(f"I6 {most} requests within a second")
    for chat, ahead in most_ahead_by_chat(requests).items():
        if ahead > MOST_AHEAD_IN_A_CHAT:
            verdict.breaches.append(f"I6 chat {chat} was {ahead:.1f} messages ahead of its rate")
