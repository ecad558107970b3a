"""The cookie form of a session: for pages, out of reach of their scripts and of other sites."""

from typing import Any

import pytest
from flask import Flask
from werkzeug.http import parse_cookie

from tests.integration.auth.callers import (
    PASSWORD,
    Answer,
    Caller,
    assert_problem,
    bearer,
    change,
    registered,
    rows,
)

NAME = "__Host-refresh"
COOKIE = {"cookie": True}
SIGN_IN = {"email": "ann@example.com", "password": PASSWORD, "cookie": True}


def ask(ann: Caller, path: str, body: Any, token: str = "", **headers: str) -> Answer:
    cookie = {"Cookie": f"{NAME}={token}"} if token else {}
    client = ann.client.application.test_client(use_cookies=False)
    return client.post(f"/api/token/{path}", json=body, headers={**cookie, **headers})


def token_in(answer: Answer) -> str:
    """Return the token that an answer sets, and check how it sets it."""
    assert answer.status_code == 200, answer.text
    [cookie] = answer.headers.getlist("Set-Cookie")
    value, *attributes = cookie.split("; ")
    assert set(attributes) == {
        "HttpOnly",
        "Secure",
        "SameSite=Strict",
        "Path=/",
        f"Max-Age={14 * 24 * 3600}",
    } | {each for each in attributes if each.startswith("Expires=")}
    token: str = parse_cookie(value)[NAME]
    return token


def test_the_refresh_token_is_in_the_cookie_alone_and_rotates(ann: Caller) -> None:
    signed_in = ask(ann, "", SIGN_IN)
    first = token_in(signed_in)
    renewed = ask(ann, "refresh/", COOKIE, first)
    second = token_in(renewed)

    assert set(signed_in.json) == set(renewed.json) == {"access"}
    assert first not in signed_in.text
    assert first != second
    assert ann.me(renewed.json["access"]).status_code == 200
    assert signed_in.headers["Cache-Control"] == "no-store"


def test_two_pages_that_renew_at_once_get_the_same_session(ann: Caller) -> None:
    token = token_in(ask(ann, "", SIGN_IN))

    first, second = (token_in(ask(ann, "refresh/", COOKIE, token)) for _ in range(2))

    assert first == second


def test_signing_out_ends_the_session_and_clears_the_cookie(ann: Caller, database_url: str) -> None:
    token = token_in(ask(ann, "", SIGN_IN))
    answer = ask(ann, "revoke/", COOKIE, token)

    assert answer.status_code == 204
    [cookie] = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith(f"{NAME}=;")
    assert "Max-Age=0" in cookie
    assert "Secure" in cookie  # without it a browser ignores a cookie of this prefix
    assert rows(database_url, "SELECT 1 FROM refresh_tokens") == []
    assert_problem(ask(ann, "refresh/", COOKIE, token), 401, "invalid_refresh_token")
    assert ask(ann, "revoke/", COOKIE).status_code == 204


def test_a_cookie_counts_only_where_the_body_says_so(ann: Caller) -> None:
    token = token_in(ask(ann, "", SIGN_IN))

    assert_problem(ask(ann, "refresh/", {}, token), 400, "invalid_input", "refresh")
    assert_problem(ask(ann, "revoke/", {}, token), 400, "invalid_input", "refresh")
    both = {"cookie": True, "refresh": token}
    assert_problem(ask(ann, "refresh/", both, token), 400, "invalid_input", "refresh")
    assert_problem(ask(ann, "refresh/", COOKIE), 401, "invalid_refresh_token")
    assert token_in(ask(ann, "refresh/", COOKIE, token))


@pytest.mark.parametrize("path", ["", "refresh/", "revoke/"])
@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]
)
def test_what_a_form_of_another_page_can_send_is_refused(
    ann: Caller, path: str, content_type: str
) -> None:
    token = token_in(ask(ann, "", SIGN_IN))

    answer = ann.client.post(
        f"/api/token/{path}",
        data='{"cookie": true}',
        headers={"Cookie": f"{NAME}={token}", "Content-Type": content_type},
    )

    assert_problem(answer, 415, "unsupported_media_type")
    assert token_in(ask(ann, "refresh/", COOKIE, token))


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    ("path", "body"), [("", SIGN_IN), ("refresh/", COOKIE), ("revoke/", COOKIE)]
)
def test_a_page_of_another_origin_cannot_use_the_cookie(
    ann: Caller, path: str, body: dict[str, Any], site: str
) -> None:
    token = token_in(ask(ann, "", SIGN_IN))

    foreign = ask(ann, path, body, token, **{"Sec-Fetch-Site": site})

    assert_problem(foreign, 403, "cross_site")
    assert "Set-Cookie" not in foreign.headers
    assert token_in(ask(ann, "refresh/", COOKIE, token, **{"Sec-Fetch-Site": "same-origin"}))


def sessions_of(ann: Caller, access: str) -> list[dict[str, Any]]:
    answer: Answer = ann.client.get("/api/me/sessions/", headers=bearer(access))
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json["results"]
    return results


def end(ann: Caller, access: str, session_id: str = "") -> Answer:
    path = f"/api/me/sessions/{session_id}/" if session_id else "/api/me/sessions/"
    return ann.client.delete(path, headers=bearer(access))


def test_sessions_tell_where_one_is_signed_in(ann: Caller, database_url: str) -> None:
    elsewhere = ann.sign_in(headers={"User-Agent": "An old phone"}).json
    # A session of before it was kept when one began.
    change(database_url, "UPDATE refresh_tokens SET session_since = NULL, user_agent = NULL")
    here = ann.sign_in(headers={"User-Agent": "x" * 300}).json
    renewed = ann.refresh(here["refresh"]).json

    current, other = sessions_of(ann, renewed["access"])

    assert (current["is_current"], other["is_current"]) == (True, False)
    assert (current["user_agent"], other["user_agent"]) == ("x" * 200, None)
    assert other["created_at"] == other["last_used_at"] < current["created_at"]
    assert current["created_at"] < current["last_used_at"] < current["expires_at"]
    assert sessions_of(ann, elsewhere["access"])[1]["is_current"]


def test_one_session_or_all_can_be_ended(ann: Caller) -> None:
    here, there = ann.tokens(), ann.tokens()
    _, other = sessions_of(ann, there["access"])

    assert end(ann, there["access"], other["id"]).status_code == 204
    assert ann.refresh(here["refresh"]).status_code == 401
    assert_problem(end(ann, there["access"], other["id"]), 404, "not_found")
    assert end(ann, there["access"]).status_code == 204
    assert sessions_of(ann, there["access"]) == []
    assert ann.refresh(there["refresh"]).status_code == 401


def test_nobody_ends_a_session_of_another(ann: Caller, app: Flask) -> None:
    bob = registered(app, "bob@example.com")
    bobs = bob.tokens()["access"]
    [session] = sessions_of(bob, bobs)
    anns = ann.tokens()["access"]

    assert_problem(end(ann, anns, session["id"]), 404, "not_found")
    assert_problem(end(ann, anns, "none"), 404, "not_found")
    assert end(ann, anns).status_code == 204
    assert sessions_of(bob, bobs) == [session]
