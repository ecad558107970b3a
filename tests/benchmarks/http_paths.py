"""Creating a habit, listing five of fifty, signing in: ours and the peer in turn."""

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.benchmarks.load import put_load, request
from tests.benchmarks.measuring import cpu_seconds
from tests.benchmarks.sides import WATER, Side

# As many as auth hashes at once without making anybody wait.
TOKEN_CONNECTIONS = 4
CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Path:
    """A kind of request, and the process of a side that answers it."""

    name: str
    process: str
    status: int
    connections: int
    requests: Callable[[Side], list[bytes]]


@dataclass(slots=True)
class Rounds:
    """What one side needed for one path, a number for each round."""

    a_second: list[float] = field(default_factory=list)
    p50_milliseconds: list[float] = field(default_factory=list)
    p99_milliseconds: list[float] = field(default_factory=list)
    process_milliseconds: list[float] = field(default_factory=list)
    database_milliseconds: list[float] = field(default_factory=list)
    relay_milliseconds: list[float] = field(default_factory=list)


Results = dict[str, dict[str, Rounds]]


def _creates(side: Side) -> list[bytes]:
    body = json.dumps(WATER).encode()
    return [request("POST", "/api/habit/", token, body) for token in side.tokens]


def _lists(side: Side) -> list[bytes]:
    return [request("GET", "/api/habit/", token) for token in side.tokens]


def _tokens(side: Side) -> list[bytes]:
    bodies = [json.dumps(each).encode() for each in side.credentials]
    return [request("POST", "/api/token/", None, body) for body in bodies]


PATHS = (
    Path("list 5 of 50", "habits", 200, CONNECTIONS, _lists),
    Path("create", "habits", 201, CONNECTIONS, _creates),
    Path("token", "auth", 200, TOKEN_CONNECTIONS, _tokens),
)


def measure(
    sides: Sequence[Side], database: int, *, rounds: int, seconds: float, say: Callable[[str], None]
) -> Results:
    """Return, for each path, what each side needed; `database` is PostgreSQL's process."""
    results: Results = {path.name: {side.name: Rounds() for side in sides} for path in PATHS}
    for path in PATHS:
        for number in range(1, rounds + 1):
            say(f"{path.name}, round {number} of {rounds}")
            # Another one begins each time: who comes first meets what the round before left behind.
            for side in [*sides[number % len(sides) :], *sides[: number % len(sides)]]:
                _take(results[path.name][side.name], path, side, database, seconds)
    return results


def _take(into: Rounds, path: Path, side: Side, database: int, seconds: float) -> None:
    address = side.sign_in if path.process == "auth" else side.habits
    watched = [side.processes[path.process], database]
    if path.name == "create" and "relay" in side.processes:
        watched.append(side.processes["relay"])
    used = [cpu_seconds(each) for each in watched]
    answers = put_load(
        address,
        path.requests(side),
        seconds=seconds,
        connections=path.connections,
        status=path.status,
    )
    now = [cpu_seconds(each) for each in watched]
    milliseconds = [
        1000 * (after - before) / len(answers.latencies_seconds)
        for before, after in zip(used, now, strict=True)
    ]
    centiles = statistics.quantiles(answers.latencies_seconds, n=100)
    into.a_second.append(answers.a_second)
    into.p50_milliseconds.append(1000 * centiles[49])
    into.p99_milliseconds.append(1000 * centiles[98])
    into.process_milliseconds.append(milliseconds[0])
    into.database_milliseconds.append(milliseconds[1])
    into.relay_milliseconds.append(sum(milliseconds[2:]))
