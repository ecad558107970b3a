"""`python -m services.auth <process>`: serve, relay, setup, and the operator's commands."""

import sys

USAGE = """usage: python -m services.auth serve|relay|setup
       python -m services.auth rotate-keys [--now]
       python -m services.auth accounts create|list|disable|enable ..."""


def main(arguments: list[str]) -> int:
    """Run the named process or command; return its exit status."""
    match arguments:
        case ["relay"]:
            from services.auth import relay_process

            relay_process.relay()
            return 0
        case ["serve" | "setup"]:
            from services.auth import processes

            getattr(processes, arguments[0])()
            return 0
        case ["rotate-keys" | "accounts", *_]:
            from services.auth.operator_commands import run_command

            return run_command(arguments)
        case _:
            print(USAGE, file=sys.stderr)  # noqa: T201 - the answer to a mistyped command
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
