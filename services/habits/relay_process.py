"""Wires the process `relay`: moves messages from the outbox to the broker."""

from services.habits.process_start import SERVICE, start
from shared.process.processes import run_relay


def relay() -> None:
    """Move messages from the outbox to the broker."""
    run_relay(SERVICE, start("relay"))
