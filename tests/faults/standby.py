"""A private PostgreSQL server with a synchronous standby on the same machine, to fail over to."""

import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from yarl import URL

from deploy.local.executables import postgresql_folder
from deploy.local.ports import free_ports
from deploy.local.postgresql_server import PostgresqlServer, _as_ordinary_user
from deploy.local.programs import run_once, running, wait_until
from tests.faults.rig import eventually

START_SECONDS = 90


@dataclass(frozen=True, slots=True)
class RunningServer:
    """One of the two."""

    admin_url: str
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """End it with all its children, as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)

    def promote(self) -> None:
        """Make the standby a primary, which waits for no other when it commits."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute("SELECT pg_promote(wait => true)")


@contextmanager
def running_pair(directory: Path) -> Iterator[tuple[RunningServer, RunningServer]]:
    """Yield a primary, and the standby that has everything the primary has confirmed."""
    primary, standby = (
        PostgresqlServer(directory / name, port, secrets.token_hex(8))
        for name, port in zip(("primary", "standby"), free_ports(2), strict=True)
    )
    primary.prepare()
    with running(primary.program(), directory / "primary.log") as first:
        wait_until(primary.is_ready, "primary", START_SECONDS)
        _copy(primary, standby)
        # The copy has the primary's users, so its administrator has the primary's password.
        url = URL(primary.admin_url).with_port(standby.port)
        with running(standby.program(), directory / "standby.log") as second:
            _make_synchronous(primary.admin_url)
            yield RunningServer(primary.admin_url, first), RunningServer(str(url), second)


def _copy(primary: PostgresqlServer, standby: PostgresqlServer) -> None:
    standby.directory.mkdir()
    standby._data.mkdir(mode=0o700)
    owner = primary._data.stat()
    os.chown(standby._data, owner.st_uid, owner.st_gid)
    command = [
        *(str(postgresql_folder() / "pg_basebackup"), "--dbname", primary.admin_url),
        *("--pgdata", str(standby._data), "--write-recovery-conf", "--checkpoint=fast"),
        "--no-sync",
    ]
    run_once(_as_ordinary_user(command), {"LC_ALL": "C"})


def _make_synchronous(primary_url: str) -> None:
    with psycopg.connect(primary_url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        connection.execute("SELECT pg_reload_conf()")

        def is_synchronous() -> bool:
            query = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
            return connection.execute(query).fetchone() is not None

        eventually(is_synchronous, "the standby is synchronous", START_SECONDS)
