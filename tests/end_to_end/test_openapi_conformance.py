"""schemathesis asks the running system everything its document allows, and much it does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.spa_client import SpaClient
from tests.servers.whole_system import System

# The whole run is bounded by its number of examples; what is drawn is the same every time.
EXAMPLES = "4"
SEED = "1"

# Rules between fields and versions of habits cannot be said in JSON Schema, so a body that fits the
# schema may rightly be refused.
EXCLUDED_CHECKS = "positive_data_acceptance"


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_schemathesis_finds_no_failure(system: System, tmp_path: Path) -> None:
    client = SpaClient.registered(system.gateway_url)
    token = str(client.session.headers["Authorization"])
    run = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"),
            "run",
            f"{system.gateway_url}/api/openapi.json",
            f"--url={system.gateway_url}",
            f"--header=Authorization: {token}",
            "--checks=all",
            f"--exclude-checks={EXCLUDED_CHECKS}",
            f"--max-examples={EXAMPLES}",
            f"--seed={SEED}",
            "--generation-database=none",
            "--suppress-health-check=all",
            # Two of them parse Python at once, which CPython 3.11 answers with a SystemError.
            "--workers=1",
            "--request-timeout=60",
            "--no-color",
        ],
        cwd=tmp_path,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-12_000:] + run.stderr[-2_000:]
