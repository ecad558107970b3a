"""What every service's HTTP app does the same way: strict input, problem details, request ids."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import jwt
import marshmallow as ma
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from flask import Flask
from flask.testing import FlaskClient
from flask_jwt_extended import jwt_required
from sqlalchemy.exc import OperationalError

from shared.http.access_tokens import (
    ALGORITHM,
    AUDIENCE,
    ISSUER,
    UnknownKey,
    current_account_id,
    init_access_tokens,
)
from shared.http.app import ApiBlueprint, create_http_app, openapi_document
from shared.http.problem_details import Problem, too_many_requests
from shared.http.strict_fields import (
    StrictBoolean,
    StrictInteger,
    StrictSchema,
    StrictString,
    WallClockTime,
    not_blank,
)
from shared.instants import now

KEY = Ed25519PrivateKey.generate()


class ThingSchema(StrictSchema):
    name = StrictString(required=True, validate=[ma.validate.Length(1, 5), not_blank])
    count = StrictInteger()
    on = StrictBoolean()
    at = WallClockTime()


class PageSchema(ma.Schema):
    page = ma.fields.Integer(validate=ma.validate.Range(1))


def things() -> ApiBlueprint:
    blueprint = ApiBlueprint("things", __name__, url_prefix="/api/thing")

    @blueprint.route("/", methods=["GET"])
    @blueprint.arguments(PageSchema, location="query")
    @blueprint.response(200, ThingSchema)
    def list_things(_page: dict[str, Any]) -> dict[str, Any]:
        return {"name": "x"}

    @blueprint.route("/", methods=["POST"])
    @blueprint.arguments(ThingSchema)
    @blueprint.response(201, ThingSchema)
    @blueprint.problems(409)
    def add_thing(thing: dict[str, Any]) -> dict[str, Any]:
        return thing

    @blueprint.route("/mine/")
    @jwt_required()
    def mine() -> dict[str, str]:
        return {"account": current_account_id()}

    @blueprint.route("/<failure>/")
    def fail(failure: str) -> None:
        raise {
            "bug": ZeroDivisionError("secret detail"),
            "database": OperationalError("SELECT secret", {}, Exception()),
            "busy": too_many_requests(0),
            "taken": Problem(409, "taken", "It is taken.", errors={"name": ["taken"]}),
        }[failure]

    return blueprint


def find_key(kid: str) -> Any:
    if kid != "k-1":
        raise UnknownKey(kid)
    return KEY.public_key()


def configure(app: Flask) -> None:
    init_access_tokens(app, find_key)


@pytest.fixture
def app() -> Flask:
    return create_http_app(
        "things",
        configure=configure,
        blueprints=lambda: [things()],
        checks={"database": lambda: True, "broker": lambda: False},
    )


@pytest.fixture
def client(app: Flask) -> Iterator[FlaskClient]:
    with app.test_client() as client:
        yield client


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "malformed_json"),
        (b"", "malformed_json"),
        (b"\xff", "malformed_json"),
        (b"[" * 60_000, "malformed_json"),
        (b"1" * 6_000, "malformed_json"),
        (b'{"name": NaN}', "malformed_json"),
        (b"[]", "invalid_input"),
        (b"null", "invalid_input"),
        (b"{}", "invalid_input"),
        (b'{"name": "x", "unknown": 1}', "invalid_input"),
        (b'{"name": 5}', "invalid_input"),
        (b'{"name": "a\\u0000b"}', "invalid_input"),
        (b'{"name": "\\ud800"}', "invalid_input"),
        (b'{"name": "\\u00a0 "}', "invalid_input"),
        (b'{"name": "toolong"}', "invalid_input"),
        (b'{"name": "x", "count": 1.0}', "invalid_input"),
        (b'{"name": "x", "count": "1"}', "invalid_input"),
        (b'{"name": "x", "count": true}', "invalid_input"),
        (b'{"name": "x", "on": "yes"}', "invalid_input"),
        (b'{"name": "x", "on": 1}', "invalid_input"),
        (b'{"name": "x", "at": "9:00"}', "invalid_input"),
        (b'{"name": "x", "at": "24:00"}', "invalid_input"),
        (b'{"name": "x", "at": "09:00+02:00"}', "invalid_input"),
        (b'{"name": "x", "at": "09:00:00.5"}', "invalid_input"),
        (b'{"name": "x", "at": 900}', "invalid_input"),
    ],
)
def test_bad_bodies_are_400_problems(client: FlaskClient, body: bytes, code: str) -> None:
    answer = client.post("/api/thing/", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"
    assert answer.json is not None
    assert answer.json["code"] == code
    assert ("errors" in answer.json) == (code == "invalid_input")


def test_a_good_body_passes_and_times_come_back_with_seconds(client: FlaskClient) -> None:
    answer = client.post("/api/thing/", json={"name": "ok", "count": 3, "on": True, "at": "07:30"})
    assert answer.status_code == 201
    assert answer.json == {"name": "ok", "count": 3, "on": True, "at": "07:30:00"}


def test_errors_name_the_fields(client: FlaskClient) -> None:
    answer = client.post("/api/thing/", json={"name": "toolong", "count": "x", "extra": 1})
    assert answer.json is not None
    assert set(answer.json["errors"]) == {"name", "count", "extra"}


@pytest.mark.parametrize("query", ["page=0", "page=x", "pages=1"])
def test_bad_query_parameters_are_400(client: FlaskClient, query: str) -> None:
    assert client.get(f"/api/thing/?{query}").status_code == 400


def test_other_media_types_are_415_and_big_bodies_413(client: FlaskClient) -> None:
    assert client.post("/api/thing/", data=b"{}", content_type="text/plain").status_code == 415
    assert client.post("/api/thing/", data={"name": "x"}).status_code == 415
    big = b'"' + b"x" * 70_000 + b'"'
    assert client.post("/api/thing/", data=big, content_type="application/json").status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere/", 404, "not_found"),
        ("DELETE", "/api/thing/", 405, "method_not_allowed"),
        ("GET", "/api/thing/bug/", 500, "internal_error"),
        ("GET", "/api/thing/database/", 503, "service_unavailable"),
        ("GET", "/api/thing/busy/", 429, "too_many_requests"),
        ("GET", "/api/thing/taken/", 409, "taken"),
    ],
)
def test_every_error_is_a_problem_without_internals(
    client: FlaskClient, method: str, path: str, status: int, code: str
) -> None:
    answer = client.open(path, method=method, headers={"X-Request-ID": "r-1"})
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.json is not None
    assert answer.json.keys() >= {"type", "title", "status", "detail", "code", "request_id"}
    assert (answer.json["code"], answer.json["status"]) == (code, status)
    assert answer.json["request_id"] == "r-1"
    assert "secret" not in answer.text
    assert ("Retry-After" in answer.headers) == (status in (429, 503))


def test_a_redirect_to_the_canonical_address_is_no_error(client: FlaskClient) -> None:
    assert client.get("/api/thing").status_code == 308


def test_a_sane_request_id_is_kept_and_any_other_replaced(client: FlaskClient) -> None:
    kept = client.get("/api/thing/", headers={"X-Request-ID": "abc-1.2"})
    assert kept.headers["X-Request-ID"] == "abc-1.2"
    replaced = client.get("/api/thing/", headers={"X-Request-ID": 'x" onload='})
    assert len(replaced.headers["X-Request-ID"]) == 32


def token(key: Any = KEY, headers: dict[str, Any] | None = None, **claims: Any) -> str:
    complete = {
        "sub": "account-1",
        "iss": ISSUER,
        "aud": AUDIENCE,
        "type": "access",
        "jti": "j-1",
        "iat": now(),
        "exp": now() + timedelta(minutes=5),
        **claims,
    }
    kept = {name: value for name, value in complete.items() if value is not None}
    return jwt.encode(kept, key, algorithm=ALGORITHM, headers=headers or {"kid": "k-1"})


@pytest.mark.parametrize("scope", ["", "habits:read", "habits:read events:read:all"])
def test_a_token_of_a_program_opens_no_route_that_names_no_scope(
    client: FlaskClient, scope: str
) -> None:
    headers = {"Authorization": f"Bearer {token(scope=scope)}"}
    answer = client.get("/api/thing/mine/", headers=headers)

    assert (answer.status_code, answer.get_json()["code"]) == (403, "insufficient_scope")


def test_a_good_token_names_the_account(client: FlaskClient) -> None:
    answer = client.get("/api/thing/mine/", headers={"Authorization": f"Bearer {token()}"})
    assert answer.json == {"account": "account-1"}


RSA_KEY = generate_private_key(65537, 2048)

BAD_TOKENS = {
    "garbage": "x.y.z",
    "not a token": "xyz",
    "foreign key": token(Ed25519PrivateKey.generate()),
    "unknown kid": token(headers={"kid": "k-2"}),
    "without kid": token(headers={"typ": "JWT"}),
    "expired": token(exp=now() - timedelta(seconds=11)),
    "without expiry": token(exp=None),
    "wrong audience": token(aud="somebody-else"),
    "wrong issuer": token(iss="somebody-else"),
    "refresh type": token(type="refresh"),
    "without type": token(type=None),
    "number as subject": token(sub=None),
    "unsigned": jwt.encode({"sub": "a"}, "", algorithm="none", headers={"kid": "k-1"}),
    "another algorithm": jwt.encode({"sub": "a"}, RSA_KEY, "RS256", headers={"kid": "k-1"}),
}


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_bad_tokens_are_401_with_a_challenge(client: FlaskClient, name: str) -> None:
    answer = client.get("/api/thing/mine/", headers={"Authorization": f"Bearer {BAD_TOKENS[name]}"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("header", [None, "Basic YTpi", "Bearer", "Bearer a b"])
def test_no_token_is_401_with_a_challenge(client: FlaskClient, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = client.get("/api/thing/mine/", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_operational_endpoints(client: FlaskClient) -> None:
    assert client.get("/healthz").status_code == 200
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json is not None
    assert ready.json["checks"] == {"database": "ok", "broker": "unavailable"}
    assert b"http_requests_total" in client.get("/metrics").data


def test_the_document_is_openapi_3_1_with_problem_responses(app: Flask) -> None:
    document = openapi_document(app)
    assert document["openapi"] == "3.1.0"
    operation = document["paths"]["/api/thing/"]["post"]
    assert set(operation["responses"]["409"]["content"]) == {"application/problem+json"}
    assert document["components"]["schemas"]["Thing"]["properties"]["at"]["type"] == "string"
