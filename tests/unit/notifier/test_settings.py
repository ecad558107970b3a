"""A wrong setting stops the start and is named; nothing secret is shown."""

import pytest

from services.notifier.settings import Settings, read_settings
from shared.process.environment import load_settings

GOOD = {
    "DATABASE_URL": "postgresql://u:hidden@h/d",
    "RABBITMQ_URL": "amqp://u:hidden@h/",
    "REDIS_URL": "redis://h/0",
    "JWKS_URL": "http://auth:8000/jwks.json",
    "TELEGRAM_BOT_TOKEN": "1:hidden",
}


@pytest.fixture(autouse=True)
def _good(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TELEGRAM_API_URL", "TELEGRAM_UPDATES", "TELEGRAM_WEBHOOK_SECRET", "PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


def load() -> Settings:
    return load_settings(read_settings)


def test_the_defaults_are_those_of_the_contract() -> None:
    settings = load()
    assert settings.telegram_api_url == "https://api.telegram.org"
    assert settings.telegram_updates == "polling"


def test_secrets_are_not_printed() -> None:
    assert "hidden" not in repr(load())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TELEGRAM_UPDATES", "pigeon"),
        ("TELEGRAM_API_URL", "not a URL"),
        ("TELEGRAM_BOT_TOKEN", ""),
        ("TELEGRAM_WEBHOOK_SECRET", "with space"),
        ("JWKS_URL", "file:///etc/passwd"),
        ("HTTP_PORT", "0"),
        ("OPS_PORT", "x"),
        ("LOG_LEVEL", "LOUD"),
        ("DATABASE_URL", "mysql://somewhere/"),
        ("RABBITMQ_URL", "http://somewhere/"),
        ("REDIS_URL", "somewhere:6379"),
        ("PUBLIC_URL", "habits.example"),
    ],
)
def test_a_wrong_value_is_named_and_the_right_form(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=rf"{name}.*[mM]ust "):
        load()


@pytest.mark.parametrize("missing", ["TELEGRAM_WEBHOOK_SECRET", "PUBLIC_URL"])
def test_webhooks_need_a_secret_and_an_address(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setenv("TELEGRAM_UPDATES", "webhook")
    monkeypatch.setenv("TELEGRAM_WEBHOOK_SECRET", "s")
    monkeypatch.setenv("PUBLIC_URL", "https://habits.example")
    load()
    monkeypatch.delenv(missing)
    with pytest.raises(SystemExit, match=missing):
        load()
