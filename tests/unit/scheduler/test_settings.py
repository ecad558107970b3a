from datetime import timedelta

import pytest

from services.scheduler.settings import Settings, read_settings
from shared.process.environment import load_settings

NEEDED = {"DATABASE_URL": "postgresql://somewhere/scheduler", "RABBITMQ_URL": "amqp://somewhere/"}
ALL = (*NEEDED, "HTTP_HOST", "OPS_PORT", "LOG_LEVEL", "REMINDER_GRACE_SECONDS")


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ALL:
        monkeypatch.delenv(name, raising=False)


def set_all(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in (NEEDED | values).items():
        monkeypatch.setenv(name, value)


def test_only_the_servers_have_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch)

    assert load_settings(read_settings) == Settings(
        database_url="postgresql://somewhere/scheduler",
        rabbitmq_url="amqp://somewhere/",
        http_host="127.0.0.1",
        ops_port=9000,
        log_level="INFO",
        grace=timedelta(hours=1),
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REMINDER_GRACE_SECONDS", "0"),
        ("REMINDER_GRACE_SECONDS", "an hour"),
        ("OPS_PORT", "70000"),
        ("LOG_LEVEL", "LOUD"),
        ("DATABASE_URL", "mysql://somewhere/"),
        ("RABBITMQ_URL", "http://somewhere/"),
    ],
)
def test_a_wrong_value_ends_the_start_and_names_the_variable_and_the_right_form(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    set_all(monkeypatch, **{name: value})

    with pytest.raises(SystemExit, match=rf"{name}.*[mM]ust "):
        load_settings(read_settings)


def test_a_missing_server_ends_the_start_and_names_the_variable() -> None:
    with pytest.raises(SystemExit, match="DATABASE_URL"):
        load_settings(read_settings)
