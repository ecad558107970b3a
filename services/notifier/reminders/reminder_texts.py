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
_BETWEEN = "\n\n"


@dataclass(frozen=True, slots=True)
class ReminderMessage:
    """One message, and the reminders that are in it."""

    reminders: tuple[ReminderDueV1, ...]
    text: str


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A reminder's part of a message."""

    reminder: ReminderDueV1
    text: str


def reminder_messages(
    reminders: Sequence[ReminderDueV1],
    catalogue: GNUTranslations,
    left: Container[str],
) -> list[ReminderMessage]:
    """Return the messages for reminders that are due together.

    They have the reminders whose ids are `left` to be sent, numbered as they are among all.
    """
    if len(reminders) == 1:
        return [ReminderMessage(tuple(reminders), reminder_text(reminders[0], catalogue))]
    numbered = [
        _Numbered(reminder, f"{number}. {_lines(reminder, catalogue, reminder.action)}")
        for number, reminder in enumerate(reminders, start=1)
    ]
    shares = list(_shared_out(numbered))
    heading = _heading(len(reminders), catalogue)
    messages = []
    for number, share in enumerate(shares, start=1):
        place = f" ({number}/{len(shares)})" if len(shares) > 1 else ""
        to_send = [each for each in share if each.reminder.id in left]
        text = _BETWEEN.join([f"{heading}{place}:", *(each.text for each in to_send)])
        if to_send:
            messages.append(ReminderMessage(tuple(each.reminder for each in to_send), text))
    return messages


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


def _shared_out(numbered: Sequence[_Numbered]) -> Iterator[list[_Numbered]]:
    """Fill one message after another, in order."""
    share: list[_Numbered] = []
    left = MOST_CODE_UNITS - _HEADING_CODE_UNITS
    for each in numbered:
        size = code_units(_BETWEEN + each.text)
        if share and size > left:
            yield share
            share, left = [], MOST_CODE_UNITS - _HEADING_CODE_UNITS
        share.append(each)
        left -= size
    yield share


def code_units(text: str) -> int:
    """Return the length of a text as Telegram counts it."""
    return len(text.encode("utf-16-le")) // 2
