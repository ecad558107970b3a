"""`python -m deploy.provisioning broker-users create|delete NAME`: users for consumers of others.

The broker's management API is found by RABBITMQ_MANAGEMENT_URL, which `make run` writes into
.run/addresses.env; it has the administrator's name and password in it.
"""

import argparse
import os
import sys

import requests

from deploy.provisioning.consumer_users import WrongName, create_consumer, delete_consumer


def main(arguments: list[str]) -> None:
    options = _parser().parse_args(arguments)
    run_broker_users(os.environ.get("RABBITMQ_MANAGEMENT_URL", ""), options.action, options.name)


def run_broker_users(management_url: str, action: str, name: str) -> None:
    """Create or delete a user; exits with a message when that is not possible."""
    if not management_url:
        sys.exit("RABBITMQ_MANAGEMENT_URL: must be the address of the management API")
    try:
        if action == "create":
            password = create_consumer(management_url, name)
            print(f"user consumer.{name}, password {password}, queues consumer.{name}.*")
        else:
            delete_consumer(management_url, name)
            print(f"user consumer.{name} is deleted")
    except WrongName as wrong:
        sys.exit(str(wrong))
    except requests.RequestException as error:
        sys.exit(f"RabbitMQ's management API: {type(error).__name__}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.provisioning", description=__doc__)
    commands = parser.add_subparsers(required=True)
    users = commands.add_parser("broker-users", help="users of other people's consumers")
    users.add_argument("action", choices=("create", "delete"))
    users.add_argument("name")
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
