"""`python -m services.scheduler <process>`: tick, consume, relay, setup, or a command."""

import sys

PROCESSES = ("tick", "consume", "relay", "setup", "dead-letters list|replay", "unpark")


def main(arguments: list[str]) -> None:
    """Run the named process."""
    from services.scheduler import app

    match arguments:
        case ["tick"]:
            app.tick()
        case ["consume"]:
            app.consume_events()
        case ["relay"]:
            app.relay()
        case ["setup"]:
            app.setup()
        case ["dead-letters", *options]:
            app.work_on_dead_letters(options)
        case ["unpark", *options]:
            app.unpark(options)
        case _:
            sys.exit(f"usage: python -m services.scheduler {'|'.join(PROCESSES)}")


if __name__ == "__main__":
    main(sys.argv[1:])
