"""Passwords: what counts as a character, what is hashed, and how many at a time."""

import inspect
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.auth.passwords import HashingBusy, PasswordHasher, has_good_length
from shared.http.server import THREADS


@pytest.mark.parametrize(
    ("password", "good"),
    [
        ("1234567", False),
        ("12345678", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("e\u0301" * 7, False),
        ("e\u0301" * 8, True),
        ("e\u0301" * 128, True),
        ("e\u0301" * 129, False),
        ("🙂" * 8, True),
        ("", False),
    ],
)
def test_8_to_128_composed_characters_make_a_password(password: str, *, good: bool) -> None:
    assert has_good_length(password) is good


@pytest.fixture(scope="module")
def hasher() -> PasswordHasher:
    return PasswordHasher()


def test_a_hash_matches_its_password_only(hasher: PasswordHasher) -> None:
    password_hash = hasher.hash("correct horse")

    assert hasher.matches(password_hash, "correct horse")
    assert not hasher.matches(password_hash, "correct horse ")


def test_two_hashes_of_one_password_differ(hasher: PasswordHasher) -> None:
    assert hasher.hash("correct horse") != hasher.hash("correct horse")


def test_the_unicode_form_does_not_matter(hasher: PasswordHasher) -> None:
    assert hasher.matches(hasher.hash("café ①"), "cafe\u0301 1")


def test_nobody_has_no_password_that_matches(hasher: PasswordHasher) -> None:
    assert not hasher.matches(None, "correct horse")


def test_nobody_costs_a_real_verification(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = PasswordHasher()
    verified: list[str] = []
    verify = hasher._argon2.verify

    class Counting:
        def verify(self, password_hash: str, password: str) -> bool:
            verified.append(password_hash)
            return verify(password_hash, password)

    monkeypatch.setattr(hasher, "_argon2", Counting())
    hasher.matches(None, "correct horse")

    [password_hash] = verified
    assert password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


class _Slow:
    """Stands for argon2: counts how many run at once, and waits to be let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.running = 0
        self.most_running = 0
        self._lock = threading.Lock()

    def hash(self, _password: str) -> str:
        with self._lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        assert self.go.wait(10)
        with self._lock:
            self.running -= 1
        return "hash"


def _busy_or_hash(hasher: PasswordHasher) -> str:
    try:
        return hasher.hash("x")
    except HashingBusy:
        return "busy"


def test_no_more_than_the_bound_hash_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher, slow = PasswordHasher(at_once=2, most_waiting=10), _Slow()
    monkeypatch.setattr(hasher, "_argon2", slow)

    with ThreadPoolExecutor(8) as pool:
        hashes = [pool.submit(_busy_or_hash, hasher) for _ in range(8)]
        slow.go.set()
        outcomes = [hashed.result() for hashed in hashes]

    assert outcomes == ["hash"] * 8
    assert slow.most_running <= 2


def test_a_queue_that_is_too_long_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = PasswordHasher(at_once=1, most_waiting=2, longest_wait_seconds=10)
    slow = _Slow()
    monkeypatch.setattr(hasher, "_argon2", slow)

    with ThreadPoolExecutor(8) as pool:
        hashes = [pool.submit(_busy_or_hash, hasher) for _ in range(8)]
        while sum(hashed.done() for hashed in hashes) < 5:
            assert not slow.go.is_set()
        slow.go.set()
        outcomes = sorted(hashed.result() for hashed in hashes)

    assert outcomes == ["busy"] * 5 + ["hash"] * 3


def test_a_wait_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher, slow = PasswordHasher(at_once=1, longest_wait_seconds=0.05), _Slow()
    monkeypatch.setattr(hasher, "_argon2", slow)

    with ThreadPoolExecutor(2) as pool:
        hashes = [pool.submit(_busy_or_hash, hasher) for _ in range(2)]
        while not any(hashed.done() for hashed in hashes):
            pass
        slow.go.set()
        outcomes = sorted(hashed.result() for hashed in hashes)

    assert outcomes == ["busy", "hash"]
    assert _busy_or_hash(hasher) == "hash"


def test_hashing_leaves_threads_of_the_process_free() -> None:
    defaults = inspect.signature(PasswordHasher).parameters
    assert defaults["at_once"].default + defaults["most_waiting"].default <= THREADS * 3 / 4
