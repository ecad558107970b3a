"""Each message is sent to Telegram at most once, whatever crashes, repeats or races.

One record in Redis for each message, moved only by the scripts in `lua/`:

    (none) -> claimed -> sending -> done | refused | unknown
                ^  |        |
                |  v        v
                retry  <- (surely not sent)

- `claimed` is a lease: when it runs out, another worker takes the message over.
- `sending` is the point of no return: nobody takes it over. When its sender disappears, the
  message is `unknown`: perhaps delivered, never sent again, because Telegram's Bot API has no key
  by which it would recognise a repetition.
- `done`, `refused` and `unknown` are final; only proof of delivery turns the others into `done`.

A record outlives the message's `not_after` by a day, so no late redelivery finds it gone. The epoch
key tells whether Redis still has its records: after a loss, older messages become `unknown`
instead of being sent a second time. The guarantee breaks when Redis evicts keys.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import get_args

from redis.asyncio import Redis

from services.notifier.metrics import EPOCHS_LOST
from services.notifier.redis_scripts import KEY_PREFIX, read_script
from services.notifier.sending.message_states import (
    Busy,
    Claim,
    Done,
    Message,
    Refusal,
    Refused,
    Settled,
    Unknown,
)
from shared.instants import now
from shared.process.structured_logs import get_logger

CLAIM_LEASE_SECONDS = 15.0
# Longer than any request to Telegram may take (see telegram_client.REQUEST_LIMIT_SECONDS).
SENDING_LEASE_SECONDS = 90.0
KEPT_AFTER_END_SECONDS = 24 * 3600

EPOCH_KEY = f"{KEY_PREFIX}:epoch"

_log = get_logger(__name__)


class OnceEach:
    """The state machine; safe to use from any number of workers."""

    def __init__(
        self,
        client: Redis,
        *,
        claim_lease_seconds: float = CLAIM_LEASE_SECONDS,
        sending_lease_seconds: float = SENDING_LEASE_SECONDS,
    ) -> None:
        self._redis = client
        self._claim_lease_seconds = claim_lease_seconds
        self._sending_lease_seconds = sending_lease_seconds
        self._claim = client.register_script(read_script("claim"))
        self._step = client.register_script(read_script("step"))
        self._watch_epoch = client.register_script(read_script("watch_epoch"))
        self._epoch_last_seen_ms = 0

    async def look(self, identity: str) -> Settled | None:
        """Return the final state of a message, None while it has none."""
        fields = await self._redis.hmget(
            record_key(identity),
            ["state", "why", "telegram_message_id", "at_ms", "attempts", "first_ms"],
        )
        if fields[0] not in {"done", "refused", "unknown"}:
            return None
        return _settled([str(field or "") for field in fields])

    async def claim(self, message: Message, token: str | None = None) -> Claim | Busy | Settled:
        """Ask for the right to try to send; the same token gets the same answer again."""
        token = token or uuid.uuid4().hex
        while True:
            answer = await self._claim(
                keys=[record_key(message.identity), EPOCH_KEY],
                args=[
                    token,
                    _ms(self._claim_lease_seconds),
                    _kept_ms(message),
                    _ms(message.produced_at.timestamp()),
                    int(message.redelivered),
                ],
            )
            match answer[0]:
                case "lost":
                    await self.watch_epoch()
                case "claimed":
                    return Claim(
                        message=message,
                        token=token,
                        attempt=int(answer[1]),
                        first_claimed_at=_instant(answer[2]),
                    )
                case "busy":
                    return Busy(int(answer[1]) / 1000)
                case _:
                    return _settled(answer)

    async def begin_sending(self, claim: Claim) -> bool:
        """Pass the point of no return; False when the claim has been lost to another worker."""
        return await self._move(claim, "claimed", "sending")

    async def settle_done(self, claim: Claim, telegram_message_id: int) -> None:
        """Note the proof of delivery, whatever state the record is in."""
        await self._move(claim, "sending", "done", telegram_message_id=telegram_message_id)

    async def settle_refused(self, claim: Claim, outcome: Refusal, reason: str) -> bool:
        """Note that the message will never be sent; before or after the point of no return."""
        why = f"{outcome}:{reason}"
        return await self._move(claim, "sending", "refused", why=why) or await self._move(
            claim, "claimed", "refused", why=why
        )

    async def settle_unknown(self, claim: Claim, reason: str) -> None:
        """Note that nobody can know whether the message arrived."""
        await self._move(claim, "sending", "unknown", why=reason)

    async def release(self, claim: Claim, reason: str) -> None:
        """Allow another attempt: the message has surely not been sent."""
        if not await self._move(claim, "sending", "retry", why=reason):
            await self._move(claim, "claimed", "retry", why=reason)

    async def provision(self) -> None:
        """Begin the first epoch of a new installation, which has nothing to lose yet."""
        await self._redis.hsetnx(EPOCH_KEY, "trusted_from_ms", "0")
        await self._redis.hsetnx(EPOCH_KEY, "doubtful_until_ms", "0")

    async def watch_epoch(self) -> None:
        """Note that Redis has its records; call it every second or so.

        The first to find them lost starts a new epoch, counts it and logs an error.
        """
        now_ms, began = await self._watch_epoch(keys=[EPOCH_KEY], args=[self._epoch_last_seen_ms])
        if began:
            EPOCHS_LOST.inc()
            _log.error("redis has lost the once-each records; older messages become unknown")
        self._epoch_last_seen_ms = int(now_ms)

    async def _move(
        self,
        claim: Claim,
        from_state: str,
        to_state: str,
        *,
        why: str = "",
        telegram_message_id: int | None = None,
    ) -> bool:
        moved = await self._step(
            keys=[record_key(claim.message.identity)],
            args=[
                claim.token,
                from_state,
                to_state,
                _ms(self._sending_lease_seconds),
                _kept_ms(claim.message),
                why,
                "" if telegram_message_id is None else telegram_message_id,
            ],
        )
        return bool(moved)


def record_key(identity: str) -> str:
    """Return the Redis key of a message's record."""
    return f"{KEY_PREFIX}:once:{identity}"


def _settled(fields: Sequence[str]) -> Settled:
    state, why, telegram_message_id, at_ms, attempts, first_ms, *fresh = fields
    at, first_claimed_at = _instant(at_ms), _instant(first_ms or at_ms)
    if state == "done":
        return Done(
            telegram_message_id=int(telegram_message_id),
            at=at,
            attempts=int(attempts or 1),
            first_claimed_at=first_claimed_at,
        )
    if state == "unknown":
        return Unknown(
            reason=why,
            at=at,
            attempts=int(attempts or 0),
            first_claimed_at=first_claimed_at,
            fresh=fresh == ["1"],
        )
    outcome, _, reason = why.partition(":")
    refusal = next(name for name in get_args(Refusal) if name == outcome)
    return Refused(
        outcome=refusal,
        reason=reason,
        at=at,
        attempts=int(attempts or 1),
        first_claimed_at=first_claimed_at,
    )


def _instant(milliseconds: str) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _kept_ms(message: Message) -> int:
    left_seconds = (message.not_after - now()).total_seconds()
    return _ms(max(left_seconds, 0) + KEPT_AFTER_END_SECONDS)
