"""The text of reminders: what to do, when, where, and what comes of it, in the account's language.

The habit's own words are put in as they are and are sent without a parse mode: nothing in them is
ever read as markup or as a placeholder. One reminder, four texts of 255 characters, stays below
Telegram's limit of 4,096; several that are due together are numbered and shared out over as many
messages as that limit asks for, the same ones each time.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from gettext import GNUTranslations

from shared.contracts.events import ReminderDueV1

# Telegram counts code units of UTF-16: most emoji are two.
MOST_CODE_UNITS = 4096
# For the line above the reminders, in any language.
_HEADING_CODE_UNITS = 200
# Each has up to four buttons; Telegram takes a hundred.
MOST_REMINDERS = 25
# What a message may have to tell of a day's target later: two numbers and a unit of 32 characters.
_PROGRESS_CODE_UNITS = 100
_BETWEEN = "\n\n"


@dataclass(frozen=True, slots=True)
class ReminderPart:
    """What a message says of one reminder; `number` is 0 when it is alone."""

    reminder: ReminderDueV1
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class ReminderMessage:
    """One message: its reminders, and the line above them if there is one."""

    heading: str | None
    parts: tuple[ReminderPart, ...]

    @property
    def reminders(self) -> tuple[ReminderDueV1, ...]:
        return tuple(part.reminder for part in self.parts)

    @property
    def text(self) -> str:
        return join_parts(self.heading, [part.text for part in self.parts])


def reminder_messages(
    reminders: Sequence[ReminderDueV1],
    catalogue: GNUTranslations,
    left: Container[str],
) -> list[ReminderMessage]:
    """Return the messages for reminders that are due together.

    They have the reminders whose ids are `left` to be sent, numbered as they are among all.
    """
    if len(reminders) == 1:
        only = ReminderPart(reminders[0], 0, reminder_text(reminders[0], catalogue))
        return [ReminderMessage(None, (only,))]
    numbered = [
        ReminderPart(reminder, number, f"{number}. {_lines(reminder, catalogue, reminder.action)}")
        for number, reminder in enumerate(reminders, start=1)
    ]
    shares = list(_shared_out(numbered))
    heading = _heading(len(reminders), catalogue)
    messages = []
    for number, share in enumerate(shares, start=1):
        place = f" ({number}/{len(shares)})" if len(shares) > 1 else ""
        to_send = [each for each in share if each.reminder.id in left]
        if to_send:
            messages.append(ReminderMessage(f"{heading}{place}:", tuple(to_send)))
    return messages


def join_parts(heading: str | None, parts: Sequence[str]) -> str:
    """Return the text of a message."""
    return _BETWEEN.join(parts if heading is None else [heading, *parts])


def reminder_text(reminder: ReminderDueV1, catalogue: GNUTranslations) -> str:
    """Return the whole message for one reminder."""
    action = catalogue.gettext("Time for your habit: {action}").format(action=reminder.action)
    return _lines(reminder, catalogue, action)


def _heading(count: int, catalogue: GNUTranslations) -> str:
    return catalogue.ngettext("Time for {count} habit", "Time for {count} habits", count).format(
        count=count
    )


def _lines(reminder: ReminderDueV1, catalogue: GNUTranslations, action: str) -> str:
    translate = catalogue.gettext
    lines = [
        action,
        translate("When: {time}").format(time=f"{reminder.local_time:%H:%M}"),
        translate("Where: {place}").format(place=reminder.place),
    ]
    if reminder.reward is not None:
        lines.append(translate("Your reward: {reward}").format(reward=reminder.reward))
    if reminder.linked_action is not None:
        lines.append(
            translate("And then, for pleasure: {action}").format(action=reminder.linked_action)
        )
    return "\n".join(lines)


def _shared_out(numbered: Sequence[ReminderPart]) -> Iterator[list[ReminderPart]]:
    """Fill one message after another, in order."""
    share: list[ReminderPart] = []
    left = MOST_CODE_UNITS - _HEADING_CODE_UNITS
    for each in numbered:
        size = code_units(_BETWEEN + each.text)
        if each.reminder.target_value is not None:
            size += _PROGRESS_CODE_UNITS
        if share and (size > left or len(share) == MOST_REMINDERS):
            yield share
            share, left = [], MOST_CODE_UNITS - _HEADING_CODE_UNITS
        share.append(each)
        left -= size
    yield share


def code_units(text: str) -> int:
    """Return the length of a text as Telegram counts it."""
    return len(text.encode("utf-16-le")) // 2
