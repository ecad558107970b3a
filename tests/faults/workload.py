"""People at random: they make, change, move and delete habits, and link and unlink chats.

Every command goes into a journal together with its answer. A command whose answer was lost, or was
a 5xx, is *in doubt*: it may or may not have happened, and the checker allows both.
"""

import random
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import requests

from tests.fakes.spa_client import SpaClient
from tests.fakes.telegram_person import ControlRefused, TelegramPerson

NEVER = float("inf")
# The scheduler hears of a link by its own clock; the rest is rounding.
LINK_MARGIN_SECONDS = 0.5
# A reminder that is nearer than this is not moved any more.
TOO_NEAR_SECONDS = 1.5
ACTION_PATTERN = r"Soak habit \w+-\d+\."


@dataclass(slots=True)
class HabitRecord:
    """What a person knows of one habit; instants in Unix time.

    `timed_at`: when the time was set by which it is due. `earliest_due_at`: the same as `due_at`,
    unless its time was moved. `versions` are those of acknowledged commands; `deleted_from`: when
    its deletion was asked for.
    """

    id: str
    person: int
    action: str
    timed_at: float
    due_at: float
    earliest_due_at: float
    versions: list[int]
    deleted_from: float = NEVER
    is_time_in_doubt: bool = False


@dataclass(slots=True)
class Person:
    """An account with its chat, and the times in which its link was not certain."""

    client: SpaClient
    chat: int
    zone: str
    unsure: list[tuple[float, float]] = field(default_factory=list)

    def wall_clock(self, instant: datetime) -> str:
        return instant.astimezone(ZoneInfo(self.zone)).strftime("%H:%M:%S")


@dataclass(slots=True)
class Journal:
    """All commands that were answered, and those in doubt."""

    habits: dict[str, HabitRecord] = field(default_factory=dict)
    acknowledged: int = 0
    in_doubt: int = 0
    refused: list[str] = field(default_factory=list)
    link_codes: list[str] = field(default_factory=list)


class Workload:
    """Drives the system from a seed until told to stop; `journal` tells what was acknowledged."""

    def __init__(
        self,
        gateway_url: str,
        simulator_url: str,
        *,
        seed: int,
        people: int,
        habits_a_second: float,
        due_in_seconds: tuple[int, int] = (4, 15),
    ) -> None:
        self.journal = Journal()
        self.people: list[Person] = []
        self._gateway_url = gateway_url
        self._telegram = TelegramPerson(simulator_url)
        self._chance = random.Random(seed)
        self._size = people
        self._pause = 1 / habits_a_second
        self._due_in_seconds = due_in_seconds
        # Several workloads may drive one system, one after another.
        self._name = uuid.uuid4().hex[:8]
        self._serial = 0

    def gather(self) -> None:
        """Register the people and link their chats, before anything goes wrong."""
        for _ in range(self._size):
            zone = self._chance.choice(["UTC", "Asia/Tokyo", "America/New_York", "Europe/Moscow"])
            client = SpaClient.registered(self._gateway_url, time_zone=zone)
            person = Person(client, self._telegram.create_chat(), zone)
            self._telegram.say(person.chat, f"/start {client.link_code()}")
            self.people.append(person)
        for person in self.people:
            deadline = time.monotonic() + 30
            while person.client.link_status() != "linked":
                assert time.monotonic() < deadline, "not linked"
                time.sleep(0.1)

    def run(self, seconds: float, stop: threading.Event | None = None) -> None:
        """Act for a while."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not (stop and stop.is_set()):
            began = time.monotonic()
            self._act()
            time.sleep(max(0.0, self._pause - (time.monotonic() - began)))

    def last_due_at(self) -> float:
        """Return the instant of the last reminder, in Unix time."""
        return max((habit.due_at for habit in self.journal.habits.values()), default=0.0)

    def _act(self) -> None:
        number = self._chance.randrange(len(self.people))
        actions = ("create", "together", "change", "move", "delete", "link")
        match self._chance.choices(actions, (65, 8, 10, 7, 7, 3))[0]:
            case "create":
                self._create(number, self._soon())
            case "together":
                due = self._soon()
                for _ in range(self._chance.randint(2, 4)):
                    self._create(number, due)
            case "move":
                self._move(self._some_habit(number), self._soon())
            case "change":
                self._change(self._some_habit(number), {"place": f"Place {self._next()}"})
            case "delete":
                self._delete(self._some_habit(number))
            case _:
                self._relink(self.people[number])

    def _soon(self) -> datetime:
        return datetime.now(UTC).replace(microsecond=0) + timedelta(
            seconds=self._chance.randint(*self._due_in_seconds)
        )

    def _create(self, number: int, due: datetime) -> None:
        person = self.people[number]
        action = f"Soak habit {self._name}-{self._next()}."
        answer = self._command(
            person,
            "POST",
            "/habit/",
            {
                "action": action,
                "place": "Somewhere",
                "time": person.wall_clock(due),
                "duration_seconds": 60,
            },
        )
        if answer is None:
            return
        habit = answer.json()
        self.journal.habits[habit["id"]] = HabitRecord(
            id=habit["id"],
            person=number,
            action=action,
            timed_at=_instant(habit["created_at"]),
            due_at=due.timestamp(),
            earliest_due_at=due.timestamp(),
            versions=[habit["version"]],
        )

    def _change(self, habit: HabitRecord | None, changes: dict[str, Any]) -> None:
        if habit is None:
            return
        answer = self._command(self.people[habit.person], "PATCH", f"/habit/{habit.id}/", changes)
        if answer is not None:
            habit.versions.append(answer.json()["version"])

    def _move(self, habit: HabitRecord | None, due: datetime) -> None:
        """Give a habit another time while its reminder is still to come."""
        if habit is None or habit.due_at < time.time() + TOO_NEAR_SECONDS:
            return
        person = self.people[habit.person]
        habit.due_at = due.timestamp()
        habit.earliest_due_at = min(habit.earliest_due_at, habit.due_at)
        habit.is_time_in_doubt = True
        changes = {"time": person.wall_clock(due)}
        answer = self._command(person, "PATCH", f"/habit/{habit.id}/", changes)
        if answer is not None:
            habit.versions.append(answer.json()["version"])
            habit.timed_at = _instant(answer.json()["updated_at"])
            habit.is_time_in_doubt = False

    def _delete(self, habit: HabitRecord | None) -> None:
        if habit is None:
            return
        habit.deleted_from = time.time()
        self._command(self.people[habit.person], "DELETE", f"/habit/{habit.id}/")

    def _relink(self, person: Person) -> None:
        """Unlink and link again; until it is certain, nothing is expected of the reminders."""
        began = time.time()
        person.unsure.append((began, NEVER))
        if self._command(person, "DELETE", "/tg/link/") is None:
            return
        asked = self._command(person, "POST", "/tg/link/", {})
        if asked is None:
            return
        code = asked.json()["code"]
        self.journal.link_codes.append(code)
        try:
            self._telegram.say(person.chat, f"/start {code}")
        except (ControlRefused, requests.RequestException):
            return
        watch = threading.Thread(target=self._watch_link, args=(person, began), daemon=True)
        watch.start()

    def _watch_link(self, person: Person, began: float) -> None:
        """End the time of doubt when the API says the chat is linked again."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(requests.RequestException, KeyError, ValueError):
                link = person.client.call("GET", "/tg/link/").json()
                # The old link was gone before the code was asked for, so this is the new one.
                if link["status"] == "linked":
                    certain_at = max(time.time(), _instant(link["linked_at"])) + LINK_MARGIN_SECONDS
                    person.unsure.remove((began, NEVER))
                    person.unsure.append((began, certain_at))
                    return
            time.sleep(0.5)

    def _command(
        self, person: Person, method: str, path: str, body: dict[str, Any] | None = None
    ) -> requests.Response | None:
        """Send one command; None when nobody can know whether it happened, or it was refused."""
        try:
            options = {} if body is None else {"json": body}
            answer = person.client.call(method, path, **options)
            if answer.status_code == 401:
                person.client.sign_in()
        except (requests.RequestException, AssertionError):
            self.journal.in_doubt += 1
            return None
        if answer.ok:
            self.journal.acknowledged += 1
            return answer
        if answer.status_code >= 500:
            self.journal.in_doubt += 1
        else:
            self.journal.refused.append(f"{method} {path}: {answer.status_code} {answer.text}")
        return None

    def _some_habit(self, number: int) -> HabitRecord | None:
        mine = [
            habit
            for habit in self.journal.habits.values()
            if habit.person == number and habit.deleted_from == NEVER
        ]
        return self._chance.choice(mine[-5:]) if mine else None

    def _next(self) -> int:
        self._serial += 1
        return self._serial


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
