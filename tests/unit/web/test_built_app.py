"""When the web app is built anew, and what a gateway that serves it sees of that."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.web import built_app
from deploy.web.toolchain import ToolFailed


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of sources in the place of `web/`."""
    for name, file in (
        ("WEB", ""),
        ("DIST", "dist"),
        ("_STAMP", "dist.sources"),
        ("_NEW", "dist.new"),
        ("_OLD", "dist.old"),
    ):
        monkeypatch.setattr(built_app, name, tmp_path / file)
    monkeypatch.setattr(built_app, "install_packages", lambda: None)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.ts").write_text("one")
    (tmp_path / "package-lock.json").write_text("{}")
    return tmp_path


@pytest.fixture
def builds(web: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list to which every build is added, with what it was made of."""
    made: list[str] = []

    def npm(*_arguments: str) -> None:
        made.append((web / "src" / "main.ts").read_text())
        (web / "dist.new").mkdir()
        (web / "dist.new" / "index.html").write_text(made[-1])

    monkeypatch.setattr(built_app, "npm", npm)
    return made


def test_what_is_built_is_not_built_again_until_a_source_changes(
    web: Path, builds: list[str]
) -> None:
    built_app.build()
    built_app.build()
    assert built_app.is_current()
    (web / "src" / "main.ts").write_text("two")
    assert not built_app.is_current()
    built_app.build()

    assert builds == ["one", "two"]
    assert (web / "dist" / "index.html").read_text() == "two"


@pytest.mark.parametrize(
    "change",
    [
        lambda web: (web / "package-lock.json").write_text('{"lockfileVersion": 3}'),
        lambda web: (web / "src" / "more.ts").write_text(""),
        lambda web: (web / "src" / "main.ts").rename(web / "src" / "other.ts"),
    ],
    ids=["another lock", "another file", "another name"],
)
def test_every_change_of_the_sources_is_seen(
    web: Path, builds: list[str], change: Callable[[Path], object]
) -> None:
    built_app.build()
    change(web)

    assert not built_app.is_current()


def test_what_tools_leave_behind_is_no_change(web: Path, builds: list[str]) -> None:
    built_app.build()
    (web / "node_modules").mkdir()
    (web / "node_modules" / "left.js").write_text("")
    (web / "src" / "schema.d.ts").write_text("")

    assert built_app.is_current()


def test_a_build_that_fails_leaves_the_app_that_was_there(
    web: Path, builds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    built_app.build()
    (web / "src" / "main.ts").write_text("broken")

    def fail(*_arguments: str) -> None:
        raise ToolFailed

    monkeypatch.setattr(built_app, "npm", fail)
    with pytest.raises(ToolFailed):
        built_app.build()

    assert (web / "dist" / "index.html").read_text() == "one"
    assert not built_app.is_current()
