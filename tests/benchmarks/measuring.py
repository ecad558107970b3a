"""What processes have used: processor time and memory, read from Linux's /proc."""

import os
from collections.abc import Iterator
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_seconds(process_id: int) -> float:
    """Return the processor time of a process and all of its children, ended ones among them."""
    ticks = 0
    for each in tree(process_id):
        numbers = _stat(each)
        # utime and stime; of the root also what its ended children used.
        ticks += sum(map(int, numbers[11:15] if each == process_id else numbers[11:13]))
    return ticks / _TICKS_A_SECOND


def proportional_bytes(process_id: int) -> int:
    """Return the memory of a process and its children; what several share counts in parts (PSS)."""
    return 1024 * sum(_proportional_kilobytes(each) for each in tree(process_id))


def tree(process_id: int) -> list[int]:
    """Return a process and all that it, or a child of its, has begun."""
    children: dict[int, list[int]] = {}
    for each in _processes():
        stat = _stat(each)
        if stat:
            children.setdefault(int(stat[1]), []).append(each)
    found = [process_id]
    for each in found:
        found.extend(children.get(each, []))
    return found


def _processes() -> Iterator[int]:
    return (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())


def _stat(process_id: int) -> list[str]:
    """Return what comes after the name, which may have spaces in it; nothing of an ended one."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _proportional_kilobytes(process_id: int) -> int:
    try:
        lines = Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
