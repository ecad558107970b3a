"""How long a process may take to stop, and how long its supervisor has to wait before it kills it.

The longest stop is that of the notifier's sender, part by part:

    the consumers are cancelled      CANCEL_SECONDS     a broker that does not answer is left alone
    deliveries in hand are finished  DRAIN_SECONDS      what is not then, is delivered again
    a request to Telegram that was
    begun at the last moment         TELEGRAM_SECONDS   then its end is unknown
    its end is recorded              MARK_SECONDS
    connections are closed           CLOSE_SECONDS

Every other process takes less: a relay finishes its batch, a tick its transaction, an HTTP process
its requests (REQUESTS_SECONDS). supervisord's `stopwaitsecs` and compose's `stop_grace_period` are
SUPERVISOR_SECONDS; tests compare them. Under Kubernetes, set `terminationGracePeriodSeconds` to it.
"""

CANCEL_SECONDS = 3
DRAIN_SECONDS = 10
TELEGRAM_SECONDS = 15
MARK_SECONDS = 5
CLOSE_SECONDS = 2

STOP_SECONDS = CANCEL_SECONDS + DRAIN_SECONDS + TELEGRAM_SECONDS + MARK_SECONDS + CLOSE_SECONDS

# An answer that a client still waits for: longer than the database lets a statement take.
REQUESTS_SECONDS = 25

# A machine with much to do needs a little longer than the clocks of its processes.
SUPERVISOR_SECONDS = STOP_SECONDS + 5
