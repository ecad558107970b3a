"""The text of a reminder: what to do, when, where, and what comes of it, in the account's language.

The habit's own words are put in as they are and are sent without a parse mode: nothing in them is
ever read as markup or as a placeholder. Four texts of 255 characters
stay far below Telegram's 4096.
"""

from gettext import GNUTranslations

from shared.contracts.events import ReminderDueV1


def reminder_text(reminder: ReminderDueV1, catalogue: GNUTranslations) -> str:
    """Return the whole message."""
    translate = catalogue.gettext
    lines = [
        translate("Time for your habit: {action}").format(action=reminder.action),
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
