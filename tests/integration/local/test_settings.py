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
    ("name", "value"),
    [
        ("GATEWAY_PORT", "eighty"),
        ("GATEWAY_PORT", "0"),
        ("GATEWAY_PORT", "65536"),
        ("TELEGRAM_SIMULATOR_PORT", "8081.5"),
        ("TELEGRAM_SIMULATOR_PORT", "8080"),
        ("TELEGRAM_BOT_TOKEN", "secret-but-no-token"),
        ("TELEGRAM_API_URL", "api.telegram.org"),
        ("TELEGRAM_UPDATES", "pigeons"),
        ("POSTGRES_URL", "mysql://root@localhost/"),
        ("RABBITMQ_URL", "http://localhost:5672"),
        ("REDIS_URL", "localhost:6379"),
        ("CORS_ALLOWED_ORIGINS", "https://example.org/path"),
        ("CORS_ALLOWED_ORIGINS", "https://example.org, *"),
        ("REMINDER_GRACE_SECONDS", "0"),
        ("REMINDER_GRACE_SECONDS", "an hour"),
        ("RATE_LIMIT_REGISTER_PER_MINUTE", "-1"),
        ("RATE_LIMIT_TOKEN_PER_MINUTE", "0"),
        ("RATE_LIMIT_FAILED_LOGINS", "five"),
        ("PUBLIC_URL", "example.org"),
        ("LOG_LEVEL", "LOUD"),
        ("DATABASE_PREFIX", "drop table;"),
    ],
)
def test_a_wrong_value_stops_the_start_and_names_the_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as stopped:
        load_settings(read_settings)
    assert name in str(stopped.value)


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
