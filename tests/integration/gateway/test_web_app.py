"""What the gateway serves at `/`: the web app's files, and its page for each of its addresses."""

import pytest

from deploy.gateway.configuration import WEB_APP_CONTENT_SECURITY_POLICY
from tests.integration.gateway.conftest import Gateway


@pytest.mark.parametrize(
    "path", ["/", "/index.html", "/days", "/habits/42/edit", "/sign-in?next=/"]
)
def test_every_address_of_the_app_is_its_page_and_never_kept(gateway: Gateway, path: str) -> None:
    answer = gateway.ask("GET", path)

    assert (answer.status_code, answer.text) == (200, "<title>the app</title>")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"


def test_files_named_by_their_content_are_kept_for_ever(gateway: Gateway) -> None:
    answer = gateway.ask("GET", "/assets/index-1a2b3c.js", headers={"Accept-Encoding": "gzip"})

    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"] == "application/javascript; charset=utf-8"
    assert answer.headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/sw.js", "application/javascript; charset=utf-8"),
        ("/manifest.webmanifest", "application/manifest+json"),
    ],
)
def test_what_tells_of_a_new_version_is_asked_for_each_time(
    gateway: Gateway, path: str, content_type: str
) -> None:
    answer = gateway.ask("GET", path)

    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Content-Type"] == content_type


@pytest.mark.parametrize(
    "path", ["/assets/index-old.js", "/assets/", "/assets/days", "/nothing.png", "/.sources"]
)
def test_a_file_that_is_not_there_is_not_found_and_not_kept(gateway: Gateway, path: str) -> None:
    answer = gateway.ask("GET", path)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "immutable" not in answer.headers.get("Cache-Control", "")


@pytest.mark.parametrize("path", ["/", "/days", "/assets/index-1a2b3c.js", "/sw.js"])
def test_the_app_gets_a_strict_policy_and_the_headers_of_every_answer(
    gateway: Gateway, path: str
) -> None:
    answer = gateway.ask("GET", path, headers={"X-Request-ID": "one"})

    assert answer.headers["Content-Security-Policy"] == WEB_APP_CONTENT_SECURITY_POLICY
    assert "unsafe" not in WEB_APP_CONTENT_SECURITY_POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Request-ID"] == "one"


def test_the_app_is_only_read(gateway: Gateway) -> None:
    for path in ("/", "/days", "/sw.js"):
        answer = gateway.ask("POST", path)
        assert answer.status_code == 405
        assert answer.headers["Allow"] == "GET, HEAD"
