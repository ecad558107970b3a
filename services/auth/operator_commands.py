"""The operator's command line: accounts, service tokens and signing keys.

Exit status 0: done; 1: refused, with the reason on standard error; 2: wrong usage or settings.
A password is asked for on the terminal or read from standard input, never taken from the command
line, where every user of the machine could read it.
"""

import argparse
import getpass
import sys
from collections.abc import Sequence

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError, ProgrammingError

from services.auth import accounts, refresh_tokens
from services.auth.accounts import LOCALES, Account, EmailTaken
from services.auth.api_tokens import NameTaken
from services.auth.email_addresses import canonical_email
from services.auth.key_ring import KEPT_SECONDS
from services.auth.operators import Operator, Refused
from services.auth.passwords import (
    LONGEST_PASSWORD,
    SHORTEST_PASSWORD,
    PasswordHasher,
    has_good_length,
)
from services.auth.sealing import private_key_sealer
from services.auth.service_token_commands import add_service_token_commands
from services.auth.settings import Settings
from services.auth.signing_keys import (
    NextKeyAlreadyPublished,
    publish_next_key,
    replace_keys_now,
)
from services.auth.time_zones import TIME_ZONES
from shared.database import new_engine, transaction
from shared.http.access_tokens import KEY_SET_SECONDS
from shared.instants import now, to_json


def run_command(settings: Settings, arguments: Sequence[str]) -> int:
    """Carry out one command; return the exit status."""
    options = _parser().parse_args(arguments)
    operator = Operator(new_engine(settings.database_url), settings)
    try:
        options.command(operator, options)
    except (Refused, EmailTaken, NameTaken, NextKeyAlreadyPublished) as refusal:
        return _failed(str(refusal))
    except OperationalError as error:
        return _failed(f"the database does not answer: {error.orig}")
    except ProgrammingError as error:
        return _failed(f"the database is not set up (run setup first): {error.orig}")
    finally:
        operator.engine.dispose()
    return 0


def create_account(operator: Operator, options: argparse.Namespace) -> None:
    """Create an account with a password from the terminal or standard input."""
    password = _read_password()
    if not has_good_length(password) or "\x00" in password:
        raise Refused(
            f"the password must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters"
        )
    password_hash = PasswordHasher().hash(password)
    with transaction(operator.engine) as connection:
        account = accounts.register(
            connection,
            email=options.email,
            password_hash=password_hash,
            time_zone=options.time_zone,
            locale=options.locale,
            now=now(),
        )
    print(f"created {account.id} {account.email}")


def list_accounts(operator: Operator, _options: argparse.Namespace) -> None:
    """Print one account a line: id, state, time of creation, zone, language, e-mail."""
    with operator.engine.connect() as connection:
        for account in accounts.all_accounts(connection):
            state = "active" if account.is_active else "disabled"
            print(
                account.id,
                state,
                to_json(account.created_at),
                account.time_zone,
                account.locale,
                account.email,
                sep="\t",
            )


def disable_account(operator: Operator, options: argparse.Namespace) -> None:
    """Keep an account from signing in, and end its sessions."""
    with transaction(operator.engine) as connection:
        account = _named(connection, options.email)
        accounts.set_active(connection, account.id, is_active=False, now=now())
        refresh_tokens.revoke_all(connection, account.id)
    print(f"disabled {account.id} {account.email}")


def enable_account(operator: Operator, options: argparse.Namespace) -> None:
    """Let a disabled account sign in again."""
    with transaction(operator.engine) as connection:
        account = _named(connection, options.email)
        accounts.set_active(connection, account.id, is_active=True, now=now())
    print(f"enabled {account.id} {account.email}")


def rotate_keys(operator: Operator, options: argparse.Namespace) -> None:
    """Publish the next signing key, or replace all keys at once."""
    sealer = private_key_sealer(operator.settings.signing_keys_secret)
    with transaction(operator.engine) as connection:
        if options.now:
            replace_keys_now(connection, sealer, now())
            print(
                "all keys replaced: auth refuses the access tokens issued so far within"
                f" {KEPT_SECONDS} seconds, every other service within {KEY_SET_SECONDS} seconds"
                " or, if it cannot reach auth, once it can"
            )
        else:
            signs_from = publish_next_key(connection, sealer, now())
            print(f"next key published; it signs from {to_json(signs_from)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.auth", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    groups = parser.add_subparsers(required=True, metavar="command")
    rotate = groups.add_parser("rotate-keys", help="publish the next signing key")
    rotate.add_argument(
        "--now",
        action="store_true",
        help="replace all keys at once, because one may have leaked; everybody has to refresh",
    )
    rotate.set_defaults(command=rotate_keys)
    account_commands = groups.add_parser("accounts", help="manage accounts").add_subparsers(
        required=True, metavar="create|list|disable|enable"
    )
    _add_account_commands(account_commands)
    add_service_token_commands(groups)
    return parser


def _add_account_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    create = commands.add_parser("create", help="create an account; the password is asked for")
    create.add_argument("email", type=_email)
    create.add_argument("--time-zone", default="UTC", type=_time_zone, metavar="ZONE")
    create.add_argument("--locale", default="en", choices=LOCALES)
    create.set_defaults(command=create_account)
    listing = commands.add_parser("list", help="list all accounts, oldest first")
    listing.set_defaults(command=list_accounts)
    for name, command in (("disable", disable_account), ("enable", enable_account)):
        change = commands.add_parser(name, help=f"{name} an account")
        change.add_argument("email", type=_email)
        change.set_defaults(command=command)


def _email(text: str) -> str:
    try:
        return canonical_email(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _time_zone(text: str) -> str:
    if text not in TIME_ZONES:
        raise argparse.ArgumentTypeError(f"{text!r} is not an IANA time zone")
    return text


def _named(connection: Connection, email: str) -> Account:
    account = accounts.account_by_email(connection, email)
    if account is None:
        raise Refused(f"there is no account with the e-mail {email}")
    return account


def _read_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise Refused("the two passwords differ")
    return password


def _failed(reason: str) -> int:
    print(f"error: {reason}", file=sys.stderr)
    return 1
