"""Writes the pages: Swagger UI, ReDoc, the events. No page asks anything of the internet.

The scripts come from packages in the lock; the one picture that ReDoc would fetch from its maker's
server is replaced by an empty one, and the gateway's content policy forbids every other address.
"""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

from deploy.api_docs.asyncapi import build_asyncapi
from deploy.api_docs.asyncapi_page import render_asyncapi_page
from deploy.api_docs.openapi_merge import Document

_TEMPLATES = Path(__file__).parent / "templates"
_REDOC_SCRIPT = "js/redoc.standalone.js"
_REDOC_LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg"
_NO_PICTURE = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E"


class AssetsChanged(Exception):
    """A package's files are not what this build knows how to make independent."""


def write_pages(out: Path, openapi: Document) -> None:
    """Write all pages and both documents to a folder; what was there under their names goes."""
    out.mkdir(parents=True, exist_ok=True)
    asyncapi = build_asyncapi()
    _write_json(out / "openapi.json", openapi)
    _write_json(out / "asyncapi.json", asyncapi)
    _write_viewer(out / "swagger", "flask_openapi3_swagger", "swagger")
    _write_viewer(out / "redoc", "flask_openapi3_redoc", "redoc")
    _without_foreign_logo(out / "redoc" / _REDOC_SCRIPT)
    (out / "asyncapi").mkdir(exist_ok=True)
    (out / "asyncapi" / "index.html").write_text(render_asyncapi_page(asyncapi), encoding="utf-8")


def _write_viewer(folder: Path, package: str, name: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(_package_folder(package) / "templates" / name, folder)
    shutil.copyfile(_TEMPLATES / f"{name}.html", folder / "index.html")
    shutil.copyfile(_TEMPLATES / f"{name}.js", folder / "start.js")


def _package_folder(package: str) -> Path:
    """Find a package's files without importing it: only its pictures and scripts are wanted."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise AssetsChanged(f"{package} is not installed")
    return Path(spec.submodule_search_locations[0])


def _without_foreign_logo(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    if text.count(_REDOC_LOGO) != 1:
        raise AssetsChanged(f"{script.name}: expected its maker's logo once")
    script.write_text(text.replace(_REDOC_LOGO, _NO_PICTURE), encoding="utf-8")


def _write_json(file: Path, document: Document) -> None:
    file.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
