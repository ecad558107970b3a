"""The process: its journal, its state over a restart, its settings, and its quick end."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests

from tests.fakes.telegram_person import TelegramPerson
from tests.integration.telegram_simulator.simulator_process import (
    ROOT,
    TOKEN,
    Simulator,
    running_simulator,
)


def test_the_journal_has_a_line_for_each_request_before_its_answer(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    with running_simulator(tmp_path / "log", TELEGRAM_SIMULATOR_JOURNAL=str(journal)) as simulator:
        person = TelegramPerson(simulator.url)
        chat_id = person.create_chat()
        person.fault("drop_after_recording")
        url, data = f"{simulator.bot_url}/sendMessage", {"chat_id": chat_id, "text": "Привет"}
        with pytest.raises(requests.ConnectionError):
            requests.post(url, data=data, timeout=5)
        [dropped] = [json.loads(line) for line in journal.read_text().splitlines()]
        requests.post(url, data=data, timeout=5)
        lines = [json.loads(line) for line in journal.read_text().splitlines()]
        assert lines == person.requests()
        person.close()
    assert dropped["fault"] == "drop_after_recording"
    assert dropped["recorded"] is True
    assert dropped["text"] == "Привет"
    assert abs(dropped["received_at_seconds"] - time.time()) < 60


def test_chats_and_updates_outlive_a_restart_with_saved_state(tmp_path: Path) -> None:
    state = {"TELEGRAM_SIMULATOR_STATE": str(tmp_path / "kept" / "state.json")}
    markup = json.dumps({"inline_keyboard": [[{"text": "Yes", "callback_data": "q:yes"}]]})
    with running_simulator(tmp_path / "log", **state) as simulator:
        person = TelegramPerson(simulator.url)
        chat_id = person.create_chat(name="Anna")
        data = {"chat_id": chat_id, "text": "Is that you?", "reply_markup": markup}
        requests.post(f"{simulator.bot_url}/sendMessage", data=data, timeout=5)
        person.press(chat_id, "q:yes")
        before = requests.get(f"{simulator.bot_url}/getUpdates", timeout=5).json()["result"]
        person.close()
    with running_simulator(tmp_path / "log", **state) as simulator:
        person = TelegramPerson(simulator.url)
        assert [m["text"] for m in person.messages(chat_id)] == ["Is that you?"]
        assert requests.get(f"{simulator.bot_url}/getUpdates", timeout=5).json()["result"] == before
        person.press(chat_id, "q:yes")
        after = requests.get(f"{simulator.bot_url}/getUpdates", timeout=5).json()["result"]
        assert after[-1]["update_id"] == before[-1]["update_id"] + 1
        person.close()


def test_state_is_saved_while_it_runs_so_that_a_kill_loses_little(tmp_path: Path) -> None:
    state = {"TELEGRAM_SIMULATOR_STATE": str(tmp_path / "state.json")}
    with running_simulator(tmp_path / "log", **state) as simulator:
        person = TelegramPerson(simulator.url)
        chat_id = person.create_chat()
        deadline = time.monotonic() + 5
        while str(chat_id) not in (tmp_path / "state.json").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        person.close()
        simulator.process.send_signal(signal.SIGKILL)
        simulator.process.wait(5)


def test_it_ends_at_once_with_polls_open_and_the_token_in_no_log(tmp_path: Path) -> None:
    output = tmp_path / "log"
    with running_simulator(output, LOG_LEVEL="DEBUG") as simulator:
        poll = threading.Thread(target=_poll_until_cut, args=(f"{simulator.bot_url}/getUpdates",))
        poll.start()
        person = TelegramPerson(simulator.url)
        deadline = time.monotonic() + 5
        while not person.requests("getUpdates") and time.monotonic() < deadline:
            time.sleep(0.02)
        started = time.monotonic()
        simulator.process.send_signal(signal.SIGTERM)
        assert simulator.process.wait(5) == 0
        assert time.monotonic() - started < 4
        poll.join()
        person.close()
    assert TOKEN not in output.read_text()
    assert "Traceback" not in output.read_text()


def _poll_until_cut(url: str) -> None:
    with pytest.raises(requests.ConnectionError):
        requests.get(url, params={"timeout": 30}, timeout=40)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TELEGRAM_BOT_TOKEN", ""),
        ("TELEGRAM_SIMULATOR_PORT", "many"),
        ("TELEGRAM_SIMULATOR_PORT", "70000"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(name: str, value: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "deploy.telegram_simulator"],
        cwd=ROOT,
        env={**os.environ, "TELEGRAM_BOT_TOKEN": TOKEN, name: value},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert finished.returncode != 0
    assert name in finished.stderr
    assert "Traceback" not in finished.stderr


def test_state_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")
    finished = subprocess.run(
        [sys.executable, "-m", "deploy.telegram_simulator"],
        cwd=ROOT,
        env={
            **os.environ,
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_SIMULATOR_STATE": str(tmp_path / "state.json"),
        },
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert finished.returncode != 0
    assert "state.json" in finished.stderr


def test_a_body_announced_with_a_question_is_asked_for(simulator: Simulator) -> None:
    host, port = simulator.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as raw:
        raw.sendall(
            b"POST /control/reset HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        answers = raw.makefile("rb")
        assert answers.readline().startswith(b"HTTP/1.1 100 ")
        assert answers.readline() == b"\r\n"
        raw.sendall(b"{}")
        assert answers.readline().startswith(b"HTTP/1.1 200 ")


def test_the_head_of_the_page_has_no_body(simulator: Simulator) -> None:
    answer = requests.head(simulator.url, timeout=5)
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 0


def test_what_is_not_http_is_refused(simulator: Simulator) -> None:
    host, port = simulator.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as raw:
        raw.sendall(b"\x00\x01 nonsense\r\n\r\n")
        assert raw.recv(100).split()[1] == b"400"
