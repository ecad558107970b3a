"""Passwords: argon2id with OWASP's minimum cost, a bounded number of hashes at a time.

Each hash takes 19 MiB and a core for some 20 ms: without the bound, a burst of logins would take
the machine down. An unknown account costs as much as a known one, so time tells nothing.
"""

import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

import argon2

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 128


class HashingBusy(Exception):
    """Too many passwords are being hashed; trying again soon helps."""

    retry_after_seconds = 2


def normalised_password(password: str) -> str:
    """Return the form that is measured and hashed, the same from every keyboard (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def has_good_length(password: str) -> bool:
    """Whether the password has 8 to 128 characters once normalised."""
    return SHORTEST_PASSWORD <= len(normalised_password(password)) <= LONGEST_PASSWORD


class PasswordHasher:
    """Hashes and verifies passwords; safe for use by many threads.

    Beyond `at_once` hashes, up to `most_waiting` callers wait for at most `longest_wait_seconds`.
    Raises HashingBusy for everyone else: some threads of the process stay free for what needs no
    hash.
    """

    def __init__(
        self, *, at_once: int = 4, most_waiting: int = 8, longest_wait_seconds: float = 2.0
    ) -> None:
        self._argon2 = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._at_once = threading.BoundedSemaphore(at_once)
        self._admitted = threading.BoundedSemaphore(at_once + most_waiting)
        self._longest_wait_seconds = longest_wait_seconds
        self._hash_of_nobody = self._argon2.hash(secrets.token_urlsafe())

    def hash(self, password: str) -> str:
        """Return a salted hash in PHC format."""
        with self._turn():
            return self._argon2.hash(normalised_password(password))

    def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is the hashed one; `None`, for no account, costs the same."""
        with self._turn():
            try:
                self._argon2.verify(
                    password_hash or self._hash_of_nobody, normalised_password(password)
                )
            except argon2.exceptions.VerifyMismatchError:
                return False
        return password_hash is not None

    def needs_rehash(self, password_hash: str) -> bool:
        """Whether the hash was made at another cost than today's."""
        return self._argon2.check_needs_rehash(password_hash)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._admitted.acquire(blocking=False):
            raise HashingBusy
        try:
            if not self._at_once.acquire(timeout=self._longest_wait_seconds):
                raise HashingBusy
            try:
                yield
            finally:
                self._at_once.release()
        finally:
            self._admitted.release()
