"""The menu of commands that Telegram shows in private chats, in every language the bot speaks."""

from functools import partial

from telegram.error import TelegramError

from services.notifier.bot_texts import BotTexts
from services.notifier.telegram.client import TelegramClient
from services.notifier.translations import DEFAULT_LOCALE, LOCALES, Translations
from shared.process.waiting import wait_for_async

# Telegram keeps it, but somebody may change it by hand.
AGAIN_SECONDS = 24 * 3600.0


async def offer_commands(telegram: TelegramClient) -> None:
    """Set the menu, trying again while Telegram is away; other languages get the default one."""
    translations = Translations()
    for locale in sorted(LOCALES, key=DEFAULT_LOCALE.__eq__):
        commands = BotTexts(translations.of(locale)).commands()
        language = None if locale == DEFAULT_LOCALE else locale
        attempt = partial(telegram.set_commands, commands, language)
        await wait_for_async("Telegram", attempt, (TelegramError,))
