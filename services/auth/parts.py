"""The parts that a request needs, built once in `app.py` and found through the current app."""

from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app
from sqlalchemy import Engine

from services.auth.key_ring import KeyRing
from services.auth.passwords import PasswordHasher
from services.auth.rate_limits import FailedLogins
from services.auth.rate_windows import RateWindow

_NAME = "auth_parts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that requests share; each part is safe for use by many threads."""

    engine: Engine
    passwords: PasswordHasher
    key_ring: KeyRing
    registrations: RateWindow
    token_requests: RateWindow
    failed_logins: FailedLogins


def install_parts(app: Flask, parts: Parts) -> None:
    """Make the parts known to the app's requests."""
    app.extensions[_NAME] = parts


def parts() -> Parts:
    """Return the parts of the app that answers the current request."""
    return cast("Parts", current_app.extensions[_NAME])
