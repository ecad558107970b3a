"""Who gets which secret under compose, and that a second start changes none."""

from pathlib import Path

import pytest
from environs import FileAwareEnv

from deploy.compose.__main__ import main
from deploy.compose.secret_files import (
    TelegramSettings,
    load_secrets,
    read_telegram_settings,
    write_secret_files,
)

_SIMULATED = TelegramSettings(bot_token="", api_url="https://api.telegram.org")


def _written(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): file.read_text()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.fixture
def written(tmp_path: Path) -> dict[str, str]:
    write_secret_files(tmp_path / "for", load_secrets(tmp_path / "all"), _SIMULATED)
    return _written(tmp_path / "for")


def test_each_recipient_gets_what_it_needs_and_no_more(written: dict[str, str]) -> None:
    assert set(written) == {
        "postgres/password",
        "rabbitmq/password",
        "redis/password",
        "telegram-simulator/telegram_bot_token",
        "auth/database_url",
        "auth/rabbitmq_url",
        "auth/signing_keys_secret",
        "feed/database_url",
        "feed/rabbitmq_url",
        "habits/database_url",
        "habits/rabbitmq_url",
        "scheduler/database_url",
        "scheduler/rabbitmq_url",
        "notifier/database_url",
        "notifier/rabbitmq_url",
        "notifier/redis_url",
        "notifier/telegram_api_url",
        "notifier/telegram_bot_token",
        "notifier/telegram_webhook_secret",
    }


def test_no_service_can_open_the_database_or_queues_of_another(written: dict[str, str]) -> None:
    for service in ("auth", "habits", "scheduler", "notifier", "feed"):
        assert written[f"{service}/database_url"].startswith(f"postgresql://{service}:")
        assert written[f"{service}/database_url"].endswith(f"@postgres:5432/{service}")
        assert written[f"{service}/rabbitmq_url"].startswith(f"amqp://{service}:")
    urls = [text for name, text in written.items() if name.endswith("_url")]
    assert written["postgres/password"] not in "".join(urls)
    assert written["rabbitmq/password"] not in "".join(urls)


def test_a_second_start_keeps_every_secret(tmp_path: Path) -> None:
    for _ in range(2):
        write_secret_files(tmp_path / "for", load_secrets(tmp_path / "all"), _SIMULATED)
        first = _written(tmp_path / "for")

    write_secret_files(tmp_path / "for", load_secrets(tmp_path / "all"), _SIMULATED)
    assert _written(tmp_path / "for") == first


def test_two_installations_share_no_secret(tmp_path: Path) -> None:
    for name in ("one", "two"):
        secrets = load_secrets(tmp_path / name / "all")
        write_secret_files(tmp_path / name / "for", secrets, _SIMULATED)

    one, two = _written(tmp_path / "one" / "for"), _written(tmp_path / "two" / "for")
    assert [name for name in one if one[name] == two[name]] == ["notifier/telegram_api_url"]


def test_without_a_token_the_simulator_takes_telegrams_place(written: dict[str, str]) -> None:
    assert written["notifier/telegram_api_url"] == "http://telegram-simulator:8081"
    assert (
        written["notifier/telegram_bot_token"] == written["telegram-simulator/telegram_bot_token"]
    )


def test_a_real_token_goes_to_the_notifier_alone(tmp_path: Path) -> None:
    telegram = TelegramSettings(bot_token="123:real", api_url="https://telegram.example")

    write_secret_files(tmp_path / "for", load_secrets(tmp_path / "all"), telegram)

    written = _written(tmp_path / "for")
    assert written["notifier/telegram_api_url"] == "https://telegram.example"
    assert [name for name, text in written.items() if "real" in text] == [
        "notifier/telegram_bot_token"
    ]


def test_empty_settings_mean_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "")
    monkeypatch.setenv("TELEGRAM_API_URL", "")

    assert read_telegram_settings(FileAwareEnv()) == _SIMULATED


def test_an_unknown_command_is_refused() -> None:
    with pytest.raises(SystemExit, match="usage"):
        main(["nonsense"])
