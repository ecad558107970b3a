"""What each HTTP service says of itself, taken from its app; nothing is connected to.

The services' settings are read as ever, from an environment made up for the purpose: the addresses
in it lead nowhere.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import services.auth.app
import services.auth.settings
import services.habits.app
import services.habits.settings
import services.notifier.app
import services.notifier.settings
from deploy.api_docs.openapi_merge import Document
from deploy.gateway.service_health import ServiceHealth
from deploy.gateway.status import create_app as create_status_app
from services.feed.api_document import api_document as feed_document
from shared.http.app import openapi_document
from shared.process.environment import load_settings

_LEADS_NOWHERE = {
    "DATABASE_URL": "postgresql://nobody@localhost:1/nothing",
    "RABBITMQ_URL": "amqp://nobody@localhost:1/",
    "REDIS_URL": "redis://localhost:1/0",
    "JWKS_URL": "http://localhost:1/jwks.json",
    "PUBLIC_URL": "http://localhost:1",
    "SIGNING_KEYS_SECRET": "no key is ever sealed with this text",
    "TELEGRAM_BOT_TOKEN": "1:nothing-is-ever-sent-with-this-token",
    "TELEGRAM_API_URL": "http://localhost:1",
    "TELEGRAM_WEBHOOK_SECRET": "no-update-is-ever-received",
}


def service_documents() -> Mapping[str, Document]:
    """Return the OpenAPI document of each service, and of the health summary."""
    with _environment(_LEADS_NOWHERE):
        auth = services.auth.app.create_app(load_settings(services.auth.settings.read_settings))
        habits = services.habits.app.create_app(
            load_settings(services.habits.settings.read_settings)
        )
        notifier = services.notifier.app.create_app(
            load_settings(services.notifier.settings.read_settings)
        )
    status = create_status_app(ServiceHealth({"none": ()}))
    return {
        "auth": openapi_document(auth),
        "habits": openapi_document(habits),
        "notifier": openapi_document(notifier),
        "feed": feed_document(),
        "gateway": openapi_document(status),
    }


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
