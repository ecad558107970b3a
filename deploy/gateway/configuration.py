"""Renders the one nginx configuration of the gateway.

`make run` and compose differ only in what `GatewaySettings` holds. A value that could change the
meaning of the configuration (a quote in a path, an origin that is no origin) is refused here,
before nginx sees it.
"""

import os
import pwd
import re
from collections.abc import Mapping
from dataclasses import dataclass
from grp import getgrgid
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from deploy.gateway.own_problems import OWN_PROBLEMS
from deploy.gateway.settings import GatewayChoices

UPSTREAMS = ("auth", "habits", "notifier", "feed", "status")

# Swagger UI and ReDoc set styles from scripts; ReDoc searches in a worker made from a blob.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
    "worker-src 'self' blob:; child-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

# The app has no inline script or style and talks to nobody but this gateway.
WEB_APP_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

_ADDRESS = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}")
_LISTEN = re.compile(r"(?:(?:[0-9.]+|\[[0-9A-Fa-f:]+\]):)?[0-9]{1,5}")


class WrongGatewaySetting(ValueError):
    """A setting that nginx must not see; the message names the setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """What differs between two gateways.

    `choices` are the user's; `pages` are the documentation, `web` is the built app; `state` is an
    existing folder that nginx may write; `resolver` is set where upstream names stand for a
    changing number of replicas.
    """

    listen: str
    pages: Path
    web: Path
    state: Path
    access_log: Path
    upstreams: Mapping[str, tuple[str, ...]]
    choices: GatewayChoices
    resolver: str | None = None

    def __post_init__(self) -> None:
        _require(_LISTEN, self.listen, "listen address")
        for path in (self.pages, self.web, self.state, self.access_log):
            if set(str(path)) & set("\"'\\$\n"):
                raise WrongGatewaySetting(f"path {str(path)!r}: no quotes, backslashes or dollars")
        if set(self.upstreams) != set(UPSTREAMS):
            raise WrongGatewaySetting(f"upstreams: each of {', '.join(UPSTREAMS)} is needed")
        for name, addresses in self.upstreams.items():
            for address in addresses:
                _require(_ADDRESS, address, f"upstream {name}")
        if self.resolver is not None:
            _require(_LISTEN, f"{self.resolver}:53", "resolver")


def render_configuration(settings: GatewaySettings) -> str:
    """Return nginx's configuration, to be started with `nginx -p STATE -c FILE -e stderr`."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - nginx's syntax, not HTML
    )
    return environment.get_template("nginx.conf.j2").render(
        listen=settings.listen,
        pages=settings.pages,
        web=settings.web,
        state=settings.state,
        access_log=settings.access_log,
        upstreams=settings.upstreams,
        choices=settings.choices,
        resolver=settings.resolver,
        problems=OWN_PROBLEMS,
        content_security_policy=CONTENT_SECURITY_POLICY,
        web_content_security_policy=WEB_APP_CONTENT_SECURITY_POLICY,
        run_as=_root_and_its_group(),
    )


def _root_and_its_group() -> str | None:
    if os.geteuid() != 0:
        return None
    root = pwd.getpwuid(0)
    return f"{root.pw_name} {getgrgid(root.pw_gid).gr_name}"


def _require(pattern: re.Pattern[str], value: str, setting: str) -> None:
    if not pattern.fullmatch(value):
        raise WrongGatewaySetting(f"{setting}: {value!r} is not one")
