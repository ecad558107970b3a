"""Callers of auth's API, and a look into its database."""

from dataclasses import dataclass
from typing import Any, Protocol

import psycopg
from flask import Flask
from flask.testing import FlaskClient
from psycopg.rows import dict_row
from werkzeug.datastructures import Headers

from services.auth.record_retention import RETENTIONS
from shared.database import new_engine
from shared.pruning import prune

PASSWORD = "correct horse battery"


class Answer(Protocol):
    """An HTTP answer whose body, if JSON, is taken as what the test says it is."""

    @property
    def status_code(self) -> int: ...

    @property
    def content_type(self) -> str | None: ...

    @property
    def json(self) -> Any: ...

    @property
    def text(self) -> str: ...

    @property
    def data(self) -> bytes: ...

    @property
    def headers(self) -> Headers: ...


@dataclass(frozen=True, slots=True)
class Caller:
    """One person with an account, or on the way to one."""

    client: FlaskClient
    email: str = "ann@example.com"
    password: str = PASSWORD

    def register(self, **more: Any) -> Answer:
        body = {"email": self.email, "password": self.password, **more}
        return self.client.post("/api/register/", json=body)

    def sign_in(self, password: str | None = None, **kwargs: Any) -> Answer:
        body = {"email": self.email, "password": password or self.password}
        return self.client.post("/api/token/", json=body, **kwargs)

    def tokens(self) -> dict[str, str]:
        answer = self.sign_in()
        assert answer.status_code == 200, answer.text
        tokens: dict[str, str] = answer.json
        return tokens

    def refresh(self, token: str) -> Answer:
        return self.client.post("/api/token/refresh/", json={"refresh": token})

    def revoke(self, token: str) -> Answer:
        return self.client.post("/api/token/revoke/", json={"refresh": token})

    def me(self, access: str, method: str = "GET", **kwargs: Any) -> Answer:
        return self.client.open("/api/me/", method=method, headers=bearer(access), **kwargs)

    def change_password(self, access: str, current: str, new: str) -> Answer:
        body = {"current_password": current, "new_password": new}
        return self.client.post("/api/me/password/", json=body, headers=bearer(access))


def fetch(client: FlaskClient, path: str) -> Answer:
    return client.get(path)


def bearer(access: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {access}"}


def registered(app: Flask, email: str = "ann@example.com") -> Caller:
    caller = Caller(app.test_client(), email)
    answer = caller.register()
    assert answer.status_code == 201, answer.text
    return caller


def rows(database_url: str, query: str, *parameters: Any) -> list[dict[str, Any]]:
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        return connection.execute(query, parameters).fetchall()


def change(database_url: str, statement: str, *parameters: Any, **named: Any) -> int:
    with psycopg.connect(database_url) as connection:
        return connection.execute(statement, named or parameters).rowcount


def prune_once(database_url: str) -> None:
    """Do what the relay does every ten minutes."""
    engine = new_engine(database_url, pool_size=1)
    prune(engine, RETENTIONS)
    engine.dispose()


def events(database_url: str) -> list[tuple[str, dict[str, Any]]]:
    """Return type and body of everything in the outbox, oldest first."""
    found = rows(database_url, "SELECT routing_key, body FROM outbox ORDER BY id")
    return [(row["routing_key"], row["body"]) for row in found]


def assert_problem(answer: Answer, status: int, code: str, *fields: str) -> None:
    """Check that an answer is the problem details it should be."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    body = answer.json
    assert body["status"] == status
    assert body["code"] == code
    assert body["title"]
    assert body["type"]
    assert body["detail"]
    assert body["request_id"] == answer.headers["X-Request-ID"]
    assert sorted(body.get("errors", {})) == sorted(fields)
    if status == 401:
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    if status == 429:
        assert int(answer.headers["Retry-After"]) >= 1
