"""`python -m shared.migrations <service>`: what a service's database needs before a rollout.

Runs while processes of the release before still serve. What they could not live with is left to
`python -m services.<service> setup`, which runs when they are gone.
"""

import sys

from shared.migrations import migrate
from shared.process.environment import load_settings


def main(arguments: list[str]) -> None:
    """Migrate the database that `DATABASE_URL` names."""
    match arguments:
        case [service]:
            url = load_settings(lambda environment: environment.str("DATABASE_URL"))
            migrate(service, url, before_rollout=True)
        case _:
            sys.exit("usage: python -m shared.migrations auth|habits|scheduler|notifier|feed")


if __name__ == "__main__":
    main(sys.argv[1:])
