"""No supervisor kills a process that is still within its time to stop."""

from pathlib import Path

import yaml  # type: ignore[import-untyped]

from deploy.local.programs import Program
from deploy.local.supervision import Group, Supervisor
from services.notifier.sending.delivery import LONGEST_WAIT_SECONDS
from services.notifier.telegram.client import READ_TIMEOUT_SECONDS, REQUEST_LIMIT_SECONDS
from shared.messaging.publisher import CONFIRM_TIMEOUT_SECONDS
from shared.outbox.relay import BATCH_DEADLINE_SECONDS
from shared.process.stop_budget import (
    REQUESTS_SECONDS,
    STOP_SECONDS,
    SUPERVISOR_SECONDS,
    TELEGRAM_SECONDS,
    TURN_SECONDS,
)

ROOT = Path(__file__).parents[3]


def test_every_process_of_ours_in_compose_has_the_time_to_stop() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    ours = {name: each for name, each in services.items() if each.get("cap_drop") == ["ALL"]}
    running = {name: each for name, each in ours.items() if each["restart"] == "unless-stopped"}
    assert len(running) > 10
    assert {each["stop_grace_period"] for each in running.values()} == {f"{SUPERVISOR_SECONDS}s"}


def test_every_program_under_supervisord_has_the_time_to_stop(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path / "supervisord.conf", tmp_path, 29_999, "password")
    supervisor.write_configuration([Group("services", [Program("one", ("/bin/true",))])])
    assert f"stopwaitsecs={SUPERVISOR_SECONDS}\n" in supervisor.configuration.read_text()


def test_each_part_keeps_to_its_share() -> None:
    assert REQUEST_LIMIT_SECONDS <= TELEGRAM_SECONDS
    assert READ_TIMEOUT_SECONDS <= TELEGRAM_SECONDS
    assert LONGEST_WAIT_SECONDS <= TURN_SECONDS
    assert STOP_SECONDS < SUPERVISOR_SECONDS
    assert REQUESTS_SECONDS < STOP_SECONDS
    assert BATCH_DEADLINE_SECONDS + CONFIRM_TIMEOUT_SECONDS < STOP_SECONDS
