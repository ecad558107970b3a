"""`python -m services.notifier <process>`: consume, serve, bot, relay, setup or dead-letters."""

import sys

PROCESSES = ("consume", "serve", "bot", "relay", "setup", "dead-letters list|replay")


def main(arguments: list[str]) -> None:
    """Run the named process."""
    from services.notifier import app

    match arguments:
        case ["consume"]:
            app.consume_messages()
        case ["serve"]:
            app.serve_http()
        case ["bot"]:
            app.run_bot()
        case ["relay"]:
            app.relay()
        case ["setup"]:
            app.setup()
        case ["dead-letters", *options]:
            app.work_on_dead_letters(options)
        case _:
            sys.exit(f"usage: python -m services.notifier {'|'.join(PROCESSES)}")


if __name__ == "__main__":
    main(sys.argv[1:])
