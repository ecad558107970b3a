"""What every process of habits begins with."""

from services.habits.settings import Settings, read_settings
from shared.process.environment import load_settings
from shared.process.structured_logs import configure_logs

SERVICE = "habits"


def start(process: str) -> Settings:
    """Read the settings and set up the logs; exits when a setting is wrong."""
    settings = load_settings(read_settings)
    configure_logs(SERVICE, process, settings.log_level)
    return settings
