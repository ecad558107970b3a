"""Limits: N pass and the next one does not, per address and per account, for all replicas."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
import redis

from services.auth import sliding_window
from services.auth.rate_limits import FailedLogins, WrongPassword
from services.auth.sliding_window import LimitReached, SlidingWindow, Undecided, new_redis
from tests.integration.auth.callers import Answer, Caller, assert_problem, registered
from tests.integration.auth.conftest import MakeApp

NOWHERE = "redis://127.0.0.1:1/0"


def assert_limited(answer: Answer) -> None:
    assert_problem(answer, 429, "too_many_requests")


def _from(address: str) -> dict[str, Any]:
    return {"headers": {"X-Forwarded-For": address}}


def test_registrations_are_limited_by_address_good_or_bad(make_app: MakeApp) -> None:
    client = make_app(registrations_per_minute=3).test_client()

    assert Caller(client).register().status_code == 201
    assert Caller(client).register().status_code == 409
    assert client.post("/api/register/", json={}).status_code == 400
    refused = Caller(client).register()
    assert_limited(refused)
    assert int(refused.headers["Retry-After"]) <= 60


def test_token_requests_are_limited_by_address(make_app: MakeApp) -> None:
    ann = registered(make_app(token_requests_per_minute=3))

    assert [ann.sign_in().status_code for _ in range(3)] == [200] * 3
    assert_limited(ann.sign_in())


def test_refreshing_and_revoking_are_not_limited(make_app: MakeApp) -> None:
    ann = registered(make_app(token_requests_per_minute=1))
    token = ann.tokens()["refresh"]
    for _ in range(5):
        token = ann.refresh(token).json["refresh"]

    assert ann.revoke(token).status_code == 204


def test_every_address_has_a_limit_of_its_own(make_app: MakeApp) -> None:
    ann = registered(make_app(token_requests_per_minute=1))

    assert ann.sign_in(**_from("198.51.100.1")).status_code == 200
    assert_limited(ann.sign_in(**_from("198.51.100.1")))
    assert ann.sign_in(**_from("198.51.100.2")).status_code == 200


def test_what_a_client_claims_before_the_gateway_does_not_matter(make_app: MakeApp) -> None:
    ann = registered(make_app(token_requests_per_minute=1))

    assert ann.sign_in(**_from("192.0.2.7, 198.51.100.1")).status_code == 200
    assert_limited(ann.sign_in(**_from("192.0.2.8, 198.51.100.1")))


def test_replicas_count_together(make_app: MakeApp) -> None:
    replicas = [make_app(token_requests_per_minute=3) for _ in range(2)]
    ann = registered(replicas[0])

    statuses = [
        Caller(replicas[number % 2].test_client(), ann.email).sign_in().status_code
        for number in range(4)
    ]
    assert statuses == [200, 200, 200, 429]


def test_failed_logins_are_limited_by_account_whatever_the_address(make_app: MakeApp) -> None:
    app = make_app(failed_logins=5)
    ann, bob = registered(app), registered(app, "bob@example.com")

    for number in range(5):
        answer = ann.sign_in("a wrong password", **_from(f"198.51.100.{number}"))
        assert_problem(answer, 401, "wrong_credentials")
    refused = ann.sign_in("a wrong password", **_from("198.51.100.99"))

    assert_limited(refused)
    assert int(refused.headers["Retry-After"]) <= 15 * 60
    assert_limited(ann.sign_in())
    assert bob.sign_in().status_code == 200


def test_the_spelling_of_the_email_gives_no_further_attempts(make_app: MakeApp) -> None:
    app = make_app(failed_logins=1)
    registered(app).sign_in("a wrong password")

    assert_limited(Caller(app.test_client(), "ANN@EXAMPLE.COM").sign_in("a wrong password"))


def test_unknown_emails_are_limited_alike(make_app: MakeApp) -> None:
    nobody = Caller(make_app(failed_logins=2).test_client(), "nobody@example.com")

    assert [nobody.sign_in().status_code for _ in range(3)] == [401, 401, 429]


def test_a_successful_login_does_not_count(make_app: MakeApp) -> None:
    ann = registered(make_app(failed_logins=2))

    assert [ann.sign_in().status_code for _ in range(5)] == [200] * 5
    assert ann.sign_in("a wrong password").status_code == 401
    assert ann.sign_in().status_code == 200
    assert ann.sign_in("a wrong password").status_code == 401
    assert_limited(ann.sign_in("a wrong password"))


def test_parallel_guesses_do_not_share_a_place(make_app: MakeApp) -> None:
    app = make_app(failed_logins=5)
    registered(app)

    with ThreadPoolExecutor(15) as pool:
        statuses = list(
            pool.map(
                lambda _: Caller(app.test_client()).sign_in("a wrong password").status_code,
                range(15),
            )
        )

    assert sorted(statuses) == [401] * 5 + [429] * 10


@pytest.mark.parametrize(
    "guess",
    [
        lambda ann, access: ann.me(access, "DELETE", json={"password": "a wrong password"}),
        lambda ann, access: ann.change_password(access, "a wrong password", "a new password"),
    ],
    ids=["erasing", "changing the password"],
)
def test_wrong_passwords_with_a_stolen_access_token_count_too(
    make_app: MakeApp, guess: Callable[[Caller, str], Answer]
) -> None:
    ann = registered(make_app(failed_logins=2))
    access = ann.tokens()["access"]

    assert [guess(ann, access).status_code for _ in range(2)] == [400, 400]
    assert_limited(guess(ann, access))
    assert_limited(ann.sign_in())


def test_without_redis_each_process_counts_for_itself(make_app: MakeApp) -> None:
    app = make_app(redis_url=NOWHERE, failed_logins=2, registrations_per_minute=1)
    ann = registered(app)

    assert_limited(Caller(app.test_client(), "bob@example.com").register())
    assert ann.sign_in().status_code == 200
    assert [ann.sign_in("a wrong password").status_code for _ in range(3)] == [401, 401, 429]
    assert app.test_client().get("/readyz").status_code == 200


@pytest.fixture
def client(redis_database: str) -> redis.Redis:
    return new_redis(redis_database)


def test_a_window_slides(client: redis.Redis) -> None:
    window = SlidingWindow(client, "test", limit=2, span_seconds=60)
    window.count("x")
    _age(client, "limit:test:x", 50)
    window.count("x")
    with pytest.raises(LimitReached) as refused:
        window.count("x")
    assert 5 <= refused.value.retry_after_seconds <= 10
    _age(client, "limit:test:x", 10.1)

    window.count("x")
    with pytest.raises(LimitReached):
        window.count("x")


def test_a_window_leaves_nothing_in_redis_once_it_is_over(client: redis.Redis) -> None:
    SlidingWindow(client, "test", limit=2, span_seconds=60).count("x")

    assert 59_000 <= int(client.pttl("limit:test:x")) <= 60_000


def test_a_refused_request_does_not_lengthen_the_wait(client: redis.Redis) -> None:
    window = SlidingWindow(client, "test", limit=1, span_seconds=60)
    window.count("x")
    for _ in range(3):
        with pytest.raises(LimitReached):
            window.count("x")

    assert client.zcard("limit:test:x") == 1


def test_a_place_held_by_a_process_that_died_is_free_again_soon(client: redis.Redis) -> None:
    window = SlidingWindow(client, "test", limit=1, span_seconds=900)
    window.hold("x")
    with pytest.raises(Undecided):
        window.hold("x")
    _age(client, "limit:test:x", 10.1)

    window.hold("x")


def test_a_place_that_was_settled_is_not_free_again_soon(client: redis.Redis) -> None:
    window = SlidingWindow(client, "test", limit=1, span_seconds=900)
    window.settle(window.hold("x"))
    _age(client, "limit:test:x", 20)

    with pytest.raises(LimitReached):
        window.hold("x")


def test_whoever_waits_too_long_for_others_is_refused(client: redis.Redis) -> None:
    window = SlidingWindow(client, "test", limit=1, span_seconds=900)
    logins = FailedLogins(window, longest_wait_seconds=0.1)

    with ExitStack() as attempts:
        attempts.enter_context(logins.attempt("ann@example.com"))
        with pytest.raises(LimitReached):
            attempts.enter_context(logins.attempt("ann@example.com"))


def test_an_attempt_that_breaks_off_does_not_count(client: redis.Redis) -> None:
    logins = FailedLogins(SlidingWindow(client, "test", limit=1, span_seconds=900))
    with pytest.raises(ZeroDivisionError), logins.attempt("ann@example.com"):
        _ = 1 / 0

    with pytest.raises(WrongPassword), logins.attempt("ann@example.com"):
        raise WrongPassword


def test_redis_is_asked_again_after_a_pause(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = SlidingWindow(client, "test", limit=1, span_seconds=60)
    monkeypatch.setattr(sliding_window, "_REDIS_PAUSE_SECONDS", 0.0)
    take = window._take
    monkeypatch.setattr(window, "_take", _broken)
    window.count("x")
    assert client.zcard("limit:test:x") == 0
    monkeypatch.setattr(window, "_take", take)
    window.count("x")

    assert client.zcard("limit:test:x") == 1


def _broken(**_kwargs: Any) -> None:
    raise redis.ConnectionError("away")


def _age(client: redis.Redis, key: str, seconds: float) -> None:
    entries: list[Any] = list(client.zrange(key, 0, -1))
    for entry in entries:
        client.zincrby(key, -seconds * 1000, entry)
