"""auth's app on a real PostgreSQL and a real Redis."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from services.auth.app import create_app
from services.auth.parts import Parts
from services.auth.sealing import private_key_sealer
from services.auth.settings import Settings
from services.auth.signing_keys import create_first_key
from shared.database import new_engine, transaction
from shared.instants import now
from shared.migrations import migrate
from tests.integration.auth.callers import Caller, registered

SECRET = "a secret of the tests, long enough"
TABLES = (
    "accounts, erased_accounts, refresh_tokens, answered_requests,"
    " api_tokens, signing_keys, outbox, rate_windows"
)

MakeApp = Callable[..., Flask]


@pytest.fixture(scope="module")
def migrated_database(module_database: Callable[[str], str]) -> str:
    url = module_database("auth")
    migrate("auth", url)
    return url


@pytest.fixture
def database_url(migrated_database: str) -> str:
    """Return the URL of auth's database, with one signing key and nothing else."""
    engine = new_engine(migrated_database)
    with transaction(engine) as connection:
        connection.exec_driver_sql(f"TRUNCATE {TABLES}")
        create_first_key(connection, private_key_sealer(SECRET), now())
    engine.dispose()
    return migrated_database


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(
        database_url=database_url,
        rabbitmq_url="amqp://nobody@127.0.0.1:1/",
        http_host="127.0.0.1",
        http_port=8000,
        ops_port=9000,
        log_level="INFO",
        signing_keys_secret=SECRET,
        registrations_per_minute=1000,
        token_requests_per_minute=1000,
        failed_logins=1000,
    )


@pytest.fixture
def make_app(settings: Settings) -> Iterator[MakeApp]:
    """Give a factory: changed settings -> an app."""
    apps: list[Flask] = []

    def make(**changes: object) -> Flask:
        app = create_app(replace(settings, **changes))  # type: ignore[arg-type]
        apps.append(app)
        return app

    yield make
    for app in apps:
        parts_of(app).engine.dispose()


def parts_of(app: Flask) -> Parts:
    parts: Parts = app.extensions["auth_parts"]
    return parts


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def ann(app: Flask) -> Caller:
    """Return somebody with an account."""
    return registered(app)


@pytest.fixture
def signed_in(ann: Caller) -> dict[str, str]:
    """Return the tokens of somebody with an account."""
    return ann.tokens()
