"""Which scope each request to auth needs."""

from shared.http.scopes import ACCOUNT_READ


def needed_scope(method: str, path: str) -> str | None:
    """Return the scope: the profile can be read with one; all else is for people."""
    is_reading = method in {"GET", "HEAD"}
    return ACCOUNT_READ if is_reading and path == "/api/me/" else None
