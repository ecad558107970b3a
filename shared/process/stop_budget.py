"""How long a process may take to stop, and how long its supervisor has to wait before it kills it.

The longest stop is that of the notifier's sender, part by part:

    consumers are cancelled             CANCEL_SECONDS    a broker that is silent is left alone
    a delivery in hand gets its turn    TURN_SECONDS
    Telegram answers its request        TELEGRAM_SECONDS  or the end of the request is unknown
    that end is recorded                MARK_SECONDS
    connections are closed              CLOSE_SECONDS

Every other process takes less: a relay finishes its batch, a tick its transaction, an HTTP process
its requests (REQUESTS_SECONDS). supervisord's `stopwaitsecs` and compose's `stop_grace_period` are
SUPERVISOR_SECONDS, which a test compares; so should be `terminationGracePeriodSeconds`.
"""

CANCEL_SECONDS = 3
TURN_SECONDS = 4
TELEGRAM_SECONDS = 15
MARK_SECONDS = 5
CLOSE_SECONDS = 3

# What is in hand when a process is asked to stop has ended after this, well or not.
DRAIN_SECONDS = TURN_SECONDS + TELEGRAM_SECONDS + MARK_SECONDS
STOP_SECONDS = CANCEL_SECONDS + DRAIN_SECONDS + CLOSE_SECONDS

# For an answer that a client still waits for: longer than the database lets a statement take.
REQUESTS_SECONDS = 25

# The clocks of a busy machine run a little late.
SUPERVISOR_SECONDS = STOP_SECONDS + 5
