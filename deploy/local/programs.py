"""A program of another project that runs in the foreground, and how to run it for a while.

`make run` hands programs to supervisord; the tests run the same programs with `running`. Neither
leaves a process behind: every program has a process group of its own, which ends with it.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import Signals

REPOSITORY = Path(__file__).resolve().parents[2]

POLL_SECONDS = 0.05
STOP_SECONDS = 30


class StartFailed(Exception):
    """A program ended, or did not answer in time; the message says where its log is."""


@dataclass(frozen=True, slots=True)
class Program:
    """A foreground command with the variables it needs on top of the machine's own."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: Signals = signal.SIGTERM


def run_once(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """Run a command to its end; return what it printed, raise StartFailed with it on failure."""
    finished = subprocess.run(  # noqa: S603 - commands of this package, never user input
        command,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise StartFailed(f"{command[0]} failed:\n{finished.stdout.strip()}")
    return finished.stdout


def wait_until(
    condition: Callable[[], bool],
    what: str,
    timeout_seconds: float,
    still_possible: Callable[[], bool] = lambda: True,
) -> None:
    """Poll a condition; raise StartFailed when it is late, or can no longer come true."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if not still_possible():
            raise StartFailed(f"{what}: ended")
        if time.monotonic() > deadline:
            raise StartFailed(f"{what}: not within {timeout_seconds:.0f} s")
        time.sleep(POLL_SECONDS)


def start(program: Program, log: Path) -> subprocess.Popen[bytes]:
    """Start a program in a process group of its own; its output goes to the log."""
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - programs of this package, never user input
            program.command,
            cwd=REPOSITORY,
            env={**os.environ, **program.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@contextmanager
def running(program: Program, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for the length of a block."""
    process = start(program, log)
    try:
        yield process
    finally:
        stop(process, program.stop_signal)


def stop(process: subprocess.Popen[bytes], stop_signal: Signals = signal.SIGTERM) -> None:
    """End a program gracefully, or by force when it does not end; then whatever it left behind."""
    process.send_signal(stop_signal)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
