"""The pages that are built: whole, and asking nothing of the internet."""

import json
import re
from pathlib import Path

import pytest

from deploy.api_docs.__main__ import main
from deploy.api_docs.pages import AssetsChanged, _package_folder, _without_foreign_logo


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pages")
    main(["build", "--out", str(out)])
    return out


def test_both_documents_and_all_pages_are_there(pages: Path) -> None:
    assert json.loads((pages / "openapi.json").read_text())["openapi"].startswith("3.1")
    assert json.loads((pages / "asyncapi.json").read_text())["asyncapi"].startswith("3.")
    for page in ("swagger", "redoc", "asyncapi"):
        assert (pages / page / "index.html").is_file()


@pytest.mark.parametrize("page", ["swagger", "redoc", "asyncapi"])
def test_what_a_page_loads_is_beside_it(pages: Path, page: str) -> None:
    html = (pages / page / "index.html").read_text()
    loaded = re.findall(r'(?:src|href)="([^"#]+)"', html)

    assert loaded
    for address in loaded:
        assert address.startswith("data:") or (pages / page / address).resolve().is_file(), address


@pytest.mark.parametrize("page", ["swagger", "redoc", "asyncapi"])
def test_a_page_has_no_script_of_its_own_that_the_policy_would_stop(pages: Path, page: str) -> None:
    html = (pages / page / "index.html").read_text()

    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert not re.search(r"\son[a-z]+=", html)


def test_no_script_fetches_from_its_maker(pages: Path) -> None:
    scripts = "".join(script.read_text() for script in pages.rglob("*.js"))
    styles = "".join(style.read_text() for style in pages.rglob("*.css"))

    assert "cdn.redoc.ly" not in scripts
    assert "fonts.googleapis" not in scripts + styles
    assert "@import" not in styles
    assert not re.search(r"url\(\s*[\"']?https?:", styles)
    assert "validatorUrl: null" in (pages / "swagger" / "start.js").read_text()


def test_a_second_build_replaces_the_first(pages: Path) -> None:
    stale = pages / "swagger" / "stale.js"
    stale.write_text("old")

    main(["build", "--out", str(pages)])

    assert not stale.exists()
    assert (pages / "swagger" / "start.js").is_file()


def test_a_script_that_is_not_what_we_know_stops_the_build(tmp_path: Path) -> None:
    script = tmp_path / "redoc.js"
    script.write_text("nothing we know")

    with pytest.raises(AssetsChanged):
        _without_foreign_logo(script)


def test_a_missing_package_stops_the_build() -> None:
    with pytest.raises(AssetsChanged, match="no_such_package"):
        _package_folder("no_such_package")
