"""auth's processes, each wired from its settings."""

from services.auth.app import create_app
from services.auth.sealing import private_key_sealer
from services.auth.settings import Settings, read_settings
from services.auth.signing_keys import create_first_key
from shared.database import new_engine, transaction
from shared.environment import load_settings
from shared.http_server import serve as serve_http
from shared.instants import now
from shared.processes import run_relay, run_setup
from shared.structured_logs import configure_logs, get_logger

SERVICE = "auth"

_log = get_logger(__name__)


def serve() -> None:
    """Answer HTTP requests."""
    settings = _start("serve")
    serve_http(lambda: create_app(settings), settings.http_host, settings.http_port)


def relay() -> None:
    """Move events from the outbox to the broker."""
    settings = _start("relay")
    run_relay(
        SERVICE,
        database_url=settings.database_url,
        rabbitmq_url=settings.rabbitmq_url,
        host=settings.http_host,
        ops_port=settings.ops_port,
    )


def setup() -> None:
    """Migrate the database, declare the exchange, and create the first signing key."""
    settings = _start("setup")
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


def _start(process: str) -> Settings:
    settings = load_settings(read_settings)
    configure_logs(SERVICE, process, settings.log_level)
    return settings
