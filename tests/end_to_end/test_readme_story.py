"""The README's story, pasted into a shell as it stands, prints what the README shows."""

import json
import re
import subprocess
from typing import Any

import requests

from deploy.local.programs import REPOSITORY
from tests.servers.whole_system import System
from tests.value_kinds import kind_of

_STEP = re.compile(r"<!-- story -->\n```sh\n(.*?)```\n```(?:json)?\n(.*?)```\n", re.DOTALL)
_END_OF_STEP = "== end of step =="


def test_the_story_works_as_pasted_and_prints_what_the_readme_shows(system: System) -> None:
    # Other tests register the document's examples, with passwords of their own.
    document = requests.get(f"{system.gateway_url}/api/openapi.json", timeout=10).text
    assert "ann@example.com" not in document
    steps = _STEP.findall((REPOSITORY / "README.md").read_text())
    assert len(steps) == 8
    printed = _paste([commands for commands, _ in steps], system)
    for (commands, shown), really in zip(steps, printed, strict=True):
        assert _looks(shown) == _looks(really), commands


def _paste(steps: list[str], system: System) -> list[str]:
    # Only the ports differ: the reader's are the defaults, the test's are free ones.
    script = (
        "".join(f"{commands}\necho '{_END_OF_STEP}'\n" for commands in steps)
        .replace("http://localhost:8080", system.gateway_url)
        .replace("http://localhost:8081", system.simulator_url)
    )
    told = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    return told.stdout.split(_END_OF_STEP)[:-1]


def _looks(output: str) -> Any:
    """Leave out what differs each time: ids, instants, numbers of chats, times of day."""
    try:
        content = json.loads(output)
    except ValueError:
        return re.sub(r"\b\d\d:\d\d\b", "HH:MM", output.strip())
    return [(name, kind_of(value, otherwise=str(value))) for name, value in content.items()]
