"""The refresh token of a web page: in a cookie that no script can read.

The prefix `__Host-` has browsers take the cookie from this very host only, over TLS (or from
localhost), for all paths (RFC 6265bis, section 4.1.3.2). A page of another site cannot use it: the
cookie is `SameSite=Strict`, it counts only where a JSON body says so, and no foreign page may send
JSON here without a preflight, which the gateway does not grant with credentials. `Sec-Fetch-Site`,
which no page can forge, is looked at besides.
"""

from flask import request
from werkzeug.http import dump_cookie

from services.auth.refresh_tokens import REFRESH_TOKEN_LIFETIME
from shared.http.problem_details import Problem

NAME = "__Host-refresh"

# Browsers older than the header send none; other programs have no cookies to be misused.
_OWN_PAGES = frozenset({None, "same-origin", "none"})


def refuse_other_sites() -> None:
    """Raise Problem 403 for a request that a page of another origin made."""
    if request.headers.get("Sec-Fetch-Site") not in _OWN_PAGES:
        raise Problem(403, "cross_site", "Cookies are for pages of this very site.")


def token_in_cookie() -> str:
    """Return the request's refresh token, empty without one."""
    return request.cookies.get(NAME, "")


def setting(token: str) -> dict[str, str]:
    """Return the header that hands out a refresh token."""
    return _set_cookie(token, int(REFRESH_TOKEN_LIFETIME.total_seconds()))


def clearing() -> dict[str, str]:
    """Return the header that has the browser forget the token."""
    return _set_cookie("", 0)


def _set_cookie(value: str, max_age: int) -> dict[str, str]:
    cookie = dump_cookie(
        NAME, value, max_age=max_age, path="/", secure=True, httponly=True, samesite="Strict"
    )
    return {"Set-Cookie": cookie}
