"""The Bot API as python-telegram-bot sees it when nothing goes wrong."""

import json
from typing import Any

import pytest
import requests
from telegram import Bot, BotCommand, InlineKeyboardButton, InlineKeyboardMarkup, Message
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken

from tests.fakes.telegram_person import ControlRefused, TelegramPerson
from tests.integration.telegram_simulator.simulator_process import MakeBot, Simulator

BUTTONS = InlineKeyboardMarkup(
    [[InlineKeyboardButton("Yes", callback_data="q:yes"), InlineKeyboardButton("No", url="tg://x")]]
)


async def test_the_bot_knows_its_name(bot: Bot) -> None:
    assert (await bot.get_me()).username == "habit_simulator_bot"
    assert bot.id == 123456


async def test_a_sent_message_is_in_the_chat_with_its_buttons(
    bot: Bot, person: TelegramPerson
) -> None:
    chat_id = person.create_chat(name="Anna")
    sent = await bot.send_message(chat_id, "Drink <b>water</b> & smile ☺", reply_markup=BUTTONS)
    assert sent.chat.first_name == "Anna"
    assert sent.reply_markup == BUTTONS
    [shown] = person.messages(chat_id)
    assert shown["text"] == "Drink <b>water</b> & smile ☺"
    assert shown["buttons"][0][0] == {"text": "Yes", "callback_data": "q:yes"}


async def test_a_chat_that_never_was_is_not_found(bot: Bot) -> None:
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(987654321, "hello")


async def test_a_person_who_writes_first_makes_the_chat(bot: Bot, person: TelegramPerson) -> None:
    person.say(555, "/start abc")
    await bot.send_message(555, "hello")
    assert person.wait_for_message(555, containing="hello")["text"] == "hello"


@pytest.mark.parametrize(
    ("text", "refusal"),
    [("   ", "Message text is empty"), ("x" * 4097, "Message is too long")],
    ids=["blank", "over 4096 characters"],
)
async def test_a_text_telegram_would_refuse_is_refused(
    bot: Bot, person: TelegramPerson, text: str, refusal: str
) -> None:
    with pytest.raises(BadRequest, match=refusal):
        await bot.send_message(person.create_chat(), text)


def test_callback_data_over_64_bytes_is_refused(
    simulator: Simulator, person: TelegramPerson
) -> None:
    markup = {"inline_keyboard": [[{"text": "x", "callback_data": "я" * 33}]]}
    answer = requests.post(
        f"{simulator.bot_url}/sendMessage",
        data={"chat_id": person.create_chat(), "text": "x", "reply_markup": json.dumps(markup)},
        timeout=5,
    )
    assert answer.json()["description"] == "Bad Request: BUTTON_DATA_INVALID"


async def test_an_update_is_the_message_a_person_wrote(bot: Bot, person: TelegramPerson) -> None:
    chat_id = person.create_chat(name="Anna", language_code="ru")
    person.say(chat_id, "/start code-1")
    [update] = await bot.get_updates()
    assert update.message is not None
    assert update.message.text == "/start code-1"
    assert update.message.chat.type == "private"
    assert update.message.from_user is not None
    assert update.message.from_user.language_code == "ru"
    assert update.message.entities[0].type == "bot_command"


async def test_updates_come_again_until_a_later_offset_confirms_them(
    bot: Bot, person: TelegramPerson
) -> None:
    chat_id = person.create_chat()
    for text in ("one", "two", "three"):
        person.say(chat_id, text)
    first = await bot.get_updates(limit=2)
    assert [u.message.text for u in first if u.message] == ["one", "two"]
    assert await bot.get_updates(limit=2) == first
    [third] = await bot.get_updates(offset=first[-1].update_id + 1)
    assert third.update_id == first[0].update_id + 2
    assert await bot.get_updates(offset=third.update_id + 1) == ()


async def test_a_negative_offset_keeps_only_the_newest(bot: Bot, person: TelegramPerson) -> None:
    chat_id = person.create_chat()
    for text in ("one", "two", "three"):
        person.say(chat_id, text)
    kept = [u.message.text for u in await bot.get_updates(offset=-1) if u.message]
    assert kept == ["three"]
    assert len(await bot.get_updates()) == 1


async def test_people_of_a_group_speak_for_themselves(bot: Bot, person: TelegramPerson) -> None:
    group_id = person.create_chat(type="group", name="Family")
    person.say(group_id, "/start abc", person_id=77)
    person.say(group_id, "hello")
    first, second = [update.message for update in await bot.get_updates()]
    assert first is not None
    assert second is not None
    assert (first.chat.type, first.chat.title) == ("group", "Family")
    assert first.from_user is not None
    assert first.from_user.id == 77
    assert second.from_user is not None
    assert second.from_user.id > 0
    with pytest.raises(ControlRefused) as unknown:
        person.say(-5, "hello")
    assert unknown.value.status == 404


async def test_only_the_kinds_of_updates_asked_for_come(bot: Bot, person: TelegramPerson) -> None:
    await bot.get_updates(allowed_updates=["callback_query"])
    person.say(person.create_chat(), "unheard")
    assert await bot.get_updates() == ()


async def test_a_press_comes_as_a_callback_query_that_is_answered_once(
    bot: Bot, person: TelegramPerson
) -> None:
    chat_id = person.create_chat()
    sent = await bot.send_message(chat_id, "Is that you?", reply_markup=BUTTONS)
    person.press(chat_id, "q:yes")
    [update] = await bot.get_updates()
    query = update.callback_query
    assert query is not None
    assert (query.data, query.from_user.id) == ("q:yes", chat_id)
    assert query.message is not None
    assert query.message.message_id == sent.message_id
    assert await query.answer("Thank you")
    with pytest.raises(BadRequest, match="Query is too old"):
        await query.answer()
    assert person.messages(chat_id, author="notice")[-1]["text"] == "Thank you"


async def test_a_button_can_be_pressed_by_its_place(bot: Bot, person: TelegramPerson) -> None:
    chat_id = person.create_chat()
    sent = await bot.send_message(chat_id, "Is that you?", reply_markup=BUTTONS)
    person.press_button(chat_id, sent.message_id, 0)
    [update] = await bot.get_updates()
    assert update.callback_query is not None
    assert update.callback_query.data == "q:yes"


async def test_an_edit_replaces_text_and_buttons(bot: Bot, person: TelegramPerson) -> None:
    chat_id = person.create_chat()
    sent = await bot.send_message(chat_id, "Is that you?", reply_markup=BUTTONS)
    await bot.edit_message_reply_markup(chat_id, sent.message_id)
    edited = await bot.edit_message_text("Linked.", chat_id, sent.message_id)
    assert isinstance(edited, Message)
    assert edited.edit_date is not None
    [shown] = person.messages(chat_id)
    assert (shown["text"], shown["buttons"]) == ("Linked.", [])
    with pytest.raises(BadRequest, match="Message is not modified"):
        await bot.edit_message_text("Linked.", chat_id, sent.message_id)
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("Linked.", chat_id, 999_999)


async def test_a_blocked_bot_hears_of_it_and_cannot_write(bot: Bot, person: TelegramPerson) -> None:
    chat_id = person.create_chat()
    person.block(chat_id)
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(chat_id, "hello")
    person.unblock(chat_id)
    await bot.send_message(chat_id, "welcome back")
    changes = [update.my_chat_member for update in await bot.get_updates()]
    assert [c.new_chat_member.status for c in changes if c] == ["kicked", "member"]


async def test_a_deactivated_account_cannot_be_written_to(bot: Bot, person: TelegramPerson) -> None:
    chat_id = person.create_chat()
    person.deactivate(chat_id)
    with pytest.raises(Forbidden, match="user is deactivated"):
        await bot.send_message(chat_id, "hello")


async def test_a_moved_group_tells_its_new_id(bot: Bot, person: TelegramPerson) -> None:
    old_id = person.create_chat(type="group", name="Family")
    new_id = person.migrate(old_id)
    with pytest.raises(ChatMigrated) as moved:
        await bot.send_message(old_id, "hello")
    assert moved.value.new_chat_id == new_id
    await bot.send_message(new_id, "hello")
    migrations = [update.message for update in await bot.get_updates()]
    assert [m.migrate_to_chat_id for m in migrations if m] == [new_id, None]


async def test_each_language_has_its_menu_and_the_person_sees_their_own(
    bot: Bot, simulator: Simulator, person: TelegramPerson
) -> None:
    await bot.set_my_commands([BotCommand("stop", "End the reminders")])
    await bot.set_my_commands([BotCommand("stop", "Хватит")], language_code="ru")

    def seen_by(language_code: str) -> str:
        chat_id = person.create_chat(language_code=language_code)
        url = f"{simulator.url}/control/chats/{chat_id}/messages"
        [command] = requests.get(url, timeout=5).json()["commands"]
        return str(command["description"])

    assert (seen_by("en"), seen_by("ru"), seen_by("de")) == (
        "End the reminders",
        "Хватит",
        "End the reminders",
    )
    [russian] = await bot.get_my_commands(language_code="ru")
    assert (russian.command, russian.description) == ("stop", "Хватит")
    assert await bot.get_my_commands(language_code="de") == ()
    await bot.set_my_commands([], language_code="ru")
    assert seen_by("ru") == "End the reminders"


@pytest.mark.parametrize(
    ("commands", "refusal"),
    [
        ([{"command": "Stop", "description": "End"}], "BOT_COMMAND_INVALID"),
        ([{"command": "x" * 33, "description": "End"}], "BOT_COMMAND_INVALID"),
        ([{"command": "stop", "description": ""}], "BOT_COMMAND_DESCRIPTION_INVALID"),
        ([{"command": "stop", "description": "x" * 257}], "BOT_COMMAND_DESCRIPTION_INVALID"),
        ([{"command": "stop", "description": "End"}] * 101, "too many bot commands specified"),
        ([{"command": "stop"}], "can't parse BotCommand: expected an Object"),
    ],
)
def test_a_menu_telegram_would_refuse_is_refused(
    simulator: Simulator, commands: list[dict[str, str]], refusal: str
) -> None:
    answer = requests.post(
        f"{simulator.bot_url}/setMyCommands", json={"commands": commands}, timeout=5
    )
    assert (answer.status_code, answer.json()["description"]) == (400, f"Bad Request: {refusal}")


def _rows(*lengths: int) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(
        [
            [InlineKeyboardButton(f"{row}.{n}", callback_data=f"b:{row}:{n}") for n in range(many)]
            for row, many in enumerate(lengths)
        ]
    )


async def test_a_keyboard_of_several_rows_is_shown_edited_and_pressed(
    bot: Bot, person: TelegramPerson
) -> None:
    chat_id = person.create_chat()
    sent = await bot.send_message(chat_id, "Which?", reply_markup=_rows(3, 1, 2))
    [shown] = person.messages(chat_id)
    assert [len(row) for row in shown["buttons"]] == [3, 1, 2]
    person.press_button(chat_id, sent.message_id, 3)
    [update] = await bot.get_updates()
    assert update.callback_query is not None
    assert update.callback_query.data == "b:1:0"

    await bot.edit_message_reply_markup(chat_id, sent.message_id, reply_markup=_rows(1, 1))
    [shown] = person.messages(chat_id)
    assert [len(row) for row in shown["buttons"]] == [1, 1]
    assert shown["edited_at_seconds"] is not None
    with pytest.raises(BadRequest, match="Message is not modified"):
        await bot.edit_message_reply_markup(chat_id, sent.message_id, reply_markup=_rows(1, 1))
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_reply_markup(chat_id, 999_999)


async def test_a_hundred_buttons_are_taken_and_one_more_is_refused(
    bot: Bot, person: TelegramPerson
) -> None:
    chat_id = person.create_chat()
    sent = await bot.send_message(chat_id, "Which?", reply_markup=_rows(*[5] * 20))
    with pytest.raises(BadRequest, match="Reply markup is too long"):
        await bot.send_message(chat_id, "Which?", reply_markup=_rows(*[5] * 20, 1))
    with pytest.raises(BadRequest, match="Reply markup is too long"):
        await bot.edit_message_text("?", chat_id, sent.message_id, reply_markup=_rows(*[5] * 20, 1))
    assert [message["text"] for message in person.messages(chat_id)] == ["Which?"]


@pytest.mark.parametrize("data", ["", "x" * 65])
def test_callback_data_has_1_to_64_bytes_also_in_an_edit(
    simulator: Simulator, person: TelegramPerson, data: str
) -> None:
    chat_id = person.create_chat()
    url, message = simulator.bot_url, {"chat_id": chat_id, "text": "Which?"}
    sent = requests.post(f"{url}/sendMessage", json=message, timeout=5).json()["result"]
    markup = {"inline_keyboard": [[{"text": "x", "callback_data": data}]]}
    edit = {"chat_id": chat_id, "message_id": sent["message_id"], "reply_markup": markup}
    answer = requests.post(f"{url}/editMessageReplyMarkup", json=edit, timeout=5)
    assert answer.json()["description"] == "Bad Request: BUTTON_DATA_INVALID"


@pytest.mark.parametrize("text", [" ", "x" * 4097], ids=["blank", "over 4096 characters"])
async def test_an_edit_to_a_text_telegram_would_refuse_changes_nothing(
    bot: Bot, person: TelegramPerson, text: str
) -> None:
    chat_id = person.create_chat()
    sent = await bot.send_message(chat_id, "Which?")
    with pytest.raises(BadRequest):
        await bot.edit_message_text(text, chat_id, sent.message_id)
    assert person.messages(chat_id)[0]["text"] == "Which?"


async def test_an_answer_to_a_press_has_200_characters_at_most(
    bot: Bot, person: TelegramPerson
) -> None:
    chat_id = person.create_chat()
    await bot.send_message(chat_id, "Is that you?", reply_markup=BUTTONS)
    person.press(chat_id, "q:yes")
    [update] = await bot.get_updates()
    assert update.callback_query is not None
    with pytest.raises(BadRequest, match="Message_too_long"):
        await update.callback_query.answer("x" * 201)
    assert await update.callback_query.answer("x" * 200)


async def test_a_wrong_token_is_unauthorized(make_bot: MakeBot) -> None:
    with pytest.raises(InvalidToken):
        async with make_bot("123456:another-token"):
            pass


def test_an_unknown_method_is_not_found(simulator: Simulator) -> None:
    answer = requests.get(f"{simulator.bot_url}/sendPigeon", timeout=5)
    assert (answer.status_code, answer.json()["description"]) == (404, "Not Found")


@pytest.mark.parametrize("encoding", ["form", "json", "multipart", "query"])
def test_parameters_come_in_any_encoding(
    simulator: Simulator, person: TelegramPerson, encoding: str
) -> None:
    chat_id = person.create_chat()
    parameters = {"chat_id": chat_id, "text": "Привет, 1+1=2 & more"}
    ways: dict[str, dict[str, Any]] = {
        "form": {"data": parameters},
        "json": {"json": parameters},
        "multipart": {"files": {k: (None, str(v)) for k, v in parameters.items()}},
        "query": {"params": parameters},
    }
    answer = requests.post(f"{simulator.bot_url}/SENDMESSAGE", timeout=5, **ways[encoding])
    assert answer.json()["result"]["text"] == "Привет, 1+1=2 & more"
    assert person.messages(chat_id)[0]["text"] == "Привет, 1+1=2 & more"


@pytest.mark.parametrize(
    "parameters",
    [
        {"text": "x"},
        {"chat_id": "@channel", "text": "x"},
        {"chat_id": "1", "text": "x", "parse_mode": "Word"},
        {"chat_id": "1", "text": "x", "reply_markup": "{"},
        {"chat_id": "1", "text": "x", "reply_markup": '{"inline_keyboard": [[{"text": "x"}]]}'},
        {"chat_id": "1", "text": "x", "reply_markup": '{"inline_keyboard": [[{"text": 1}]]}'},
        {"chat_id": "1", "text": "x", "reply_markup": '{"inline_keyboard": 7}'},
        {"chat_id": "1", "text": "x", "reply_markup": "[]"},
    ],
)
def test_bad_parameters_are_a_bad_request(
    simulator: Simulator, person: TelegramPerson, parameters: dict[str, str]
) -> None:
    person.create_chat(1)
    answer = requests.post(f"{simulator.bot_url}/sendMessage", data=parameters, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["description"].startswith("Bad Request: ")
    assert person.messages(1) == []


def test_a_body_that_is_not_json_is_a_bad_request(simulator: Simulator) -> None:
    answer = requests.post(
        f"{simulator.bot_url}/sendMessage",
        data=b"{",
        headers={"Content-Type": "application/json"},
        timeout=5,
    )
    assert answer.status_code == 400
