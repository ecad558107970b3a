"""Where `make run` keeps everything that outlives it: data, secrets and logs of one clone."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class AlreadyRunning(Exception):
    """Another `make run` uses the same directory."""


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """The parts of the directory; nobody else on the machine may look into it."""

    path: Path

    @property
    def logs(self) -> Path:
        """Return the folder with a log for each program."""
        return self.path / "logs"

    @property
    def secrets(self) -> Path:
        """Return the file with the generated secrets."""
        return self.path / "secrets.json"

    @property
    def addresses(self) -> Path:
        """Return the file with the addresses of the running servers, passwords included."""
        return self.path / "addresses.env"

    @property
    def service_environments(self) -> Path:
        """Return the file with the variables of each service, for an operator's commands."""
        return self.path / "service-environments.json"

    @property
    def supervisor_configuration(self) -> Path:
        """Return the file that supervisord and supervisorctl read."""
        return self.path / "supervisord.conf"

    @property
    def pages(self) -> Path:
        """Return the folder with the generated documentation pages."""
        return self.path / "pages"

    @property
    def gateway(self) -> Path:
        """Return the folder with nginx's configuration and temporary files."""
        return self.path / "gateway"

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Create the directory and keep others out; the claim ends with the process."""
        for folder in (self.path, self.logs, self.gateway):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
        with (self.path / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                holder = lock.read().strip()
                raise AlreadyRunning(
                    f"another `make run` (process {holder}) uses {self.path}; stop it first"
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield
