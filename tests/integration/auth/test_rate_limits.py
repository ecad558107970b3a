"""Limits: N pass and the next one does not, per address and per account, for all replicas."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine

from services.auth.rate_limits import FailedLogins, WrongPassword
from services.auth.rate_windows import LimitReached, RateWindow, Undecided
from tests.integration.auth.callers import (
    Answer,
    Caller,
    assert_problem,
    change,
    prune_once,
    registered,
    rows,
)
from tests.integration.auth.conftest import MakeApp, parts_of


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


def test_right_passwords_in_parallel_lock_nobody_out(make_app: MakeApp) -> None:
    app = make_app(failed_logins=2)
    registered(app)

    with ThreadPoolExecutor(6) as pool:
        answers = pool.map(lambda _: Caller(app.test_client()).sign_in(), range(6))
        assert [answer.status_code for answer in answers] == [200] * 6


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


@pytest.fixture
def engine(app: Flask) -> Engine:
    return parts_of(app).engine


def window(engine: Engine, limit: int = 1, span_seconds: int = 900) -> RateWindow:
    return RateWindow(engine, "test", limit=limit, span_seconds=span_seconds)


def pass_time(database_url: str, seconds: float) -> None:
    """Let the counts grow older."""
    change(
        database_url,
        "UPDATE rate_windows SET lapses_at = lapses_at - make_interval(secs => %(s)s),"
        " counted = ARRAY(SELECT at - make_interval(secs => %(s)s) FROM unnest(counted) at),"
        " held = ARRAY(SELECT at - make_interval(secs => %(s)s) FROM unnest(held) at)",
        s=seconds,
    )


def test_a_window_slides(engine: Engine, database_url: str) -> None:
    limit = window(engine, limit=2, span_seconds=60)
    limit.count("x")
    pass_time(database_url, 50)
    limit.count("x")
    with pytest.raises(LimitReached) as refused:
        limit.count("x")
    assert 5 <= refused.value.retry_after_seconds <= 10
    pass_time(database_url, 10.1)

    limit.count("x")
    with pytest.raises(LimitReached):
        limit.count("x")


def test_of_many_at_once_as_many_enter_as_there_is_room_for(engine: Engine) -> None:
    limit = window(engine, limit=5)

    def enters(_number: int) -> bool:
        try:
            limit.count("x")
        except LimitReached:
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(enters, range(60))) == 5


def test_a_refused_request_does_not_lengthen_the_wait(engine: Engine, database_url: str) -> None:
    limit = window(engine)
    limit.count("x")
    for _ in range(3):
        with pytest.raises(LimitReached):
            limit.count("x")

    [row] = rows(database_url, "SELECT cardinality(counted) AS counted FROM rate_windows")
    assert row["counted"] == 1


def test_a_place_held_by_a_process_that_died_is_free_again_soon(
    engine: Engine, database_url: str
) -> None:
    limit = window(engine)
    limit.hold("x")
    with pytest.raises(Undecided):
        limit.hold("x")
    pass_time(database_url, 10.1)

    limit.hold("x")


def test_a_place_that_was_settled_is_not_free_again_soon(engine: Engine, database_url: str) -> None:
    limit = window(engine)
    limit.settle(limit.hold("x"))
    pass_time(database_url, 20)

    with pytest.raises(LimitReached):
        limit.hold("x")


def test_of_two_places_one_is_given_back_and_one_counted(engine: Engine) -> None:
    limit = window(engine, limit=2)
    first, second = limit.hold("x"), limit.hold("x")
    limit.give_back(first)
    limit.settle(second)
    limit.hold("x")
    with pytest.raises(Undecided):
        limit.hold("x")


def test_whoever_waits_too_long_for_others_is_refused(engine: Engine) -> None:
    logins = FailedLogins(window(engine), longest_wait_seconds=0.1)

    with ExitStack() as attempts:
        attempts.enter_context(logins.attempt("ann@example.com"))
        with pytest.raises(LimitReached):
            attempts.enter_context(logins.attempt("ann@example.com"))


def test_an_attempt_that_breaks_off_does_not_count(engine: Engine) -> None:
    logins = FailedLogins(window(engine))
    with pytest.raises(ZeroDivisionError), logins.attempt("ann@example.com"):
        _ = 1 / 0

    with pytest.raises(WrongPassword), logins.attempt("ann@example.com"):
        raise WrongPassword


def test_failed_logins_leave_nothing_once_their_time_is_over(
    make_app: MakeApp, database_url: str
) -> None:
    client = make_app().test_client()
    for number in range(3):
        Caller(client, f"nobody{number}@example.com").sign_in()
    registered(make_app())
    assert len(rows(database_url, "SELECT 1 FROM rate_windows")) > 3
    pass_time(database_url, 15 * 60)
    prune_once(database_url)

    assert rows(database_url, "SELECT 1 FROM rate_windows") == []


def test_counts_cost_no_flush(database_url: str) -> None:
    kind = "SELECT relpersistence AS kind FROM pg_class WHERE relname = 'rate_windows'"
    assert rows(database_url, kind) == [{"kind": "u"}]
