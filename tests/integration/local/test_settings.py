"""Settings: a wrong value stops the start with a message that names the variable, not the value."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from environs import FileAwareEnv

from deploy.local.programs import REPOSITORY
from deploy.local.settings import VARIABLES, load_dotenv, read_settings
from shared.process.environment import load_settings

TOKEN = "123456:" + "A" * 35


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_the_sample_lists_every_variable_with_its_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = (REPOSITORY / ".env.sample").read_text()
    assert tuple(re.findall(r"^([A-Z_]+)=", sample, re.MULTILINE)) == VARIABLES
    defaults = load_settings(read_settings)
    for name, value in re.findall(r"^([A-Z_]+)=(.*)$", sample, re.MULTILINE):
        if value:
            monkeypatch.setenv(name, value)
    assert load_settings(read_settings) == defaults


@pytest.mark.parametrize(
    ("name", "value", "form"),
    [
        ("GATEWAY_PORT", "eighty", "a whole number from 1 to 65535"),
        ("GATEWAY_PORT", "0", "a whole number from 1 to 65535"),
        ("GATEWAY_PORT", "65536", "a whole number from 1 to 65535"),
        ("TELEGRAM_SIMULATOR_PORT", "8081.5", "a whole number from 1 to 65535"),
        ("TELEGRAM_SIMULATOR_PORT", "8080", "another port than GATEWAY_PORT"),
        ("TELEGRAM_BOT_TOKEN", "secret-but-no-token", "digits, a colon"),
        ("TELEGRAM_API_URL", "api.telegram.org", "https://"),
        ("TELEGRAM_UPDATES", "pigeons", "polling, webhook"),
        ("POSTGRES_URL", "mysql://root@localhost/", "postgresql://user:password@host:5432/name"),
        ("RABBITMQ_URL", "http://localhost:5672", "amqp://user:password@host:5672/"),
        ("REDIS_URL", "localhost:6379", "redis://:password@host:6379/0"),
        ("CORS_ALLOWED_ORIGINS", "https://example.org/path", "https://example.org, separated by"),
        ("CORS_ALLOWED_ORIGINS", "https://example.org, *", "https://example.org, separated by"),
        ("REMINDER_GRACE_SECONDS", "0", "a whole number from 1 up"),
        ("REMINDER_GRACE_SECONDS", "an hour", "a whole number from 1 up"),
        ("RATE_LIMIT_REGISTER_PER_MINUTE", "-1", "a whole number from 1 up"),
        ("RATE_LIMIT_TOKEN_PER_MINUTE", "0", "a whole number from 1 up"),
        ("RATE_LIMIT_FAILED_LOGINS", "five", "a whole number from 1 up"),
        ("PUBLIC_URL", "example.org", "https://habits.example.org"),
        ("PUBLIC_URL", "https://example.org/path", "without a path"),
        ("TRUSTED_PROXIES", "nginx", "a network like 10.0.0.0/8"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "a network like 10.0.0.0/8"),
        ("LOG_LEVEL", "LOUD", "DEBUG, INFO, WARNING, ERROR"),
        ("DATABASE_PREFIX", "drop table;", "lower-case letters"),
    ],
)
def test_a_wrong_value_stops_the_start_names_the_variable_and_says_the_right_form(
    name: str, value: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as stopped:
        load_settings(read_settings)
    assert name in str(stopped.value)
    assert form in str(stopped.value)


def test_proxies_and_the_public_address_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings(read_settings).public_url == "http://localhost:8080"
    monkeypatch.setenv("PUBLIC_URL", "https://habits.example/")
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1,2001:db8::/32")
    settings = load_settings(read_settings)
    assert settings.public_url == "https://habits.example"
    assert list(map(str, settings.gateway.trusted_proxies)) == [
        "10.0.0.0/8",
        "192.0.2.1/32",
        "2001:db8::/32",
    ]


def test_a_wrong_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "123456:too-short")
    with pytest.raises(SystemExit) as stopped:
        load_settings(read_settings)
    assert "too-short" not in str(stopped.value)


def test_the_program_ends_with_one_line_about_the_wrong_setting(tmp_path: Path) -> None:
    settings_file = tmp_path / "settings"
    settings_file.write_text("GATEWAY_PORT=none\n")
    command = [sys.executable, "-m", "deploy.local", "--settings-file", str(settings_file), "run"]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert "GATEWAY_PORT" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_the_environment_wins_over_the_file_and_an_empty_value_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_file = tmp_path / "settings"
    settings_file.write_text("GATEWAY_PORT=9001\nTELEGRAM_SIMULATOR_PORT=9002\nLOG_LEVEL=\n")
    monkeypatch.setenv("GATEWAY_PORT", "9003")
    monkeypatch.setenv("TELEGRAM_SIMULATOR_PORT", "")
    load_dotenv(settings_file)
    settings = read_settings(FileAwareEnv(eager=True))
    assert (settings.gateway_port, settings.telegram_simulator_port) == (9003, 9002)
    assert settings.log_level == "INFO"


def test_a_token_means_no_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    settings = load_settings(read_settings)
    assert not settings.uses_simulator
    assert TOKEN not in repr(settings)
