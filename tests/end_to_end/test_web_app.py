"""The web app in a real browser, as somebody new lives through it."""

import secrets
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end.browser import browser_context, complaints_of
from tests.servers.whole_system import System

PASSWORD = "one habit at a time"


@pytest.fixture
def page(system: System) -> Iterator[Page]:
    """Yield a page that has complained of nothing at its end."""
    with browser_context(base_url=system.gateway_url, service_workers="block") as context:
        page = context.new_page()
        complaints = complaints_of(page)
        yield page
        assert complaints == []


def sign_up(page: Page) -> str:
    email = f"{secrets.token_hex(6)}@example.com"
    page.goto("/")
    page.get_by_role("link", name="Sign up").click()
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create my account").click()
    return email


def sign_in(page: Page, email: str) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_somebody_new_takes_a_habit_checks_it_off_and_finds_it_so_again(page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.extend([request.method] * ("/days/" in request.url)))
    email = sign_up(page)
    page.get_by_role("button", name="Take it: Drink a glass of water").click()
    page.get_by_role("button", name="Drink a glass of water: due").click()

    done = page.get_by_role("button", name="Drink a glass of water: done")
    expect(done).to_be_visible()
    expect(page.get_by_role("status").get_by_role("button", name="Undo")).to_be_visible()
    expect(page.get_by_test_id("unsent")).to_have_count(0)
    page.reload()
    sign_in(page, email)
    expect(done).to_be_visible()
    assert sent == ["PUT"]
