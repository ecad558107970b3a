"""What `python -m services.<name>` runs."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from services.auth.service import SERVICE as AUTH
from services.feed.service import SERVICE as FEED
from services.habits.service import SERVICE as HABITS
from services.notifier.service import SERVICE as NOTIFIER
from services.scheduler.service import SERVICE as SCHEDULER
from shared.process import service as service_module
from shared.process.service import WRONG_USAGE, Service

SERVICES = [AUTH, HABITS, SCHEDULER, NOTIFIER, FEED]
ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("service", SERVICES, ids=lambda each: str(each.name))
def test_everything_that_is_named_is_there(service: Service[object]) -> None:  # type: ignore[type-var]
    for place in (*service.processes.values(), *service.commands.values()):
        assert callable(service_module._named(place))
    assert all(each.kept >= timedelta() for each in service._retentions())


@pytest.mark.parametrize("service", SERVICES, ids=lambda each: str(each.name))
@pytest.mark.parametrize("arguments", [[], ["no-such-process"], ["relay", "too", "much"]])
def test_a_wrong_usage_says_what_there_is(
    service: Service[object],  # type: ignore[type-var]
    arguments: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert service.run(arguments) == WRONG_USAGE
    said = capsys.readouterr().err
    assert f"python -m services.{service.name} relay|" in said
    assert all(name in said for name in (*service.processes, *service.commands))


@pytest.mark.parametrize("service", SERVICES, ids=lambda each: str(each.name))
def test_naming_what_there_is_loads_no_framework(service: Service[object]) -> None:  # type: ignore[type-var]
    looked_for = "{'flask', 'alembic', 'telegram', 'aio_pika'} & set(sys.modules)"
    code = f"import sys, services.{service.name}.service; sys.exit(bool({looked_for}))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
