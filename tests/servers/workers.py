"""How the workers of pytest-xdist share the tests: a worker takes whole files, one all systems.

The library's own `--dist=loadgroup` would read the groups off markers; with pytest 9.2 it finds
none, and says nothing.
"""

from xdist.scheduler import LoadScopeScheduling

# The systems that a session starts once, by the fixture that starts them, with the tests' files.
WHOLE_SYSTEMS = {
    "system": ("tests/end_to_end/",),
    "arena": (
        "tests/faults/test_system_",
        "tests/faults/test_soak.py",
        "tests/integration/local/test_make_run.py",
    ),
}


def system_of(node_id: str) -> str | None:
    """Return the name of the whole system that a test's file uses, if it uses one."""
    return next((name for name, paths in WHOLE_SYSTEMS.items() if node_id.startswith(paths)), None)


class WholeFiles(LoadScopeScheduling):  # type: ignore[misc]
    """Never divides a file, whose tests share a database, nor the files that need whole systems."""

    def _split_scope(self, nodeid: str) -> str:
        return "whole systems" if system_of(nodeid) else nodeid.partition("::")[0]
