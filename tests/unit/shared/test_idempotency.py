"""What makes two requests under one Idempotency-Key the same: what was sent, not our code."""

from typing import Any

from flask import Request
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from shared.http.idempotency import read_key

BODY = b'{"action": "Drink", "period_days": 1, "note": {"b": [1, 2], "a": "\xd0\xb6"}}'


def fingerprint(
    body: bytes = BODY, path: str = "/api/habit/", method: str = "POST", **options: Any
) -> bytes:
    headers = Headers({"Idempotency-Key": "k"})
    builder = EnvironBuilder(path, method=method, data=body, headers=headers)
    key = read_key(Request(builder.get_environ()), **options)
    assert key is not None
    return key.fingerprint


def test_the_fingerprint_is_one_that_every_release_makes() -> None:
    """Another value here makes every repetition of the day of a deployment a 409."""
    assert list(fingerprint()[:8]) == [192, 223, 220, 129, 228, 142, 77, 234]


def test_order_and_layout_of_the_body_do_not_matter() -> None:
    other = '{"note":{"a":"\\u0436","b":[1,2]},"period_days":1,"action":"Drink"}'
    assert fingerprint(other.encode()) == fingerprint()


def test_values_path_and_method_matter() -> None:
    others = [
        fingerprint(BODY.replace(b"1", b"2")),
        fingerprint(BODY.replace(b"[1, 2]", b"[2, 1]")),
        fingerprint(BODY.replace(b"1,", b"true,")),
        fingerprint(path="/api/habit/public/"),
        fingerprint(method="PUT"),
        fingerprint(b""),
        fingerprint(b"null", path="/another/"),
    ]
    assert len({fingerprint(), *others}) == len(others) + 1


def test_secret_fields_leave_no_trace() -> None:
    with_password = BODY.replace(b"{", b'{"password": "secret", ', 1)
    assert fingerprint(with_password, secret_fields=("password",)) == fingerprint()
