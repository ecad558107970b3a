"""Settings, logs and the life of a process."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from environs import FileAwareEnv

from deploy.local.ports import free_ports
from shared.process.environment import PORT, load_settings

ROOT = Path(__file__).parents[3]


def test_a_wrong_setting_stops_the_start_naming_the_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPS_PORT", "99999")
    with pytest.raises(SystemExit, match="OPS_PORT"):
        load_settings(lambda env: env.int("OPS_PORT", **PORT))


def test_a_missing_setting_stops_the_start_naming_the_variable() -> None:
    with pytest.raises(SystemExit, match="NO_SUCH_SETTING"):
        load_settings(lambda env: env.str("NO_SUCH_SETTING"))


def test_a_secret_may_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    monkeypatch.setenv("SOME_SECRET_FILE", str(tmp_path / "secret"))

    def read(environment: FileAwareEnv) -> str:
        return environment.str("SOME_SECRET")

    assert load_settings(read) == "s3cret"


PROCESS = """
import asyncio, structlog
from shared.process.processes import run_process
from shared.process.structured_logs import configure_logs, get_logger

configure_logs("test", "worker")

async def work(stop):
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        get_logger("test").info("working", text="привет")
    await stop.wait()

run_process(work, host="127.0.0.1", ops_port={port}, checks={{"server": lambda: True}})
"""


def test_a_process_answers_its_endpoints_logs_json_and_stops_on_sigterm() -> None:
    [port] = free_ports(1)
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS.format(port=port)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        _until_answers(f"http://127.0.0.1:{port}/readyz")
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0
    lines = [json.loads(line) for line in output.splitlines()]
    assert [line["event"] for line in lines] == ["started", "working", "stopped"]
    assert lines[1]["text"] == "привет"
    assert lines[1]["request_id"] == "r-1"
    assert lines[1]["service"] == "test"
    assert lines[1]["level"] == "info"


STUCK_PROCESS = """
import asyncio, sys, time
from shared.process import heartbeat
from shared.process.processes import run_process

heartbeat.BEAT_SECONDS, heartbeat.STUCK_SECONDS = 0.05, 1.0

async def work(stop):
    await asyncio.to_thread(sys.stdin.readline)
    time.sleep(3)
    await stop.wait()

run_process(work, host="127.0.0.1", ops_port={port}, checks={{}})
"""


def test_healthz_says_no_while_the_loop_is_stuck_and_yes_before_and_after() -> None:
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}/healthz"
    process = subprocess.Popen(
        [sys.executable, "-c", STUCK_PROCESS.format(port=port)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        _until_answers(url)
        assert process.stdin is not None
        process.stdin.write("block the loop\n")
        process.stdin.flush()
        _until_answers(url, 503)
        _until_answers(url)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()


def _until_answers(url: str, status: int = 200) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            answered = requests.get(url, timeout=2).status_code
        except requests.ConnectionError:
            answered = None
        if answered == status:
            return
        assert time.monotonic() < deadline, f"{url} answers {answered}, not {status}"
        time.sleep(0.05)
