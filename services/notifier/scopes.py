"""Which scope each request to the notifier needs."""

from shared.http.scopes import ACCOUNT_READ


def needed_scope(method: str, _path: str) -> str | None:
    """Return the scope: the link can be read with one; who gets reminders, people decide."""
    return ACCOUNT_READ if method in {"GET", "HEAD"} else None
