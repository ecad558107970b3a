"""Merges the services' OpenAPI documents into one.

Nothing is lost and nothing is overwritten: two services that say different things under one name
are a MergeConflict, which stops the build.
"""

from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]


class MergeConflict(Exception):
    """Two documents contradict each other; the message says where."""


def merge(documents: Mapping[str, Document]) -> Document:
    """Return `paths`, `components` and `tags` of all documents, each named by its service."""
    paths: Document = {}
    components: Document = {}
    tags: dict[str, Document] = {}
    for service, document in documents.items():
        for path, item in document.get("paths", {}).items():
            if path in paths:
                raise MergeConflict(f"{service}: path {path} is already described")
            paths[path] = item
        for kind, named in document.get("components", {}).items():
            _merge_components(components.setdefault(kind, {}), named, f"{service}: {kind}")
        for tag in document.get("tags", []):
            tags.setdefault(tag["name"], tag)
    return {"paths": paths, "components": components, "tags": list(tags.values())}


def _merge_components(into: Document, named: Document, where: str) -> None:
    for name, component in named.items():
        if into.setdefault(name, component) != component:
            raise MergeConflict(f"{where}/{name} differs from another service's")
