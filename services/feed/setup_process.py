"""Wires the process `setup`: migrates the database and declares the queue."""

from services.feed.service import SERVICE
from services.feed.settings import Settings
from shared.process.processes import run_setup


def setup(settings: Settings) -> None:
    """Set the feed up; changes nothing that is there already."""
    run_setup(SERVICE.name, settings, SERVICE.queues)
