"""Wires the process `setup`: migrates the database, declares the queues."""

from services.notifier.service import SERVICE
from services.notifier.settings import Settings
from shared.process.processes import run_setup


def setup(settings: Settings) -> None:
    """Set the notifier up; changes nothing that is there already."""
    run_setup(SERVICE.name, settings, SERVICE.queues)
