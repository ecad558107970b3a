from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine

from services.scheduler.tables import METADATA
from shared.database import new_engine, transaction
from shared.migrations import migrate


@pytest.fixture(scope="module")
def migrated_url(module_database: Callable[[str], str]) -> str:
    """The URL of a database with the scheduler's schema, kept for the tests of one file."""
    url = module_database("scheduler")
    migrate("scheduler", url)
    return url


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    """An engine on that database, with every table empty."""
    engine = new_engine(migrated_url)
    with transaction(engine) as connection:
        for table in reversed(METADATA.sorted_tables):
            connection.execute(table.delete())
    yield engine
    engine.dispose()
