"""A single-page application in tests: calls the API through the gateway as one account."""

import uuid
from typing import Any, Self

import requests

JSON = dict[str, Any]

PASSWORD = "correct horse battery"

HABIT: JSON = {
    "action": "Drink a glass of water",
    "place": "Kitchen",
    "time": "07:30",
    "duration_seconds": 60,
}


class SpaClient:
    """One signed-in account. Every call returns the response; nothing raises on 4xx."""

    def __init__(self, gateway_url: str) -> None:
        self._api = f"{gateway_url.rstrip('/')}/api"
        self.session = requests.Session()
        self.session.trust_env = False
        self.email = ""
        self.id = ""
        self.refresh = ""

    @classmethod
    def registered(cls, gateway_url: str, **profile: str) -> Self:
        """Register a new account and sign in."""
        client = cls(gateway_url)
        client.email = f"{uuid.uuid4().hex[:12]}@example.com"
        answer = client.call(
            "POST", "/register/", json={"email": client.email, "password": PASSWORD, **profile}
        )
        assert answer.status_code == 201, answer.text
        client.id = answer.json()["id"]
        client.sign_in()
        return client

    def sign_in(self) -> None:
        answer = self.call("POST", "/token/", json={"email": self.email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        self.refresh = answer.json()["refresh"]
        self.session.headers["Authorization"] = f"Bearer {answer.json()['access']}"

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, self._api + path, timeout=20, **options)

    def create_habit(self, **fields: Any) -> JSON:
        answer = self.call("POST", "/habit/", json={**HABIT, **fields})
        assert answer.status_code == 201, answer.text
        habit: JSON = answer.json()
        return habit

    def link_code(self) -> str:
        answer = self.call("POST", "/tg/link/", json={})
        assert answer.status_code == 201, answer.text
        code: str = answer.json()["code"]
        return code

    def link_status(self) -> str:
        status: str = self.call("GET", "/tg/link/").json()["status"]
        return status
