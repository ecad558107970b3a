"""A private Redis server whose data lie in one directory.

It never evicts a key and keeps an append-only file: claims and turns within Telegram's limits live
here. Losing them costs work or a moment's precision, never a second message.
"""

from dataclasses import dataclass
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from deploy.local.executables import find_program
from deploy.local.ports import LOOPBACK
from deploy.local.programs import Program
from deploy.provisioning.private_files import write_private


@dataclass(frozen=True, slots=True)
class RedisServer:
    """One server; `prepare` before the program runs."""

    directory: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        """Return the URL of the server's first database."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    def prepare(self) -> None:
        """Write the configuration; the password stays out of the list of processes."""
        data = self.directory / "data"
        data.mkdir(parents=True, exist_ok=True)
        write_private(
            self._configuration,
            f"""\
bind {LOOPBACK}
port {self.port}
requirepass {self.password}
dir "{data}"
daemonize no
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
""",
        )

    def program(self) -> Program:
        """Return the server as a program."""
        return Program("redis", (str(find_program("redis-server")), str(self._configuration)))

    def is_ready(self) -> bool:
        """Whether it answers, its data loaded."""
        return redis_answers(self.url)

    @property
    def _configuration(self) -> Path:
        return self.directory / "redis.conf"


def redis_answers(url: str) -> bool:
    """Whether the server answers, its data loaded."""
    with redis.Redis.from_url(url, socket_timeout=2, retry=Retry(NoBackoff(), 0)) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
