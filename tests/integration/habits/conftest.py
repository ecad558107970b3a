"""The habits service on a database of its own, called through Flask's test client."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from services.habits.app import build_app
from shared.database import new_engine
from shared.migrations import migrate
from tests.integration.habits.callers import Caller, find_key


@pytest.fixture(scope="module")
def habits_url(module_database: Callable[[str], str]) -> str:
    """Return the URL of a migrated database, shared by the tests of one file."""
    url = module_database("habits")
    migrate("habits", url)
    return url


@pytest.fixture(scope="module")
def engine(habits_url: str) -> Iterator[Engine]:
    engine = new_engine(habits_url, pool_size=20)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def app(engine: Engine) -> Flask:
    return build_app(engine, find_key)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client without a token."""
    return app.test_client()


@pytest.fixture
def anna(client: FlaskClient) -> Caller:
    return Caller(client)


@pytest.fixture
def boris(client: FlaskClient) -> Caller:
    return Caller(client)
