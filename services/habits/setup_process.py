"""Wires the process `setup`: migrates the database and declares the queue."""

from services.habits.service import SERVICE
from services.habits.settings import Settings
from shared.process.processes import run_setup


def setup(settings: Settings) -> None:
    """Set habits up; changes nothing that is there already."""
    run_setup(SERVICE.name, settings, SERVICE.queues)
