"""What a newcomer is told once everything answers, and what an operator finds in files."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from deploy.local.programs import REPOSITORY
from deploy.local.run_directory import RunDirectory
from deploy.local.servers import Servers
from deploy.local.settings import Settings
from deploy.provisioning.private_files import write_private


def address_table(settings: Settings, run: RunDirectory) -> str:
    """Return the table of addresses; no password is in it."""
    gateway = f"http://localhost:{settings.gateway_port}"
    rows = [
        ("The app, for people", f"{gateway}/"),
        ("API, through the gateway", f"{gateway}/api/"),
        ("Swagger UI", f"{gateway}/api/swagger/"),
        ("ReDoc", f"{gateway}/api/redoc/"),
        ("Events (AsyncAPI)", f"{gateway}/api/asyncapi/"),
        ("Health", f"{gateway}/api/health/"),
    ]
    if settings.uses_simulator:
        simulator = f"http://localhost:{settings.telegram_simulator_port}/"
        rows.append(("Telegram simulator", simulator))
    rows += [
        ("Logs", f"{run.logs}/"),
        ("Addresses and passwords of the servers", str(run.addresses)),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {address}" for name, address in rows)


def write_addresses(run: RunDirectory, servers: Servers) -> None:
    """Write the administrator's URLs of the servers, for psql, redis-cli, consumers of events."""
    lines = [
        f"POSTGRES_URL={servers.postgres_admin_url}",
        f"RABBITMQ_URL={servers.rabbitmq_admin_url}",
        f"REDIS_URL={servers.redis_url}",
    ]
    if servers.rabbitmq_management_url:
        lines.append(f"RABBITMQ_MANAGEMENT_URL={servers.rabbitmq_management_url}")
    write_private(run.addresses, "\n".join([*lines, ""]))


def write_service_environments(
    run: RunDirectory, environments: Mapping[str, Mapping[str, str]]
) -> None:
    """Write the variables of each service, as `run_service_command` needs them."""
    write_private(run.service_environments, json.dumps(environments))


def run_service_command(run: RunDirectory, service: str, arguments: Sequence[str]) -> NoReturn:
    """Become `python -m services.<service> ...` with the variables of the running system."""
    environments = json.loads(run.service_environments.read_text())
    command = [sys.executable, "-m", f"services.{service}", *arguments]
    os.chdir(REPOSITORY)
    os.execve(sys.executable, command, {**os.environ, **environments[service]})  # noqa: S606
