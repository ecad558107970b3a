"""`python -m deploy.local run` starts the system; `service NAME ...` runs a command of a service.

`service auth list-accounts` is `python -m services.auth list-accounts` with the variables of the
system that runs, or ran last, from the same run directory.
"""

import argparse
import sys
from pathlib import Path

import psycopg

from deploy.local.addresses import run_service_command
from deploy.local.executables import MissingProgram
from deploy.local.ports import NoFreePort
from deploy.local.programs import REPOSITORY, StartFailed
from deploy.local.run_directory import AlreadyRunning, RunDirectory
from deploy.local.settings import load_dotenv, read_settings
from deploy.local.start import PortTaken, run
from deploy.local.supervision import UnquotableValue
from deploy.provisioning.databases import NotPermitted
from deploy.provisioning.generated_secrets import SERVICES
from shared.process.environment import load_settings

_EXPECTED = (
    AlreadyRunning,
    MissingProgram,
    NoFreePort,
    NotPermitted,
    PortTaken,
    StartFailed,
    UnquotableValue,
    psycopg.OperationalError,
)


def main(arguments: list[str]) -> None:
    options = _parser().parse_args(arguments)
    load_dotenv(options.settings_file)
    settings = load_settings(read_settings)
    if options.command == "service":
        run_service_command(RunDirectory(settings.run_directory), options.name, options.arguments)
    try:
        run(settings)
    except _EXPECTED as error:
        sys.exit(f"make run: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    parser.add_argument("--settings-file", type=Path, default=REPOSITORY / ".env", metavar="FILE")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="start everything, in the foreground")
    service = commands.add_parser("service", help="run a command of one service")
    service.add_argument("name", choices=SERVICES)
    service.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
