"""No log of any process tells a secret, whatever people and attackers did."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.notifier.telegram.webhook_api import SECRET_HEADER
from tests.fakes.spa_client import PASSWORD, SpaClient
from tests.fakes.telegram_person import TelegramPerson
from tests.faults.secret_search import Secret, find_secrets, secrets_of_client, secrets_of_run
from tests.servers.whole_system import System


class Story:
    """Everything a person and an attacker do with secrets; `told` is what they had in hand."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._telegram = TelegramPerson(system.simulator_url)
        self.client = SpaClient.registered(system.gateway_url)
        self.told = secrets_of_client(self.client)
        self.request_id = f"story-{uuid.uuid4().hex}"
        self.client.session.headers["X-Request-ID"] = self.request_id

    def tell(self, name: str, value: str) -> str:
        self.told.append(Secret(name, value))
        return value

    def sign_in_wrongly(self) -> None:
        """Passwords in the wrong place, in wrong JSON, under a wrong name."""
        wrong = self.tell("a wrong password", f"wrong-{uuid.uuid4().hex}")
        credentials = {"email": self.client.email, "password": wrong}
        assert self.call("POST", "/token/", json=credentials) == 401
        assert self.call("POST", "/token/", json={**credentials, "pin": wrong}) == 400
        assert self.call("POST", "/token/", json={**credentials, "email": wrong}) == 400
        broken = f'{{"password": "{wrong}"'.encode()
        json_type = {"Content-Type": "application/json"}
        assert self.call("POST", "/token/", data=broken, headers=json_type) == 400
        assert self.call("POST", "/register/", json={**credentials, "locale": wrong}) == 400
        assert self.call("DELETE", "/me/", json={"password": wrong}) in (400, 403)

    def renew_and_end_sessions(self) -> None:
        other = SpaClient(self._system.gateway_url)
        other.email = self.client.email
        other.sign_in()
        for _ in range(2):
            answer = other.call("POST", "/token/refresh/", json={"refresh": other.refresh})
            other.refresh = self.tell("a renewed refresh token", answer.json()["refresh"])
            self.tell("a renewed access token", answer.json()["access"])
        assert self.call("POST", "/token/revoke/", json={"refresh": other.refresh}) == 204
        assert self.call("POST", "/token/refresh/", json={"refresh": other.refresh}) == 401

    def put_tokens_where_they_do_not_belong(self) -> None:
        access = self.told[1].value
        assert self.call("GET", "/habit/", params={"access_token": access}) in (200, 400)
        assert self.call("GET", f"/habit/?token={access}&page=0") == 400
        forged = self.tell("a forged access token", access[:-6] + "forged")
        bearer = {"Authorization": f"Bearer {forged}"}
        for path in ("/me/", "/habit/", "/tg/link/"):
            assert self.call("GET", path, headers=bearer) == 401

    def knock_as_telegram(self) -> None:
        genuine = self._system.service_environments["notifier"]["TELEGRAM_WEBHOOK_SECRET"]
        guess = self.tell("a guessed webhook secret", genuine[:-4] + "beef")
        for secret, status in ((guess, 401), (genuine, 400)):
            headers = {SECRET_HEADER: secret}
            assert self.call("POST", "/tg/webhook/", json={}, headers=headers) == status

    def link_and_be_reminded(self) -> None:
        code = self.tell("a link code", self.client.link_code())
        chat = self._telegram.create_chat()
        self._telegram.say(chat, f"/start {code}")
        self._telegram.wait_for_message(chat, 30)
        # Telegram refuses once, so that the notifier has something to complain of.
        self._telegram.fault(
            "server_error", method="sendMessage", times=1, chat_id=chat, status=500
        )
        due = datetime.now(UTC) + timedelta(seconds=3)
        self.client.create_habit(action="Whisper", time=due.strftime("%H:%M:%S"))
        self._telegram.wait_for_message(chat, 60, containing="Whisper")

    def change_the_password_and_leave(self) -> None:
        new = self.tell("a new password", f"new-{uuid.uuid4().hex}")
        change = {"current_password": PASSWORD, "new_password": new}
        assert self.call("POST", "/me/password/", json=change) == 204
        assert self.call("DELETE", "/me/", json={"password": new}) == 204

    def call(self, method: str, path: str, **options: Any) -> int:
        return self.client.call(method, path, **options).status_code


@pytest.mark.timeout(400)
def test_no_log_tells_a_secret(system: System) -> None:
    story = Story(system)
    story.sign_in_wrongly()
    story.renew_and_end_sessions()
    story.put_tokens_where_they_do_not_belong()
    story.knock_as_telegram()
    story.link_and_be_reminded()
    story.change_the_password_and_leave()
    secrets = [*secrets_of_run(system.run_directory), *story.told]
    assert len({secret.value for secret in secrets}) > 20
    # The search would be worth nothing if these were not the logs of what just happened.
    logs = {log.name for log in system.logs.glob("*.log") if story.request_id in log.read_text()}
    assert logs >= {"gateway.log", "auth.log", "notifier-api.log"}
    assert find_secrets(system.logs, secrets) == []
    printed = system.output.read_text()
    assert [secret.name for secret in secrets if secret.value in printed] == []
