"""The programs of a system under `make run`'s supervisord, and ways to hurt them by name.

What is killed comes back by itself; what is stopped stays away until it is started again.
"""

import configparser
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xmlrpc.client import ServerProxy

PORT_VARIABLES = ("HTTP_PORT", "OPS_PORT")


@dataclass(frozen=True, slots=True)
class Supervised:
    """All programs of the system in a run directory."""

    run_directory: Path

    def pids(self) -> dict[str, int]:
        """Return the process ids of all programs that run, by name."""
        return {each["name"]: each["pid"] for each in self._programs() if each["pid"]}

    def signal(self, name: str, number: signal.Signals) -> None:
        """Signal a program and its children; one that is just starting again is left alone."""
        pid = self.pids().get(name)
        if pid:
            _signal_group(pid, number)

    def kill(self, name: str) -> None:
        self.signal(name, signal.SIGKILL)

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Stop a program's clock for the length of a block."""
        pid = self.pids().get(name)
        try:
            if pid:
                _signal_group(pid, signal.SIGSTOP)
            yield
        finally:
            if pid:
                _signal_group(pid, signal.SIGCONT)

    def stop(self, name: str) -> None:
        """End a program as a system's shutdown would; it stays away."""
        with self._supervisor() as supervisor:
            supervisor.supervisor.stopProcess(self._full_name(name))

    def start(self, name: str) -> None:
        """Start a program that was stopped, without waiting until it answers."""
        with self._supervisor() as supervisor:
            supervisor.supervisor.startProcess(self._full_name(name), False)

    def restart(self, *names: str) -> None:
        """Let programs end by SIGTERM, all at once, and have supervisord start them anew."""
        before = self.pids()
        for name in names:
            os.kill(before[name], signal.SIGTERM)
        deadline = time.monotonic() + 60
        while not all(self.pids().get(name) not in {None, before[name]} for name in names):
            assert time.monotonic() < deadline, f"{names} did not come back"
            time.sleep(0.1)

    def port(self, name: str) -> int:
        """Return the port on which a program of ours answers `/readyz`."""
        variables = dict(
            each.split("=", 1)
            for each in Path(f"/proc/{self.pids()[name]}/environ").read_text().split("\0")
            if "=" in each
        )
        return int(next(variables[each] for each in PORT_VARIABLES if each in variables))

    def _programs(self) -> list[dict[str, Any]]:
        with self._supervisor() as supervisor:
            known = supervisor.supervisor.getAllProcessInfo()
        assert isinstance(known, list)
        return known

    def _full_name(self, name: str) -> str:
        return next(
            f"{each['group']}:{each['name']}" for each in self._programs() if each["name"] == name
        )

    def _supervisor(self) -> ServerProxy:
        configuration = configparser.RawConfigParser()
        configuration.read(self.run_directory / "supervisord.conf")
        port = configuration["inet_http_server"]
        return ServerProxy(f"http://{port['username']}:{port['password']}@{port['port']}/RPC2")


def _signal_group(pid: int, number: signal.Signals) -> None:
    # supervisord makes each program the leader of a group of its own.
    with suppress(ProcessLookupError):
        os.killpg(pid, number)
