"""The search finds a planted secret in every spelling, and only what was planted."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.faults.secret_search import Occurrence, Secret, find_secrets

SECRET = Secret("a password", 'p/ss "w0rd" ключ')


@pytest.mark.parametrize(
    "line",
    [
        f"signing in with {SECRET.value}",
        json.dumps({"event": "signing in", "body": f"password={SECRET.value}"}),
        f"GET /?password={quote(SECRET.value, safe='')}&page=1",
    ],
    ids=["as it is", "in JSON", "in a URL"],
)
def test_a_planted_secret_is_found_by_file_and_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "inner").mkdir()
    file = tmp_path / "inner" / "auth.log"
    file.write_text(f"started\n{line}\nstopped\n")
    assert find_secrets(tmp_path, [SECRET]) == [Occurrence("a password", file, 2)]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (f"{'eyJ' + 20 * 'a'}.{'eyJ' + 20 * 'b'}.{40 * 'c'}", "something like a JWT"),
        ("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA", "something like a password hash"),
        (f"POST /bot123456789:{'A' * 35}/getMe", "something like a bot token"),
        ("{'Authorization': 'Bearer abcdefgh12'}", "something like a bearer token"),
        (f"cannot connect to postgresql://auth:{8 * 'x'}@db/auth", "a URL with a password"),
    ],
)
def test_what_has_the_shape_of_a_secret_is_found_unknown(
    tmp_path: Path, line: str, found: str
) -> None:
    (tmp_path / "any.log").write_text(line)
    assert [each.secret for each in find_secrets(tmp_path, [])] == [found]


def test_an_innocent_log_is_innocent(tmp_path: Path) -> None:
    lines = [
        '{"event": "waiting for a server", "reason": "password authentication failed"}',
        "connected to postgresql://auth:***@db:5432/auth at 2026-11-23T18:59:01Z",
        "WWW-Authenticate: Bearer",
    ]
    (tmp_path / "any.log").write_text("\n".join(lines))
    assert find_secrets(tmp_path, [SECRET, Secret("too short", "auth")]) == []


def test_the_found_place_does_not_repeat_the_secret(tmp_path: Path) -> None:
    (tmp_path / "any.log").write_text(SECRET.value)
    assert SECRET.value not in repr(find_secrets(tmp_path, [SECRET]))
