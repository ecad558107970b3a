"""Secrets of the containers: made at the first start, one folder of files for each recipient.

Every folder is a volume that only its recipient mounts, read-only, so a service sees its own
passwords and no others. The files are readable by all users, because each image has a user of its
own; what protects them is who mounts the volume.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from environs import FileAwareEnv

from deploy.provisioning.databases import ServiceDatabase, service_databases
from deploy.provisioning.generated_secrets import SERVICES, GeneratedSecrets, load_or_generate

DATABASE_ADMIN = "postgres"
BROKER_ADMIN = "administrator"

_DATABASE_HOST = "postgres:5432"
_BROKER_HOST = "rabbitmq:5672"
_REDIS_HOST = "redis:6379"
_SIMULATOR_URL = "http://telegram-simulator:8081"


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramSettings:
    """The real bot, or none: then the simulator takes its place."""

    bot_token: str = field(repr=False)
    api_url: str


def read_telegram_settings(environment: FileAwareEnv) -> TelegramSettings:
    """Read the settings; an empty value is the default."""
    return TelegramSettings(
        bot_token=environment.str("TELEGRAM_BOT_TOKEN", ""),
        api_url=environment.str("TELEGRAM_API_URL", "") or "https://api.telegram.org",
    )


def load_secrets(folder: Path) -> GeneratedSecrets:
    """Read the secrets of the first start, or make them."""
    folder.mkdir(parents=True, exist_ok=True)
    return load_or_generate(folder / "secrets.json")


def admin_url(secrets: GeneratedSecrets) -> str:
    """Return the URL of the administrator of PostgreSQL."""
    return f"postgresql://{DATABASE_ADMIN}:{secrets.postgresql_admin}@{_DATABASE_HOST}/{DATABASE_ADMIN}"


def databases(secrets: GeneratedSecrets) -> dict[str, ServiceDatabase]:
    """Return each service's database: the server is ours alone, so the names need no prefix."""
    return service_databases("", secrets.databases)


def write_secret_files(out: Path, secrets: GeneratedSecrets, telegram: TelegramSettings) -> None:
    """Write `out/<recipient>/<name>` for every recipient."""
    for recipient, files in _recipients(secrets, telegram).items():
        folder = out / recipient
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            _write(folder / name, text)


def _recipients(
    secrets: GeneratedSecrets, telegram: TelegramSettings
) -> Mapping[str, Mapping[str, str]]:
    own = databases(secrets)
    redis_url = {"redis_url": f"redis://:{secrets.redis}@{_REDIS_HOST}/0"}
    services = {
        name: {
            "database_url": own[name].url(admin_url(secrets)),
            "rabbitmq_url": f"amqp://{name}:{secrets.broker_users[name]}@{_BROKER_HOST}/",
        }
        for name in SERVICES
    }
    bot = {
        "telegram_bot_token": telegram.bot_token or secrets.simulator_bot_token,
        "telegram_api_url": telegram.api_url if telegram.bot_token else _SIMULATOR_URL,
        "telegram_webhook_secret": secrets.telegram_webhook,
    }
    return {
        "postgres": {"password": secrets.postgresql_admin},
        "rabbitmq": {"password": secrets.rabbitmq_admin},
        "redis": {"password": secrets.redis},
        "telegram-simulator": {"telegram_bot_token": secrets.simulator_bot_token},
        **services,
        "auth": services["auth"] | {"signing_keys_secret": secrets.signing_keys},
        "notifier": services["notifier"] | redis_url | bot,
    }


def _write(file: Path, text: str) -> None:
    # Replaced as a whole: a service that starts right now reads the old text or the new one.
    new_file = file.with_name(f".{file.name}.new")
    new_file.write_text(text, encoding="utf-8")
    new_file.chmod(0o444)
    new_file.replace(file)
