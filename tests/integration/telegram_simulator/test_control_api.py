"""The control API: what it refuses, the page, and that foreign pages cannot use it."""

import threading
import time
from typing import Any

import pytest
import requests

from tests.fakes.telegram_person import ControlRefused, NoSuchMessage, TelegramPerson
from tests.integration.telegram_simulator.simulator_process import Simulator


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("chats", {"chat_id": "Anna"}),
        ("chats", {"chat_id": 0}),
        ("chats", {"chat_id": 1.5}),
        ("chats", {"chat_id": True}),
        ("chats", {"chat_id": 1 << 60}),
        ("chats", {"type": "channel"}),
        ("chats", {"colour": "red"}),
        ("chats/1/messages", {}),
        ("chats/1/messages", {"text": ""}),
        ("chats/1/messages", {"text": 7}),
        ("chats/1/press", {}),
        ("chats/1/press", {"index": 0}),
        ("chats/1/press", {"callback_data": "a", "message_id": 1, "index": 0}),
        ("faults", {}),
        ("faults", {"kind": "earthquake"}),
        ("faults", {"kind": "blocked", "times": 0}),
        ("faults", {"kind": "blocked", "probability": 2}),
        ("faults", {"kind": "garbage", "recorded": "yes"}),
        ("faults", {"kind": "delay_after_recording", "delay_seconds": -1}),
        ("chats", []),
    ],
)
def test_bad_input_is_a_problem(
    simulator: Simulator, person: TelegramPerson, path: str, content: object
) -> None:
    person.create_chat(1)
    answer = requests.post(f"{simulator.url}/control/{path}", json=content, timeout=5)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("chats", {"wait_seconds": "long"}),
        ("chats/1/messages", {"author": "nobody"}),
        ("requests", {"limit": "0"}),
        ("requests", {"colour": "red"}),
    ],
)
def test_a_bad_query_is_a_problem(
    simulator: Simulator, person: TelegramPerson, path: str, query: dict[str, str]
) -> None:
    person.create_chat(1)
    answer = requests.get(f"{simulator.url}/control/{path}", params=query, timeout=5)
    assert answer.status_code == 400


def test_malformed_json_is_a_problem(simulator: Simulator) -> None:
    answer = requests.post(
        f"{simulator.url}/control/chats",
        data=b"{",
        headers={"Content-Type": "application/json"},
        timeout=5,
    )
    assert answer.status_code == 400


def test_a_post_without_the_json_type_is_refused_so_that_foreign_pages_cannot_send_it(
    simulator: Simulator,
) -> None:
    answer = requests.post(f"{simulator.url}/control/reset", data=b"{}", timeout=5)
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/control/nothing", 404),
        ("GET", "/control/chats/77", 404),
        ("GET", "/control/faults/77", 404),
        ("DELETE", "/control/faults/77", 404),
        ("DELETE", "/control/reset", 405),
        ("GET", "/nothing", 404),
        ("GET", "/page/../app.py", 404),
        ("POST", "/", 405),
        ("PUT", "/botx/getMe", 404),
    ],
)
def test_what_is_not_there_is_not_there(
    simulator: Simulator, method: str, path: str, status: int
) -> None:
    assert requests.request(method, f"{simulator.url}{path}", timeout=5).status_code == status


def test_a_body_over_a_mebibyte_is_too_large(simulator: Simulator) -> None:
    answer = requests.post(
        f"{simulator.url}/control/chats", json={"name": "x" * (1 << 20)}, timeout=5
    )
    assert answer.status_code == 413


def test_a_closed_chat_and_a_taken_id_are_conflicts(person: TelegramPerson) -> None:
    chat_id = person.create_chat()
    with pytest.raises(ControlRefused, match="exists") as taken:
        person.create_chat(chat_id)
    assert taken.value.status == 409
    person.block(chat_id)
    with pytest.raises(ControlRefused, match="is blocked") as closed:
        person.say(chat_id, "hello")
    assert closed.value.status == 409


def test_a_button_that_is_not_there_cannot_be_pressed(person: TelegramPerson) -> None:
    chat_id = person.create_chat()
    with pytest.raises(ControlRefused) as refused:
        person.press(chat_id, "q:yes")
    assert refused.value.status == 404


def test_waiting_for_a_message_ends_with_what_was_said(person: TelegramPerson) -> None:
    with pytest.raises(NoSuchMessage, match="'hello'"):
        person.wait_for_message(person.create_chat(), 0.1, containing="hello")


def test_requests_are_found_by_their_filters(simulator: Simulator, person: TelegramPerson) -> None:
    one, other = person.create_chat(), person.create_chat()
    for chat_id, text in ((one, "red tea"), (other, "green tea"), (one, "water")):
        data = {"chat_id": chat_id, "text": text}
        requests.post(f"{simulator.bot_url}/sendMessage", data=data, timeout=5)
    requests.post(f"{simulator.bot_url}/sendMessage", data={"chat_id": 9}, timeout=5)

    def texts(**filters: Any) -> list[str | None]:
        return [request["text"] for request in person.requests(**filters)]

    assert texts(chat_id=one) == ["red tea", "water"]
    assert texts(text_contains="tea") == ["red tea", "green tea"]
    assert texts(recorded=False) == [None]
    assert texts(limit=1) == ["red tea"]
    assert texts(after_id=person.requests()[1]["id"]) == ["water", None]


def test_faults_are_listed_and_taken_back(simulator: Simulator, person: TelegramPerson) -> None:
    rule = person.fault("blocked", times=3)
    url = f"{simulator.url}/control/faults"
    [listed] = requests.get(url, timeout=5).json()["faults"]
    assert (listed["id"], listed["remaining"], listed["hits"]) == (rule, 3, 0)
    assert requests.delete(f"{url}/{rule}", timeout=5).ok
    assert requests.get(url, timeout=5).json()["faults"] == []


def test_a_reset_forgets_everything_but_goes_on_counting(
    simulator: Simulator, person: TelegramPerson
) -> None:
    first = person.say(1, "one")
    [update] = requests.get(f"{simulator.bot_url}/getUpdates", timeout=5).json()["result"]
    person.fault("blocked", method="*", times=None)
    person.reset()
    with pytest.raises(ControlRefused, match="no chat 1"):
        person.messages(1)
    assert person.requests(None) == []
    assert requests.get(f"{simulator.bot_url}/getUpdates", timeout=5).json()["result"] == []
    assert person.say(1, "two")["message_id"] > first["message_id"]
    [later] = requests.get(f"{simulator.bot_url}/getUpdates", timeout=5).json()["result"]
    assert later["update_id"] == update["update_id"] + 1


def test_the_overview_waits_for_a_change(simulator: Simulator, person: TelegramPerson) -> None:
    url = f"{simulator.url}/control/chats"
    version = requests.get(url, timeout=5).json()["version"]
    threading.Timer(0.2, person.create_chat).start()
    started = time.monotonic()
    wait = {"known_version": version, "wait_seconds": 10}
    assert len(requests.get(url, params=wait, timeout=15).json()["chats"]) == 1
    assert time.monotonic() - started < 5


def test_the_page_needs_nothing_from_elsewhere(simulator: Simulator) -> None:
    for path, media_type in (
        ("/", "text/html"),
        ("/page.css", "text/css"),
        ("/page.js", "text/javascript"),
    ):
        answer = requests.get(f"{simulator.url}{path}", timeout=5)
        assert answer.headers["Content-Type"].startswith(media_type)
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert 'src="http' not in answer.text
        assert "innerHTML" not in answer.text
