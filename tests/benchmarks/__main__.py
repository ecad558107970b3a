"""`make benchmarks`: ratios, measured side by side in one run on servers of their own.

Nothing is judged here and no test asserts these numbers: they belong to the machine they were
measured on. What carries over to another one is the ratio.
"""

import asyncio
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from shared.database import new_engine
from shared.messaging.broker_topology import declare_topology
from shared.migrations import migrate
from tests.benchmarks import append_cost, relay_latency
from tests.benchmarks.table import as_text
from tests.servers.own_space import own_database
from tests.servers.private import private_postgresql, private_rabbitmq


def main() -> None:
    with ExitStack() as servers:
        folder = Path(servers.enter_context(tempfile.TemporaryDirectory()))
        # PostgreSQL runs as a user of its own when we are root.
        folder.chmod(0o711)
        admin_url = servers.enter_context(private_postgresql(folder / "postgresql", durable=True))
        rabbitmq_url, _ = servers.enter_context(private_rabbitmq(folder / "rabbitmq"))
        database_url = servers.enter_context(own_database(admin_url, "benchmarks"))
        migrate("habits", database_url)
        asyncio.run(declare_topology(rabbitmq_url, ()))
        engine = new_engine(database_url)
        latencies = asyncio.run(relay_latency.measure(engine, database_url, rabbitmq_url))
        sys.stdout.write(as_text("From commit to queue", latencies))
        sys.stdout.write(as_text("One event a transaction", append_cost.measure(engine)))
        engine.dispose()


if __name__ == "__main__":
    main()
