"""The settings of the feed, read from the environment once, at the start of a process."""

from dataclasses import dataclass, field

import marshmallow as ma
from environs import FileAwareEnv

from shared.process.environment import DATABASE_URL, HTTP_URL, PORT, RABBITMQ_URL
from shared.process.structured_logs import LOG_LEVELS


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`jwks_url`: where auth publishes the keys its access tokens are signed with.

    `webhooks_allow_private`: whether webhooks may lead to addresses that are not public.
    """

    database_url: str = field(repr=False)
    rabbitmq_url: str = field(repr=False)
    jwks_url: str
    http_host: str
    http_port: int
    ops_port: int
    log_level: str
    webhooks_allow_private: bool


def read_settings(environment: FileAwareEnv) -> Settings:
    """Read the settings. Raises EnvError naming the variable that is wrong."""
    return Settings(
        database_url=environment.str("DATABASE_URL", validate=DATABASE_URL),
        rabbitmq_url=environment.str("RABBITMQ_URL", validate=RABBITMQ_URL),
        jwks_url=environment.str("JWKS_URL", validate=HTTP_URL),
        http_host=environment.str("HTTP_HOST", "127.0.0.1"),
        http_port=environment.int("HTTP_PORT", 8000, **PORT),
        ops_port=environment.int("OPS_PORT", 9000, **PORT),
        log_level=environment.str("LOG_LEVEL", "INFO", validate=ma.validate.OneOf(LOG_LEVELS)),
        webhooks_allow_private=environment.bool("WEBHOOKS_ALLOW_PRIVATE", False),
    )
