"""Settings: defaults, secrets from files, and no secret shown."""

from pathlib import Path

import pytest

from services.auth.settings import Settings, read_settings
from shared.process.environment import load_settings

REQUIRED = {
    "DATABASE_URL": "postgresql://auth:hidden@127.0.0.1/auth",
    "RABBITMQ_URL": "amqp://auth:hidden@127.0.0.1/",
    "SIGNING_KEYS_SECRET": "hidden" * 6,
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)


def settings() -> Settings:
    return load_settings(read_settings)


def test_the_limits_have_the_defaults_of_the_contract() -> None:
    found = settings()

    assert found.registrations_per_minute == 10
    assert found.token_requests_per_minute == 30
    assert found.failed_logins == 5


def test_no_secret_shows_when_the_settings_are_printed() -> None:
    assert "hidden" not in repr(settings())


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file, 32 characters or more\n")
    monkeypatch.delenv("SIGNING_KEYS_SECRET")
    monkeypatch.setenv("SIGNING_KEYS_SECRET_FILE", str(tmp_path / "secret"))

    assert settings().signing_keys_secret == "from a file, 32 characters or more"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIGNING_KEYS_SECRET", "too short"),
        ("RATE_LIMIT_REGISTER_PER_MINUTE", "0"),
        ("RATE_LIMIT_TOKEN_PER_MINUTE", "many"),
        ("RATE_LIMIT_FAILED_LOGINS", "-1"),
        ("HTTP_PORT", "70000"),
        ("OPS_PORT", "0"),
        ("LOG_LEVEL", "LOUD"),
        ("DATABASE_URL", "mysql://somewhere/"),
        ("RABBITMQ_URL", "http://somewhere/"),
    ],
)
def test_a_wrong_value_is_named_and_the_right_form(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=rf"{name}.*[mM]ust "):
        settings()


@pytest.mark.parametrize("name", REQUIRED)
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(SystemExit, match=name):
        settings()
