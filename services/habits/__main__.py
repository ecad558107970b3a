"""`python -m services.habits <process>`: serve, relay, consume, setup or rebuild-read-model."""

import sys

PROCESSES = ("serve", "relay", "consume", "setup", "rebuild-read-model")


def main(arguments: list[str]) -> None:
    """Run the named process."""
    from services.habits import app

    match arguments:
        case ["serve"]:
            app.serve_http()
        case ["relay"]:
            app.relay()
        case ["consume"]:
            app.consume_events()
        case ["setup"]:
            app.setup()
        case ["rebuild-read-model"]:
            app.rebuild()
        case _:
            sys.exit(f"usage: python -m services.habits {'|'.join(PROCESSES)}")


if __name__ == "__main__":
    main(sys.argv[1:])
