from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine

from shared.database import new_engine
from shared.outbox.table import OUTBOX


@pytest.fixture
def outbox_url(database: Callable[[str], str]) -> str:
    """A fresh database with nothing but an outbox."""
    url = database("outbox")
    engine = new_engine(url)
    OUTBOX.metadata.create_all(engine)
    engine.dispose()
    return url


@pytest.fixture
def engine(outbox_url: str) -> Iterator[Engine]:
    engine = new_engine(outbox_url)
    yield engine
    engine.dispose()
