"""The API document can be made without any server and says what the service answers."""

from typing import Any

import pytest
from openapi_spec_validator import validate

from services.habits.app import create_app
from services.habits.settings import Settings
from shared.http.app import openapi_document

SETTINGS = Settings(
    database_url="postgresql://nobody@127.0.0.1:1/nothing",
    rabbitmq_url="amqp://127.0.0.1:1/",
    jwks_url="http://127.0.0.1:1/",
    http_host="127.0.0.1",
    http_port=8000,
    ops_port=9000,
    log_level="INFO",
)

STATUSES = {
    ("get", "/api/habit/"): {"200", "400", "401"},
    ("post", "/api/habit/"): {"201", "400", "401", "409", "413", "415"},
    ("get", "/api/habit/public/"): {"200", "400"},
    ("post", "/api/habit/public/{habit_id}/copy/"): {
        *("201", "400", "401", "404", "409", "413", "415"),
    },
    ("get", "/api/habit/{habit_id}/"): {"200", "304", "400", "401", "404"},
    ("put", "/api/habit/{habit_id}/"): {
        *("200", "400", "401", "403", "404", "409", "412", "413", "415"),
    },
    ("patch", "/api/habit/{habit_id}/"): {
        *("200", "400", "401", "403", "404", "409", "412", "413", "415"),
    },
    ("delete", "/api/habit/{habit_id}/"): {
        *("204", "401", "403", "404", "409", "412", "413", "415"),
    },
    ("post", "/api/habit/{habit_id}/archive/"): {
        *("200", "401", "403", "404", "409", "412", "415"),
    },
    ("post", "/api/habit/{habit_id}/unarchive/"): {
        *("200", "401", "403", "404", "409", "412", "415"),
    },
    ("post", "/api/habit/{habit_id}/restore/"): {
        *("200", "400", "401", "403", "404", "409", "415"),
    },
    ("get", "/api/habit/{habit_id}/history/"): {"200", "400", "401", "404"},
    ("get", "/api/habit/export/"): {"200", "401"},
    ("post", "/api/habit/import/"): {"202", "400", "401", "409", "413", "415"},
    ("get", "/api/habit/import/{import_id}/"): {"200", "401", "404"},
    ("post", "/api/habit/undo/"): {"200", "400", "401", "409", "413", "415"},
    ("post", "/api/habit/{habit_id}/undo/"): {
        *("200", "400", "401", "403", "404", "409", "413", "415"),
    },
    ("get", "/api/habit/{habit_id}/days/"): {"200", "400", "401", "403", "404"},
    ("put", "/api/habit/{habit_id}/days/{date}/"): {
        *("200", "201", "400", "401", "403", "404", "412", "413", "415"),
    },
    ("delete", "/api/habit/{habit_id}/days/{date}/"): {
        *("204", "400", "401", "403", "404", "412", "413", "415"),
    },
    ("post", "/api/habit/{habit_id}/days/{date}/add/"): {
        *("200", "400", "401", "403", "404", "409", "412", "413", "415"),
    },
    ("get", "/api/habit/days/"): {"200", "400", "401"},
    ("post", "/api/habit/days/"): {"200", "400", "401", "409", "413", "415"},
    ("get", "/api/habit/today/"): {"200", "401"},
    ("get", "/api/habit/{habit_id}/stats/"): {"200", "400", "401", "403", "404"},
    ("get", "/api/habit/stats/"): {"200", "400", "401"},
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document(create_app(SETTINGS))


def test_it_is_a_valid_openapi_document(document: dict[str, Any]) -> None:
    validate(document)


def test_every_operation_declares_what_it_answers(document: dict[str, Any]) -> None:
    declared = {
        (method, path): set(operation["responses"]) - {"default"}
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in {"get", "post", "put", "patch", "delete"}
    }
    assert declared == STATUSES


def test_every_operation_but_the_public_list_asks_for_a_token(document: dict[str, Any]) -> None:
    for method, path in STATUSES:
        operation = document["paths"][path][method]
        is_public = path == "/api/habit/public/"
        scope = "days:write" if "/days/" in path else "habits:write"
        needed = [{"bearerAuth": ["habits:read" if method == "get" else scope]}]
        assert operation["security"] == ([] if is_public else needed)
        assert operation["summary"]


def test_tags_and_preconditions_are_declared(document: dict[str, Any]) -> None:
    one = document["paths"]["/api/habit/{habit_id}/"]
    created = document["paths"]["/api/habit/"]["post"]["responses"]["201"]
    assert created["headers"].keys() == {"ETag", "Location"}
    for method in ("put", "patch", "delete"):
        assert "If-Match" in [parameter["name"] for parameter in one[method]["parameters"]]
    assert "If-None-Match" in [parameter["name"] for parameter in one["get"]["parameters"]]
    for method in ("get", "put", "patch"):
        assert "ETag" in one[method]["responses"]["200"]["headers"]


def test_a_body_says_what_it_needs_and_what_is_the_default(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    body, patch = schemas["HabitBody"], schemas["HabitPatch"]
    assert set(body["required"]) == {"action", "place", "duration_seconds"}
    assert body["properties"]["period_days"]["default"] == 1
    assert body["additionalProperties"] is False
    assert "required" not in patch
    assert all("default" not in schema for schema in patch["properties"].values())
