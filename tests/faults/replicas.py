"""More processes of a service than `make run` starts, and a gateway that knows them all."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from deploy.gateway.configuration import GatewaySettings, render_configuration
from deploy.gateway.settings import GatewayChoices
from deploy.local.executables import find_program
from deploy.local.ports import free_ports, is_listening
from deploy.local.programs import REPOSITORY, Program, running, wait_until
from tests.faults.supervised import Supervised
from tests.servers.whole_system import UNMEASURED, System

STOP_SECONDS = 40


@dataclass(slots=True)
class Replica:
    """One process of a service; every start of it uses the same port."""

    service: str
    process: str
    port: int
    log: Path
    environment: Mapping[str, str] = field(repr=False)
    clock_offset_seconds: float = 0.0
    _running: subprocess.Popen[bytes] | None = None

    @classmethod
    def of(
        cls, system: System, service: str, process: str, clock_offset_seconds: float = 0.0
    ) -> "Replica":
        [port] = free_ports(1)
        return cls(
            service,
            process,
            port,
            system.logs / f"replica-{service}-{process}-{port}.log",
            system.service_environments[service],
            clock_offset_seconds,
        )

    @property
    def has_ended(self) -> bool:
        return self._running is not None and self._running.poll() is not None

    def start(self) -> None:
        port = str(self.port)
        ports = {"HTTP_HOST": "127.0.0.1", "HTTP_PORT": port, "OPS_PORT": port}
        with self.log.open("ab") as output:
            self._running = subprocess.Popen(
                [sys.executable, "-m", *self._clock(), f"services.{self.service}", self.process],
                cwd=REPOSITORY,
                env={**os.environ, **UNMEASURED, **self.environment, **ports},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _clock(self) -> tuple[str, ...]:
        if not self.clock_offset_seconds:
            return ()
        return ("tests.faults.skewed_clock", str(self.clock_offset_seconds))

    def ask_to_stop(self) -> None:
        """Send SIGTERM, also to a process that was frozen."""
        if self._running is not None:
            self._running.send_signal(signal.SIGCONT)
            self._running.terminate()

    def wait_until_stopped(self) -> None:
        """Wait for the end after `ask_to_stop`; what does not end in time is killed."""
        if self._running is None:
            return
        try:
            self._running.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._running.kill()
            self._running.wait()
            raise

    def stop(self) -> None:
        self.ask_to_stop()
        self.wait_until_stopped()

    def kill(self) -> None:
        assert self._running is not None
        self._running.kill()
        self._running.wait()


def is_ready(port: int) -> bool:
    """Whether the process on a port says that it can serve."""
    try:
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def upstreams_of_one(programs: Supervised) -> dict[str, tuple[int, ...]]:
    """Return what every gateway needs and of what no replicas are made here."""
    return {
        "feed": (programs.port("feed"),),
        "status": (programs.port("gateway-status"),),
    }


@contextmanager
def gateway_over(directory: Path, upstreams: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
    """Run one more gateway, which shares each service's requests among several ports."""
    [port] = free_ports(1)
    for folder in ("state", "pages", "web"):
        (directory / folder).mkdir(parents=True)
    configuration = directory / "nginx.conf"
    configuration.write_text(
        render_configuration(
            GatewaySettings(
                listen=f"127.0.0.1:{port}",
                pages=directory / "pages",
                web=directory / "web",
                state=directory / "state",
                access_log=directory / "access.log",
                upstreams={
                    name: tuple(f"127.0.0.1:{each}" for each in ports)
                    for name, ports in upstreams.items()
                },
                choices=GatewayChoices(register_per_minute=60_000, token_per_minute=60_000),
            )
        )
    )
    nginx = str(find_program("nginx"))
    program = Program(
        "gateway", (nginx, "-p", str(directory), "-c", str(configuration), "-e", "stderr")
    )
    with running(program, directory / "nginx.log") as process:
        wait_until(lambda: is_listening(port), "gateway", 30, lambda: process.poll() is None)
        yield f"http://127.0.0.1:{port}"
