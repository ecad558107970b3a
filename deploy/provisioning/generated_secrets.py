"""Secrets made up at the first start and kept: nothing in the repository is a password.

They belong to the data in the run directory: with other passwords the data could not be opened.
"""

import json
import secrets
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from deploy.provisioning.private_files import write_private

SERVICES = ("auth", "habits", "scheduler", "notifier", "feed")

_BYTES = 24


def _new_secret() -> str:
    return secrets.token_hex(_BYTES)


def _new_secret_for_each_service() -> dict[str, str]:
    return {service: _new_secret() for service in SERVICES}


def _new_bot_token() -> str:
    """Return a token of the shape of a real one; only the simulator knows it."""
    return f"{secrets.randbelow(9 * 10**9) + 10**9}:{secrets.token_hex(18)[:35]}"


@dataclass(frozen=True, slots=True)
class GeneratedSecrets:
    """Passwords of the private servers and of each service on them, and the services' own."""

    postgresql_admin: str = field(default_factory=_new_secret)
    rabbitmq_admin: str = field(default_factory=_new_secret)
    redis: str = field(default_factory=_new_secret)
    supervisor: str = field(default_factory=_new_secret)
    signing_keys: str = field(default_factory=_new_secret)
    telegram_webhook: str = field(default_factory=_new_secret)
    simulator_bot_token: str = field(default_factory=_new_bot_token)
    databases: dict[str, str] = field(default_factory=_new_secret_for_each_service)
    broker_users: dict[str, str] = field(default_factory=_new_secret_for_each_service)


def load_or_generate(file: Path) -> GeneratedSecrets:
    """Read the secrets of the earlier start; generate those that are not there yet.

    A service that the earlier start did not know gets passwords of its own.
    """
    stored = json.loads(file.read_text()) if file.exists() else {}
    known = {each.name for each in fields(GeneratedSecrets)}
    result = GeneratedSecrets(**{name: stored[name] for name in known & stored.keys()})
    for passwords in (result.databases, result.broker_users):
        passwords |= {service: _new_secret() for service in SERVICES if service not in passwords}
    if stored != asdict(result):
        write_private(file, json.dumps(asdict(result), indent=2))
    return result
