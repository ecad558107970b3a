"""The operator's commands for service tokens: what reads everybody's events."""

import argparse

from services.auth import api_tokens
from services.auth.operators import Operator, Refused
from shared.database import transaction
from shared.http.scopes import SERVICE_SCOPES
from shared.instants import now, to_json


def add_service_token_commands(
    groups: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    """Add `service-token create|list|revoke`."""
    group = groups.add_parser("service-token", help="manage service tokens")
    commands = group.add_subparsers(required=True, metavar="create|list|revoke")
    create = commands.add_parser("create", help="make a token; it is printed this once")
    create.add_argument("name", type=_name)
    create.add_argument("--scopes", nargs="+", choices=SERVICE_SCOPES, required=True)
    create.set_defaults(command=create_service_token)
    listing = commands.add_parser("list", help="list all service tokens, oldest first")
    listing.set_defaults(command=list_service_tokens)
    revoke = commands.add_parser("revoke", help="revoke a token")
    revoke.add_argument("name", type=_name)
    revoke.set_defaults(command=revoke_service_token)


def create_service_token(operator: Operator, options: argparse.Namespace) -> None:
    """Make a service token and print it, alone, for a script to take."""
    with transaction(operator.engine) as connection:
        text = api_tokens.create_service_token(
            connection, name=options.name, scopes=set(options.scopes), now=now()
        )
    print(text)


def list_service_tokens(operator: Operator, _options: argparse.Namespace) -> None:
    """Print one token a line: name, first characters, time of creation, last use, scopes."""
    with operator.engine.connect() as connection:
        for token in api_tokens.tokens_of(connection, None):
            print(
                token.name,
                token.starts_with,
                to_json(token.created_at),
                token.last_used_on or "never used",
                " ".join(token.scopes),
                sep="\t",
            )


def revoke_service_token(operator: Operator, options: argparse.Namespace) -> None:
    """Revoke a service token."""
    with transaction(operator.engine) as connection:
        if not api_tokens.revoke_service_token(connection, options.name):
            raise Refused(f"there is no service token with the name {options.name}")
    print(f"revoked {options.name}: it opens nothing any more within 30 seconds")


def _name(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise argparse.ArgumentTypeError("a name is needed")
    return text
