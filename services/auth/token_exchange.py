"""`/internal/token-exchange/`: the gateway swaps a personal or service token for an access token.

So no other service knows such tokens, and none has to ask auth: what it gets is a JWT like any
other, with a `scope`, good for five minutes at most. Not reachable from outside. The gateway keeps
an answer for 30 seconds, in which a revoked token still works; the JWT never leaves the system.
"""

from datetime import timedelta

from flask import Blueprint, Response, request

from services.auth.access_token_signing import scoped_access_token
from services.auth.api_tokens import ApiToken, mark_used, usable_token
from services.auth.parts import parts
from services.auth.token_text import is_token
from shared.database import transaction
from shared.http.problem_details import unauthorized
from shared.instants import now

HEADER = "X-Access-Token"
LIFETIME = timedelta(minutes=5)

blueprint = Blueprint("token_exchange", __name__)


@blueprint.get("/internal/token-exchange/")
def exchange() -> Response:
    """Answer 204 with an access token in a header. Raises Problem 401."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    token = _usable(text.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        raise unauthorized("invalid_token", "The token is not valid.")
    return Response(status=204, headers={HEADER: _access_token(token)})


def _usable(text: str) -> ApiToken | None:
    if not is_token(text):
        return None
    with parts().engine.connect() as connection:
        token = usable_token(connection, text, now())
    if token is not None and token.last_used_on != now().date():
        with transaction(parts().engine) as connection:
            mark_used(connection, token, now().date())
    return token


def _access_token(token: ApiToken) -> str:
    subject = f"service:{token.name}" if token.account_id is None else str(token.account_id)
    begins = now()
    ends = begins + LIFETIME
    if token.expires_at is not None:
        ends = min(ends, token.expires_at)
    return scoped_access_token(parts().key_ring, subject, token.scopes, begins, ends)
