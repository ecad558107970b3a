"""Limits requests by client address, before anything else about them is looked at."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import request

from services.auth.parts import Parts, parts
from services.auth.rate_limits import address_subject
from services.auth.rate_windows import RateWindow

View = TypeVar("View", bound=Callable[..., Any])


def limited_by_address(window_of: Callable[[Parts], RateWindow]) -> Callable[[View], View]:
    """Count every request to a view, good or bad. The view raises LimitReached for one too many."""

    def decorate(view: View) -> View:
        @wraps(view)
        def limited(*args: Any, **kwargs: Any) -> Any:
            window_of(parts()).count(address_subject(request.remote_addr))
            return view(*args, **kwargs)

        return limited  # type: ignore[return-value]

    return decorate
