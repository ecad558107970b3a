"""The pages and documents behind the gateway."""

import re

import pytest
import requests
from openapi_spec_validator import validate

from tests.servers.whole_system import System


def get(system: System, path: str) -> requests.Response:
    return requests.get(system.gateway_url + path, timeout=10)


@pytest.mark.parametrize("path", ["/api/swagger/", "/api/redoc/", "/api/asyncapi/"])
def test_pages_need_no_internet(system: System, path: str) -> None:
    page = get(system, path)
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    loaded = re.findall(r"""(?:src|href)=["']((?:https?:)?//[^"']+)""", page.text)
    assert loaded == []


def test_the_document_is_valid_and_names_every_route(system: System) -> None:
    document = get(system, "/api/openapi.json").json()
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert document["paths"].keys() >= {
        "/api/register/",
        "/api/token/",
        "/api/token/refresh/",
        "/api/token/revoke/",
        "/api/me/",
        "/api/me/password/",
        "/api/.well-known/jwks.json",
        "/api/habit/",
        "/api/habit/public/",
        "/api/tg/link/",
        "/api/health/",
    }


def test_health_names_every_service(system: System) -> None:
    health = get(system, "/api/health/")
    assert health.status_code == 200
    assert health.json()["status"] == "ok"
    assert health.json()["services"].keys() >= {"auth", "habits", "notifier", "scheduler"}
