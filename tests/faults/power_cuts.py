"""A power cut, as a disk shows it afterwards: what was written last has never been written.

Redis keeps its append-only file with `appendfsync everysec`, so a power cut may take the last
second of it. PostgreSQL and RabbitMQ wait for the disk before they confirm: for them a power cut is
a `kill -9`.
"""

import os
import signal
import time
from pathlib import Path

from tests.faults.supervised import Supervised

LOST_SECONDS = 1.0


def cut_power_of_redis(programs: Supervised) -> int:
    """Kill Redis with the loss of what it wrote in the last second; return the bytes lost.

    It comes back by itself, with a file that is as long as it was a second ago.
    """
    file = _append_only_file(programs.run_directory)
    kept = file.stat().st_size
    time.sleep(LOST_SECONDS)
    programs.signal("redis", signal.SIGSTOP)
    lost = max(0, file.stat().st_size - kept)
    os.truncate(file, file.stat().st_size - lost)
    programs.kill("redis")
    return lost


def _append_only_file(run_directory: Path) -> Path:
    """Return the part of the append-only file to which Redis adds now."""
    parts = run_directory.glob("**/appendonlydir/*.incr.aof")
    return max(parts, key=lambda part: int(part.name.split(".")[-3]))
