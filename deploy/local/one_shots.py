"""The one-shot programs of a start: all at once, and the start ends when one of them fails."""

from collections.abc import Sequence
from pathlib import Path

from deploy.local.programs import Program, StartFailed, start, wait_until

_SECONDS = 300
_LAST_LINES = 5


class OneShots:
    """Programs that end by themselves, each with a log of its own."""

    def __init__(self, programs: Sequence[Program], logs: Path) -> None:
        self._logs = {program.name: logs / f"{program.name}.log" for program in programs}
        self._running = {
            program.name: start(program, self._logs[program.name]) for program in programs
        }

    def wait(self) -> None:
        """Wait for all. Raises StartFailed with the last words of the one that failed."""
        wait_until(self._have_finished, "set-up of the services", _SECONDS)

    def _have_finished(self) -> bool:
        codes = {name: process.poll() for name, process in self._running.items()}
        for name, code in codes.items():
            if code not in {0, None}:
                last = self._logs[name].read_text(errors="replace").splitlines()[-_LAST_LINES:]
                raise StartFailed("\n".join([f"{name} failed ({self._logs[name]}):", *last]))
        return all(code == 0 for code in codes.values())
