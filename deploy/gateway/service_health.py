"""Asks every process of every service whether it can do its work.

A service is well when each of its processes is; a process with several replicas is when at least
one of them is. The answer is at most `FRESH_SECONDS` old and is found out by one caller at a time,
so that the public address costs the services next to nothing.
"""

import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

ANSWER_LIMIT_SECONDS = 2.0
# Looking up a name that is gone can take longer than the answer of a process that is there.
_SUMMARY_LIMIT_SECONDS = 4.0
FRESH_SECONDS = 1.0

Targets = Mapping[str, tuple[str, ...]]


def parse_targets(text: str) -> Targets:
    """Read `auth=http://host:port,http://host:port;habits=http://host:port`.

    Raises ValueError.
    """
    targets: dict[str, tuple[str, ...]] = {}
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        name, _, addresses = entry.partition("=")
        urls = tuple(url.strip() for url in addresses.split(",") if url.strip())
        for url in urls:
            parts = urlsplit(url)
            if parts.scheme != "http" or not parts.hostname or not parts.port:
                raise ValueError(f"{url!r} is not http://HOST:PORT")
        if not name or not urls:
            raise ValueError(f"{entry!r} is not NAME=http://HOST:PORT,...")
        targets[name.strip()] = urls
    if not targets:
        raise ValueError("no service is named")
    return targets


def process_is_ready(url: str) -> bool:
    """Whether any replica behind the name answers `/readyz` with 200."""
    parts = urlsplit(url)
    port = parts.port or 80
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except OSError:
        return False
    addresses = {str(address[4][0]) for address in found}
    return any(_replica_is_ready(address, port) for address in addresses)


def _replica_is_ready(address: str, port: int) -> bool:
    connection = HTTPConnection(address, port, timeout=ANSWER_LIMIT_SECONDS)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200  # noqa: PLR2004
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


class ServiceHealth:
    """The health of the services, by name."""

    def __init__(
        self, targets: Targets, is_ready: Callable[[str], bool] = process_is_ready
    ) -> None:
        self._targets = targets
        self._is_ready = is_ready
        processes = sum(map(len, targets.values()))
        self._threads = ThreadPoolExecutor(max_workers=2 * processes or 1)
        self._lock = threading.Lock()
        self._summary: dict[str, bool] = {}
        self._found_at = float("-inf")

    def summary(self) -> dict[str, bool]:
        """Return whether each service is well."""
        with self._lock:
            if time.monotonic() - self._found_at > FRESH_SECONDS:
                self._summary = self._find_out()
                self._found_at = time.monotonic()
            return dict(self._summary)

    def _find_out(self) -> dict[str, bool]:
        asked = {
            name: [self._threads.submit(self._is_ready, url) for url in urls]
            for name, urls in self._targets.items()
        }
        wait([one for answers in asked.values() for one in answers], _SUMMARY_LIMIT_SECONDS)
        return {name: all(map(_said_yes, answers)) for name, answers in asked.items()}


def _said_yes(answer: Future[bool]) -> bool:
    return answer.done() and answer.result()
