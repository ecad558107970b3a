"""What has had its time is forgotten by the relay, without anybody asking for it."""

import psycopg
import pytest
from flask.testing import FlaskClient
from prometheus_client import REGISTRY

from shared import pruning
from tests.integration.auth.callers import Caller, change, prune_once, rows


def test_old_keys_and_expired_tokens_go_and_the_others_stay(
    client: FlaskClient, database_url: str
) -> None:
    for email in ("ann@example.com", "boris@example.com"):
        caller = Caller(client, email)
        client.post(
            "/api/register/",
            json={"email": email, "password": caller.password},
            headers={"Idempotency-Key": "k-1"},
        )
        caller.tokens()
    change(
        database_url,
        "UPDATE answered_requests SET used_at = used_at - interval '24 hours'"
        " WHERE ctid = (SELECT min(ctid) FROM answered_requests)",
    )
    change(
        database_url,
        "UPDATE refresh_tokens SET issued_at = now() - interval '15 days', expires_at = now()"
        " WHERE token_hash = (SELECT token_hash FROM refresh_tokens LIMIT 1)",
    )
    prune_once(database_url)

    assert len(rows(database_url, "SELECT 1 FROM answered_requests")) == 1
    assert len(rows(database_url, "SELECT 1 FROM refresh_tokens")) == 1


def test_much_goes_in_batches(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH_SIZE", 10)
    labels = {"table": "answered_requests"}
    before = REGISTRY.get_sample_value("rows_pruned_total", labels) or 0
    change(
        database_url,
        "INSERT INTO answered_requests SELECT 'ann', sha256(n::text::bytea), '', '{}',"
        " now() - interval '2 days' FROM generate_series(1, 95) n",
    )
    prune_once(database_url)

    assert rows(database_url, "SELECT 1 FROM answered_requests") == []
    assert REGISTRY.get_sample_value("rows_pruned_total", labels) == before + 95


def test_a_row_that_somebody_holds_is_passed_over(database_url: str) -> None:
    change(
        database_url,
        "INSERT INTO answered_requests SELECT 'ann', sha256(n::text::bytea), '', '{}',"
        " now() - interval '2 days' FROM generate_series(1, 3) n",
    )
    with psycopg.connect(database_url) as somebody:
        somebody.execute("SELECT 1 FROM answered_requests WHERE key_hash = sha256('2') FOR UPDATE")
        prune_once(database_url)

    assert len(rows(database_url, "SELECT 1 FROM answered_requests")) == 1
