"""An HTTP process that is told to stop while requests come in."""

import http.client
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from deploy.local.ports import free_ports, is_listening
from deploy.local.programs import REPOSITORY

_SERVER = """
import sys, time
from flask import Flask
from shared.http.server import serve

def build_app():
    app = Flask("test")
    @app.post("/")
    def answer():
        time.sleep(0.05)
        return "done"
    return app

serve(build_app, "127.0.0.1", int(sys.argv[1]))
"""


@dataclass(frozen=True, slots=True)
class _Server:
    port: int
    process: subprocess.Popen[bytes]

    def post(self) -> int:
        """Return the status of a request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("POST", "/")
            return connection.getresponse().status
        finally:
            connection.close()


@contextmanager
def _running_server() -> Iterator[_Server]:
    [port] = free_ports(1)
    process = subprocess.Popen([sys.executable, "-c", _SERVER, str(port)], cwd=REPOSITORY)
    try:
        deadline = time.monotonic() + 60
        while not is_listening(port):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield _Server(port, process)
    finally:
        process.kill()
        process.wait()


def test_every_request_that_reached_a_stopping_server_is_answered() -> None:
    """A refused connection is no loss: nothing was sent, the gateway asks another replica."""
    ends: Counter[str] = Counter()
    stopped = threading.Event()

    def ask(server: _Server) -> None:
        while not stopped.is_set():
            try:
                ends[str(server.post())] += 1
            except ConnectionRefusedError:
                ends["refused"] += 1
                time.sleep(0.05)
            except (http.client.HTTPException, OSError) as error:
                ends[repr(error)] += 1

    with _running_server() as server:
        # An idle kept-alive connection, as the gateway has them, keeps the process for a while.
        idle = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        idle.request("POST", "/")
        assert idle.getresponse().read() == b"done"
        callers = [threading.Thread(target=ask, args=(server,)) for _ in range(8)]
        for caller in callers:
            caller.start()
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
        stopped.set()
        for caller in callers:
            caller.join()
        idle.close()
    assert set(ends) == {"200", "refused"}


def test_a_kept_alive_connection_is_answered_once_more_and_told_to_close() -> None:
    with _running_server() as server:
        kept = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        kept.request("POST", "/")
        assert kept.getresponse().read() == b"done"
        server.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 20
        while is_listening(server.port):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        kept.request("POST", "/")
        answer = kept.getresponse()
        assert answer.status == 200
        assert answer.headers["Connection"] == "close"
        kept.close()
        assert server.process.wait(60) == 0
