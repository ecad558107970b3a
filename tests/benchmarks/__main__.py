"""`make bench` and `make bench-quick`: all of it side by side, in turn, on servers of its own.

Nothing is judged here and no test asserts these figures: they belong to the machine they were
measured on. What carries over to another one is the ratio.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from shared.contracts.topology import SCHEDULER_QUEUES
from shared.database import new_engine
from shared.messaging.broker_topology import declare_topology
from shared.migrations import migrate
from tests.benchmarks import append_cost, http_paths, relay_latency, relay_rate, report
from tests.benchmarks.sides import ours, peer
from tests.benchmarks.table import Row, ratio_text, rows_as_table
from tests.servers.own_space import own_database
from tests.servers.private import private_postgresql, private_rabbitmq

_began = time.monotonic()


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    accounts: int
    rounds: int
    seconds: float
    messages: int
    latencies: int


QUICK = Size(accounts=8, rounds=3, seconds=1.5, messages=2000, latencies=0)
FULL = Size(accounts=32, rounds=7, seconds=4, messages=10_000, latencies=60)


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under two minutes, less exact")
    parser.add_argument("--print", action="store_true", help="leave docs/performance.md as it is")
    options = parser.parse_args()
    size = QUICK if options.quick else FULL
    with ExitStack() as servers:
        folder = Path(servers.enter_context(tempfile.TemporaryDirectory()))
        # PostgreSQL runs as a user of its own when we are root.
        folder.chmod(0o711)
        say("starting PostgreSQL and RabbitMQ")
        directory = folder / "postgresql"
        admin_url = servers.enter_context(private_postgresql(directory, durable=True))
        postgresql = int((directory / "data/postmaster.pid").read_text().split()[0])
        broker_url, _ = servers.enter_context(private_rabbitmq(folder / "rabbitmq"))
        asyncio.run(declare_topology(broker_url, SCHEDULER_QUEUES))
        results, memory = _http(admin_url, broker_url, postgresql, folder, size)
        parts = [
            *(report.http_table(name, sides) for name, sides in results.items()),
            memory,
            *_behind_the_request(admin_url, broker_url, size),
            report.machine(),
        ]
    if options.print:
        sys.stdout.write("\n".join(parts))
    else:
        report.write(parts, results)
    say("done")


def _http(
    admin_url: str, broker_url: str, postgresql: int, folder: Path, size: Size
) -> tuple[http_paths.Results, str]:
    with ExitStack() as stack:
        auth, habits, shipped, tuned = (
            stack.enter_context(own_database(admin_url, name))
            for name in ("auth", "habits", "shipped", "tuned")
        )
        sides = []
        for side in (
            ours(auth, habits, broker_url, folder, accounts=size.accounts),
            peer(shipped, folder, accounts=size.accounts, tuned=False),
            peer(tuned, folder, accounts=size.accounts, tuned=True),
        ):
            say("starting a side, with its accounts and habits")
            sides.append(stack.enter_context(side))
        results = http_paths.measure(
            sides, postgresql, rounds=size.rounds, seconds=size.seconds, say=say
        )
        return results, report.memory_table(sides)


def _behind_the_request(admin_url: str, broker_url: str, size: Size) -> list[str]:
    with own_database(admin_url, "behind") as database_url:
        migrate("habits", database_url)
        engine = new_engine(database_url)
        say("the relay")
        relayed, bare = asyncio.run(
            relay_rate.measure(
                engine, database_url, broker_url, rounds=size.rounds, messages=size.messages
            )
        )
        rate = [
            Row("the relay", f"{statistics.median(relayed):.0f} messages/s"),
            Row(
                f"aio-pika alone, {relay_rate.WINDOW} in flight",
                f"{statistics.median(bare):.0f} messages/s",
                ratio_text(relayed, bare),
            ),
        ]
        tables = [rows_as_table("From the outbox to a quorum queue, with confirms", rate)]
        if size.latencies:
            say("from commit to queue")
            latencies = asyncio.run(
                relay_latency.measure(engine, database_url, broker_url, samples=size.latencies)
            )
            tables.append(rows_as_table("From commit to queue", latencies))
        say("the event store")
        appends = append_cost.measure(engine, database_url, rounds=size.rounds)
        tables.append(rows_as_table("One event a transaction", appends))
        engine.dispose()
    return tables


def say(what: str) -> None:
    sys.stderr.write(f"{time.monotonic() - _began:5.0f} s  {what}\n")


if __name__ == "__main__":
    main()
