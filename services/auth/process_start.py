"""What every process of auth begins with."""

from services.auth.settings import Settings, read_settings
from shared.process.environment import load_settings
from shared.process.structured_logs import configure_logs

SERVICE = "auth"


def start(process: str) -> Settings:
    """Read the settings and set up the logs; exits when a setting is wrong."""
    settings = load_settings(read_settings)
    configure_logs(SERVICE, process, settings.log_level)
    return settings
