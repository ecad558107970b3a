"""Pictures of the app for the README, of somebody with half a year behind her.

`python -m tests.screenshots http://localhost:8080` asks a running system and writes into `docs/`;
with `--all DIR` every screen, on a phone and a desk, light and dark.
"""

import argparse
import datetime as dt
import secrets
from collections.abc import Mapping
from pathlib import Path
from random import Random

import requests
from playwright.sync_api import Page

from deploy.local.programs import REPOSITORY
from tests.end_to_end.browser import browser_context

DAYS = 180
PASSWORD = "one habit at a time"
PHONE = {"width": 390, "height": 760}
DESK = {"width": 1280, "height": 800}
HABITS = (
    {"action": "Drink a glass of water", "place": "Kitchen", "times": ["07:30"]},
    {"action": "Stretch", "place": "Beside the desk", "times": ["11:00", "16:00"]},
    {"action": "Write three lines", "place": "Desk", "times": ["21:00"]},
    {"action": "Read ten pages", "place": "In bed", "times": ["22:00"]},
)
SCREENS = ("/", "/days", "/habits/{habit}", "/habits/{habit}/edit", "/library", "/settings")


class Person:
    """Somebody with habits and a past."""

    def __init__(self, gateway: str) -> None:
        self.email = f"{secrets.token_hex(4)}@example.com"
        self._api = f"{gateway}/api"
        self._session = requests.Session()
        person = {"email": self.email, "password": PASSWORD}
        self._post("/register/", {**person, "time_zone": "Europe/Berlin", "locale": "en"})
        token = self._post("/token/", person)["access"]
        self._session.headers["Authorization"] = f"Bearer {token}"
        today = dt.date.fromisoformat(self._get("/habit/today/")["date"])
        self.habits = [self._habit(habit, today) for habit in HABITS]

    def _habit(self, habit: Mapping[str, object], today: dt.date) -> str:
        start = today - dt.timedelta(days=DAYS)
        body = {**habit, "duration_seconds": 60, "start_date": f"{start}", "is_published": True}
        made: str = self._post("/habit/", body)["id"]
        chance = Random(len(made) + len(str(habit["action"])))
        dates = [start + dt.timedelta(days=day) for day in range(DAYS)]
        days = [
            {
                "habit_id": made,
                "date": f"{date}",
                "status": chance.choice(["done"] * 12 + ["skipped"]),
            }
            for date in dates
            if chance.random() < 0.86
        ]
        for begin in range(0, len(days), 100):
            self._post("/habit/days/", {"days": days[begin : begin + 100]})
        return made

    def _get(self, path: str) -> dict[str, str]:
        answer: dict[str, str] = self._session.get(f"{self._api}{path}", timeout=30).json()
        return answer

    def _post(self, path: str, body: object) -> dict[str, str]:
        answer = self._session.post(f"{self._api}{path}", json=body, timeout=30)
        answer.raise_for_status()
        made: dict[str, str] = answer.json()
        return made


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("gateway")
    parser.add_argument("--all", type=Path, metavar="DIR")
    options = parser.parse_args()
    ann = Person(options.gateway)
    if options.all:
        _every_screen(options.gateway, ann, options.all)
    else:
        _for_the_readme(options.gateway, ann, REPOSITORY / "docs")


def _for_the_readme(gateway: str, ann: Person, docs: Path) -> None:
    with browser_context(base_url=gateway, viewport=PHONE, color_scheme="light") as context:
        page = context.new_page()
        _sign_in(page, ann)
        page.locator(".mark-button").first.click()
        page.get_by_role("button", name="Undo").wait_for()
        page.screenshot(path=docs / "today.png")
    with browser_context(base_url=gateway, viewport=PHONE, color_scheme="dark") as context:
        page = context.new_page()
        _sign_in(page, ann)
        _show(page, f"/habits/{ann.habits[1]}")
        page.screenshot(path=docs / "habit.png")


def _every_screen(gateway: str, ann: Person, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for size, viewport in (("phone", PHONE), ("desk", DESK)):
        for scheme in ("light", "dark"):
            with browser_context(
                base_url=gateway, viewport=viewport, color_scheme=scheme
            ) as context:
                page = context.new_page()
                _sign_in(page, ann)
                for screen in SCREENS:
                    _show(page, screen.format(habit=ann.habits[0]))
                    name = screen.format(habit="habit").strip("/").replace("/", "-") or "today"
                    page.screenshot(path=folder / f"{name}-{size}-{scheme}.png", full_page=True)


def _sign_in(page: Page, ann: Person) -> None:
    page.goto("/")
    page.locator("input[type=email]").fill(ann.email)
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("button[type=submit]").click()
    page.locator(".row").first.wait_for()


def _show(page: Page, address: str) -> None:
    page.goto(address)
    page.locator("main :is(.row, .grid, .form, .chart-curve)").first.wait_for()


if __name__ == "__main__":
    main()
