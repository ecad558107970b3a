"""supervisord: starts what it is told, brings back what dies, stops all in the right order.

Programs are in groups. When supervisord stops, it stops the groups one after another, the last one
first, and the programs of a group all at once: no request comes in any more when the services stop,
and the services find their servers until their last word.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from xmlrpc.client import ServerProxy

from deploy.local.ports import LOOPBACK, is_listening
from deploy.local.process_tree import end_descendants, end_with_parent
from deploy.local.programs import REPOSITORY, Program, wait_until
from deploy.local.stopping import swallow_signals
from deploy.provisioning.private_files import write_private
from shared.process.stop_budget import SUPERVISOR_SECONDS

_USER = "local"
_START_SECONDS = 20


class UnquotableValue(Exception):
    """supervisord's configuration cannot hold this value."""


@dataclass(frozen=True, slots=True)
class Group:
    """Programs that are started and stopped together."""

    name: str
    programs: Sequence[Program]


@dataclass(frozen=True, slots=True)
class Supervisor:
    """supervisord with one configuration; reached through a port and a generated password."""

    configuration: Path
    logs: Path
    port: int
    password: str = field(repr=False)

    def write_configuration(self, groups: Sequence[Group]) -> None:
        """Write the file; it holds passwords, so nobody else may read it."""
        sections = [self._own_sections()]
        # supervisord refuses a group without programs.
        for priority, group in enumerate(each for each in groups if each.programs):
            names = ",".join(program.name for program in group.programs)
            sections.append(f"[group:{group.name}]\nprograms={names}\npriority={priority}\n")
            sections.extend(self._section(program) for program in group.programs)
        write_private(self.configuration, "\n".join(sections))

    @contextmanager
    def running(self, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
        """Run supervisord, and with it all programs, for the length of a block.

        It has a session of its own, so that Ctrl-C reaches it through us alone.
        """
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.configuration)],
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - no threads run yet
        )
        try:
            wait_until(
                lambda: is_listening(self.port),
                "supervisord",
                _START_SECONDS,
                lambda: process.poll() is None,
            )
            yield process
        finally:
            swallow_signals()
            process.terminate()
            process.wait()
            end_descendants()

    def start_programs(self, group: Group, programs: Sequence[Program] | None = None) -> None:
        """Start programs of a group, or all of them, without waiting for any."""
        address = f"http://{_USER}:{self.password}@{LOOPBACK}:{self.port}/RPC2"
        with ServerProxy(address) as server:
            for program in group.programs if programs is None else programs:
                server.supervisor.startProcess(f"{group.name}:{program.name}", False)  # wait=False

    def _own_sections(self) -> str:
        access = f"username={_USER}\npassword={self.password}\n"
        return (
            "[supervisord]\nnodaemon=true\nsilent=true\n"
            + ("user=root\n" if os.geteuid() == 0 else "")
            + f"logfile={_literal(self.logs / 'supervisord.log')}\n"
            f"pidfile={_literal(self.configuration.with_suffix('.pid'))}\n"
            f"childlogdir={_literal(self.logs)}\n"
            "[rpcinterface:supervisor]\n"
            "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
            f"[inet_http_server]\nport={LOOPBACK}:{self.port}\n{access}"
            f"[supervisorctl]\nserverurl=http://{LOOPBACK}:{self.port}\n{access}"
        )

    def _section(self, program: Program) -> str:
        # A program that keeps failing is tried again for ever, after growing pauses.
        return f"""\
[program:{program.name}]
command={_literal(shlex.join(program.command))}
environment={_environment(program.environment)}
directory={_literal(REPOSITORY)}
autostart=false
autorestart=true
startretries=1000000
stopsignal={program.stop_signal.name.removeprefix("SIG")}
stopwaitsecs={SUPERVISOR_SECONDS}
killasgroup=true
redirect_stderr=true
stdout_logfile={_literal(self.logs / program.name)}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
"""


def _environment(variables: Mapping[str, str]) -> str:
    # supervisord strips quotes of both kinds from both ends of a value.
    for name, value in variables.items():
        if value.strip("'") != value:
            raise UnquotableValue(f"{name}: no single quote at either end, please")
    return ",".join(f'{name}="{_literal(value)}"' for name, value in variables.items())


def _literal(value: str | Path) -> str:
    """Return a value that supervisord reads back as it is; it expands percent signs."""
    text = str(value)
    if '"' in text or "\n" in text or " ;" in text or " #" in text:
        raise UnquotableValue(f"{text!r}: no quotes, line ends, ' ;' or ' #' here, please")
    return text.replace("%", "%%")
