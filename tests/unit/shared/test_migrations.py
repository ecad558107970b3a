"""Before a rollout, a database is migrated as far as the release before can live with."""

from pathlib import Path

import pytest
from alembic.config import Config

from shared.migrations import last_before_rollout

SERVICES = ("auth", "feed", "habits", "notifier", "scheduler")
ROOT = Path(__file__).resolve().parents[3]

_REVISION = """
revision = "{revision}"
down_revision = {before!r}
"""


def config_of(directory: Path, *titles: str) -> Config:
    """Return the configuration of migrations with these titles, oldest first."""
    before = None
    for number, title in enumerate(titles, 1):
        revision = f"{number:04}"
        content = _REVISION.format(revision=revision, before=before)
        (directory / f"{revision}_{title}.py").write_text(content)
        before = revision
    config = Config()
    config.set_main_option("script_location", str(ROOT / "shared" / "migrations"))
    config.set_main_option("version_locations", str(directory))
    config.set_main_option("path_separator", "newline")
    return config


@pytest.mark.parametrize(
    ("titles", "revision"),
    [
        (["tables", "column"], "0002"),
        (["tables", "column", "post_drop"], "0002"),
        (["tables", "post_drop", "post_drop_more"], "0001"),
        # What the release before left for later has run by now.
        (["tables", "post_drop", "column", "post_drop_more"], "0003"),
    ],
)
def test_the_post_migrations_of_the_release_wait(
    tmp_path: Path, titles: list[str], revision: str
) -> None:
    assert last_before_rollout(config_of(tmp_path, *titles)) == revision


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_have_numbers_in_their_order(service: str) -> None:
    versions = ROOT / "services" / service / "migrations" / "versions"
    names = sorted(path.name for path in versions.glob("[0-9]*.py"))
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
