"""What the bot says, in both languages."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po

from services.notifier import translations as translations_module
from services.notifier.bot_texts import BotTexts
from services.notifier.reminders.reminder_texts import (
    MOST_REMINDERS,
    code_units,
    join_parts,
    reminder_messages,
    reminder_text,
)
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


def several(count: int, **changed: Any) -> list[ReminderDueV1]:
    return [
        replace(REMINDER, id=f"{number}", action=f"Action {number}.", **changed)
        for number in range(1, count + 1)
    ]


def everything(reminders: Sequence[ReminderDueV1]) -> set[str]:
    return {each.id for each in reminders}


def test_one_reminder_alone_has_the_text_of_one(translations: Translations) -> None:
    [message] = reminder_messages([REMINDER], translations.of("en"), {REMINDER.id})
    assert message.text == reminder_text(REMINDER, translations.of("en"))


def test_reminders_that_are_due_together_are_numbered(translations: Translations) -> None:
    water, bed = several(2)
    reminders = [water, replace(bed, place="Bedroom", linked_action="Read")]
    [message] = reminder_messages(reminders, translations.of("en"), everything(reminders))
    assert message.reminders == tuple(reminders)
    assert message.text == (
        "Time for 2 habits:\n\n"
        "1. Action 1.\nWhen: 07:05\nWhere: Kitchen\n\n"
        "2. Action 2.\nWhen: 07:05\nWhere: Bedroom\nAnd then, for pleasure: Read"
    )


def test_what_is_not_left_to_be_sent_is_left_out_and_changes_no_number(
    translations: Translations,
) -> None:
    reminders = several(200)
    whole = reminder_messages(reminders, translations.of("en"), everything(reminders))
    assert len(whole) > 2
    left = everything(whole[1].reminders[:-1])
    [rest] = reminder_messages(reminders, translations.of("en"), left)
    assert rest.reminders == whole[1].reminders[:-1]
    assert whole[1].text.startswith(rest.text)
    assert rest.text.startswith(f"Time for 200 habits (2/{len(whole)}):")


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("words", ["\N{GRINNING FACE}" * 255, "x" * 97, "ж" * 31])
def test_any_number_of_reminders_fits_into_messages_that_are_well_filled(
    translations: Translations, locale: str, words: str
) -> None:
    reminders = several(1000, place=words, reward=words)
    messages = reminder_messages(reminders, translations.of(locale), everything(reminders))
    assert [each for message in messages for each in message.reminders] == reminders
    for message in messages:
        assert code_units(message.text) <= 4096
    one = code_units(messages[0].text) // len(messages[0].reminders)
    for message in messages[:-1]:
        is_full = len(message.reminders) == MOST_REMINDERS
        assert is_full or code_units(message.text) > 4096 - 200 - one - 100


def test_there_is_room_for_the_progress_of_all_of_a_message(translations: Translations) -> None:
    unit = "\N{GRINNING FACE}" * 32
    reminders = several(40, place="x" * 97, target_value=1_000_000, unit=unit)
    texts = BotTexts(translations.of("ru"))
    progress = texts.progress(999_999.999, 1_000_000, unit)
    for message in reminder_messages(reminders, translations.of("ru"), everything(reminders)):
        parts = [f"{part.text}\n{progress}" for part in message.parts]
        assert code_units(join_parts(message.heading, parts)) <= 4096


@pytest.mark.parametrize(
    ("count", "heading"),
    [
        (2, "Пора заняться 2 привычками:"),
        (5, "Пора заняться 5 привычками:"),
        (11, "Пора заняться 11 привычками:"),
        (21, "Пора заняться 21 привычкой:"),
    ],
)
def test_russian_headings(translations: Translations, count: int, heading: str) -> None:
    reminders = several(count)
    [message] = reminder_messages(reminders, translations.of("ru"), everything(reminders))
    assert message.text.splitlines()[0] == heading


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
        for name in ("bot_texts.py", "reminders/reminder_texts.py", "asking/reply_texts.py")
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
