"""Answers what people ask in Telegram about their habits: what is due today, and the statistics.

The replies go back through the outbox to the notifier, which words them. A question changes
nothing, so whoever hears it twice may reply twice.
"""

from sqlalchemy import Engine

from services.habits import read_model
from services.habits.days.day_queries import DayQueries, DueToday
from services.habits.habit_events import ActiveHabit
from services.habits.owners import lock_owner
from services.habits.quantities import number
from services.habits.statistics.statistics import Statistics
from services.habits.statistics.statistics_queries import StatisticsQueries
from shared.contracts.day_commands import AskHabitsV1
from shared.contracts.replies import (
    MOST_HABITS,
    DueTodayV1,
    HabitStatsV1,
    Reply,
    StatsReplyV1,
    TodayReplyV1,
    reply_to_json,
)
from shared.contracts.topology import NOTIFIER_REPLIES
from shared.database import transaction
from shared.outbox.table import add_message

_RATED_DAYS = 30


class AskedQuestions:
    """Replies to one question at a time. Raises AccountErased for an erased account."""

    def __init__(self, engine: Engine, days: DayQueries, statistics: StatisticsQueries) -> None:
        self._engine = engine
        self._days = days
        self._statistics = statistics

    def answer(self, question: AskHabitsV1) -> None:
        """Store the reply for the notifier."""
        reply = self._today(question) if question.question == "today" else self._stats(question)
        with transaction(self._engine) as connection:
            lock_owner(connection, question.account_id)
            body = reply_to_json(reply)
            add_message(connection, NOTIFIER_REPLIES, str(question.account_id), body)

    def _today(self, question: AskHabitsV1) -> Reply:
        date, due = self._days.today(question.account_id)
        return TodayReplyV1(
            command_id=question.command_id,
            account_id=question.account_id,
            date=date,
            habits=tuple(map(_due_today, due[:MOST_HABITS])),
            more=max(len(due) - MOST_HABITS, 0),
        )

    def _stats(self, question: AskHabitsV1) -> Reply:
        found = self._statistics.of_all(question.account_id, None).results
        listed = found[:MOST_HABITS]
        with self._engine.connect() as connection:
            habits = read_model.find_all(connection, {each.habit_id for each in listed})
        return StatsReplyV1(
            command_id=question.command_id,
            account_id=question.account_id,
            habits=tuple(
                _stats(habits[each.habit_id], each) for each in listed if each.habit_id in habits
            ),
            more=len(found) - len(listed),
        )


def _due_today(due: DueToday) -> DueTodayV1:
    details = due.habit.details
    record = due.day.record if due.day else None
    return DueTodayV1(
        action=details.action,
        times=due.times,
        status=record.status.value if record else None,
        value=number(record.value) if record else None,
        target_value=number(record.target_value if record else details.target_value),
        unit=record.unit if record else details.unit,
    )


def _stats(habit: ActiveHabit, statistics: Statistics) -> HabitStatsV1:
    return HabitStatsV1(
        action=habit.details.action,
        unit="week" if statistics.counts_weeks else "day",
        current_streak=statistics.streaks.current,
        longest_streak=statistics.streaks.longest,
        rate=statistics.completion[_RATED_DAYS].rate,
    )
