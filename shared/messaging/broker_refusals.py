"""Which refusals of the broker no later try can mend: wrong credentials, rights or arguments.

Everything else is taken for a broker that is not ready. That includes a queue that is not found:
RabbitMQ says so, too, of a queue whose leader is not elected yet.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from aiormq.exceptions import (
    AMQPError,
    AuthenticationError,
    ChannelAccessRefused,
    ChannelPreconditionFailed,
    ConnectionNotAllowed,
    InvalidFrameError,
    ProbableAuthenticationError,
)

_FOR_GOOD = (
    AuthenticationError,
    ProbableAuthenticationError,
    ConnectionNotAllowed,
    ChannelAccessRefused,
    ChannelPreconditionFailed,
)


class BrokerRefused(Exception):
    """The broker answers and says no; somebody has to change a setting, a right or a queue."""


@contextmanager
def refusals_are_final() -> Iterator[None]:
    """Raise BrokerRefused, which nobody waits for, in the place of what cannot pass by itself."""
    try:
        yield
    except _FOR_GOOD as error:
        raise BrokerRefused(f"RabbitMQ refuses: {error}") from error
    except InvalidFrameError as error:
        if _closed_while_opening(error):
            raise BrokerRefused(
                "RabbitMQ refuses: no such virtual host, or none that this user may enter"
            ) from error
        raise


def _closed_while_opening(error: AMQPError) -> bool:
    # The library keeps nothing of the broker's reason but the name of the frame that carried it.
    return "Connection.Close" in str(error)
