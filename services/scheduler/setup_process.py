"""Wires the process `setup`: migrates the database and declares the queues."""

from services.scheduler.service import SERVICE
from services.scheduler.settings import Settings
from shared.contracts.topology import REMINDERS
from shared.process.processes import run_setup


def setup(settings: Settings) -> None:
    """Set the scheduler up; changes nothing that is there already.

    The queue of reminders is the notifier's, and declared here too: a reminder announced before the
    notifier's own setup would find no queue.
    """
    run_setup(SERVICE.name, settings, (*SERVICE.queues, REMINDERS))
