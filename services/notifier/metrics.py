"""What the notifier counts; exposed by every process on `/metrics`."""

from prometheus_client import Counter, Gauge, Histogram

SENDS = Counter(
    "notifier_sends_total",
    "Messages by kind (reminder, question, reply) and by how they ended",
    ["kind", "outcome"],
)
UNKNOWN = Counter(
    "notifier_unknown_total",
    "Messages of which nobody can know whether they arrived; they are not sent again",
)
UPDATES = Counter(
    "notifier_updates_total",
    "Telegram's updates by how they ended: handled, repeated, or unhandled and kept",
    ["outcome"],
)
LAG = Histogram(
    "notifier_due_to_sent_seconds",
    "From the instant a reminder was due to Telegram's confirmation",
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300, 1800, 3600),
)
RATE_LIMIT_WAIT = Histogram(
    "notifier_rate_limit_wait_seconds",
    "Time a message waited for its turn within Telegram's limits, and for its place",
    buckets=(0.001, 0.05, 0.1, 0.25, 0.5, 1, 2, 5),
)
PAUSES = Counter(
    "notifier_telegram_pauses_total",
    "Times Telegram asked for silence, failed, or refused the token",
)
TELEGRAM_TOKEN_REFUSED = Gauge(
    "notifier_telegram_token_refused", "1 while Telegram does not accept the bot's token"
)
