"""No process is left behind, whatever dies first.

On Linux every descendant that loses its parent becomes our child, so the last sweep finds it; and
the supervisor is told to stop when we are killed without a chance to tell it. Elsewhere the process
groups that supervisord ends have to do.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_GRACE_SECONDS = 10
_POLL_SECONDS = 0.05

_on_linux = sys.platform == "linux"


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    if _on_linux:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_with_parent() -> None:
    """Have this process receive SIGTERM when its parent dies; to be called after a fork."""
    if _on_linux:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def wait_for_child(child: subprocess.Popen[bytes]) -> None:
    """Wait for a child's end, and meanwhile bury the orphans that became ours."""
    if not _on_linux:
        child.wait()
        return
    while True:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        if ended is None or ended.si_pid == child.pid:
            child.wait()
            return
        os.waitpid(ended.si_pid, 0)


def end_descendants() -> None:
    """End all descendants that are still there: politely at first, then by force."""
    if not _on_linux:
        return
    _send(signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_SECONDS
    while _reap_and_count() and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    while _reap_and_count():
        _send(signal.SIGKILL)
        time.sleep(_POLL_SECONDS)


def _send(signal_number: signal.Signals) -> None:
    for process_id in _descendants():
        try:
            os.kill(process_id, signal_number)
        except ProcessLookupError:
            continue


def _reap_and_count() -> int:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return 0
    return len(_descendants())


def _descendants() -> list[int]:
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The command's name stands in brackets and may hold anything, also brackets.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(folder.name))
    found: list[int] = []
    waiting = [os.getpid()]
    while waiting:
        direct = children.get(waiting.pop(), [])
        found.extend(direct)
        waiting.extend(direct)
    return found
