"""One broker user for each service, with no rights but those its processes need.

Runs at every start and always ends in the same state. The management API of a node that is still
starting refuses connections or answers 5xx; it is asked again until it is ready.
"""

from collections.abc import Mapping

import requests

from deploy.provisioning.broker_rights import RIGHTS_OF_SERVICES
from deploy.provisioning.generated_secrets import GeneratedSecrets
from shared.process.waiting import wait_for

_TIMEOUT_SECONDS = 10
_START_LIMIT_SECONDS = 180


def provision_broker(management_url: str, admin: str, secrets: GeneratedSecrets) -> None:
    """Create the users and set their passwords and rights.

    Raises requests.RequestException when the broker does not become ready in time, or refuses.
    """
    with requests.Session() as session:
        session.auth = (admin, secrets.rabbitmq_admin)
        session.trust_env = False
        wait_for(
            "RabbitMQ",
            lambda: _get(session, f"{management_url}/api/health/checks/virtual-hosts"),
            (requests.RequestException,),
            limit_seconds=_START_LIMIT_SECONDS,
        )
        for service, password in secrets.broker_users.items():
            _put(
                session,
                f"{management_url}/api/users/{service}",
                {"password": password, "tags": ""},
            )
            rights = RIGHTS_OF_SERVICES[service]
            _put(session, f"{management_url}/api/permissions/%2F/{service}", rights.on_names())
            topics = f"{management_url}/api/topic-permissions/%2F/{service}"
            _put(session, topics, rights.on_events())


def _get(session: requests.Session, url: str) -> None:
    session.get(url, timeout=_TIMEOUT_SECONDS).raise_for_status()


def _put(session: requests.Session, url: str, body: Mapping[str, str]) -> None:
    session.put(url, json=body, timeout=_TIMEOUT_SECONDS).raise_for_status()
