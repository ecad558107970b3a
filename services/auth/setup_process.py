"""Wires the process `setup`: migrates the database, declares the queue, makes the first key."""

from services.auth.sealing import private_key_sealer
from services.auth.service import SERVICE
from services.auth.settings import Settings
from services.auth.signing_keys import create_first_key
from shared.database import new_engine, transaction
from shared.instants import now
from shared.process.processes import run_setup
from shared.process.structured_logs import get_logger

_log = get_logger(__name__)


def setup(settings: Settings) -> None:
    """Set auth up; changes nothing that is there already."""
    run_setup(SERVICE.name, settings, queues=SERVICE.queues)
    engine = new_engine(settings.database_url)
    sealer = private_key_sealer(settings.signing_keys_secret)
    with transaction(engine) as connection:
        created = create_first_key(connection, sealer, now())
    engine.dispose()
    _log.info("signing key", created=created)
