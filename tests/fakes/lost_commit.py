"""A database that goes away just before a transaction is committed."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from shared.database import transaction


@contextmanager
def cut_before_the_commit(engine: Engine) -> Iterator[Connection]:
    """Stand for `transaction`: everything is done, and nothing of it is kept."""
    with transaction(engine) as connection:
        yield connection
        raise ConnectionError("cut before the commit")
