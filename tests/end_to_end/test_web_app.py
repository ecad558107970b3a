"""The web app in a real browser, as somebody new lives through it."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.end_to_end.browser import browser_context, complaints_of
from tests.servers.whole_system import System

PASSWORD = "one habit at a time"
FIRST_LOAD_BYTES = 120_000
HABIT = {
    "action": "Read a page",
    "place": "In bed",
    "time": "22:00",
    "duration_seconds": 60,
    "is_published": True,
    "target_value": 3,
    "unit": "pages",
}

_LOADED_BYTES = """() => [...performance.getEntriesByType("resource"),
    ...performance.getEntriesByType("navigation")]
  .filter(({name}) => !name.includes("/api/"))
  .reduce((sum, {transferSize}) => sum + transferSize, 0)"""

# The app itself is at hand, and what was seen is on the disk.
_READY_FOR_NO_NETWORK = """async () => {
  const answer = (request) => new Promise((resolve) => {
    request.onsuccess = () => resolve(request.result);
  });
  const seen = async () => {
    const database = await answer(indexedDB.open("habits"));
    const all = await answer(database.transaction("seen").objectStore("seen").getAll());
    database.close();
    return JSON.stringify(all).includes("Read a page");
  };
  await navigator.serviceWorker.ready;
  while (!navigator.serviceWorker.controller || !(await seen())) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}"""


@dataclass(frozen=True)
class Ann:
    """Somebody whom the API knows; the other way to her account than her page."""

    api: str
    email: str
    headers: dict[str, str]

    def habit_id(self) -> str:
        habits = requests.get(f"{self.api}/habit/", headers=self.headers, timeout=10).json()
        first: str = habits["results"][0]["id"]
        return first

    def say(self, status: str) -> None:
        """Say elsewhere that today's first habit is done, or skipped."""
        today = requests.get(f"{self.api}/habit/today/", headers=self.headers, timeout=10).json()
        day = f"{self.api}/habit/{self.habit_id()}/days/{today['date']}/"
        requests.put(day, json={"status": status}, headers=self.headers, timeout=10)

    def change(self, **fields: str) -> None:
        """Change the first habit elsewhere."""
        habit = f"{self.api}/habit/{self.habit_id()}/"
        requests.patch(habit, json=fields, headers=self.headers, timeout=10)


@pytest.fixture
def page(system: System) -> Iterator[Page]:
    """Yield a page that has complained of nothing at its end."""
    with browser_context(base_url=system.gateway_url, service_workers="block") as context:
        page = context.new_page()
        complaints = complaints_of(page)
        yield page
        assert complaints == []


@pytest.fixture
def ann(system: System) -> Ann:
    """Return somebody with one habit."""
    api = f"{system.gateway_url}/api"
    person = {"email": f"{secrets.token_hex(6)}@example.com", "password": PASSWORD}
    requests.post(f"{api}/register/", json={**person, "locale": "en"}, timeout=30)
    token = requests.post(f"{api}/token/", json=person, timeout=30).json()["access"]
    headers = {"Authorization": f"Bearer {token}"}
    made = requests.post(f"{api}/habit/", json=HABIT, headers=headers, timeout=10)
    assert made.status_code == 201
    return Ann(api, person["email"], headers)


def sign_in(page: Page, ann: Ann, address: str = "/") -> None:
    page.goto(address)
    page.locator("input[type=email]").fill(ann.email)
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("button[type=submit]").click()
    page.locator("nav").wait_for()


def test_somebody_new_takes_a_habit_checks_it_off_and_finds_it_so_again(page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.extend([request.method] * ("/days/" in request.url)))
    page.goto("/")
    page.get_by_role("link", name="Sign up").click()
    page.get_by_label("E-mail").fill(f"{secrets.token_hex(6)}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create my account").click()
    page.get_by_role("button", name="Take it: Drink a glass of water").click()
    with page.expect_response("**/days/**"):
        page.get_by_role("button", name="Drink a glass of water: due").click()

    done = page.get_by_role("button", name="Drink a glass of water: done")
    expect(done).to_be_visible()
    expect(page.get_by_role("status").get_by_role("button", name="Undo")).to_be_visible()
    expect(page.get_by_test_id("unsent")).to_have_count(0)
    assert page.evaluate(_LOADED_BYTES) <= FIRST_LOAD_BYTES
    page.reload()
    expect(done).to_be_visible()
    assert sent == ["PUT"]


def test_what_is_said_elsewhere_is_seen_without_asking(page: Page, ann: Ann) -> None:
    with page.expect_response("**/api/me/events/**"):
        sign_in(page, ann)
    expect(page.get_by_role("button", name="Read a page: due")).to_be_visible()
    ann.say("skipped")

    expect(page.get_by_role("button", name="Read a page: skipped")).to_be_visible()


def test_a_grid_is_lived_in_by_the_keyboard_alone(page: Page, ann: Ann) -> None:
    sign_in(page, ann, "/days")
    today = page.locator("td[tabindex='0']")
    today.focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("gridcell", name=": done")).to_be_focused()
    page.keyboard.press("s")
    expect(page.get_by_role("gridcell", name=": skipped")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_label("Note").fill("two pages, to be honest")
    page.get_by_label("How much").fill("2")
    page.keyboard.press("Enter")

    expect(page.get_by_role("gridcell", name=": 2 so far")).to_be_focused()


def test_without_a_network_the_app_opens_and_what_is_checked_off_is_sent_later(
    system: System, ann: Ann
) -> None:
    with browser_context(base_url=system.gateway_url) as context:
        page = context.new_page()
        sign_in(page, ann)
        page.get_by_role("button", name="Read a page: due").wait_for()
        page.evaluate(_READY_FOR_NO_NETWORK)
        context.set_offline(offline=True)
        page.reload()
        page.get_by_role("button", name="Read a page: due").click()
        expect(page.get_by_test_id("unsent")).to_have_text("1 not sent yet")
        page.reload()
        expect(page.get_by_role("button", name="Read a page: done")).to_be_visible()
        ann.say("skipped")
        context.set_offline(offline=False)

        card = page.get_by_role("alert")
        expect(card).to_contain_text("You: done")
        expect(card).to_contain_text("Meanwhile: skipped")
        page.get_by_role("button", name="Keep mine").click()
        expect(card).to_have_count(0)
        expect(page.get_by_test_id("unsent")).to_have_count(0)
        expect(page.get_by_role("button", name="Read a page: done")).to_be_visible()


def test_a_habit_changed_elsewhere_is_shown_beside_what_one_was_about_to_save(
    system: System, ann: Ann
) -> None:
    with browser_context(base_url=system.gateway_url, service_workers="block") as context:
        page = context.new_page()
        sign_in(page, ann, f"/habits/{ann.habit_id()}/edit")
        page.get_by_label("Where").fill("On the sofa")
        page.get_by_label("Seconds it takes").fill("121")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("From 1 to 120 whole seconds.")).to_be_visible()
        page.get_by_label("Seconds it takes").fill("120")
        ann.change(place="At the table")
        page.get_by_role("button", name="Save").click()

        row = page.get_by_role("row", name="Place")
        expect(row).to_contain_text("On the sofa")
        expect(row).to_contain_text("At the table")
        page.get_by_role("button", name="Save yours").click()
        expect(page.get_by_role("heading", name="Read a page")).to_be_visible()
        expect(page.get_by_text("On the sofa")).to_be_visible()


@pytest.mark.parametrize(
    ("language", "theme", "width"), [("en", "light", 390), ("ru", "dark", 1280)]
)
def test_no_screen_is_closed_to_anybody(
    system: System, ann: Ann, language: str, theme: str, width: int
) -> None:
    me = f"{ann.api}/me/"
    requests.patch(me, json={"locale": language}, headers=ann.headers, timeout=10)
    habit = f"/habits/{ann.habit_id()}"
    with browser_context(
        base_url=system.gateway_url,
        service_workers="block",
        locale=language,
        color_scheme=theme,
        viewport={"width": width, "height": 800},
    ) as context:
        page = context.new_page()
        complaints = complaints_of(page)
        found = {address: _barriers(page, address) for address in ("/sign-up", "/sign-in")}
        sign_in(page, ann)
        for address in ("/", "/days", habit, f"{habit}/edit", "/habits/new", "/library"):
            found[address] = _barriers(page, address)
        found["/settings"] = _barriers(page, "/settings")
        assert {address: each for address, each in found.items() if each} == {}
        assert complaints == []


def _barriers(page: Page, address: str) -> list[str]:
    page.goto(address)
    page.locator("h1").wait_for()
    page.wait_for_load_state("networkidle") if address.startswith("/sign") else page.locator(
        "main :is(.row, .grid, .form, .facts, .empty)"
    ).first.wait_for()
    violations = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['html']}"
        for each in violations
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"]
    ]
