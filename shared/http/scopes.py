"""Scopes: what a token that was made for a program may do (RFC 6749, section 3.3).

A token got by signing in names no scope and may do everything with what is the account's own. One
that names scopes may do what they say and nothing else: a route that needs none of them is for
people. Which scope a request needs, each service says in one place.
"""

from collections.abc import Callable, Mapping
from typing import Any

from shared.http.problem_details import Problem

ACCOUNT_READ = "account:read"
HABITS_READ = "habits:read"
HABITS_WRITE = "habits:write"
DAYS_WRITE = "days:write"
EVENTS_READ = "events:read"
WEBHOOKS = "webhooks"
ALL_EVENTS_READ = "events:read:all"

# What an account may grant; the rest reaches beyond it, and only the operator grants it.
PERSONAL_SCOPES = (
    ACCOUNT_READ,
    DAYS_WRITE,
    EVENTS_READ,
    HABITS_READ,
    HABITS_WRITE,
    WEBHOOKS,
)
SERVICE_SCOPES = (ALL_EVENTS_READ,)

# From a request's method and path (a route's pattern, or as the API document has it) to the scope
# it needs, None where no scope is enough.
NeededScope = Callable[[str, str], str | None]


def for_people(_method: str, _path: str) -> None:
    """Say of every request that no scope is enough."""


def check_scope(claims: Mapping[str, Any], needed: str | None) -> None:
    """Raise Problem 403 if a token names scopes and not the one that is needed."""
    granted = claims.get("scope")
    if granted is not None and needed not in str(granted).split():
        raise insufficient_scope(needed)


def insufficient_scope(needed: str | None) -> Problem:
    """Return the 403 with the challenge that RFC 6750, section 3.1, asks for."""
    challenge = 'Bearer error="insufficient_scope"'
    if needed is None:
        detail = "No personal token may do this; sign in."
    else:
        challenge += f', scope="{needed}"'
        detail = f"This needs a token with the scope {needed}."
    return Problem(403, "insufficient_scope", detail, headers={"WWW-Authenticate": challenge})
