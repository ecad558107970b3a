"""auth's settings. Without SIGNING_KEYS_SECRET nothing starts: there is no default secret."""

from dataclasses import dataclass, field

import marshmallow as ma
from environs import FileAwareEnv

from shared.process.environment import DATABASE_URL, PORT, POSITIVE, RABBITMQ_URL
from shared.process.structured_logs import LOG_LEVELS

_LONG_ENOUGH = ma.validate.Length(min=32, error="must have at least 32 characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a process of auth is told by its environment."""

    database_url: str = field(repr=False)
    rabbitmq_url: str = field(repr=False)
    http_host: str
    http_port: int
    ops_port: int
    log_level: str
    signing_keys_secret: str = field(repr=False)
    registrations_per_minute: int
    token_requests_per_minute: int
    failed_logins: int


def read_settings(env: FileAwareEnv) -> Settings:
    """Read all settings. Raises environs' errors, which name the variable."""
    return Settings(
        database_url=env.str("DATABASE_URL", validate=DATABASE_URL),
        rabbitmq_url=env.str("RABBITMQ_URL", validate=RABBITMQ_URL),
        http_host=env.str("HTTP_HOST", "127.0.0.1"),
        http_port=env.int("HTTP_PORT", 8000, **PORT),
        ops_port=env.int("OPS_PORT", 9000, **PORT),
        log_level=env.str("LOG_LEVEL", "INFO", validate=ma.validate.OneOf(LOG_LEVELS)),
        signing_keys_secret=env.str("SIGNING_KEYS_SECRET", validate=_LONG_ENOUGH),
        registrations_per_minute=env.int("RATE_LIMIT_REGISTER_PER_MINUTE", 10, **POSITIVE),
        token_requests_per_minute=env.int("RATE_LIMIT_TOKEN_PER_MINUTE", 30, **POSITIVE),
        failed_logins=env.int("RATE_LIMIT_FAILED_LOGINS", 5, **POSITIVE),
    )
