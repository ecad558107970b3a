"""The AsyncAPI document: every event type, and examples that fit their schemas."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from referencing import Registry, Resource

from deploy.api_docs.asyncapi import build_asyncapi
from deploy.api_docs.asyncapi_page import render_asyncapi_page, type_in_words
from shared.contracts.cloud_event import read_event
from shared.contracts.events import EVENT_TYPES

Document = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Document:
    return build_asyncapi()


def test_every_event_type_has_a_channel_on_the_exchange(document: Document) -> None:
    channels = document["channels"].values()

    assert {channel["address"] for channel in channels} == set(EVENT_TYPES)
    for channel in channels:
        assert channel["bindings"]["amqp"]["exchange"]["name"] == "events"
        assert channel["bindings"]["amqp"]["exchange"]["type"] == "topic"


def test_every_reference_leads_somewhere(document: Document) -> None:
    for reference in _references(document):
        node: Any = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [found for value in node.values() for found in _references(value)]
    if isinstance(node, list):
        return [found for value in node for found in _references(value)]
    return []


def test_every_example_fits_its_schema_and_can_be_read_by_our_own_services(
    document: Document,
) -> None:
    registry: Registry[Any] = Registry().with_resource("urn:doc", Resource.opaque(document))
    assert len(document["components"]["messages"]) == len(EVENT_TYPES)
    for message in document["components"]["messages"].values():
        example = message["examples"][0]
        schema = {"$ref": f"urn:doc{message['payload']['$ref']}"}
        Draft202012Validator(schema, registry=registry).validate(example["payload"])
        Draft202012Validator(message["headers"]).validate(example["headers"])
        assert message["examples"][0]["headers"]["cloudEvents:type"] == message["name"]
        _assert_readable(example)


def _assert_readable(example: Document) -> None:
    event = read_event(example["headers"], json.dumps(example["payload"]).encode())
    assert event.json_body() == example["payload"]


def test_every_body_has_all_its_fields_and_a_version(document: Document) -> None:
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        assert schema["required"] == list(schema["properties"])
    for body in EVENT_TYPES.values():
        assert "version" in schemas[body.__name__]["properties"]


def test_local_times_are_not_described_as_having_an_offset(document: Document) -> None:
    assert "pattern" in document["components"]["schemas"]["HabitStateV1"]["properties"]["time"]
    assert '"format": "time"' not in str(document).replace("'", '"')


def test_the_page_shows_every_event(document: Document) -> None:
    page = render_asyncapi_page(document)

    for event_type in EVENT_TYPES:
        assert f'<section id="{event_type}">' in page


def test_the_page_shows_words_and_no_marks_of_markdown(document: Document) -> None:
    page = render_asyncapi_page(document)

    assert "`" not in page
    assert "**" not in page


def test_text_on_the_page_is_never_markup(document: Document) -> None:
    document["info"]["title"] = "<script>alert(1)</script>"

    assert "<script>" not in render_asyncapi_page(document)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "string"),
        ({"type": "string", "format": "date-time"}, "string (date-time)"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string or null"),
        ({"enum": ["linked", "blocked"], "type": "string"}, "“linked” or “blocked”"),
    ],
)
def test_types_are_said_in_words(schema: Document, words: str) -> None:
    assert type_in_words(schema) == words
