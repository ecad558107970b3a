"""The wording of replies: what is due today, statistics, and what was undone.

The habits' own words are put in as they are and are sent without a parse mode. As many habits are
listed as fit into one message; of the others their number is told.
"""

from collections.abc import Sequence
from datetime import date as local_date
from gettext import GNUTranslations
from typing import assert_never

from babel.dates import format_skeleton
from babel.numbers import format_percent

from services.notifier.bot_texts import BotTexts
from services.notifier.reminders.reminder_texts import MOST_CODE_UNITS, code_units
from shared.contracts.replies import (
    DueTodayV1,
    HabitStatsV1,
    Reply,
    StatsReplyV1,
    TimeZoneReplyV1,
    TodayReplyV1,
    UndoReplyV1,
)

_MARKS = {"done": "✓", "skipped": "–", "partial": "◐", None: "○"}
# For the last line, in any language.
_MORE_CODE_UNITS = 100


class ReplyTexts:
    """The replies in one language."""

    def __init__(self, catalogue: GNUTranslations) -> None:
        self._translate = catalogue.gettext
        self._translate_plural = catalogue.ngettext
        self._language = catalogue.info()["language"]
        self._texts = BotTexts(catalogue)

    def of(self, reply: Reply) -> str:
        """Return the whole message."""
        match reply:
            case TodayReplyV1():
                return self._today(reply)
            case StatsReplyV1():
                return self._stats(reply)
            case UndoReplyV1():
                return self._undo(reply)
            case TimeZoneReplyV1():
                return self._time_zone(reply)
            case _:
                assert_never(reply)

    def _today(self, reply: TodayReplyV1) -> str:
        date = self._date(reply.date)
        if not reply.habits:
            return self._translate("Nothing is due today, {date}.").format(date=date)
        heading = self._translate("Today, {date}:").format(date=date)
        return self._listed(heading, list(map(self._due, reply.habits)), reply.more)

    def _due(self, due: DueTodayV1) -> str:
        times = ", ".join(f"{time:%H:%M}" for time in due.times)
        line = f"{_MARKS[due.status]} {times} {due.action}"
        if due.value is None or due.target_value is None:
            return line
        return f"{line}: {self._texts.progress(due.value, due.target_value, due.unit)}"

    def _stats(self, reply: StatsReplyV1) -> str:
        if not reply.habits:
            return self._translate("There are no habits yet.")
        heading = self._translate("Your habits, over the last 30 days:")
        return self._listed(heading, list(map(self._streaks, reply.habits)), reply.more)

    def _streaks(self, stats: HabitStatsV1) -> str:
        rate = "–" if stats.rate is None else format_percent(stats.rate, locale=self._language)
        current = self._in_a_row(stats, stats.current_streak)
        longest = self._translate("longest {count}").format(count=stats.longest_streak)
        return f"{stats.action}: {rate}, {current} ({longest})"

    def _in_a_row(self, stats: HabitStatsV1, count: int) -> str:
        if stats.unit == "week":
            return self._translate_plural(
                "{count} week in a row", "{count} weeks in a row", count
            ).format(count=count)
        return self._translate_plural(
            "{count} day in a row", "{count} days in a row", count
        ).format(count=count)

    def _undo(self, reply: UndoReplyV1) -> str:
        if reply.refused is not None:
            return self._translate(
                "It can no longer be undone: what was before would break a rule by now."
            )
        if reply.change is None:
            return self._translate("There is nothing to undo: nothing has changed for a day.")
        if reply.date is None:
            return self._undone_of_habit(reply.change).format(action=reply.action)
        return self._translate("Undone: “{action}” on {date}.").format(
            action=reply.action, date=self._date(reply.date)
        )

    def _undone_of_habit(self, change: str) -> str:
        match change:
            case "habit.created":
                return self._translate("Undone: the new habit “{action}” is deleted.")
            case "habit.deleted":
                return self._translate("Undone: the habit “{action}” is back.")
            case "habit.archived":
                return self._translate("Undone: the habit “{action}” is no longer archived.")
            case "habit.unarchived":
                return self._translate("Undone: the habit “{action}” is archived again.")
            case "habit.restored":
                return self._translate("Undone: the habit “{action}” is deleted again.")
            case _:
                return self._translate("Undone: the last change of the habit “{action}”.")

    def _time_zone(self, reply: TimeZoneReplyV1) -> str:
        if reply.time_zone is None:
            return self._translate(
                "There is no such time zone. Send its name, such as /timezone Europe/Berlin."
            )
        return self._translate("Your time zone is {time_zone} now.").format(
            time_zone=reply.time_zone
        )

    def _date(self, date: local_date) -> str:
        return str(format_skeleton("MMMMd", date, locale=self._language))

    def _listed(self, heading: str, lines: Sequence[str], more: int) -> str:
        shown, left = [heading], MOST_CODE_UNITS - code_units(heading) - _MORE_CODE_UNITS
        for number, line in enumerate(lines):
            left -= code_units(f"\n{line}")
            if left < 0:
                more += len(lines) - number
                break
            shown.append(line)
        if more:
            others = self._translate_plural("and {count} more", "and {count} more", more)
            shown.append(others.format(count=more))
        return "\n".join(shown)
