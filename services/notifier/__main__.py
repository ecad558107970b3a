"""`python -m services.notifier <process>`: runs one process, or one command of an operator's."""

import sys

PROCESSES = (
    "consume",
    "serve",
    "bot",
    "relay",
    "setup",
    "dead-letters list|replay",
    "unhandled-updates list|retry|forget",
)


def main(arguments: list[str]) -> None:
    """Run the named process."""
    match arguments:
        case ["consume"]:
            from services.notifier import consume_process

            consume_process.consume_messages()
        case ["serve"]:
            from services.notifier import app

            app.serve_http()
        case ["bot"]:
            from services.notifier import bot_process

            bot_process.run_bot()
        case ["relay"]:
            from services.notifier import relay_process

            relay_process.relay()
        case ["setup"]:
            from services.notifier import app

            app.setup()
        case ["dead-letters", *options]:
            from services.notifier import app

            app.work_on_dead_letters(options)
        case ["unhandled-updates", *options]:
            from services.notifier import app

            app.work_on_unhandled_updates(options)
        case _:
            sys.exit(f"usage: python -m services.notifier {'|'.join(PROCESSES)}")


if __name__ == "__main__":
    main(sys.argv[1:])
