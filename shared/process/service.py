"""What a service consists of: its processes and its operator's commands, each by name.

`python -m services.<name>` runs one. Each is named by where its function is, so that a process
imports only what it runs: a dozen of them that start at once share the processor.
"""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from environs import FileAwareEnv

from shared.contracts.topology import WorkQueue
from shared.process.environment import load_settings
from shared.process.structured_logs import configure_logs

if TYPE_CHECKING:
    from shared.pruning import Retention

WRONG_USAGE = 2


class CommonSettings(Protocol):
    """What the settings of every service have."""

    @property
    def database_url(self) -> str: ...
    @property
    def rabbitmq_url(self) -> str: ...
    @property
    def http_host(self) -> str: ...
    @property
    def ops_port(self) -> int: ...
    @property
    def log_level(self) -> str: ...


Settings = TypeVar("Settings", bound=CommonSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(Generic[Settings]):
    """`processes` are functions of the settings, `commands` of the settings and the words typed.

    Both are given as "module:function". Every service has a relay, which forgets what is kept only
    for the time that the `retentions` say ("module:name"); one that consumes has a command for the
    dead letters of its `queues`.
    """

    name: str
    read_settings: Callable[[FileAwareEnv], Settings]
    processes: Mapping[str, str]
    commands: Mapping[str, str] = field(default_factory=dict)
    queues: Sequence[WorkQueue] = ()
    retentions: str = ""

    def run(self, arguments: Sequence[str]) -> int:
        """Run what the first word names; return the exit status.

        Exits with a message when a setting is wrong.
        """
        match list(arguments):
            case ["relay"]:
                from shared.process.processes import run_relay

                run_relay(self.name, self._start("relay"), self._retentions())
                return 0
            case ["dead-letters", *options] if self.queues:
                from shared.messaging.dead_letters import run_command

                settings = load_settings(self.read_settings)
                run_command(self.name, settings.rabbitmq_url, self.queues, options)
                return 0
            case [process] if process in self.processes:
                _named(self.processes[process])(self._start(process))
                return 0
            case [command, *_] if command in self.commands:
                settings = self._start(command)
                return int(_named(self.commands[command])(settings, arguments) or 0)
            case _:
                sys.stderr.write(self._usage())
                return WRONG_USAGE

    def _start(self, process: str) -> Settings:
        settings = load_settings(self.read_settings)
        configure_logs(self.name, process, settings.log_level)
        return settings

    def _retentions(self) -> "Sequence[Retention]":
        return _named(self.retentions) if self.retentions else ()

    def _usage(self) -> str:
        commands = [*self.commands, *(["dead-letters"] if self.queues else [])]
        return (
            f"usage: python -m services.{self.name} {'|'.join(['relay', *self.processes])}\n"
            f"       python -m services.{self.name} {'|'.join(commands)} ...\n"
        )


def _named(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
