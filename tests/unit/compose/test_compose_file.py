"""docker-compose.yml: the same processes as `make run`, each restarted, hardened and scalable."""

from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from environs import FileAwareEnv

from deploy.gateway.settings import read_gateway_choices
from deploy.local.service_processes import PROCESSES

_SERVERS = {"postgres", "rabbitmq", "redis"}
_ONE_SHOTS = {
    "secrets",
    "provision",
    "gateway-setup",
    *(f"{service}-setup" for service in ("auth", "habits", "scheduler", "notifier", "feed")),
}
_WAYS_OUT = {"privileged", "cap_add", "devices", "pid", "ipc", "userns_mode", "network_mode"}


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    file = Path(__file__).parents[3] / "docker-compose.yml"
    loaded: dict[str, dict[str, Any]] = yaml.safe_load(file.read_text())["services"]
    return loaded


def test_every_process_of_make_run_is_a_service_of_the_same_name(
    services: dict[str, dict[str, Any]],
) -> None:
    for process in PROCESSES:
        command = services[process.name]["command"]
        assert command == ["python", "-m", f"services.{process.service}", process.process]
    others = _SERVERS | _ONE_SHOTS | {"gateway", "gateway-status", "telegram-simulator"}
    assert set(services) == {process.name for process in PROCESSES} | others


def test_what_fails_is_started_again_and_what_is_done_is_not(
    services: dict[str, dict[str, Any]],
) -> None:
    for name, service in services.items():
        policy = "on-failure:5" if name in _ONE_SHOTS else "unless-stopped"
        assert service["restart"] == policy, name


def test_nothing_is_published_before_every_queue_is_bound(
    services: dict[str, dict[str, Any]],
) -> None:
    for process in PROCESSES:
        needed = services[process.name]["depends_on"]
        for service in ("auth", "habits", "scheduler", "notifier", "feed"):
            condition = needed[f"{service}-setup"]["condition"]
            assert condition == "service_completed_successfully", process.name


def test_our_containers_run_without_privileges(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        if name not in _SERVERS:
            assert service["read_only"] is True, name
            assert service["cap_drop"] == ["ALL"], name
            assert service["tmpfs"] == ["/tmp"], name  # noqa: S108 - of the container
            assert service.get("user") == ("0:0" if name in {"secrets", "provision"} else None)


def test_no_container_can_gain_privileges_or_see_the_machine(
    services: dict[str, dict[str, Any]],
) -> None:
    for name, service in services.items():
        assert service["security_opt"] == ["no-new-privileges"], name
        assert not service.keys() & _WAYS_OUT, name
        volumes = [str(volume) for volume in service.get("volumes", [])]
        # Named volumes only: a path would be one of the machine.
        assert not [volume for volume in volumes if volume.startswith(("/", ".", "~"))], name


def test_a_container_that_goes_on_running_writes_only_its_own_data(
    services: dict[str, dict[str, Any]],
) -> None:
    writable = {
        name: [volume for volume in service.get("volumes", []) if not volume.endswith(":ro")]
        for name, service in services.items()
        if name not in _ONE_SHOTS
    }
    assert {name: volumes for name, volumes in writable.items() if volumes} == {
        "postgres": ["postgres-data:/var/lib/postgresql/data"],
        "rabbitmq": ["rabbitmq-data:/var/lib/rabbitmq"],
        "redis": ["redis-data:/data"],
        "telegram-simulator": ["telegram-simulator-data:/data"],
    }


def test_only_the_gateway_and_the_simulator_are_reachable_from_outside(
    services: dict[str, dict[str, Any]],
) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}

    assert set(published) == {"gateway", "telegram-simulator"}
    assert published["telegram-simulator"][0].startswith("127.0.0.1:")


def test_no_service_has_a_fixed_name_that_would_forbid_a_second_container(
    services: dict[str, dict[str, Any]],
) -> None:
    assert not [name for name, service in services.items() if "container_name" in service]


def test_the_gateway_is_told_everything_that_a_user_chooses_about_it(
    services: dict[str, dict[str, Any]],
) -> None:
    asked: list[str] = []

    class Environment(FileAwareEnv):
        def _get_from_environ(self, key: str, *arguments: Any, **options: Any) -> Any:
            asked.append(key)
            return super()._get_from_environ(key, *arguments, **options)

    read_gateway_choices(Environment(eager=True))

    assert set(services["gateway-setup"]["environment"]) == set(asked)
    for name in asked:
        assert services["gateway-setup"]["environment"][name].startswith("${" + name + ":-")


def test_no_password_is_written_down(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        for variable in service.get("environment", {}):
            secret = any(word in variable for word in ("PASSWORD", "SECRET", "DATABASE_URL"))
            assert not secret or variable.endswith("_FILE"), (name, variable)


def test_a_service_mounts_only_its_own_secrets(services: dict[str, dict[str, Any]]) -> None:
    for process in PROCESSES:
        volumes = services[process.name]["volumes"]
        assert volumes == [f"secrets-{process.service}:/run/secrets:ro"]


def test_logs_do_not_grow_for_ever(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}, name
