"""Broker users of other people's consumers: queues of their own names, events to read, no more.

A consumer may declare and read `consumer.NAME.*` and bind it to any event. It can publish nothing,
and reach no queue of ours.
"""

import re
import secrets
from urllib.parse import quote, urlsplit

import requests

from deploy.provisioning.broker_rights import BrokerRights

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}", re.ASCII)
_TIMEOUT_SECONDS = 10
_PASSWORD_BYTES = 24


class WrongName(ValueError):
    """The name cannot be one of a consumer."""


def rights_of_consumer(name: str) -> BrokerRights:
    """Return what a consumer may do. Raises WrongName."""
    if not _NAME.fullmatch(name):
        raise WrongName("a name is up to 41 lower-case letters, digits and hyphens")
    return BrokerRights(
        rf"^consumer\.{name}\..+$", r"^$", reads=rf"^(events|consumer\.{name}\..+)$"
    )


def create_consumer(management_url: str, name: str, vhost: str = "/") -> str:
    """Create a consumer's user, or give it a new password; return the password.

    Raises WrongName, and requests.RequestException when the broker does not answer or refuses.
    """
    rights, password = rights_of_consumer(name), secrets.token_urlsafe(_PASSWORD_BYTES)
    user, place = _user(name), quote(vhost, safe="")
    _call(management_url, "PUT", f"users/{user}", {"password": password, "tags": ""})
    _call(management_url, "PUT", f"permissions/{place}/{user}", rights.on_names())
    _call(management_url, "PUT", f"topic-permissions/{place}/{user}", rights.on_events())
    return password


def delete_consumer(management_url: str, name: str) -> None:
    """Delete a consumer's user; its queues stay until somebody deletes them."""
    rights_of_consumer(name)
    _call(management_url, "DELETE", f"users/{_user(name)}", None)


def _user(name: str) -> str:
    return f"consumer.{name}"


def _call(management_url: str, method: str, path: str, body: dict[str, str] | None) -> None:
    parts = urlsplit(management_url)
    with requests.Session() as session:
        session.trust_env = False
        session.auth = (parts.username or "", parts.password or "")
        address = f"{parts.scheme}://{parts.hostname}:{parts.port}/api/{path}"
        session.request(method, address, json=body, timeout=_TIMEOUT_SECONDS).raise_for_status()
