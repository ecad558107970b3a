"""The events as a page to read: everything on it comes from the AsyncAPI document."""

import json
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from deploy.api_docs.asyncapi import Document


def render_asyncapi_page(document: Document) -> str:
    """Return the page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["pretty"] = _pretty
    environment.filters["plain"] = _plain
    return environment.get_template("asyncapi.html.j2").render(
        document=document,
        paragraphs=_paragraphs(document["info"]["description"]),
        by_service=[
            (service, [event for _, event in events])
            for service, events in groupby(sorted(_events(document), key=itemgetter(0)), _service)
        ],
        type_in_words=type_in_words,
    )


def type_in_words(schema: Document) -> str:  # noqa: PLR0911 - one line a kind
    """Say what values a field takes: "string (date-time) or null"."""
    if "anyOf" in schema:
        return " or ".join(type_in_words(choice) for choice in schema["anyOf"])
    if "$ref" in schema:
        return _last(schema)
    if "items" in schema:
        return f"list of {type_in_words(schema['items'])}"
    if "const" in schema:
        return f"“{schema['const']}”"
    if "enum" in schema:
        return " or ".join(f"“{value}”" for value in schema["enum"])
    if "pattern" in schema:
        return f"{schema['type']} ({schema['pattern']})"
    if "format" in schema:
        return f"{schema['type']} ({schema['format']})"
    return str(schema["type"])


def _events(document: Document) -> Iterator[tuple[str, Document]]:
    components = document["components"]
    for operation in document["operations"].values():
        channel = document["channels"][_last(operation["channel"])]
        message = components["messages"][_last(operation["messages"][0])]
        schema_name = _last(message["payload"])
        yield (
            operation["tags"][0]["name"],
            {
                "type": channel["address"],
                "exchange": channel["bindings"]["amqp"]["exchange"]["name"],
                "message": message,
                "schema_name": schema_name,
                "schema": components["schemas"][schema_name],
                "example": message["examples"][0],
            },
        )


def _service(event: tuple[str, Document]) -> str:
    return event[0]


def _last(reference: Document) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _paragraphs(markdown: str) -> list[str]:
    return [" ".join(part.split()) for part in _plain(markdown).strip().split("\n\n")]


def _plain(markdown: str) -> str:
    return markdown.replace("**", "").replace("`", "")


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
