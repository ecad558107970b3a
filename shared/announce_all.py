"""`announce-all`: tells the present state of every aggregate again, with its present version.

Whoever missed something, or came late, is repaired by it; to everybody else it is a duplicate,
which the version tells. It may run at any time and beside any load: each batch is a short
transaction that locks its aggregates, so what it tells is in order with their changes, and it waits
while the outbox is full. What has been told is said after each batch, and where to go on from.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, select

from shared.database import new_engine, transaction
from shared.outbox.table import OUTBOX

BATCH_SIZE = 200
_FULL_OUTBOX = 1000
_LOOK_SECONDS = 0.1
_STALLED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Told:
    """One batch: how many states were told, and the key of the last one looked at."""

    count: int
    last_key: str


Batch = Callable[[Connection, str | None, int], Told | None]
"""Tells up to so many aggregates after a key, in order of their keys; None when there are none."""


class OutboxStalled(Exception):
    """The outbox does not drain: no relay runs, or the broker is away."""


def run_command(
    service: str, database_url: str, batches: Mapping[str, Batch], arguments: Sequence[str]
) -> int:
    """Run the command as typed on a service's database; return the exit status."""
    engine = new_engine(database_url, pool_size=1)
    try:
        return run_announce_all(service, engine, batches, arguments)
    finally:
        engine.dispose()


def run_announce_all(
    service: str, engine: Engine, batches: Mapping[str, Batch], arguments: Sequence[str]
) -> int:
    """Run the command as typed, its own name first; return the exit status.

    `batches` are the service's kinds of aggregates, in the order in which they are told.
    """
    options = _parser(service, list(batches)).parse_args(arguments[1:])
    kind, _, key = (options.after or "").partition(":")
    try:
        for name in list(batches)[list(batches).index(kind) if kind else 0 :]:
            _announce(engine, name, batches[name], key if name == kind else None)
    except OutboxStalled as stalled:
        print(f"error: {stalled}", file=sys.stderr)
        return 1
    print("done: everything has been told to the outbox")
    return 0


def _announce(engine: Engine, name: str, batch: Batch, after: str | None) -> None:
    count = 0
    while True:
        _wait_for_outbox(engine, name, after)
        with transaction(engine) as connection:
            told = batch(connection, after, BATCH_SIZE)
        if told is None:
            return
        count += told.count
        after = told.last_key
        print(f"{count} told; to go on from here: --after {name}:{after}", flush=True)


def _wait_for_outbox(engine: Engine, name: str, after: str | None) -> None:
    """Wait until the relay has caught up. Raises OutboxStalled when it gets nowhere."""
    depth, since = _depth(engine), time.monotonic()
    while depth > _FULL_OUTBOX:
        time.sleep(_LOOK_SECONDS)
        before, depth = depth, _depth(engine)
        if depth < before:
            since = time.monotonic()
        elif time.monotonic() - since > _STALLED_SECONDS:
            raise OutboxStalled(
                "the outbox does not drain; once the relay runs, go on with"
                f" --after {name}:{after or ''}"
            )


def _depth(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(OUTBOX)).scalar_one()


def _parser(service: str, kinds: Sequence[str]) -> argparse.ArgumentParser:
    def cursor(text: str) -> str:
        if text.partition(":")[0] not in kinds:
            raise argparse.ArgumentTypeError(f"must be as it was said: {'|'.join(kinds)}:KEY")
        return text

    parser = argparse.ArgumentParser(prog=f"python -m services.{service} announce-all")
    parser.add_argument("--after", type=cursor, metavar="KIND:KEY", help="go on from there")
    return parser
