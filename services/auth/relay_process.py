"""Wires the process `relay`: moves messages from the outbox to the broker."""

from services.auth.process_start import SERVICE, start
from shared.processes import run_relay


def relay() -> None:
    """Move messages from the outbox to the broker."""
    settings = start("relay")
    run_relay(
        SERVICE,
        database_url=settings.database_url,
        rabbitmq_url=settings.rabbitmq_url,
        host=settings.http_host,
        ops_port=settings.ops_port,
    )
