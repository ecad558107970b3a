"""Everything the bot says that is not a reminder, in the language of whom it speaks to."""

from datetime import time
from gettext import GNUTranslations

from babel.numbers import format_decimal

from shared.contracts.reminder_commands import SnoozeUntil


class BotTexts:
    """The bot's sentences in one language."""

    def __init__(self, catalogue: GNUTranslations) -> None:
        self._translate = catalogue.gettext
        self._translate_plural = catalogue.ngettext
        self._language = catalogue.info()["language"]

    def welcome(self, chat_id: int, code_minutes: int) -> str:
        how = self._translate_plural(
            "To get reminders of your habits here, ask the habit tracker for a link and open it"
            " within {minutes} minute, or give it the id of this chat.",
            "To get reminders of your habits here, ask the habit tracker for a link and open it"
            " within {minutes} minutes, or give it the id of this chat.",
            code_minutes,
        ).format(minutes=code_minutes)
        chat = self._translate("The id of this chat: {chat_id}").format(chat_id=chat_id)
        return f"{self._translate('Hello!')} {how}\n{chat}"

    def help(self, chat_id: int) -> str:
        commands = [f"/{name}: {meaning}" for name, meaning in self.commands().items()]
        chat = self._translate("The id of this chat: {chat_id}").format(chat_id=chat_id)
        return "\n".join([*commands, chat])

    def commands(self) -> dict[str, str]:
        """Describe each command, for the menu and the help, those that are used most first."""
        return {
            "today": self._translate("What is due today"),
            "stats": self._translate("How your habits are doing"),
            "undo": self._translate("Take back your last change"),
            "mute": self._translate("No reminders for a while: 2h, today or off"),
            "timezone": self._translate("Where you live: Area/City"),
            "start": self._translate("How to get reminders here"),
            "stop": self._translate("End the reminders"),
            "help": self._translate("What this bot understands"),
        }

    def how_to_mute(self, most_hours: int) -> str:
        return self._translate(
            "Send /mute 2h for two hours without reminders (up to {most_hours}h), /mute today for"
            " the rest of the day, or /mute off to get them again."
        ).format(most_hours=most_hours)

    def how_to_set_time_zone(self) -> str:
        return self._translate(
            "Send /timezone and the name of your time zone, such as /timezone Europe/Berlin."
        )

    def muted_for(self, hours: int) -> str:
        return self._translate_plural(
            "No reminders for {hours} hour. /mute off brings them back.",
            "No reminders for {hours} hours. /mute off brings them back.",
            hours,
        ).format(hours=hours)

    def muted_today(self) -> str:
        return self._translate("No more reminders today. /mute off brings them back.")

    def muted_no_more(self) -> str:
        return self._translate("Reminders come again.")

    def linked(self) -> str:
        return self._translate(
            "Done: the reminders of your habits will come here. Send /stop to end them."
        )

    def bad_code(self) -> str:
        return self._translate(
            "This link has been used already or is too old. Please ask for a new one."
        )

    def stopped(self) -> str:
        return self._translate("No more reminders will come here.")

    def not_linked(self) -> str:
        return self._translate("No reminders come here.")

    def question(self, minutes: int) -> str:
        asked = self._translate(
            "Somebody asked the habit tracker to send the reminders of their habits to this chat."
            " Was that you?"
        )
        until = self._translate_plural(
            "You can answer within {minutes} minute.",
            "You can answer within {minutes} minutes.",
            minutes,
        ).format(minutes=minutes)
        return f"{asked}\n{until}"

    def yes_button(self) -> str:
        return self._translate("Yes, send them here")

    def no_button(self) -> str:
        return self._translate("No")

    def answered_no(self) -> str:
        return self._translate("All right, nothing will be sent here.")

    def move_question(self) -> str:
        return self._translate(
            "The reminders of another account come to this chat. Whoever made the link that you"
            " opened would get this chat instead: their reminders would come here, yours would"
            " end. Do you want that?"
        )

    def not_moved(self) -> str:
        return self._translate("All right, everything stays as it was.")

    def old_button(self) -> str:
        return self._translate("This button no longer works.")

    def noted(self) -> str:
        return self._translate("Noted ✓")

    def done_button(self) -> str:
        return self._translate("Done")

    def skip_button(self) -> str:
        return self._translate("Skip")

    def undo_button(self) -> str:
        return self._translate("Undo")

    def snooze_button(self) -> str:
        return self._translate("Snooze")

    def back_button(self) -> str:
        return self._translate("Back")

    def snooze_until(self, until: SnoozeUntil) -> str:
        """Name the choice of when a reminder comes again."""
        choices: dict[SnoozeUntil, str] = {
            "10m": self._translate("10 min"),
            "1h": self._translate("1 h"),
            "tonight": self._translate("Tonight"),
        }
        return choices[until]

    def snooze_question(self) -> str:
        return self._translate("When shall I remind you again?")

    def snoozed_enough(self) -> str:
        return self._translate("Three times is as often as it can be put off.")

    def too_late_for_tonight(self) -> str:
        return self._translate("It is too late for tonight. Please choose another time.")

    def asleep(self, until: time) -> str:
        """Tell below a reminder when it comes again."""
        return "💤 " + self._translate("Until {time}").format(time=f"{until:%H:%M}")

    def progress(self, value: float, target: float, unit: str | None) -> str:
        """Tell how much of a day's target is done; the unit is the person's own word."""
        amount = self._translate("{value} of {target}").format(
            value=self._number(value), target=self._number(target)
        )
        return f"{amount} {unit}" if unit else amount

    def answered(self, *, is_done: bool, elsewhere: bool) -> str:
        """Tell below a reminder how it was answered, and that it was not here."""
        answer = self._translate("✓ Done") if is_done else self._translate("– Skipped")
        return answer + self._where(elsewhere=elsewhere)

    def answered_among_others(self, action: str, *, is_done: bool, elsewhere: bool) -> str:
        """Tell in the place of a reminder among others how it was answered; it is never longer."""
        return f"{'✓' if is_done else '–'} {action}{self._where(elsewhere=elsewhere)}"

    def _number(self, number: float) -> str:
        return format_decimal(number, locale=self._language)

    def _where(self, *, elsewhere: bool) -> str:
        return f" ({self._translate('elsewhere')})" if elsewhere else ""

    def question_is_over(self) -> str:
        return self._translate("This question is no longer open.")
