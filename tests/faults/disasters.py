"""The faults of a soak, each by name; drawn at random from a seed."""

import random
import time
from collections import Counter
from typing import TYPE_CHECKING

from tests.fakes.telegram_person import TelegramPerson
from tests.faults.power_cuts import cut_power_of_redis
from tests.faults.rig import Rig
from tests.faults.subscriber import Seen

if TYPE_CHECKING:
    from collections.abc import Callable

KILLED = (
    "auth",
    "auth-relay",
    "auth-consumer",
    "habits",
    "habits-relay",
    "habits-consumer",
    "scheduler",
    "scheduler-relay",
    "scheduler-consumer",
    "notifier",
    "notifier-api",
    "notifier-relay",
    "notifier-bot",
)
# What holds messages while others go on with later ones.
CONSUMERS = ("scheduler-consumer", "habits-consumer", "notifier")
TOLD_AGAIN = 30
FROZEN = ("scheduler", "scheduler-relay", "habits-relay", "notifier", "rabbitmq", "redis")


class Disasters:
    """Injects one fault after another and counts them by class."""

    def __init__(self, rig: Rig, telegram: TelegramPerson, seen: Seen, seed: int) -> None:
        self.injected: Counter[str] = Counter()
        self._rig = rig
        self._telegram = telegram
        self._seen = seen
        self._chance = random.Random(seed)
        self._kinds: dict[str, tuple[int, Callable[[], None]]] = {
            "kill -9 a process": (8, self._kill_process),
            "freeze a process or server": (3, self._freeze),
            "events overtake one that is held": (2, self._freeze_a_consumer),
            "events come again in any order": (2, self._tell_again),
            "cut database connections": (3, rig.terminate_database_connections),
            "cut broker connections": (3, rig.close_broker_connections),
            "kill -9 RabbitMQ": (1, lambda: rig.programs.kill("rabbitmq")),
            "kill -9 PostgreSQL": (1, lambda: rig.programs.kill("postgresql")),
            "kill -9 Redis": (1, lambda: rig.programs.kill("redis")),
            "power cut of Redis and the senders": (2, self._cut_power),
            "Telegram 429": (2, lambda: self._fault("too_many_requests", retry_after_seconds=2)),
            "Telegram 5xx": (2, lambda: self._fault("server_error", times=3)),
            "Telegram slow": (2, lambda: self._fault("delay_before_recording", delay_seconds=2)),
            "Telegram drops before recording": (2, lambda: self._fault("drop_before_recording")),
            "Telegram drops after recording": (2, lambda: self._fault("drop_after_recording")),
        }

    def inject(self) -> str:
        """Inject one fault; return its name."""
        names = list(self._kinds)
        weights = [weight for weight, _ in self._kinds.values()]
        [name] = self._chance.choices(names, weights)
        self._kinds[name][1]()
        self.injected[name] += 1
        return name

    def _kill_process(self) -> None:
        self._rig.programs.kill(self._chance.choice(KILLED))

    def _freeze(self) -> None:
        with self._rig.programs.frozen(self._chance.choice(FROZEN)):
            time.sleep(self._chance.uniform(1, 4))

    def _freeze_a_consumer(self) -> None:
        with self._rig.programs.frozen(self._chance.choice(CONSUMERS)):
            time.sleep(self._chance.uniform(2, 5))

    def _cut_power(self) -> None:
        cut_power_of_senders(self._rig)

    def _tell_again(self) -> None:
        share = TOLD_AGAIN / max(1, self._seen.count)
        self._seen.replay(lambda _: self._chance.random() < share, self._chance)

    def _fault(self, kind: str, **options: object) -> None:
        self._telegram.fault(kind, **options)


def cut_power_of_senders(rig: Rig) -> int:
    """End Redis and all senders at once; return how many bytes of Redis' last second are gone."""
    lost = cut_power_of_redis(rig.programs)
    rig.programs.kill("notifier")
    for replica in rig.replicas_of("notifier", "consume"):
        replica.kill()
        replica.start()
    return lost
