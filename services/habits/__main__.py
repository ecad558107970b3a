"""`python -m services.habits <process>`: serve, relay, consume, setup or rebuild-read-model."""

import sys

PROCESSES = ("serve", "relay", "consume", "setup", "rebuild-read-model")


def main(arguments: list[str]) -> None:
    """Run the named process."""
    match arguments:
        case ["serve"]:
            from services.habits import app

            app.serve_http()
        case ["relay"]:
            from services.habits import relay_process

            relay_process.relay()
        case ["consume"]:
            from services.habits import consume_process

            consume_process.consume_events()
        case ["setup"]:
            from services.habits import app

            app.setup()
        case ["rebuild-read-model"]:
            from services.habits import app

            app.rebuild()
        case _:
            sys.exit(f"usage: python -m services.habits {'|'.join(PROCESSES)}")


if __name__ == "__main__":
    main(sys.argv[1:])
