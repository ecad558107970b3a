"""Writes what was measured into `docs/performance.md`, and its plots beside it."""

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

from deploy.local.programs import REPOSITORY, run_once
from tests.benchmarks.http_paths import Results, Rounds
from tests.benchmarks.measuring import proportional_bytes
from tests.benchmarks.sides import PEER, PEER_PYTHON, Side
from tests.benchmarks.table import as_table, ratio_text

DOCUMENT = REPOSITORY / "docs/performance.md"
PLOTS = REPOSITORY / "docs/performance"
_BEGIN = "<!-- measured by make bench: begin -->"
_END = "<!-- measured by make bench: end -->"

_OWN_PACKAGES = ("flask", "sqlalchemy", "psycopg", "gunicorn", "aio-pika")
_PEER_PACKAGES = (
    "django",
    "djangorestframework",
    "djangorestframework-simplejwt",
    "gunicorn",
    "eventsourcing",
)


def http_table(name: str, sides: Mapping[str, Rounds]) -> str:
    """Return the table of one path."""
    ours = sides["ours"]
    rows = [
        (
            side,
            _spread(rounds.a_second),
            f"{_median(rounds.p50_milliseconds)} / {_median(rounds.p99_milliseconds)}",
            " + ".join(
                _median(each)
                for each in (
                    rounds.process_milliseconds,
                    rounds.database_milliseconds,
                    rounds.relay_milliseconds,
                )
            ),
            ratio_text(ours.a_second, rounds.a_second),
            ratio_text(rounds.process_milliseconds, ours.process_milliseconds),
        )
        for side, rounds in sides.items()
    ]
    head = (
        "side",
        "requests a second",
        "p50 / p99, ms",
        "processor time of one: process + PostgreSQL + relay, ms",
        "ours answers so many times as many",
        "its process needs so many times ours",
    )
    return as_table(name, head, rows)


def memory_table(sides: Sequence[Side]) -> str:
    """Return how much memory the processes of each side share out among themselves."""
    rows = [
        (side.name, name, f"{proportional_bytes(process) / 2**20:.0f}")
        for side in sides
        for name, process in side.processes.items()
    ]
    return as_table("Memory after the load", ("side", "process", "PSS, MiB"), rows)


def machine() -> str:
    """Return what it was measured on, and with what."""
    processor = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    own = ", ".join(f"{name} {metadata.version(name)}" for name in _OWN_PACKAGES)
    code = (
        "from importlib.metadata import version;"
        f"print(', '.join(f'{{name}} {{version(name)}}' for name in {_PEER_PACKAGES!r}))"
    )
    peer = run_once([str(PEER_PYTHON), "-c", code]).strip()
    load = os.getloadavg()[2]
    return (
        f"{os.cpu_count()} processors ({processor}), Linux {platform.release()},"
        f" Python {platform.python_version()}; the machine's load in the quarter of an hour before"
        f" the end: {load:.1f}.\n\nOurs: {own}. The peer: {peer}.\n"
    )


def write(parts: Sequence[str], results: Results) -> None:
    """Replace the measured part of the document, and draw its plots."""
    before, _, rest = DOCUMENT.read_text().partition(_BEGIN)
    after = rest.partition(_END)[2]
    DOCUMENT.write_text(f"{before}{_BEGIN}\n\n{chr(10).join(parts)}\n{_END}{after}")
    PLOTS.mkdir(exist_ok=True)
    figures = {
        path: {side: asdict(rounds) for side, rounds in sides.items()}
        for path, sides in results.items()
    }
    (PLOTS / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    run_once([str(PEER_PYTHON), str(PEER / "plots.py"), str(PLOTS)])


def _spread(figures: Sequence[float]) -> str:
    return f"{statistics.median(figures):.0f} ({min(figures):.0f} to {max(figures):.0f})"


def _median(figures: Sequence[float]) -> str:
    return f"{statistics.median(figures):.2f}"
