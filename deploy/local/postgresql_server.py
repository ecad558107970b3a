"""A private PostgreSQL server whose data lie in one directory.

PostgreSQL refuses to run as root. Then it runs as the system's user `postgres`, which keeps the one
capability of root that lets it reach its data inside a directory closed to everybody else.
"""

import os
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from deploy.local.executables import postgresql_folder
from deploy.local.ports import LOOPBACK
from deploy.local.programs import Program, run_once
from deploy.provisioning.private_files import write_private

ADMIN = "postgres"

_SETTINGS = (
    f"listen_addresses={LOOPBACK}",
    "unix_socket_directories=",  # a socket's path may not be longer than about 100 characters
    "max_connections=300",
    # A client whose machine vanished frees its locks within half a minute.
    "tcp_keepalives_idle=10",
    "tcp_keepalives_interval=5",
    "tcp_keepalives_count=3",
    "idle_in_transaction_session_timeout=60s",
    "timezone=UTC",
    "log_timezone=UTC",
)
# After a power cut the data of a test are of no interest.
_THROW_AWAY_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(frozen=True, slots=True)
class PostgresqlServer:
    """One server; `prepare` before the program runs for the first time."""

    directory: Path
    port: int
    password: str
    throw_away: bool = False

    @property
    def admin_url(self) -> str:
        """Return the URL of the administrator, who may do everything on this server."""
        return f"postgresql://{ADMIN}:{self.password}@{LOOPBACK}:{self.port}/postgres"

    def prepare(self) -> None:
        """Create the data directory unless it is there."""
        if (self._data / "PG_VERSION").exists():
            return
        # What an interrupted attempt left would stop initdb.
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir(parents=True, mode=0o700)
        password_file = self.directory / "initial-password"
        write_private(password_file, self.password)
        if os.geteuid() == 0:
            shutil.chown(self._data, ADMIN, ADMIN)
        try:
            run_once(_as_ordinary_user(self._initdb(password_file)), {"LC_ALL": "C"})
        except BaseException:
            shutil.rmtree(self._data, ignore_errors=True)
            raise
        finally:
            password_file.unlink()

    def program(self) -> Program:
        """Return the server as a program; an interrupt ends it without waiting for clients."""
        settings = _SETTINGS + (_THROW_AWAY_SETTINGS if self.throw_away else ())
        options = [part for setting in settings for part in ("-c", setting)]
        postgres = postgresql_folder(self._data_version()) / "postgres"
        command = [str(postgres), "-D", str(self._data), "-p", str(self.port), *options]
        return Program(
            name="postgresql",
            command=tuple(_as_ordinary_user(command)),
            environment={"LC_ALL": "C"},
            stop_signal=signal.SIGINT,
        )

    def is_ready(self) -> bool:
        """Whether it lets its administrator in."""
        return postgresql_answers(self.admin_url)

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def _data_version(self) -> str:
        return (self._data / "PG_VERSION").read_text().strip()

    def _initdb(self, password_file: Path) -> list[str]:
        return [
            *(str(postgresql_folder() / "initdb"), "--pgdata", str(self._data)),
            *("--username", ADMIN, "--pwfile", str(password_file), "--auth", "scram-sha-256"),
            *("--encoding", "UTF8", "--locale", "C", "--no-instructions"),
            *(["--no-sync"] if self.throw_away else []),
        ]


def postgresql_answers(url: str) -> bool:
    """Whether the server lets this user in."""
    try:
        psycopg.connect(make_conninfo(url, connect_timeout=2)).close()
    except psycopg.OperationalError:
        return False
    return True


def _as_ordinary_user(command: Sequence[str]) -> list[str]:
    if os.geteuid() != 0:
        return list(command)
    capability = "+dac_override"
    return [
        *("setpriv", f"--reuid={ADMIN}", f"--regid={ADMIN}", "--init-groups"),
        *(f"--inh-caps={capability}", f"--ambient-caps={capability}", "--"),
        *command,
    ]
