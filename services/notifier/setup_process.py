"""Wires the process `setup`: migrates the database, declares the queues, begins the first epoch."""

from services.notifier.provisioning import provision_redis
from services.notifier.service import SERVICE
from services.notifier.settings import Settings
from shared.process.processes import run_setup


def setup(settings: Settings) -> None:
    """Set the notifier up; changes nothing that is there already."""
    run_setup(SERVICE.name, settings, SERVICE.queues)
    provision_redis(settings.database_url, settings.redis_url)
