"""The settings of the habits service: what is wrong is named, what is secret is not shown."""

import pytest
from environs import FileAwareEnv

from services.habits.settings import Settings, read_settings
from shared.process.environment import load_settings

NEEDED = {
    "DATABASE_URL": "postgresql://habits:secret@127.0.0.1:5432/habits",
    "RABBITMQ_URL": "amqp://habits:secret@127.0.0.1:5672/",
    "JWKS_URL": "http://auth:8000/api/.well-known/jwks.json",
}
NAMES = [*NEEDED, "HTTP_HOST", "HTTP_PORT", "OPS_PORT", "LOG_LEVEL"]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_the_rest_has_defaults() -> None:
    settings = read_settings(FileAwareEnv(eager=True))
    assert settings == Settings(
        database_url=NEEDED["DATABASE_URL"],
        rabbitmq_url=NEEDED["RABBITMQ_URL"],
        jwks_url=NEEDED["JWKS_URL"],
        http_host="127.0.0.1",
        http_port=8000,
        ops_port=9000,
        log_level="INFO",
    )
    assert "secret" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PORT", "0"),
        ("HTTP_PORT", "http"),
        ("OPS_PORT", "65536"),
        ("LOG_LEVEL", "LOUD"),
        ("JWKS_URL", "auth"),
        ("DATABASE_URL", "mysql://somewhere/"),
        ("RABBITMQ_URL", "http://somewhere/"),
    ],
)
def test_a_wrong_value_ends_the_start_naming_the_variable_and_the_right_form(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(name, value)
    with pytest.raises(SystemExit, match=rf"{name}.*[mM]ust "):
        load_settings(read_settings)


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_value_ends_the_start_naming_the_variable(
    environment: pytest.MonkeyPatch, name: str
) -> None:
    environment.delenv(name)
    with pytest.raises(SystemExit, match=name):
        load_settings(read_settings)
