"""Instants: points on the UTC time line, always aware, written as ISO 8601 with ``Z``."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the current instant."""
    return datetime.now(UTC)


def to_json(instant: datetime) -> str:
    """Write an instant as ``2026-01-31T07:30:00.123456Z`` (fractions only where there are any).

    Raises ValueError for a naive datetime: a local time is not an instant.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def from_json(text: str) -> datetime:
    """Read what `to_json` writes; any RFC 3339 offset is accepted.

    Raises ValueError for text without an offset.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset or Z")
    return instant.astimezone(UTC)
