"""auth's HTTP process and its set-up, wired from the settings; `relay` has a file of its own."""

from services.auth.app import create_app
from services.auth.process_start import SERVICE, start
from services.auth.sealing import private_key_sealer
from services.auth.signing_keys import create_first_key
from shared.database import new_engine, transaction
from shared.http.server import serve as serve_http
from shared.instants import now
from shared.process.processes import run_setup
from shared.process.structured_logs import get_logger

_log = get_logger(__name__)


def serve() -> None:
    """Answer HTTP requests."""
    settings = start("serve")
    serve_http(lambda: create_app(settings), settings.http_host, settings.http_port)


def setup() -> None:
    """Migrate the database, declare the exchange, and create the first signing key."""
    settings = start("setup")
    run_setup(
        SERVICE,
        database_url=settings.database_url,
        rabbitmq_url=settings.rabbitmq_url,
        queues=(),
    )
    engine = new_engine(settings.database_url)
    sealer = private_key_sealer(settings.signing_keys_secret)
    with transaction(engine) as connection:
        created = create_first_key(connection, sealer, now())
    engine.dispose()
    _log.info("signing key", created=created)
