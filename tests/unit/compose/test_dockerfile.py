"""The images: nothing runs as root, and nothing comes in without a hash."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# The stages that compose runs containers of; `lock` and `pages` are only built from.
RUN_STAGES = ("service", "gateway")


@pytest.fixture(scope="module")
def stages() -> dict[str, str]:
    """Return the text of each stage by its name."""
    text = (ROOT / "deploy/Dockerfile").read_text()
    parts = re.split(r"^FROM \S+ AS (\w+)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("stage", RUN_STAGES)
def test_what_is_run_is_not_run_as_root(stages: dict[str, str], stage: str) -> None:
    users = re.findall(r"^USER (\S+)$", stages[stage], re.MULTILINE)
    assert users == ["10001:10001"]


def test_every_package_is_installed_by_its_hash(stages: dict[str, str]) -> None:
    installs = re.findall(r"pip install (?:[^&]|\n)*", "".join(stages.values()))
    assert installs
    assert all("--require-hashes" in install for install in installs)


def test_no_secret_is_built_into_an_image(stages: dict[str, str]) -> None:
    declared = re.findall(
        r"^(?:ARG|ENV) .*?(?:\n(?!\S).*)*$", "".join(stages.values()), re.MULTILINE
    )
    assert declared
    assert not [line for line in declared if re.search("PASSWORD|SECRET|TOKEN|_URL", line)]


def test_the_build_does_not_see_what_a_run_left_behind() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    assert let_in == {"pyproject.toml", "requirements.lock", "shared", "services", "deploy", "web"}
