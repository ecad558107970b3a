"""`make soak MINUTES=10 SEED=1`: people at random, faults at random, and a verdict at the end.

The seed decides what people do and which faults come in which order; when exactly they meet is up
to the machine, so a run can be repeated in kind, not to the millisecond.
"""

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fakes.telegram_person import TelegramPerson
from tests.faults.checker import Verdict, check, wait_until_quiet
from tests.faults.disasters import Disasters
from tests.faults.replicas import gateway_over, upstreams_of_one
from tests.faults.rig import Rig, running_rig
from tests.faults.secret_search import Secret, find_secrets, secrets_of_client, secrets_of_run
from tests.faults.subscriber import Seen
from tests.faults.workload import Workload

PEOPLE = 20
HABITS_A_SECOND = 3.0
# The last habits are due this long after the last command.
TAIL_SECONDS = 20
# The second replica of each HTTP service has a clock of its own, within the leeway for tokens.
HTTP_CLOCKS = (("auth", "auth", 3.0), ("habits", "habits", -2.0), ("notifier", "notifier-api", 2.0))


def soak(rig: Rig, seen: Seen, minutes: float, seed: int) -> tuple[Verdict, Counter[str]]:
    """Put a running system under load and faults; return the verdict and what was injected."""
    with _replicas_with_wrong_clocks(rig) as gateway_url:
        return _soak(rig, seen, gateway_url, minutes, seed)


def _soak(
    rig: Rig, seen: Seen, gateway_url: str, minutes: float, seed: int
) -> tuple[Verdict, Counter[str]]:
    telegram = TelegramPerson(rig.system.simulator_url)
    workload = Workload(
        gateway_url,
        rig.system.simulator_url,
        seed=seed,
        people=PEOPLE,
        habits_a_second=HABITS_A_SECOND,
    )
    disasters = Disasters(rig, telegram, seen, seed)
    workload.gather()
    _say(f"{PEOPLE} people linked; faults begin")
    work = threading.Thread(target=workload.run, args=(minutes * 60,), daemon=True)
    work.start()
    _inject_while(work, disasters, random.Random(seed), workload)
    telegram.clear_faults()
    _say("faults over; waiting for quiet")
    time.sleep(TAIL_SECONDS)
    wait_until_quiet(rig)
    requests = telegram.requests(limit=100_000)
    verdict = check(rig, workload, seen, requests)
    verdict.breaches += _secrets_in_logs(rig, workload)
    _keep_journal(rig.system.run_directory, workload, requests)
    return verdict, disasters.injected


@contextmanager
def _replicas_with_wrong_clocks(rig: Rig) -> Iterator[str]:
    """Add a replica of each HTTP service, and a gateway that shares requests among all."""
    programs = rig.programs
    replicas = {
        service: rig.add_replica(service, "serve", wait=True, clock_offset_seconds=offset)
        for service, _, offset in HTTP_CLOCKS
    }
    upstreams: dict[str, tuple[int, ...]] = {
        service: (programs.port(program), replicas[service].port)
        for service, program, _ in HTTP_CLOCKS
    }
    upstreams |= upstreams_of_one(programs)
    directory = Path(tempfile.mkdtemp(prefix="gateway-", dir=rig.system.run_directory))
    with gateway_over(directory, upstreams) as url:
        yield url
    for replica in replicas.values():
        rig.remove_replica(replica)


def _inject_while(
    work: threading.Thread, disasters: Disasters, chance: random.Random, workload: Workload
) -> None:
    began = time.monotonic()
    while work.is_alive():
        work.join(chance.uniform(1, 5))
        if work.is_alive():
            fault = disasters.inject()
            passed = time.monotonic() - began
            _say(f"{passed:6.0f} s  {workload.journal.acknowledged:6} commands  {fault}")


def _secrets_in_logs(rig: Rig, workload: Workload) -> list[str]:
    """Return where a log of any process or server tells a secret."""
    secrets = [
        *secrets_of_run(rig.system.run_directory),
        *(secret for person in workload.people for secret in secrets_of_client(person.client)),
        *(Secret("a link code", code) for code in workload.journal.link_codes),
    ]
    return [f"secret in a log: {place}" for place in find_secrets(rig.system.logs, secrets)]


def _keep_journal(directory: Path, workload: Workload, requests: list[dict[str, object]]) -> None:
    """Leave behind what an investigation of a breach needs."""
    habits = [
        {name: getattr(habit, name) for name in habit.__slots__}
        for habit in workload.journal.habits.values()
    ]
    (directory / "journal.json").write_text(json.dumps({"habits": habits, "requests": requests}))


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a program for people


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="habit-tracker-soak-"))
    _say(f"logs and journal: {directory}")
    with running_rig(directory) as rig, Seen(rig.broker_url()) as seen:
        verdict, injected = soak(rig, seen, options.minutes, options.seed)
    _say("\ninjected:")
    for name, count in sorted(injected.items()):
        _say(f"  {name:<36} {count:>5}")
    _say(f"\nseed {options.seed}, {options.minutes:g} minutes:\n{verdict.table()}")
    for breach in verdict.breaches:
        _say(f"BREACH {breach}")
    return 1 if verdict.breaches else 0


if __name__ == "__main__":
    sys.exit(main())
