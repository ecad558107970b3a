"""What may and may not get into nginx's configuration."""

from dataclasses import replace
from pathlib import Path

import pytest

from deploy.gateway.__main__ import main
from deploy.gateway.configuration import (
    GatewaySettings,
    WrongGatewaySetting,
    render_configuration,
)
from deploy.gateway.own_problems import OWN_PROBLEMS
from deploy.gateway.service_health import parse_targets
from deploy.gateway.settings import GatewayChoices
from deploy.gateway.status import create_app  # noqa: F401 - imports without a server

_SETTINGS = GatewaySettings(
    listen="127.0.0.1:8080",
    pages=Path("/pages of mine"),
    web=Path("/srv/web"),
    state=Path("/state"),
    access_log=Path("/dev/stdout"),
    upstreams=dict.fromkeys(("auth", "habits", "notifier", "feed", "status"), ("127.0.0.1:1",)),
    choices=GatewayChoices(),
)


def test_fixed_upstreams_need_no_resolver() -> None:
    configuration = render_configuration(_SETTINGS)

    assert "server 127.0.0.1:1 max_fails" in configuration
    assert "resolve" not in configuration


def test_replicas_are_looked_up_again_by_name() -> None:
    upstreams = dict(_SETTINGS.upstreams) | {"habits": ("habits:8000",)}
    configuration = render_configuration(
        replace(_SETTINGS, upstreams=upstreams, resolver="127.0.0.11")
    )

    assert "server habits:8000 resolve max_fails" in configuration
    assert "resolver 127.0.0.11 valid=1s" in configuration
    assert "zone habits " in configuration


@pytest.mark.parametrize(
    "changes",
    [
        {"listen": "8080; evil"},
        {"pages": Path('/a"b')},
        {"state": Path("/a$b")},
        {"upstreams": {"auth": ("127.0.0.1:1",)}},
        {"upstreams": dict(_SETTINGS.upstreams) | {"auth": ("127.0.0.1",)}},
        {"resolver": "127.0.0.11;"},
    ],
)
def test_a_value_that_could_change_the_meaning_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(WrongGatewaySetting):
        replace(_SETTINGS, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CORS_ALLOWED_ORIGINS", "*"),
        ("CORS_ALLOWED_ORIGINS", "null"),
        ("CORS_ALLOWED_ORIGINS", "https://app.example/"),
        ("CORS_ALLOWED_ORIGINS", 'https://a"; return 200 "'),
        ("TRUSTED_PROXIES", "the-proxy"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TRUSTED_PROXIES", "10.0.0.0/8; 192.0.2.1"),
        ("TRUSTED_PROXIES", "unix:"),
        ("PUBLIC_URL", "habits.example"),
        ("PUBLIC_URL", "https://habits.example/path"),
        ("PUBLIC_URL", "https://a;return 200"),
        ("PUBLIC_URL", "https://$host"),
        ("PUBLIC_URL", "https://user@habits.example"),
        ("RATE_LIMIT_TOKEN_PER_MINUTE", "many"),
        ("RATE_LIMIT_TOKEN_PER_MINUTE", "-1"),
        ("RATE_LIMIT_REGISTER_PER_MINUTE", "0"),
    ],
)
def test_a_wrong_variable_stops_the_start_with_its_name_and_the_right_form(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    command = ["render", "--out", str(tmp_path), "--listen", "1", "--pages", "/pages"]
    command += ["--web", "/web"]
    for name in _SETTINGS.upstreams:
        command += ["--upstream", f"{name}=127.0.0.1:1"]

    with pytest.raises(SystemExit, match=f"{variable}.*must be"):
        main(command)

    assert not list(tmp_path.iterdir())


def test_each_status_of_nginx_has_one_page() -> None:
    statuses = [status for problem in OWN_PROBLEMS for status in problem.statuses]

    assert len(statuses) == len(set(statuses))


def test_targets_are_read_by_service() -> None:
    assert parse_targets(" auth=http://a:1,http://b:2; habits=http://c:3 ") == {
        "auth": ("http://a:1", "http://b:2"),
        "habits": ("http://c:3",),
    }


@pytest.mark.parametrize(
    "text", ["", "auth", "auth=", "auth=https://a:1", "auth=http://a", "=http://a:1"]
)
def test_targets_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|no service"):
        parse_targets(text)
