"""A person on the simulated Telegram, for tests: a thin client of the simulator's control API."""

import time
from typing import Any

import requests

_CALL_SECONDS = 10
_POLL_SECONDS = 0.03

JSON = dict[str, Any]


class ControlRefused(Exception):
    """The control API said no."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status


class NoSuchMessage(Exception):
    """The bot did not say it in time; the message shows what it did say."""


class TelegramPerson:
    """Acts in any chat of the simulator at `base_url`, and sees what the bot did."""

    def __init__(self, base_url: str) -> None:
        self._base_url = f"{base_url.rstrip('/')}/control"
        self._session = requests.Session()
        self._session.trust_env = False

    def close(self) -> None:
        self._session.close()

    def create_chat(self, chat_id: int | None = None, **options: Any) -> int:
        """Create a chat (`type`, `name`, `language_code`); return its id."""
        created: int = self._post("chats", chat_id=chat_id, **options)["chat_id"]
        return created

    def say(self, chat_id: int, text: str, **options: Any) -> JSON:
        return self._post(f"chats/{chat_id}/messages", text=text, **options)

    def press(self, chat_id: int, callback_data: str, **options: Any) -> JSON:
        return self._post(f"chats/{chat_id}/press", callback_data=callback_data, **options)

    def press_button(self, chat_id: int, message_id: int, index: int) -> JSON:
        return self._post(f"chats/{chat_id}/press", message_id=message_id, index=index)

    def block(self, chat_id: int) -> None:
        self._post(f"chats/{chat_id}/block")

    def unblock(self, chat_id: int) -> None:
        self._post(f"chats/{chat_id}/unblock")

    def deactivate(self, chat_id: int) -> None:
        self._post(f"chats/{chat_id}/deactivate")

    def migrate(self, chat_id: int, new_chat_id: int | None = None) -> int:
        moved: int = self._post(f"chats/{chat_id}/migrate", new_chat_id=new_chat_id)["chat_id"]
        return moved

    def messages(self, chat_id: int, author: str | None = "bot") -> list[JSON]:
        """List what an author (None: anybody) said in a chat."""
        found: list[JSON] = self._get(f"chats/{chat_id}/messages", author=author)["messages"]
        return found

    def requests(self, method: str | None = "sendMessage", **filters: Any) -> list[JSON]:
        """List received requests (`chat_id`, `text_contains`, `recorded`, `after_id`, `limit`)."""
        found: list[JSON] = self._get("requests", method=method, **filters)["requests"]
        return found

    def fault(self, kind: str, **options: Any) -> int:
        """Let requests fail as `kind` says; return the rule's id."""
        rule_id: int = self._post("faults", kind=kind, **options)["id"]
        return rule_id

    def fault_hits(self, rule_id: int) -> int:
        hits: int = self._get(f"faults/{rule_id}")["hits"]
        return hits

    def clear_faults(self) -> None:
        self._call("DELETE", "faults")

    def reset(self) -> None:
        self._post("reset")

    def wait_for_message(
        self, chat_id: int, timeout_seconds: float = 10, *, containing: str = "", after_id: int = 0
    ) -> JSON:
        """Return the bot's first message with these words; raise NoSuchMessage when it is late."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            said = [m for m in self.messages(chat_id) if m["message_id"] > after_id]
            for message in said:
                if containing in message["text"]:
                    return message
            if time.monotonic() > deadline:
                texts = [message["text"] for message in said]
                raise NoSuchMessage(f"nothing with {containing!r} in chat {chat_id}: {texts}")
            time.sleep(_POLL_SECONDS)

    def _get(self, path: str, **query: Any) -> JSON:
        wanted = {name: _query_text(value) for name, value in query.items() if value is not None}
        return self._call("GET", path, params=wanted)

    def _post(self, path: str, **content: Any) -> JSON:
        return self._call("POST", path, json=content)

    def _call(self, method: str, path: str, **options: Any) -> JSON:
        response = self._session.request(
            method, f"{self._base_url}/{path}", timeout=_CALL_SECONDS, **options
        )
        content: JSON = response.json()
        if not response.ok:
            raise ControlRefused(
                response.status_code, f"{content['detail']} {content.get('errors')}"
            )
        return content


def _query_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
