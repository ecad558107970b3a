"""One try at an endpoint: status and duration are all that is kept of it, never the answer's body.

No redirect is followed and no proxy of the environment used: both would lead elsewhere than to the
address that was judged.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import aiohttp

from services.feed.webhooks.safe_addresses import (
    ForbiddenAddress,
    PublicResolver,
    refuse_private_literal,
)
from services.feed.webhooks.signatures import signed_headers

TRY_SECONDS = 20
_MOST_CONNECTIONS = 100
_GONE = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """`status` is None when there was no answer; `retry_after` is in seconds, as asked for."""

    outcome: str
    status: int | None = None
    milliseconds: int = 0
    retry_after: int | None = None

    @property
    def is_delivered(self) -> bool:
        return self.outcome == "delivered"

    @property
    def is_gone(self) -> bool:
        """Whether the endpoint says that it wants nothing any more."""
        return self.status == _GONE


class WebhookSender:
    """Posts messages; one session for all endpoints, a connection for each try."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            resolver=None if self._allow_private else PublicResolver(),
            limit=_MOST_CONNECTIONS,
            force_close=True,
            use_dns_cache=False,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=TRY_SECONDS),
            trust_env=False,
            headers={"User-Agent": "habit-tracker-webhooks"},
        )
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(
        self, url: str, message_id: str, body: bytes, content_type: str, keys: Sequence[str]
    ) -> Attempt:
        """Post a signed message; never raises for what the endpoint does."""
        headers = signed_headers(message_id, int(time.time()), body, keys)
        began = time.monotonic()
        try:
            if not self._allow_private:
                refuse_private_literal(url)
            attempt = await self._post(url, body, headers | {"Content-Type": content_type})
        except ForbiddenAddress:
            attempt = Attempt(outcome="forbidden_address")
        except TimeoutError:
            attempt = Attempt(outcome="timeout")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            is_forbidden = isinstance(error.__cause__, ForbiddenAddress)
            attempt = Attempt(outcome="forbidden_address" if is_forbidden else "unreachable")
        return Attempt(
            outcome=attempt.outcome,
            status=attempt.status,
            retry_after=attempt.retry_after,
            milliseconds=round((time.monotonic() - began) * 1000),
        )

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> Attempt:
        if self._session is None:
            raise ValueError("the sender is not open")
        async with (
            asyncio.timeout(TRY_SECONDS),
            self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            is_delivered = answer.ok and answer.status < 300  # noqa: PLR2004 - 3xx leads elsewhere
            return Attempt(
                outcome="delivered" if is_delivered else "refused",
                status=answer.status,
                retry_after=_seconds(answer.headers.get("Retry-After", "")),
            )


def _seconds(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else None  # noqa: PLR2004
