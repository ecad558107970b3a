"""Looks for secrets in logs: those that are known, and whatever has the shape of one.

A secret counts as found in any spelling that a log may give it: as it is, as it stands in a URL, as
it stands in JSON. What is found is named by file and line, never repeated.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from tests.fakes.spa_client import PASSWORD, SpaClient

# A shorter one, such as the password of a developer's own broker, would be found everywhere.
SHORTEST = 8

_SHAPES = {
    "something like a JWT": rb"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",
    "something like a password hash": rb"\$argon2i?d?\$",
    "something like a bot token": rb"[0-9]{8,10}:[A-Za-z0-9_-]{35}(?![\w-])",
    "something like a private key": rb"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "something like a bearer token": rb"(?i)authorization['\": ]+bearer +[\w.-]{8,}",
    "a URL with a password": rb"[a-z+]+://[^\s/:@\"']*:(?!\*+@)[^\s/@\"']+@",
}


@dataclass(frozen=True, slots=True)
class Secret:
    """Something that must stand in no log; `name` says whose it is."""

    name: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A place where a secret stands."""

    secret: str
    file: Path
    line: int


def find_secrets(folder: Path, secrets: Iterable[Secret]) -> list[Occurrence]:
    """Return every place in the files of a folder, and of those in it, where a secret stands."""
    spellings = {
        spelling: secret.name
        for secret in secrets
        if len(secret.value) >= SHORTEST
        for spelling in _spellings(secret.value)
    }
    return [
        Occurrence(name, file, content.count(b"\n", 0, position) + 1)
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        for content in [file.read_bytes()]
        for name, position in _positions(content, spellings)
    ]


def secrets_of_run(run_directory: Path) -> list[Secret]:
    """Return what one run made up or was given: of the servers, of the services, of the bot."""
    environments: dict[str, dict[str, str]] = json.loads(
        (run_directory / "service-environments.json").read_text()
    )
    generated = json.loads((run_directory / "secrets.json").read_text())
    return [
        *(
            Secret(f"{service}'s {name}", value)
            for service, variables in environments.items()
            for name, value in _secret_settings(variables)
        ),
        *(Secret(f"generated {name}", value) for name, value in _leaves(generated)),
    ]


def secrets_of_client(client: SpaClient) -> list[Secret]:
    """Return what a person of the tests would not want to read in a log."""
    access = str(client.session.headers["Authorization"]).removeprefix("Bearer ")
    return [
        Secret("a person's password", PASSWORD),
        Secret("an access token", access),
        Secret("a refresh token", client.refresh),
    ]


def _spellings(value: str) -> set[bytes]:
    in_json = json.dumps(value)[1:-1]
    return {text.encode() for text in (value, quote(value, safe=""), in_json)}


def _positions(content: bytes, spellings: dict[bytes, str]) -> Iterator[tuple[str, int]]:
    for spelling, name in spellings.items():
        position = content.find(spelling)
        while position >= 0:
            yield name, position
            position = content.find(spelling, position + len(spelling))
    for name, shape in _SHAPES.items():
        for found in re.finditer(shape, content):
            yield name, found.start()


def _secret_settings(variables: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in variables.items():
        if name.endswith(("_SECRET", "_TOKEN")):
            yield name, value
        elif name.endswith("_URL") and (password := urlsplit(value).password):
            yield f"password in {name}", unquote(password)


def _leaves(value: object, name: str = "secret") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves(part, str(key))
    else:
        yield name, str(value)
