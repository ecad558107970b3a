"""The README's story, taken from the README and pasted into a shell."""

import re
import subprocess

import requests

from deploy.local.programs import REPOSITORY
from tests.servers.whole_system import System

_STEP = re.compile(r"<!-- story -->\n```sh\n(.*?)```", re.DOTALL)


def test_the_story_works_as_pasted(system: System) -> None:
    # Other tests register the document's examples, with passwords of their own.
    document = requests.get(f"{system.gateway_url}/api/openapi.json", timeout=10).text
    assert "ann@example.com" not in document
    readme = (REPOSITORY / "README.md").read_text()
    steps = _STEP.findall(readme)
    assert len(steps) == 4
    # Only the ports differ: the reader's are the defaults, the test's are free ones.
    script = (
        "".join(steps)
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
    assert '"email":"ann@example.com"' in told.stdout.replace(": ", ":")
    assert '"status":"linked"' in told.stdout.replace(": ", ":")
    assert "201" in told.stdout
    last = told.stdout.strip().splitlines()[-6:]
    assert "Drink a glass of water" in "\n".join(last)
    assert "Kitchen" in "\n".join(last)
