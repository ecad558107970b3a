"""The states of a message on its way to Telegram, as `once_each` answers with them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Refusal = Literal["refused", "chat_gone", "expired", "no_chat"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What the machine needs to know of a message; `identity` names it for ever."""

    identity: str
    produced_at: datetime
    not_after: datetime
    redelivered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to try once; `attempt` counts from 1."""

    message: Message
    token: str
    attempt: int
    first_claimed_at: datetime


@dataclass(frozen=True, slots=True)
class Busy:
    """Another worker has the message; it decides within `wait_seconds`."""

    wait_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    telegram_message_id: int
    at: datetime
    attempts: int
    first_claimed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    outcome: Refusal
    reason: str
    at: datetime
    attempts: int
    first_claimed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """`fresh` is true for the one caller that found it out."""

    reason: str
    at: datetime
    attempts: int
    first_claimed_at: datetime
    fresh: bool = False


Settled = Done | Refused | Unknown
