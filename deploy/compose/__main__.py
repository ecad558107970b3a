"""The one-shot containers: `python -m deploy.compose secrets|provision`.

`secrets` makes all passwords at the first start and hands each recipient its own; `provision`
creates the services' databases and broker users. Both run at every start and change nothing that
is already so.
"""

import sys
from pathlib import Path

import psycopg

from deploy.compose.broker_users import provision_broker
from deploy.compose.secret_files import (
    BROKER_ADMIN,
    admin_url,
    databases,
    load_secrets,
    read_telegram_settings,
    write_secret_files,
)
from deploy.provisioning.__main__ import run_broker_users
from deploy.provisioning.databases import provision
from shared.process.environment import load_settings
from shared.process.structured_logs import configure_logs, get_logger
from shared.process.waiting import wait_for

_ALL_SECRETS = Path("/secrets/all")
_RECIPIENTS = Path("/secrets/for")
_BROKER_MANAGEMENT_URL = "http://rabbitmq:15672"
_START_LIMIT_SECONDS = 180

_USAGE = """\
usage: python -m deploy.compose secrets|provision
       python -m deploy.compose broker-users create|delete NAME"""

_log = get_logger(__name__)


def main(arguments: list[str]) -> None:
    match arguments:
        case ["secrets"]:
            configure_logs("compose", "secrets")
            telegram = load_settings(read_telegram_settings)
            write_secret_files(_RECIPIENTS, load_secrets(_ALL_SECRETS), telegram)
            _log.info("secrets are ready", simulator=not telegram.bot_token)
        case ["provision"]:
            configure_logs("compose", "provision")
            secrets = load_secrets(_ALL_SECRETS)
            wait_for(
                "PostgreSQL",
                lambda: provision(admin_url(secrets), databases(secrets)),
                (psycopg.OperationalError,),
                limit_seconds=_START_LIMIT_SECONDS,
            )
            provision_broker(_BROKER_MANAGEMENT_URL, BROKER_ADMIN, secrets)
            _log.info("databases and broker users are ready")
        case ["broker-users", ("create" | "delete") as action, name]:
            password = load_secrets(_ALL_SECRETS).rabbitmq_admin
            management_url = f"http://{BROKER_ADMIN}:{password}@rabbitmq:15672"
            run_broker_users(management_url, action, name)
        case _:
            sys.exit(_USAGE)


if __name__ == "__main__":
    main(sys.argv[1:])
