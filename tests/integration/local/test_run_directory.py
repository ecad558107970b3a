"""The run directory: one user at a time, secrets made once, nobody else looks in."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.run_directory import AlreadyRunning, RunDirectory
from deploy.provisioning.generated_secrets import load_or_generate


def test_a_second_run_is_refused_while_the_first_one_lives(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "run")
    second = RunDirectory(directory.path).claimed()
    with directory.claimed(), pytest.raises(AlreadyRunning, match="process"), second:
        pass
    with directory.claimed():
        pass


def test_the_claim_of_a_killed_process_is_gone(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, sys; from deploy.local.run_directory import RunDirectory\n"
        "with RunDirectory(pathlib.Path(sys.argv[1])).claimed(): os.kill(os.getpid(), 9)"
    )
    run = tmp_path / "run"
    killed = subprocess.run([sys.executable, "-c", program, str(run)], check=False)
    assert killed.returncode == -9
    with RunDirectory(run).claimed():
        pass


def test_nobody_else_may_enter_the_directory(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "run")
    with directory.claimed():
        assert directory.path.stat().st_mode & 0o077 == 0


def test_secrets_are_made_once_and_readable_by_their_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    first = load_or_generate(file)
    assert load_or_generate(file) == first
    assert file.stat().st_mode & 0o777 == 0o600
    assert load_or_generate(tmp_path / "other.json") != first


def test_a_secret_that_a_later_version_needs_is_added_to_the_others(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    file.write_text('{"redis": "kept"}')
    secrets = load_or_generate(file)
    assert secrets.redis == "kept"
    assert secrets.rabbitmq_admin
    assert load_or_generate(file) == secrets
