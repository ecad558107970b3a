"""The scheduler's settings, read from the environment once, at the start of a process."""

from dataclasses import dataclass
from datetime import timedelta

import marshmallow as ma
from environs import FileAwareEnv

from shared.process.environment import DATABASE_URL, PORT, POSITIVE, RABBITMQ_URL
from shared.process.structured_logs import LOG_LEVELS


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`grace`: how late a reminder may still be sent."""

    database_url: str
    rabbitmq_url: str
    http_host: str
    ops_port: int
    log_level: str
    grace: timedelta


def read_settings(environment: FileAwareEnv) -> Settings:
    """Read the settings. Raises EnvError naming the variable that is wrong."""
    return Settings(
        database_url=environment.str("DATABASE_URL", validate=DATABASE_URL),
        rabbitmq_url=environment.str("RABBITMQ_URL", validate=RABBITMQ_URL),
        http_host=environment.str("HTTP_HOST", "127.0.0.1"),
        ops_port=environment.int("OPS_PORT", 9000, **PORT),
        log_level=environment.str("LOG_LEVEL", "INFO", validate=ma.validate.OneOf(LOG_LEVELS)),
        grace=timedelta(seconds=environment.int("REMINDER_GRACE_SECONDS", 3600, **POSITIVE)),
    )
