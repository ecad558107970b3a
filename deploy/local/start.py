"""`make run`: from a prepared machine to a system that answers, and back to no process at all.

The order: servers; databases and roles; the services' own set-up (tables, queues); services and
gateway. What does not depend on each other happens at the same time.
"""

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

import requests

from deploy.local.addresses import address_table, write_addresses, write_service_environments
from deploy.local.gateway_files import DocumentationPages, WebApp
from deploy.local.ports import LOOPBACK, is_free, is_listening
from deploy.local.process_tree import adopt_orphans, wait_for_child
from deploy.local.programs import Program, StartFailed, wait_until
from deploy.local.run_directory import RunDirectory
from deploy.local.servers import Server
from deploy.local.service_processes import port_of
from deploy.local.set_up import SetUp
from deploy.local.settings import SERVER_URLS, Settings
from deploy.local.stopping import StopRequested, stop_requests
from deploy.local.system import System, prepare_system
from deploy.provisioning.databases import provision
from deploy.provisioning.generated_secrets import load_or_generate

HEALTHY_MESSAGE = "everything answers"

_SERVER_SECONDS = 120
_HEALTHY_SECONDS = 180


class PortTaken(Exception):
    """A port that the user chose is somebody else's already."""


def run(settings: Settings) -> None:
    """Run the system until a signal asks for its end. Raises what keeps it from running."""
    directory = RunDirectory(settings.run_directory)
    with directory.claimed(), stop_requests():
        try:
            _run_claimed(settings, directory)
        except StopRequested:
            _say("stopped")


def _run_claimed(settings: Settings, directory: RunDirectory) -> None:
    started = time.monotonic()
    _refuse_taken_ports(settings)
    adopt_orphans()
    system = prepare_system(settings, directory, load_or_generate(directory.secrets))
    write_addresses(directory, system.servers)
    write_service_environments(directory, system.services.environments)
    with system.supervisor.running(_inherited_environment(system)) as supervisor:
        start = _Start(settings, directory, system, supervisor)
        try:
            start.everything()
            _say(f"{HEALTHY_MESSAGE}, {time.monotonic() - started:.1f} s after the start\n")
            _say(f"{address_table(settings, directory)}\n\nCtrl-C stops everything.")
            wait_for_child(supervisor)
        except StopRequested:
            _say("stopping")
            raise
    raise StartFailed(f"the supervisor ended, see {directory.logs / 'supervisord.log'}")


@dataclass(frozen=True, slots=True)
class _Start:
    """The way from a running supervisor to a system that answers."""

    settings: Settings
    directory: RunDirectory
    system: System
    supervisor: subprocess.Popen[bytes]

    def everything(self) -> None:
        """Start all programs in their order. Raises StartFailed."""
        control, servers = self.system.supervisor, self.system.servers
        web_app = WebApp(self.directory)
        if web_app.is_being_built:
            _say("building the web app beside all else")
        _say("starting the servers")
        control.start_programs(self.system.foundation_group)
        for server in servers.all:
            self._wait(server.foundation_is_ready, server.name, _SERVER_SECONDS)
        control.start_programs(self.system.server_group)
        self._wait_for_server(servers.postgres)
        provision(servers.postgres_admin_url, self.system.databases)
        set_up = SetUp(self.system.database_urls, servers.set_up_record)
        if not set_up.is_done():
            _say("setting up the services")
            programs = set_up.start(self.system.services.setups, self.directory.logs)
            self._wait_for_broker_and_redis()
            programs.wait()
            set_up.remember()
        _say("starting the services")
        control.start_programs(self.system.gateway_group)
        self._start_services()
        self._wait_for_broker_and_redis()
        DocumentationPages(self.directory).wait()
        self._wait_until_healthy()
        if problem := web_app.wait():
            _say(f"THE WEB APP IS OLD OR MISSING, all else works: {problem}")

    def _start_services(self) -> None:
        """Start the services; while the broker, the slowest of all, still starts, not all at once.

        Loading them takes as much of the processors as it can get, and the broker would come last.
        """
        broker = self.system.servers.rabbitmq
        at_once = max(1, (os.cpu_count() or 1) - 1)
        loading: list[Program] = []

        def may_go_on() -> bool:
            loading[:] = [program for program in loading if not is_listening(port_of(program))]
            return len(loading) < at_once or broker.is_ready()

        for program in self.system.service_group.programs:
            self._wait(may_go_on, "the services do not start", _SERVER_SECONDS)
            self.system.supervisor.start_programs(self.system.service_group, [program])
            loading.append(program)

    def _wait_for_broker_and_redis(self) -> None:
        self._wait_for_server(self.system.servers.redis)
        self._wait_for_server(self.system.servers.rabbitmq)

    def _wait_for_server(self, server: Server) -> None:
        self._wait(server.is_ready, f"{server.name} does not answer", _SERVER_SECONDS)

    def _wait_until_healthy(self) -> None:
        address = f"http://{LOOPBACK}:{self.settings.gateway_port}/api/health/"
        with requests.Session() as session:
            session.trust_env = False
            self._wait(lambda: _answers(session, address), address, _HEALTHY_SECONDS)

    def _wait(self, condition: Callable[[], bool], what: str, timeout_seconds: float) -> None:
        wait_until(
            condition,
            f"{what} (logs are in {self.directory.logs})",
            timeout_seconds,
            lambda: self.supervisor.poll() is None,
        )


def _answers(session: requests.Session, address: str) -> bool:
    try:
        return session.get(address, timeout=10).ok
    except requests.RequestException:
        return False


def _refuse_taken_ports(settings: Settings) -> None:
    ports = {"GATEWAY_PORT": ("", settings.gateway_port)}
    if settings.uses_simulator:
        ports["TELEGRAM_SIMULATOR_PORT"] = (LOOPBACK, settings.telegram_simulator_port)
    for variable, (host, port) in ports.items():
        if not is_free(port, host):
            raise PortTaken(f"{variable}: something listens on port {port} already; set another")


def _inherited_environment(system: System) -> dict[str, str]:
    """Return the environment without the variables of any program: each gets only its own."""
    ours = system.variable_names | set(SERVER_URLS)
    return {
        name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in ours
    }


def _say(text: str) -> None:
    print(text, flush=True)
