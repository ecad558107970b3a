"""A private RabbitMQ node whose data lie in one directory, with an own port mapper.

Everything that RabbitMQ nodes of one machine would otherwise share is its own: the Erlang cookie,
all ports, and the port mapper (epmd), which runs in the foreground so that no daemon stays behind.
Users and their rights come from a definitions file at every start, so the node never has the
well-known user `guest`.
"""

import base64
import hashlib
import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import requests

from deploy.local import executables
from deploy.local.ports import LOOPBACK
from deploy.local.programs import Program
from deploy.provisioning.broker_rights import BrokerRights
from deploy.provisioning.private_files import write_private

ADMIN = "administrator"

# A node reads all plugins that it finds at every start, and that takes longer than all else.
_PLUGINS_IN_USE = (
    "rabbitmq_management-",
    "rabbitmq_management_agent-",
    "rabbitmq_prelaunch-",
    "rabbitmq_web_dispatch-",
)


@dataclass(frozen=True, slots=True)
class BrokerUser:
    """A user of the node."""

    password: str
    rights: BrokerRights


@dataclass(frozen=True, slots=True)
class RabbitmqPorts:
    """The ports of one node, none of them the standard one."""

    amqp: int
    management: int
    distribution: int
    port_mapper: int


@dataclass(frozen=True, slots=True)
class RabbitmqServer:
    """One node and its port mapper; `prepare` before the programs run."""

    directory: Path
    ports: RabbitmqPorts
    password: str
    users: Mapping[str, BrokerUser] = field(default_factory=dict)

    @property
    def admin_url(self) -> str:
        """Return the URL of the administrator, who may do everything on this node."""
        return f"amqp://{ADMIN}:{self.password}@{LOOPBACK}:{self.ports.amqp}/"

    @property
    def management_url(self) -> str:
        """Return the address of the management page and API, with the administrator's name."""
        return f"http://{ADMIN}:{self.password}@{LOOPBACK}:{self.ports.management}"

    def url(self, user: str) -> str:
        """Return the URL of one of the users."""
        return f"amqp://{user}:{self.users[user].password}@{LOOPBACK}:{self.ports.amqp}/"

    def prepare(self) -> None:
        """Write the configuration, the users and the node's secret."""
        self._home.mkdir(parents=True, exist_ok=True)
        cookie = self._home / ".erlang.cookie"
        if not cookie.exists():
            write_private(cookie, secrets.token_hex(16))
        (self.directory / "enabled_plugins").write_text("[rabbitmq_management].\n")
        self._link_plugins()
        write_private(self.directory / "rabbitmq.conf", self._configuration())
        write_private(self.directory / "definitions.json", json.dumps(self._definitions()))

    def programs(self) -> tuple[Program, Program]:
        """Return the port mapper, which must listen first, and the node."""
        port_mapper = Program(
            name="epmd",
            command=(
                *(str(executables.epmd()), "-address", LOOPBACK),
                *("-port", str(self.ports.port_mapper)),
            ),
        )
        command = (str(executables.rabbitmq_server()),)
        return port_mapper, Program("rabbitmq", command, self._environment())

    def is_ready(self) -> bool:
        """Whether the node has finished its start and takes AMQP connections."""
        return rabbitmq_answers(self.management_url, self.ports.amqp)

    @property
    def _home(self) -> Path:
        return self.directory / "home"

    def _link_plugins(self) -> None:
        shutil.rmtree(self._plugins, ignore_errors=True)
        self._plugins.mkdir()
        for plugin in (executables.rabbitmq_server().resolve().parents[1] / "plugins").iterdir():
            # What is not named after RabbitMQ is a library, or the broker itself.
            is_library = not plugin.name.startswith("rabbitmq_")
            if is_library or plugin.name.startswith(_PLUGINS_IN_USE):
                (self._plugins / plugin.name).symlink_to(plugin)

    @property
    def _plugins(self) -> Path:
        return self.directory / "plugins"

    def _environment(self) -> dict[str, str]:
        files = self.directory
        return {
            "HOME": str(self._home),
            "LC_ALL": "C.UTF-8",
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_EPMD_PORT": str(self.ports.port_mapper),
            "RABBITMQ_NODENAME": "habit-tracker@localhost",
            "RABBITMQ_DIST_PORT": str(self.ports.distribution),
            # The supervisor mapped the port already: the node starts no daemon of its own.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-start_epmd false "
            "-kernel inet_dist_use_interface {127,0,0,1}",
            # Without a shell between the supervisor and the node.
            "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_CONF_ENV_FILE": str(files / "no-such-file"),
            "RABBITMQ_CONFIG_FILE": str(files / "rabbitmq"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(files / "no-such-file"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(files / "enabled_plugins"),
            "RABBITMQ_PLUGINS_DIR": str(self._plugins),
            "RABBITMQ_MNESIA_BASE": str(files / "data"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(files / "generated"),
            "RABBITMQ_PID_FILE": str(files / "node.pid"),
            "RABBITMQ_LOG_BASE": str(files / "logs"),
            "RABBITMQ_LOGS": "-",
        }

    def _configuration(self) -> str:
        return f"""\
listeners.tcp.1 = {LOOPBACK}:{self.ports.amqp}
management.tcp.ip = {LOOPBACK}
management.tcp.port = {self.ports.management}
load_definitions = {self.directory / "definitions.json"}
disk_free_limit.absolute = 64MB
"""

    def _definitions(self) -> dict[str, list[dict[str, str]]]:
        admin = BrokerUser(self.password, BrokerRights())
        everybody = {ADMIN: admin, **self.users}
        return {
            "vhosts": [{"name": "/"}],
            "users": [
                {
                    "name": name,
                    "password_hash": _password_hash(user.password),
                    "hashing_algorithm": "rabbit_password_hashing_sha256",
                    "tags": "administrator" if user is admin else "",
                }
                for name, user in everybody.items()
            ],
            "permissions": [
                {"user": name, "vhost": "/", **user.rights.on_names()}
                for name, user in everybody.items()
            ],
            "topic_permissions": [
                {"user": name, "vhost": "/", **user.rights.on_events()}
                for name, user in everybody.items()
            ],
        }


def rabbitmq_answers(management_url: str, amqp_port: int) -> bool:
    """Whether the node has finished its start; the port is the one it knows itself by."""
    checks = ("virtual-hosts", f"port-listener/{amqp_port}")
    with requests.Session() as session:
        session.trust_env = False
        try:
            return all(
                session.get(f"{management_url}/api/health/checks/{check}", timeout=5).ok
                for check in checks
            )
        except requests.RequestException:
            return False


def _password_hash(password: str) -> str:
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
