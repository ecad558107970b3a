"""`python -m services.habits <process>`: serve, consume, rebuild-read-model and so on."""

import sys

PROCESSES = (
    "serve",
    "relay",
    "consume",
    "setup",
    "rebuild-read-model",
    "dead-letters list|replay",
)


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
        case ["dead-letters", *options]:
            from services.habits import app

            app.work_on_dead_letters(options)
        case _:
            sys.exit(f"usage: python -m services.habits {'|'.join(PROCESSES)}")


if __name__ == "__main__":
    main(sys.argv[1:])
