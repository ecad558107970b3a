"""Where the machine keeps the programs of others: Debian hides some of them outside the PATH."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path


class MissingProgram(Exception):
    """A program that `make run` would have installed is not there."""


_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/opt/homebrew/bin", "/usr/local/bin")
_POSTGRESQL_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
_RABBITMQ_FOLDERS = (
    "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin",
    "/opt/homebrew/opt/rabbitmq/sbin",
    "/usr/local/opt/rabbitmq/sbin",
)
_EPMD_FOLDERS = (
    "/usr/lib/erlang/bin",
    "/usr/lib/erlang/erts-*/bin",
    "/opt/homebrew/lib/erlang/erts-*/bin",
    "/usr/local/lib/erlang/erts-*/bin",
)


def find_program(name: str, folders: Iterable[str] = ()) -> Path:
    """Return the program's path: the folders come first, the newest version of each, then PATH."""
    for pattern in folders:
        for folder in sorted(_expand(pattern), key=_version, reverse=True):
            if os.access(folder / name, os.X_OK):
                return folder / name
    search_path = os.pathsep.join((os.environ.get("PATH", ""), *_SYSTEM_FOLDERS))
    found = shutil.which(name, path=search_path)
    if found is None:
        raise MissingProgram(f"{name} is not installed; `make run` installs it where it can")
    return Path(found)


def postgresql_folder(major_version: str | None = None) -> Path:
    """Return the folder of PostgreSQL's programs, of one version when the data ask for it."""
    if major_version is None:
        return find_program("initdb", _POSTGRESQL_FOLDERS).parent
    exact = [pattern.replace("*", major_version) for pattern in _POSTGRESQL_FOLDERS]
    return find_program("initdb", exact).parent


def rabbitmq_server() -> Path:
    """Return the server itself, not Debian's wrapper, which insists on a user of its own."""
    return find_program("rabbitmq-server", _RABBITMQ_FOLDERS)


def epmd() -> Path:
    """Return Erlang's port mapper, without which no RabbitMQ node starts."""
    return find_program("epmd", _EPMD_FOLDERS)


def _expand(pattern: str) -> list[Path]:
    return list(Path("/").glob(pattern.removeprefix("/")))


def _version(folder: Path) -> list[int]:
    digits = "".join(char if char.isdigit() else " " for char in str(folder))
    return [int(number) for number in digits.split()]
