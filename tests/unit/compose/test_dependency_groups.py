"""An image installs only its service's dependency group: what its code imports has to be there."""

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[3]
SERVICES = ("auth", "habits", "scheduler", "notifier", "feed")


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("services", "shared", "deploy", include_external_packages=True)


@pytest.fixture(scope="module")
def groups() -> dict[str, list[str | dict[str, str]]]:
    declared: dict[str, list[str | dict[str, str]]] = tomllib.loads(
        (ROOT / "pyproject.toml").read_text()
    )["dependency-groups"]
    return declared


def declared_in(groups: dict[str, list[str | dict[str, str]]], name: str) -> set[str]:
    """Return the names of the distributions that a group asks for itself."""
    found: set[str] = set()
    for item in groups[name]:
        if isinstance(item, dict):
            found |= declared_in(groups, item["include-group"])
        else:
            found.add(name_of(item))
    return found


def name_of(requirement: str) -> str:
    """Return the normalized name of the distribution that is required."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=;!~ (]", requirement)[0]).lower()


def with_their_own(distributions: set[str]) -> set[str]:
    """Add what those distributions require themselves, extras left out."""
    found: set[str] = set()
    waiting = list(distributions)
    while waiting:
        if (name := waiting.pop()) in found:
            continue
        found.add(name)
        try:
            requirements = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # for another platform
        waiting += [name_of(each) for each in requirements if "extra ==" not in each]
    return found


def imported_by(imports: grimp.ImportGraph, package: str) -> set[str]:
    """Return the packages of others that a package of ours imports, directly or through ours."""
    ours = {package, *imports.find_descendants(package)}
    reached = set().union(*(imports.find_upstream_modules(module) for module in ours))
    packages = {name.partition(".")[0] for name in reached}
    return packages - {"services", "shared", "deploy"} - set(sys.stdlib_module_names)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_s_group_has_all_that_its_code_imports(
    imports: grimp.ImportGraph, groups: dict[str, list[str | dict[str, str]]], service: str
) -> None:
    distributions = metadata.packages_distributions()
    installed = with_their_own(declared_in(groups, service))
    missing = {
        package
        for package in imported_by(imports, f"services.{service}")
        if not {name_of(name) for name in distributions[package]} & installed
    }
    assert not missing
