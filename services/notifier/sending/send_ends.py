"""How an attempt to send ends, and how often each end was seen."""

from dataclasses import dataclass

from services.notifier.metrics import SENDS, UNKNOWN
from services.notifier.sending.message_states import Claim, Done, Refusal, Refused, Settled, Unknown
from shared.instants import now
from shared.process.structured_logs import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class NotYet:
    """Not sent; may be tried again after `delay_seconds`."""

    delay_seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Moved:
    """Not sent; the chat has another id now."""

    new_chat_id: int


AttemptEnd = Settled | NotYet | Moved


def done(claim: Claim, telegram_message_id: int) -> Done:
    return Done(
        telegram_message_id=telegram_message_id,
        at=now(),
        attempts=claim.attempt,
        first_claimed_at=claim.first_claimed_at,
    )


def refused(claim: Claim, outcome: Refusal, reason: str) -> Refused:
    return Refused(
        outcome=outcome,
        reason=reason,
        at=now(),
        attempts=claim.attempt,
        first_claimed_at=claim.first_claimed_at,
    )


def unknown(claim: Claim, reason: str) -> Unknown:
    return Unknown(
        reason=reason,
        at=now(),
        attempts=claim.attempt,
        first_claimed_at=claim.first_claimed_at,
        fresh=True,
    )


def count_end(kind: str, end: AttemptEnd) -> None:
    """Count an end once, where it came about; not where it was read from a record."""
    match end:
        case Done():
            SENDS.labels(kind, "sent").inc()
        case Refused():
            SENDS.labels(kind, end.outcome).inc()
        case Unknown():
            UNKNOWN.inc()
            SENDS.labels(kind, "unknown").inc()
            _log.error("nobody can know whether it arrived; not sent again", reason=end.reason)
        case NotYet() | Moved():
            SENDS.labels(kind, "not_sent").inc()
