"""The operator's command line, in this process and as one of its own."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jwt
import pytest
from flask import Flask

from services.auth.__main__ import main
from services.auth.key_ring import KEPT_SECONDS
from services.auth.settings import Settings
from shared.http.access_tokens import KEY_SET_SECONDS
from tests.integration.auth.callers import (
    PASSWORD,
    Answer,
    Caller,
    assert_problem,
    bearer,
    events,
    registered,
    rows,
)
from tests.integration.auth.conftest import SECRET

ROOT = Path(__file__).resolve().parents[3]

Run = Callable[..., int]


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    return {
        "DATABASE_URL": settings.database_url,
        "RABBITMQ_URL": settings.rabbitmq_url,
        "SIGNING_KEYS_SECRET": SECRET,
    }


@pytest.fixture
def run(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give a function: arguments and standard input -> exit status."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run_here(*arguments: str, stdin: str = "") -> int:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        return _status(arguments)

    return run_here


def _status(arguments: Sequence[str]) -> int:
    try:
        return main(list(arguments))
    except SystemExit as ended:
        return int(str(ended.code))


def test_a_service_token_is_printed_once_listed_and_revoked(
    run: Run, app: Flask, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("service-token", "create", "feed reader", "--scopes", "events:read:all")
    assert run(*command) == 0
    token = capsys.readouterr().out.removesuffix("\n")
    client = app.test_client()

    def exchange() -> Answer:
        return client.get("/internal/token-exchange/", headers={"Authorization": f"Bearer {token}"})

    claims = jwt.decode(exchange().headers["X-Access-Token"], options={"verify_signature": False})
    assert re.fullmatch("hab_svc_[0-9A-Za-z]{36}", token)
    assert (claims["sub"], claims["scope"]) == ("service:feed reader", "events:read:all")
    assert token not in str(rows(database_url, "SELECT * FROM api_tokens"))
    assert run(*command) == 1
    assert "a service token with the name feed reader" in capsys.readouterr().err
    assert run("service-token", "list") == 0
    assert capsys.readouterr().out.split("\t")[:2] == ["feed reader", token[:12]]
    assert run("service-token", "revoke", "feed reader") == 0
    assert run("service-token", "revoke", "feed reader") == 1
    assert exchange().status_code == 401


def test_a_service_token_is_no_account(run: Run, app: Flask, capsys: Any) -> None:
    run("service-token", "create", "feed", "--scopes", "events:read:all")
    token = capsys.readouterr().out.strip()
    client = app.test_client()
    exchanged: Answer = client.get("/internal/token-exchange/", headers=bearer(token))

    answer = Caller(client).me(exchanged.headers["X-Access-Token"])

    assert_problem(answer, 403, "insufficient_scope")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_an_account_created_by_the_operator_can_sign_in(
    run: Run, app: Flask, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("accounts", "create", "Ann@Example.com", "--time-zone", "Asia/Tokyo")
    assert run(*command, "--locale", "ru", stdin=f"{PASSWORD}\n") == 0

    [(event_type, body)] = events(database_url)
    assert event_type == "account.registered.v1"
    assert capsys.readouterr().out == f"created {body['id']} ann@example.com\n"
    ann = Caller(app.test_client())
    profile = ann.me(ann.tokens()["access"]).json
    assert (profile["time_zone"], profile["locale"]) == ("Asia/Tokyo", "ru")


@pytest.mark.parametrize(
    ("arguments", "stdin", "status", "reason"),
    [
        (("ann@example.com",), "short\n", 1, "8 to 128 characters"),
        (("ann@example.com",), "", 1, "8 to 128 characters"),
        (("nobody",), PASSWORD, 2, "@-sign"),
        (("ann@example.com", "--time-zone", "Mars"), PASSWORD, 2, "not an IANA time zone"),
        (("ann@example.com", "--locale", "de"), PASSWORD, 2, "invalid choice"),
        (("ann@example.com", "--password", "x"), PASSWORD, 2, "unrecognized arguments"),
    ],
)
def test_an_account_that_may_not_be_is_refused_with_the_reason(
    run: Run,
    database_url: str,
    capsys: pytest.CaptureFixture[str],
    *,
    arguments: Sequence[str],
    stdin: str,
    status: int,
    reason: str,
) -> None:
    assert run("accounts", "create", *arguments, stdin=stdin) == status
    assert reason in capsys.readouterr().err
    assert rows(database_url, "SELECT id FROM accounts") == []


def test_a_taken_email_is_refused(
    run: Run, ann: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("accounts", "create", "ANN@example.com", stdin=PASSWORD) == 1
    assert capsys.readouterr().err == "error: an account with the e-mail ann@example.com exists\n"


@pytest.mark.usefixtures("run")
def test_the_password_is_asked_for_twice_on_a_terminal(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([PASSWORD, PASSWORD, PASSWORD, "a slip"])
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(answers))
    monkeypatch.setattr(sys, "stdin", _Terminal())

    assert _status(["accounts", "create", "ann@example.com"]) == 0
    assert _status(["accounts", "create", "bob@example.com"]) == 1
    assert Caller(app.test_client()).sign_in().status_code == 200
    assert Caller(app.test_client(), "bob@example.com").sign_in().status_code == 401


def test_the_list_names_every_account_and_its_state(
    run: Run, app: Flask, capsys: pytest.CaptureFixture[str]
) -> None:
    registered(app)
    registered(app, "bob@example.com")
    run("accounts", "disable", "bob@example.com")
    capsys.readouterr()

    assert run("accounts", "list") == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [(line[1], line[-1]) for line in lines] == [
        ("active", "ann@example.com"),
        ("disabled", "bob@example.com"),
    ]


def test_a_disabled_account_is_shut_out_everywhere_until_it_is_enabled(
    run: Run, ann: Caller, database_url: str
) -> None:
    tokens = ann.tokens()
    assert run("accounts", "disable", "Ann@example.com") == 0

    assert_problem(ann.sign_in(), 401, "wrong_credentials")
    assert_problem(ann.refresh(tokens["refresh"]), 401, "invalid_refresh_token")
    assert_problem(ann.me(tokens["access"]), 401, "invalid_token")
    event_type, body = events(database_url)[-1]
    assert event_type == "account.changed.v1"
    assert (body["is_active"], body["version"]) == (False, 2)
    assert body["settings_since"] == body["updated_at"]

    assert run("accounts", "enable", "ann@example.com") == 0
    assert ann.sign_in().status_code == 200
    assert_problem(ann.refresh(tokens["refresh"]), 401, "invalid_refresh_token")
    assert events(database_url)[-1][1]["is_active"] is True


@pytest.mark.parametrize("command", ["disable", "enable"])
def test_an_unknown_account_is_refused(
    run: Run, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert run("accounts", command, "nobody@example.com") == 1
    assert "there is no account with the e-mail nobody@example.com" in capsys.readouterr().err


def test_rotating_keys_says_when_the_next_key_signs(
    run: Run, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("rotate-keys") == 0
    assert "it signs from 2" in capsys.readouterr().out
    assert len(rows(database_url, "SELECT kid FROM signing_keys")) == 2

    assert run("rotate-keys") == 1
    assert "published already" in capsys.readouterr().err


def test_rotating_keys_now_replaces_them_all_even_under_another_secret(
    run: Run,
    database_url: str,
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = rows(database_url, "SELECT kid FROM signing_keys")
    monkeypatch.setenv("SIGNING_KEYS_SECRET", "another secret of 32 characters.")

    assert run("rotate-keys", "--now") == 0
    told = capsys.readouterr().out
    assert f"auth refuses the access tokens issued so far within {KEPT_SECONDS} seconds" in told
    assert f"every other service within {KEY_SET_SECONDS} seconds" in told
    after = rows(database_url, "SELECT kid FROM signing_keys")
    assert len(after) == 1
    assert after != before


def test_a_database_that_is_away_or_empty_is_said_so(
    run: Run,
    database: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nowhere")
    assert run("accounts", "list") == 1
    assert "the database does not answer" in capsys.readouterr().err

    monkeypatch.setenv("DATABASE_URL", database("empty"))
    assert run("accounts", "list") == 1
    assert "run setup first" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [(), ("accounts",), ("walk",), ("serve", "now")])
def test_a_mistyped_command_shows_the_usage(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: Sequence[str]
) -> None:
    assert run(*arguments) == 2
    assert "usage" in capsys.readouterr().err


def test_a_command_runs_as_a_process_of_its_own(environment: dict[str, str]) -> None:
    def command(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "services.auth", *arguments],
            cwd=ROOT,
            env={**os.environ, **environment, **more},
            input=f"{PASSWORD}\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    created = command("accounts", "create", "ann@example.com")
    assert (created.returncode, created.stderr) == (0, "")
    assert created.stdout.startswith("created ")

    short = command("accounts", "list", SIGNING_KEYS_SECRET="short")
    assert short.returncode != 0
    assert "SIGNING_KEYS_SECRET" in short.stderr
    assert "short" not in short.stderr.replace("shorter", "")
