"""What every process of the notifier begins with, and what several of them need."""

from redis import Redis, RedisError

from services.notifier.settings import Settings, read_settings
from shared.process.environment import load_settings
from shared.process.structured_logs import configure_logs

SERVICE = "notifier"


def start(process: str) -> Settings:
    """Read the settings and set up the logs; exits when a setting is wrong."""
    settings = load_settings(read_settings)
    configure_logs(SERVICE, process, settings.log_level)
    return settings


def redis_answers(client: Redis) -> bool:
    """Whether Redis answers, for `/readyz`."""
    try:
        return bool(client.ping())
    except RedisError:
        return False
