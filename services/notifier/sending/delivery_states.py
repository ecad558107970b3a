"""Each message is sent to Telegram at most once: the states of messages, in PostgreSQL.

    (none) -> sending -> sent | refused | chat_gone | unknown
      |  ^       |
      |  +-retry <- (surely not sent)
      +---> expired | no_chat | answered

- `sending` is the point of no return, committed before the request leaves. Nobody takes it over:
  when its sender does not say in time what became of it, the message is `unknown`: perhaps
  delivered, never sent again, because Telegram's Bot API has no key by which it would recognise a
  repetition.
- Only a message without a state, or in `retry`, may become `sending`.
- All others are final; only proof of delivery turns `unknown` into `sent`.

Time is the database's. The guarantee holds as long as what PostgreSQL has committed stays
committed, whatever becomes of Redis and the broker; the rows outlive every redelivery (see
`record_retention`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Integer,
    Interval,
    Row,
    Text,
    bindparam,
    delete,
    extract,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert

from services.notifier.tables import DELIVERY_STATES

# Longer than a request to Telegram and the writing of its end may take together.
SENDING_LIMIT = timedelta(seconds=90)

Outcome = Literal["sent", "refused", "chat_gone", "no_chat", "expired", "unknown", "answered"]

_columns = DELIVERY_STATES.c

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


class Taken(Exception):
    """Another worker has the message, or has ended it; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a message ended; `first_at` is when it was first about to be sent, or ended unsent."""

    outcome: Outcome
    at: datetime
    attempts: int
    first_at: datetime
    reason: str | None = None
    telegram_message_id: int | None = None


Ends = Mapping[str, Ended]


def _insert(**columns: ColumnElement[Any]) -> Insert:
    """Return the statement that gives each of the `identities` a row with these columns."""
    rows = select(func.unnest(bindparam("identities", type_=ARRAY(Text))), *columns.values())
    return insert(DELIVERY_STATES).from_select(["identity", *columns], rows)


def _given(name: str) -> ColumnElement[Any]:
    """Return a parameter for the column of that name."""
    return bindparam(f"new_{name}", type_=_columns[name].type)


# Made once: these run for every message, and building them would cost more than running them.
_LOOK = select(
    DELIVERY_STATES,
    extract("epoch", _columns.until - func.clock_timestamp()).label("left_seconds"),
).where(_columns.identity == func.any(bindparam("identities", type_=ARRAY(Text))))
_BEGIN = _insert(
    account_id=_given("account_id"),
    state=literal("sending", Text),
    token=_given("token"),
    attempts=literal(1, Integer),
    until=func.clock_timestamp() + bindparam("limit", type_=Interval),
)
_BEGIN_AGAIN = _BEGIN.on_conflict_do_update(
    index_elements=[_columns.identity],
    set_={
        "state": _BEGIN.excluded.state,
        "token": _BEGIN.excluded.token,
        "attempts": _columns.attempts + 1,
        "until": _BEGIN.excluded.until,
        "reason": None,
        "changed_at": func.clock_timestamp(),
    },
    where=_columns.state == "retry",
).returning(_columns.attempts)
_CHANGE = (
    update(DELIVERY_STATES)
    .where(_columns.identity == func.any(bindparam("identities", type_=ARRAY(Text))))
    .values(
        state=_given("state"),
        until=None,
        reason=_given("reason"),
        telegram_message_id=_given("telegram_message_id"),
        changed_at=func.clock_timestamp(),
    )
    .returning(DELIVERY_STATES)
)
_END = _CHANGE.where(
    _columns.token == bindparam("sender"),
    _columns.state == func.any(bindparam("from_states", type_=ARRAY(Text))),
)
_GIVE_UP = _CHANGE.where(_columns.state == "sending", _columns.until <= func.clock_timestamp())
_UNSENT = _insert(
    account_id=_given("account_id"),
    state=_given("state"),
    token=literal("", Text),
    attempts=literal(0, Integer),
    reason=_given("reason"),
)
_END_UNSENT = _UNSENT.on_conflict_do_update(
    index_elements=[_columns.identity],
    set_={
        "state": _UNSENT.excluded.state,
        "reason": _UNSENT.excluded.reason,
        "changed_at": func.clock_timestamp(),
    },
    where=_columns.state == "retry",
).returning(DELIVERY_STATES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of some messages, by identity; those in neither may be sent.

    `busy_seconds` is how long the sender of a message may still take to say what became of it.
    """

    ended: Ends
    busy_seconds: Mapping[str, float]

    def is_open(self, identity: str) -> bool:
        """Whether a message may be sent."""
        return identity not in self.ended and identity not in self.busy_seconds

    @property
    def vanished(self) -> list[str]:
        """The messages whose sender has not said in time what became of them; see `give_up`."""
        return [identity for identity, seconds in self.busy_seconds.items() if seconds <= 0]


def look(connection: Connection, identities: Sequence[str]) -> Known:
    """Tell what is known of messages; one statement, which locks and changes nothing."""
    rows = connection.execute(_LOOK, {"identities": list(identities)}).all()
    return Known(
        ended={row.identity: _ended(row) for row in rows if row.state in OUTCOMES},
        busy_seconds={
            row.identity: float(row.left_seconds) for row in rows if row.state == "sending"
        },
    )


def begin(
    connection: Connection, identities: Sequence[str], token: str, account_id: str | None
) -> int:
    """Pass the point of no return with all the messages; return how often they were tried.

    Raises Taken when one of them must not be sent; the transaction has to be rolled back then.
    """
    begun: Sequence[int] = connection.scalars(
        _BEGIN_AGAIN,
        {
            "identities": _in_one_order(identities),
            "new_account_id": account_id,
            "new_token": token,
            "limit": SENDING_LIMIT,
        },
    ).all()
    if len(begun) < len(identities):
        raise Taken
    return max(begun)


def end(
    connection: Connection,
    identities: Sequence[str],
    token: str,
    outcome: Outcome,
    *,
    reason: str | None = None,
    telegram_message_id: int | None = None,
) -> Ends:
    """Note how the messages that were begun with this token ended; return those that are news.

    That Telegram took a message is a fact: it overrules that nobody could know.
    """
    changed = connection.execute(
        _END,
        {
            "identities": _in_one_order(identities),
            "sender": token,
            "from_states": ["sending", "unknown"] if outcome == "sent" else ["sending"],
            "new_state": outcome,
            "new_reason": reason,
            "new_telegram_message_id": telegram_message_id,
        },
    )
    return {row.identity: _ended(row) for row in changed}


def release(connection: Connection, identities: Sequence[str], token: str, reason: str) -> None:
    """Allow another attempt: what was begun with this token has surely not been sent."""
    connection.execute(
        _END,
        {
            "identities": _in_one_order(identities),
            "sender": token,
            "from_states": ["sending"],
            "new_state": "retry",
            "new_reason": reason,
            "new_telegram_message_id": None,
        },
    )


def give_up(connection: Connection, identities: Sequence[str]) -> Ends:
    """Note that nobody can know of messages whose sender has vanished; return those."""
    changed = connection.execute(
        _GIVE_UP,
        {
            "identities": _in_one_order(identities),
            "new_state": "unknown",
            "new_reason": "the sender stopped in the middle of the request",
            "new_telegram_message_id": None,
        },
    )
    return {row.identity: _ended(row) for row in changed}


def end_unsent(
    connection: Connection,
    identities: Sequence[str],
    account_id: str | None,
    outcome: Outcome,
    reason: str,
) -> Ends:
    """End messages for good without sending them, unless they are under way or have ended."""
    rows = connection.execute(
        _END_UNSENT,
        {
            "identities": _in_one_order(identities),
            "new_account_id": account_id,
            "new_state": outcome,
            "new_reason": reason,
        },
    )
    return {row.identity: _ended(row) for row in rows}


def erase_states(connection: Connection, account_id: str) -> None:
    """Forget an account's messages."""
    connection.execute(delete(DELIVERY_STATES).where(_columns.account_id == account_id))


def _in_one_order(identities: Sequence[str]) -> list[str]:
    """Return them so that two workers who want the same ones do not lock each other out."""
    return sorted(identities)


def _ended(row: Row[Any]) -> Ended:
    return Ended(
        outcome=row.state,
        at=row.changed_at,
        attempts=row.attempts,
        first_at=row.first_at,
        reason=row.reason,
        telegram_message_id=row.telegram_message_id,
    )
