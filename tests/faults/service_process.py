"""Runs processes of our services to be killed and frozen: real processes that start at once.

They are forked from a server that has imported the services already, so that a test can afford
many of them. What runs in them is what `python -m services.<name> <process>` runs.
"""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

import requests

from deploy.local.ports import free_ports

READY_SECONDS = 60
_STOP_SECONDS = 40

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(
    ["services.scheduler.consume_process", "services.notifier.consume_process"]
)


class ServiceProcess:
    """One running process of a service."""

    def __init__(self, process: BaseProcess, ops_port: int) -> None:
        self._process = process
        self._ops_url = f"http://127.0.0.1:{ops_port}"

    def wait_until_ready(self) -> None:
        """Return once it says that it can do its work."""
        deadline = time.monotonic() + READY_SECONDS
        while not self.is_ready():
            assert self._process.is_alive(), "it ended"
            assert time.monotonic() < deadline, "not ready in time"
            time.sleep(0.05)

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self._ops_url}/readyz", timeout=2).ok
        except requests.RequestException:
            return False

    def metric(self, name: str) -> float:
        """Return the value of one of its metrics, 0 when there is none yet."""
        text = requests.get(f"{self._ops_url}/metrics", timeout=5).text
        values = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(name)]
        return float(values[0]) if values else 0.0

    def resident_bytes(self) -> int:
        """Return how much memory it occupies."""
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def kill(self) -> None:
        """End it as a power cut would; its connections end with it."""
        self._process.kill()
        self._process.join()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def ends_by_itself(self, seconds: float) -> bool:
        """Ask it to end; return whether it does so properly and in time."""
        self._process.terminate()
        self._process.join(seconds)
        return self._process.exitcode == 0

    def stop(self) -> None:
        """End it as a deployment does, or by force when that takes too long."""
        if self._process.is_alive():
            self.thaw()
            self._process.terminate()
            self._process.join(_STOP_SECONDS)
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)


@contextmanager
def service_process(
    run: Callable[[], object], environment: Mapping[str, str], log: Path
) -> Iterator[ServiceProcess]:
    """Run a process for the length of a block, its output appended to a log."""
    [ops_port] = free_ports(1)
    settings = {**environment, "OPS_PORT": str(ops_port), "HTTP_PORT": str(ops_port)}
    process = _forks.Process(target=_run, args=(run, settings, log), daemon=True)
    process.start()
    running = ServiceProcess(process, ops_port)
    try:
        yield running
    except BaseException:
        sys.stderr.write(log.read_text() if log.exists() else "")
        raise
    finally:
        running.stop()


def _run(run: Callable[[], object], environment: Mapping[str, str], log: Path) -> None:
    with log.open("ab") as output:
        for descriptor in (sys.stdout.fileno(), sys.stderr.fileno()):
            os.dup2(output.fileno(), descriptor)
    os.environ.update(environment)
    run()
