"""Which scope each request to habits needs."""

from shared.http.scopes import DAYS_WRITE, HABITS_READ, HABITS_WRITE


def needed_scope(method: str, path: str) -> str:
    """Return the scope: reading, recording days, or changing habits and whatever else there is."""
    if method in {"GET", "HEAD"}:
        return HABITS_READ
    return DAYS_WRITE if "/days/" in path else HABITS_WRITE
