"""What the bot says, in both languages."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from services.notifier import translations as translations_module
from services.notifier.bot_texts import BotTexts
from services.notifier.reminders.reminder_texts import reminder_text
from services.notifier.translations import LOCALES, Translations
from shared.contracts.events import ReminderDueV1

REMINDER = ReminderDueV1(
    id="h:2026-01-31",
    habit_id="h",
    account_id="a",
    local_date=date(2026, 1, 31),
    local_time=time(7, 5),
    time_zone="Europe/Berlin",
    due_at=datetime(2026, 1, 31, 6, 5, tzinfo=UTC),
    not_after=datetime(2026, 1, 31, 7, 5, tzinfo=UTC),
    action="Drink a glass of water",
    place="Kitchen",
    reward=None,
    linked_action=None,
    locale="en",
)
PLACEHOLDER = re.compile(r"\{\w+\}")


@pytest.fixture(scope="module")
def translations() -> Translations:
    return Translations()


def test_a_reminder_names_action_time_and_place(translations: Translations) -> None:
    assert reminder_text(REMINDER, translations.of("en")) == (
        "Time for your habit: Drink a glass of water\nWhen: 07:05\nWhere: Kitchen"
    )


def test_a_reminder_names_the_reward(translations: Translations) -> None:
    text = reminder_text(replace(REMINDER, reward="A biscuit"), translations.of("en"))
    assert text.endswith("\nYour reward: A biscuit")


def test_a_reminder_names_the_linked_pleasant_habit(translations: Translations) -> None:
    text = reminder_text(replace(REMINDER, linked_action="Read a novel"), translations.of("en"))
    assert text.endswith("\nAnd then, for pleasure: Read a novel")


def test_a_reminder_speaks_russian(translations: Translations) -> None:
    reminder = replace(REMINDER, action="Выпить воды", place="Кухня", reward="Печенье")
    assert reminder_text(reminder, translations.of("ru")) == (
        "Пора: Выпить воды\nКогда: 07:05\nГде: Кухня\nНаграда: Печенье"
    )


def test_the_habits_own_words_are_left_as_they_are(translations: Translations) -> None:
    odd = "{time} %s <b>*_[x](y)`"
    text = reminder_text(replace(REMINDER, action=odd, place=odd), translations.of("en"))
    assert text.splitlines()[0] == f"Time for your habit: {odd}"
    assert text.splitlines()[2] == f"Where: {odd}"


def test_the_longest_reminder_fits_into_a_message(translations: Translations) -> None:
    longest = "\N{GRINNING FACE}" * 255
    reminder = replace(
        REMINDER, action=longest, place=longest, reward=longest, linked_action=longest
    )
    for locale in LOCALES:
        text = reminder_text(reminder, translations.of(locale))
        assert len(text.encode("utf-16-le")) // 2 <= 4096


@pytest.mark.parametrize(
    ("minutes", "answer"),
    [
        (1, "На ответ есть 1 минута."),
        (2, "На ответ есть 2 минуты."),
        (4, "На ответ есть 4 минуты."),
        (5, "На ответ есть 5 минут."),
        (10, "На ответ есть 10 минут."),
        (11, "На ответ есть 11 минут."),
        (12, "На ответ есть 12 минут."),
        (21, "На ответ есть 21 минута."),
        (22, "На ответ есть 22 минуты."),
        (25, "На ответ есть 25 минут."),
        (111, "На ответ есть 111 минут."),
    ],
)
def test_russian_plurals(translations: Translations, minutes: int, answer: str) -> None:
    question = BotTexts(translations.of("ru")).question(minutes)
    assert question.splitlines()[-1] == answer


@pytest.mark.parametrize(
    ("minutes", "answer"),
    [(1, "You can answer within 1 minute."), (10, "You can answer within 10 minutes.")],
)
def test_english_plurals(translations: Translations, minutes: int, answer: str) -> None:
    question = BotTexts(translations.of("en")).question(minutes)
    assert question.splitlines()[-1] == answer


@pytest.mark.parametrize(
    ("asked", "greeting"),
    [("ru", "Здравствуйте!"), ("ru-RU", "Здравствуйте!"), ("RU_ru", "Здравствуйте!")]
    + [(asked, "Hello!") for asked in ("en", "en-GB", "de", "", "zz")],
)
def test_an_unknown_language_gets_english(
    translations: Translations, asked: str, greeting: str
) -> None:
    assert BotTexts(translations.of(asked)).welcome(5, 10).startswith(greeting)


def test_the_welcome_tells_the_chats_id_and_the_time_to_use_a_code(
    translations: Translations,
) -> None:
    for locale in LOCALES:
        text = BotTexts(translations.of(locale)).welcome(123456, 10)
        assert "123456" in text
        assert " 10 " in text


def catalogue_of(locale: str) -> dict[object, tuple[str, ...]]:
    folder = Path(translations_module.__file__).with_name("locale")
    with (folder / locale / "LC_MESSAGES" / "notifier.po").open("rb") as source:
        messages = [message for message in read_po(source, locale=locale) if message.id]
    assert not [message.id for message in messages if message.fuzzy]
    return {
        message.id: (message.string,)
        if isinstance(message.string, str)
        else tuple(message.string or ())
        for message in messages
    }


def test_every_sentence_is_translated_and_keeps_its_placeholders() -> None:
    english, russian = catalogue_of("en"), catalogue_of("ru")
    assert english.keys() == russian.keys()
    for catalogue in (english, russian):
        for original, sentences in catalogue.items():
            first = original if isinstance(original, str) else original[0]  # type: ignore[index]
            assert all(sentences), original
            for sentence in sentences:
                assert set(PLACEHOLDER.findall(sentence)) == set(PLACEHOLDER.findall(first))
    assert all(len(texts) in {1, 3} for texts in russian.values())


def test_every_sentence_of_the_code_is_in_the_catalogues() -> None:
    source = "".join(
        (Path(translations_module.__file__).parent / name).read_text(encoding="utf-8")
        for name in ("bot_texts.py", "reminders/reminder_texts.py")
    )
    said = re.sub(r'"\s*\n\s*"', "", source)
    for original in catalogue_of("en"):
        first = original if isinstance(original, str) else original[0]  # type: ignore[index]
        assert first in said, f"nobody says {first!r}"
    translated = re.findall(
        r"(?:translate|_translate(?:_plural)?)\(\s*['\"](.+?)['\"]\s*[,)]", said
    )
    known = {one for ids in catalogue_of("en") for one in ([ids] if isinstance(ids, str) else ids)}  # type: ignore[attr-defined]
    assert len(translated) > 15
    assert set(translated) <= known
