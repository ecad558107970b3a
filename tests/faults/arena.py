"""One running system for many fault tests: each hurts it, then all promises are checked."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.telegram_person import TelegramPerson
from tests.faults.checker import Verdict, check, wait_until_quiet
from tests.faults.rig import Rig, eventually, running_rig
from tests.faults.subscriber import Seen
from tests.faults.workload import Workload

PEOPLE = 5
HABITS_A_SECOND = 4.0
DUE_IN_SECONDS = (2, 5)
SETTLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Load:
    """People at work on the arena's system; the verdict is there when they have ended."""

    workload: Workload
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Arena:
    """A system, its Telegram, and a service from outside that sees every event."""

    rig: Rig
    telegram: TelegramPerson
    seen: Seen

    @contextmanager
    def under_load(self, gateway_url: str | None = None) -> Iterator[Load]:
        """Have people work for the length of a block; afterwards no promise may be broken."""
        workload = Workload(
            gateway_url or self.rig.system.gateway_url,
            self.rig.system.simulator_url,
            seed=random.randrange(2**32),
            people=PEOPLE,
            habits_a_second=HABITS_A_SECOND,
            due_in_seconds=DUE_IN_SECONDS,
        )
        workload.gather()
        load = Load(workload, Verdict())
        stop = threading.Event()
        work = threading.Thread(target=workload.run, args=(600, stop), daemon=True)
        work.start()
        try:
            time.sleep(SETTLE_SECONDS)
            yield load
            time.sleep(SETTLE_SECONDS)
        finally:
            stop.set()
            work.join()
            self.telegram.clear_faults()
        self._judge(load)

    def _judge(self, load: Load) -> None:
        time.sleep(max(0.0, load.workload.last_due_at() - time.time()))
        eventually(self.rig.is_ready, "the system is ready again", 60)
        wait_until_quiet(self.rig)
        found = check(self.rig, load.workload, self.seen, self.telegram.requests(limit=100_000))
        load.verdict.numbers.update(found.numbers)
        load.verdict.breaches.extend(found.breaches)
        assert not found.breaches, "\n".join([found.table(), *found.breaches])
        assert found.numbers["sent once"] > 0


@contextmanager
def running_arena(directory: Path) -> Iterator[Arena]:
    """Run a system with replicas, and watch it."""
    with running_rig(directory) as rig, Seen(rig.broker_url()) as seen:
        eventually(rig.is_ready, "all replicas are ready", 120)
        yield Arena(rig, TelegramPerson(rig.system.simulator_url), seen)
