"""Serving a Flask app: gunicorn, one worker process with threads; scaling is by replicas.

One process keeps the metrics whole and the memory small. On SIGTERM every request that has reached
it is answered, also those on kept-alive and just opened connections; who comes later is refused at
once and may ask another replica.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from shared.process.stop_budget import REQUESTS_SECONDS

THREADS = 16
_REQUEST_TIMEOUT_SECONDS = 30
# Longer than the gateway keeps an idle connection, so that the gateway is the one to close it.
_KEEP_ALIVE_SECONDS = 75


class _Worker(ThreadWorker):  # type: ignore[misc]
    """Leaves no connection unanswered behind when it stops.

    gunicorn lets the listening socket open while it finishes what it has; connections would go on
    queueing up there, and be reset with their requests at the end.
    """

    sockets: list[Any]

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 - gunicorn's signature
        super().set_accept_enabled(enabled)
        if not self.alive:
            listeners, self.sockets = self.sockets, []
            for listener in listeners:
                self._accept_all(listener)
                listener.close()

    def _accept_all(self, listener: Any) -> None:
        accepted_before = -1
        while accepted_before != self.nr_conns:
            accepted_before = self.nr_conns
            self.accept(listener)


class _QuietLogger(Logger):  # type: ignore[misc]
    """Leaves gunicorn's messages to the process's own log format."""

    def setup(self, cfg: Any) -> None:
        self.error_log.propagate = True
        self.access_log.disabled = True


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, build_app: Callable[[], Flask], host: str, port: int) -> None:
        self._build_app = build_app
        self._bind = f"{host}:{port}"
        super().__init__()

    def load_config(self) -> None:
        settings: dict[str, Any] = {
            "bind": self._bind,
            "workers": 1,
            "worker_class": _Worker,
            "threads": THREADS,
            "timeout": _REQUEST_TIMEOUT_SECONDS,
            "graceful_timeout": REQUESTS_SECONDS,
            "keepalive": _KEEP_ALIVE_SECONDS,
            "logger_class": _QuietLogger,
            "control_socket_disable": True,
        }
        if Path("/dev/shm").is_dir():  # noqa: S108 - gunicorn's heartbeat file belongs in memory
            settings["worker_tmp_dir"] = "/dev/shm"  # noqa: S108
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._build_app()


def serve(build_app: Callable[[], Flask], host: str, port: int) -> None:
    """Serve until SIGTERM. The app is built in the worker: no connection crosses the fork."""
    _Server(build_app, host, port).run()
