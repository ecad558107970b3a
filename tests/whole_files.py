"""How two workers of pytest-xdist share the tests: whole files, and one worker a whole system.

A file's servers and databases are then made once, and so is each system that many files look at.
"""

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

# What shares a running system, by the fixture that is the system; its tests go to one worker.
SHARES_A_SYSTEM = {
    "system": (
        "tests/end_to_end/",
        "tests/integration/habits/test_processes.py",
        "tests/integration/scheduler/test_processes.py",
    ),
    "arena": ("tests/faults/test_system_", "tests/faults/test_soak.py"),
}


def scope_of(node_id: str) -> str:
    """Return what is run by one worker together with this test: a system's files, or its file."""
    path = node_id.split("::", 1)[0]
    for system, beginnings in SHARES_A_SYSTEM.items():
        if path.startswith(beginnings):
            return system
    return path


class WholeFileScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Hand out one scope after the other, in the order of collection."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)
