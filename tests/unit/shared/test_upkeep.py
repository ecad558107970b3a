"""What is looked after besides the work."""

import asyncio

import pytest

from shared.process.upkeep import every


@pytest.mark.parametrize("error", [ConnectionError("away"), TypeError("a bug")])
async def test_what_fails_is_looked_at_again(error: Exception) -> None:
    looks = 0
    seen = asyncio.Event()

    async def look() -> None:
        nonlocal looks
        looks += 1
        if looks < 3:
            raise error
        seen.set()

    watching = asyncio.create_task(every(0.01, look))
    async with asyncio.timeout(5):
        await seen.wait()
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
