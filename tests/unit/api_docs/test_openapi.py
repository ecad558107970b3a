"""The merged OpenAPI document: valid, complete, and the same for every service."""

import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from deploy.api_docs.openapi import build_openapi, operation_id, operations
from deploy.api_docs.openapi_merge import MergeConflict, merge
from deploy.api_docs.service_documents import service_documents

Document = dict[str, Any]

_CONTRACT = {
    ("post", "/api/register/"),
    ("post", "/api/token/"),
    ("post", "/api/token/refresh/"),
    ("post", "/api/token/revoke/"),
    ("get", "/api/me/tokens/"),
    ("post", "/api/me/tokens/"),
    ("delete", "/api/me/tokens/{}/"),
    ("get", "/api/me/sessions/"),
    ("delete", "/api/me/sessions/"),
    ("delete", "/api/me/sessions/{}/"),
    ("get", "/api/me/"),
    ("patch", "/api/me/"),
    ("delete", "/api/me/"),
    ("post", "/api/me/password/"),
    ("get", "/api/.well-known/jwks.json"),
    ("get", "/api/habit/"),
    ("post", "/api/habit/"),
    ("get", "/api/habit/{}/"),
    ("put", "/api/habit/{}/"),
    ("patch", "/api/habit/{}/"),
    ("delete", "/api/habit/{}/"),
    ("get", "/api/habit/public/"),
    ("get", "/api/habit/{}/history/"),
    ("post", "/api/habit/{}/archive/"),
    ("post", "/api/habit/{}/unarchive/"),
    ("post", "/api/habit/{}/restore/"),
    ("get", "/api/habit/{}/days/"),
    ("put", "/api/habit/{}/days/{}/"),
    ("delete", "/api/habit/{}/days/{}/"),
    ("post", "/api/habit/{}/days/{}/add/"),
    ("get", "/api/habit/days/"),
    ("post", "/api/habit/days/"),
    ("get", "/api/habit/today/"),
    ("get", "/api/habit/{}/stats/"),
    ("get", "/api/habit/stats/"),
    ("post", "/api/habit/undo/"),
    ("get", "/api/habit/export/"),
    ("post", "/api/habit/import/"),
    ("get", "/api/habit/import/{}/"),
    ("post", "/api/habit/public/{}/copy/"),
    ("post", "/api/habit/{}/undo/"),
    ("post", "/api/tg/link/"),
    ("get", "/api/tg/link/"),
    ("delete", "/api/tg/link/"),
    ("get", "/api/events/"),
    ("get", "/api/me/events/"),
    ("get", "/api/webhooks/"),
    ("post", "/api/webhooks/"),
    ("get", "/api/webhooks/{}/"),
    ("patch", "/api/webhooks/{}/"),
    ("delete", "/api/webhooks/{}/"),
    ("get", "/api/webhooks/{}/deliveries/"),
    ("post", "/api/webhooks/{}/test/"),
    ("post", "/api/webhooks/{}/rewind/"),
    ("post", "/api/webhooks/{}/secret/"),
    ("get", "/api/swagger/"),
    ("get", "/api/redoc/"),
    ("get", "/api/openapi.json"),
    ("get", "/api/asyncapi/"),
    ("get", "/api/asyncapi.json"),
    ("get", "/api/health/"),
}
_PUBLIC = {
    "/api/register/",
    "/api/token/",
    "/api/token/refresh/",
    "/api/token/revoke/",
    "/api/.well-known/jwks.json",
    "/api/habit/public/",
    "/api/tg/webhook/",
    "/api/swagger/",
    "/api/redoc/",
    "/api/openapi.json",
    "/api/asyncapi/",
    "/api/asyncapi.json",
    "/api/health/",
}


@pytest.fixture(scope="module")
def document() -> Document:
    return build_openapi(service_documents())


def _unnamed(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def test_the_document_is_valid_openapi_3_1(document: Document) -> None:
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


def test_every_request_of_the_contract_is_described(document: Document) -> None:
    described = {(method, _unnamed(path)) for path, method, _ in operations(document)}

    assert described - {("post", "/api/tg/webhook/")} == _CONTRACT


def test_operation_names_are_unique(document: Document) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]

    assert len(names) == len(set(names))


def test_every_operation_has_a_summary_a_tag_and_says_whether_it_needs_a_token(
    document: Document,
) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    for path, method, operation in operations(document):
        assert operation["summary"], (method, path)
        assert set(operation["tags"]) <= tags, (method, path)
        needs_token = bool(operation["security"])
        assert needs_token == (path not in _PUBLIC), (method, path)
        assert ({"401", "403"} <= set(operation["responses"])) or not needs_token, (method, path)


def test_errors_are_problem_documents_everywhere(document: Document) -> None:
    for path, method, operation in operations(document):
        statuses = set(operation["responses"])
        assert {"400", "500", "503"} <= statuses, (method, path)
        assert "requestBody" not in operation or {"413", "415"} <= statuses, (method, path)
        for status, response in operation["responses"].items():
            if "$ref" not in response and status >= "400":
                assert set(response["content"]) == {"application/problem+json"}, (path, status)


def test_every_answer_names_its_request_id(document: Document) -> None:
    for path, method, operation in operations(document):
        for response in operation["responses"].values():
            assert "$ref" in response or "X-Request-ID" in response["headers"], (method, path)


def test_the_bearer_scheme_and_the_server_are_those_of_the_gateway(document: Document) -> None:
    assert document["components"]["securitySchemes"]["bearerAuth"]["scheme"] == "bearer"
    assert [server["url"] for server in document["servers"]] == ["/"]


def test_another_server_can_be_named() -> None:
    document = build_openapi({}, server_url="https://habits.example")

    assert document["servers"][0]["url"] == "https://habits.example"


def test_every_request_body_has_an_example(document: Document) -> None:
    for path, method, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is not None:
            assert _has_example(document, content), (method, path)


def _has_example(document: Document, content: Document) -> bool:
    if "example" in content or "examples" in content:
        return True
    schema = content["schema"]
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    fields = schema.get("properties", {})
    return not fields or any("example" in f or "examples" in f for f in fields.values())


def test_equal_components_are_merged() -> None:
    one = {"paths": {"/a": {}}, "components": {"schemas": {"Problem": {"type": "object"}}}}
    two = {"paths": {"/b": {}}, "components": {"schemas": {"Problem": {"type": "object"}}}}

    merged = merge({"one": one, "two": two})

    assert set(merged["paths"]) == {"/a", "/b"}
    assert merged["components"] == {"schemas": {"Problem": {"type": "object"}}}


def test_components_that_differ_stop_the_build() -> None:
    one = {"components": {"schemas": {"Page": {"type": "object"}}}}
    two = {"components": {"schemas": {"Page": {"type": "array"}}}}

    with pytest.raises(MergeConflict, match="two: schemas/Page"):
        merge({"one": one, "two": two})


def test_a_path_of_two_services_stops_the_build() -> None:
    with pytest.raises(MergeConflict, match="two: path /a"):
        merge({"one": {"paths": {"/a": {}}}, "two": {"paths": {"/a": {}}}})


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("get", "/api/habit/", "getHabit"),
        ("get", "/api/habit/{id}/", "getHabitById"),
        ("get", "/api/habit/{habit_id}/history/", "getHabitByHabitIdHistory"),
        ("get", "/api/.well-known/jwks.json", "getWellKnownJwksJson"),
    ],
)
def test_an_operation_without_a_name_gets_one_from_its_path(
    method: str, path: str, name: str
) -> None:
    assert operation_id(method, path) == name
