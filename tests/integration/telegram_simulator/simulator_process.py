"""Runs the simulator as a process of its own, for the length of a block."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from telegram import Bot

MakeBot = Callable[..., Bot]

TOKEN = "123456:simulated-token"
ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Simulator:
    """A running simulator."""

    url: str
    process: subprocess.Popen[str]

    @property
    def bot_url(self) -> str:
        return f"{self.url}/bot{TOKEN}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running_simulator(output: Path, **settings: str) -> Iterator[Simulator]:
    """Run `python -m deploy.telegram_simulator` for the length of a block."""
    port = free_port()
    environment = {
        **os.environ,
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_SIMULATOR_PORT": str(port),
        **settings,
    }
    with output.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.telegram_simulator"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_healthy(url, process, output)
            yield Simulator(url, process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=10)


def wait_until_healthy(url: str, process: subprocess.Popen[str], output: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, output.read_text()
        try:
            if requests.get(f"{url}/control/health", timeout=1).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError(output.read_text())
