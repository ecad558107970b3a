"""Which processes of ours run, on which ports, and with which variables in their environment.

A process gets what it needs and no more: no service sees another's database or broker password.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deploy.local.ports import LOOPBACK
from deploy.local.programs import Program
from deploy.local.servers import Servers
from deploy.local.settings import Settings
from deploy.provisioning.databases import ServiceDatabase
from deploy.provisioning.generated_secrets import SERVICES, GeneratedSecrets

STATUS = "gateway-status"
SIMULATOR = "telegram-simulator"

_HTTP_PROCESS = "serve"
_SERVICES_WITH_REDIS = ("notifier",)
_SERVICES_THAT_CHECK_TOKENS = ("habits", "notifier", "feed")

# Time zones come from the pinned package, whatever the machine has; output is written at once.
_PYTHON = {"PYTHONTZPATH": "", "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True, slots=True)
class ServiceProcess:
    """One process of a service, under the name it also has in compose."""

    name: str
    service: str
    process: str


PROCESSES = (
    ServiceProcess("auth", "auth", "serve"),
    ServiceProcess("habits", "habits", "serve"),
    ServiceProcess("notifier-api", "notifier", "serve"),
    ServiceProcess("auth-relay", "auth", "relay"),
    ServiceProcess("auth-consumer", "auth", "consume"),
    ServiceProcess("habits-relay", "habits", "relay"),
    ServiceProcess("habits-consumer", "habits", "consume"),
    ServiceProcess("scheduler", "scheduler", "tick"),
    ServiceProcess("scheduler-relay", "scheduler", "relay"),
    ServiceProcess("scheduler-consumer", "scheduler", "consume"),
    ServiceProcess("notifier", "notifier", "consume"),
    ServiceProcess("notifier-relay", "notifier", "relay"),
    ServiceProcess("notifier-bot", "notifier", "bot"),
    ServiceProcess("feed", "feed", "serve"),
    ServiceProcess("feed-consumer", "feed", "consume"),
    ServiceProcess("feed-webhooks", "feed", "deliver"),
)


@dataclass(frozen=True, slots=True)
class ServicePrograms:
    """Everything of ours that runs, and where nginx finds its upstreams."""

    setups: tuple[Program, ...]
    programs: tuple[Program, ...]
    upstreams: Mapping[str, str]
    environments: Mapping[str, Mapping[str, str]]


def service_programs(
    settings: Settings,
    secrets: GeneratedSecrets,
    servers: Servers,
    databases: Mapping[str, ServiceDatabase],
    free_ports: Iterator[int],
) -> ServicePrograms:
    """Return the programs of all services, each on a free port."""
    ports = {name: next(free_ports) for name in (*(each.name for each in PROCESSES), STATUS)}
    common = {
        service: _PYTHON
        | {"LOG_LEVEL": settings.log_level}
        | _server_urls(service, servers, databases)
        | _own_variables(service, settings, secrets)
        | (
            {"JWKS_URL": f"http://{LOOPBACK}:{ports['auth']}/api/.well-known/jwks.json"}
            if service in _SERVICES_THAT_CHECK_TOKENS
            else {}
        )
        for service in SERVICES
    }
    programs = [_program(each, common[each.service], ports[each.name]) for each in PROCESSES]
    simulator = (_simulator(settings, secrets),) if settings.uses_simulator else ()
    upstreams = {
        "auth": "auth",
        "habits": "habits",
        "notifier": "notifier-api",
        "feed": "feed",
        "status": STATUS,
    }
    return ServicePrograms(
        setups=tuple(
            Program(f"{service}-setup", _python(f"services.{service}", "setup"), common[service])
            for service in SERVICES
        ),
        programs=(*programs, _status(settings, ports), *simulator),
        upstreams={name: f"{LOOPBACK}:{ports[process]}" for name, process in upstreams.items()},
        environments=common,
    )


def port_of(program: Program) -> int:
    """Return the port on which a program of ours answers once it has loaded."""
    variables = ("HTTP_PORT", "OPS_PORT", "TELEGRAM_SIMULATOR_PORT")
    return next(int(program.environment[name]) for name in variables if name in program.environment)


def _program(each: ServiceProcess, common: Mapping[str, str], port: int) -> Program:
    port_variable = "HTTP_PORT" if each.process == _HTTP_PROCESS else "OPS_PORT"
    return Program(
        each.name,
        _python(f"services.{each.service}", each.process),
        {**common, "HTTP_HOST": LOOPBACK, port_variable: str(port)},
    )


def _server_urls(
    service: str, servers: Servers, databases: Mapping[str, ServiceDatabase]
) -> dict[str, str]:
    urls = {
        "DATABASE_URL": databases[service].url(servers.postgres_admin_url),
        "RABBITMQ_URL": servers.rabbitmq_urls[service],
    }
    return urls | ({"REDIS_URL": servers.redis_url} if service in _SERVICES_WITH_REDIS else {})


def _own_variables(service: str, settings: Settings, secrets: GeneratedSecrets) -> dict[str, str]:
    match service:
        case "auth":
            return {
                "SIGNING_KEYS_SECRET": secrets.signing_keys,
                "RATE_LIMIT_REGISTER_PER_MINUTE": str(settings.gateway.register_per_minute),
                "RATE_LIMIT_TOKEN_PER_MINUTE": str(settings.gateway.token_per_minute),
                "RATE_LIMIT_FAILED_LOGINS": str(settings.failed_logins),
            }
        case "scheduler":
            return {"REMINDER_GRACE_SECONDS": str(settings.reminder_grace_seconds)}
        case "notifier":
            return {
                "TELEGRAM_BOT_TOKEN": _bot_token(settings, secrets),
                "TELEGRAM_API_URL": _telegram_api_url(settings),
                "TELEGRAM_UPDATES": settings.telegram_updates,
                "TELEGRAM_WEBHOOK_SECRET": secrets.telegram_webhook,
                "PUBLIC_URL": settings.public_url,
            }
        case "feed":
            return {"WEBHOOKS_ALLOW_PRIVATE": str(settings.webhooks_allow_private)}
        case _:
            return {}


def _bot_token(settings: Settings, secrets: GeneratedSecrets) -> str:
    return settings.telegram_bot_token or secrets.simulator_bot_token


def _telegram_api_url(settings: Settings) -> str:
    if settings.uses_simulator:
        return f"http://{LOOPBACK}:{settings.telegram_simulator_port}"
    return settings.telegram_api_url


def _status(settings: Settings, ports: Mapping[str, int]) -> Program:
    targets = ";".join(
        f"{service}="
        + ",".join(
            f"http://{LOOPBACK}:{ports[each.name]}" for each in PROCESSES if each.service == service
        )
        for service in SERVICES
    )
    return Program(
        STATUS,
        _python("deploy.gateway.status"),
        {
            **_PYTHON,
            "LOG_LEVEL": settings.log_level,
            "STATUS_TARGETS": targets,
            "HTTP_HOST": LOOPBACK,
            "HTTP_PORT": str(ports[STATUS]),
        },
    )


def _simulator(settings: Settings, secrets: GeneratedSecrets) -> Program:
    return Program(
        SIMULATOR,
        _python("deploy.telegram_simulator"),
        {
            **_PYTHON,
            "LOG_LEVEL": settings.log_level,
            "TELEGRAM_BOT_TOKEN": secrets.simulator_bot_token,
            "TELEGRAM_SIMULATOR_HOST": LOOPBACK,
            "TELEGRAM_SIMULATOR_PORT": str(settings.telegram_simulator_port),
            "TELEGRAM_SIMULATOR_STATE": str(settings.run_directory / "telegram-simulator.json"),
        },
    )


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *arguments)
