"""The whole system as `make run` starts it, on free ports and in a directory of its own.

Nothing of the developer's shows through: neither `.env` nor `.run/` nor the variables of the shell.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from deploy.local.ports import free_ports
from deploy.local.programs import REPOSITORY, StartFailed, wait_until
from deploy.local.settings import VARIABLES
from deploy.local.start import HEALTHY_MESSAGE
from deploy.provisioning.generated_secrets import SERVICES

START_SECONDS = 240

# For systems that are looked at from outside: measuring coverage slows each of their processes.
UNMEASURED = {"COVERAGE_PROCESS_CONFIG": ""}


@dataclass(frozen=True, slots=True)
class System:
    """A running system and all its addresses."""

    gateway_url: str
    simulator_url: str
    process: subprocess.Popen[bytes] = field(repr=False)
    run_directory: Path
    output: Path

    @property
    def logs(self) -> Path:
        """Return the folder with a log for each process."""
        return self.run_directory / "logs"

    @property
    def service_environments(self) -> dict[str, dict[str, str]]:
        """Return each service's variables: DATABASE_URL, RABBITMQ_URL and so on."""
        file = self.run_directory / "service-environments.json"
        environments: dict[str, dict[str, str]] = json.loads(file.read_text())
        return environments


@contextmanager
def running_system(
    run_directory: Path, variables: Mapping[str, str] | None = None
) -> Iterator[System]:
    """Start the system, wait until it answers, and stop it at the end of the block.

    The variables are those of `.env.sample`; without server URLs it gets private servers.
    """
    gateway_port, simulator_port = free_ports(2)
    run_directory.mkdir(parents=True, exist_ok=True)
    output = run_directory / "output.txt"
    inherited = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    own = {
        "HABIT_TRACKER_RUN_DIR": str(run_directory),
        "GATEWAY_PORT": str(gateway_port),
        "TELEGRAM_SIMULATOR_PORT": str(simulator_port),
    }
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "--settings-file", os.devnull, "run"],
            cwd=REPOSITORY,
            env={**inherited, **own, **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_healthy(process, output)
        yield System(
            gateway_url=f"http://127.0.0.1:{gateway_port}",
            simulator_url=f"http://127.0.0.1:{simulator_port}",
            process=process,
            run_directory=run_directory,
            output=output,
        )
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=120)


def _wait_until_healthy(process: subprocess.Popen[bytes], output: Path) -> None:
    try:
        wait_until(
            lambda: HEALTHY_MESSAGE in output.read_text(),
            "the system",
            START_SECONDS,
            lambda: process.poll() is None,
        )
    except StartFailed as error:
        raise StartFailed(f"{error}; it said:\n{output.read_text()}") from error


@contextmanager
def own_database_prefix(admin_url: str) -> Iterator[str]:
    """Yield a prefix for the databases and roles of one system; drop them afterwards."""
    prefix = f"system_{secrets.token_hex(4)}_"
    try:
        yield prefix
    finally:
        with psycopg.connect(admin_url, autocommit=True) as connection:
            for service in SERVICES:
                name = sql.Identifier(f"{prefix}{service}")
                for statement in (
                    "DROP DATABASE IF EXISTS {} WITH (FORCE)",
                    "DROP ROLE IF EXISTS {}",
                ):
                    connection.execute(sql.SQL(statement).format(name))
